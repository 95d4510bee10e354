package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/scrimproxy/scrim/certs"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
)

// canaryWorld is a proxy of its own with every rule in force, between a client and a sink that stands for all origins.
// Nothing of it touches the state directory, and nothing leaves the machine.
type canaryWorld struct {
	dir    string
	proxy  *proxy.Proxy
	sink   *http.Server
	client *http.Client
	book   *canaryBook
	set    func() *rules.Set

	mu       sync.Mutex // guards what follows
	received [][]byte   // requests as the sink read them
	held     []proxy.Held
}

// canaryBook is a ledger that forgets. It remembers only what edits and details said.
type canaryBook struct {
	mu   sync.Mutex
	seq  int64
	said bytes.Buffer
}

func (b *canaryBook) Append(_ context.Context, recs ...*ledger.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range recs {
		b.seq++
		r.Seq = b.seq
		fmt.Fprintln(&b.said, r.Detail, r.Error)
		for _, e := range r.Edits {
			fmt.Fprintln(&b.said, e.Detail, e.Shape, e.Error) // selectors hold names, and anything can be named so
		}
	}
	return nil
}

func (b *canaryBook) Post(*ledger.Record)                             {}
func (b *canaryBook) AddTunnel(string, string, uint16, int64, int64)  {}
func (b *canaryBook) GrowTunnel(string, string, uint16, int64, int64) {}
func (b *canaryBook) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := bytes.Clone(b.said.Bytes())
	b.said.Reset()
	return said
}

// openCanaryWorld makes the world for a set of rules. Its close ends all of it.
func openCanaryWorld(ctx context.Context, cfg *config, set func() *rules.Set) (_ *canaryWorld, err error) {
	w := &canaryWorld{set: set, book: &canaryBook{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "scrim-canary-"); err != nil {
		return nil, err
	}
	authority, err := certs.Open(certs.Config{Dir: w.dir}, groups(set()))
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority for the canaries: %w", err)
	}
	sinkAddr, err := w.openSink(authority)
	if err != nil {
		return nil, err
	}
	if err := w.openProxy(cfg, authority, sinkAddr); err != nil {
		return nil, err
	}
	return w, nil
}

// openSink listens for every host that a rule names.
func (w *canaryWorld) openSink(authority *certs.Authority) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	w.sink = &http.Server{
		ReadTimeout: canaryWait, Handler: http.HandlerFunc(w.receive),
		TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return authority.Leaf(hello.ServerName) }},
	}
	go w.sink.ServeTLS(listener, "", "") // ends with close
	return listener.Addr().String(), nil
}

// receive keeps a request as an origin reads it.
func (w *canaryWorld) receive(rw http.ResponseWriter, r *http.Request) {
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s %s\n%s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Write(&all)
	all.WriteByte('\n')
	content, _ := io.ReadAll(io.LimitReader(r.Body, canaryBody))
	all.Write(content)
	w.mu.Lock()
	w.received = append(w.received, all.Bytes(), content)
	w.mu.Unlock()
	io.WriteString(rw, "{}")
}

func (w *canaryWorld) openProxy(cfg *config, authority *certs.Authority, sink string) error {
	settings := proxy.Config{
		Rules: w.set, Leaves: authority, Book: w.book, Plain: cfg.plain, Key: cfg.previewKey(),
		Listen:   proxy.Listen{Proxy: "127.0.0.1:0"},
		Clients:  proxy.Clients{Allow: []string{"loopback"}},
		Upstream: proxy.Upstream{Roots: authority.RootPEM(), Hosts: map[string]string{}},
		Hold:     w.hold,
	}
	for _, c := range w.set().ExampleCases() {
		settings.Upstream.Hosts[c.Message.To.Host] = sink
	}
	var err error
	if w.proxy, err = proxy.New(settings); err != nil {
		return fmt.Errorf("opening a proxy for the canaries: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Root())
	door := &url.URL{Scheme: "http", Host: w.proxy.Addrs()["proxy"].String()}
	w.client = &http.Client{Timeout: canaryWait, Transport: &http.Transport{Proxy: http.ProxyURL(door), TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true}}
	return nil
}

// hold keeps the parts that wait, so that they can be let go at once.
func (w *canaryWorld) hold(_ context.Context, held []proxy.Held) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, held...)
	return nil
}

// send sends one message through the proxy, lets go of what is held, and returns what the sink received and what the
// ledger was told.
func (w *canaryWorld) send(ctx context.Context, m *rules.Message) (received [][]byte, said []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, m.Method, m.URL(), bytes.NewReader(m.Body))
	if err != nil {
		return nil, nil, fmt.Errorf("making a request: %w", err)
	}
	for _, f := range m.Header {
		req.Header.Add(f.Name, f.Value)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("sending through the proxy: %s", cause(err))
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, canaryBody))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, nil, fmt.Errorf("reading the reply: %s", cause(err))
	}
	w.mu.Lock()
	held := w.held
	w.held = nil
	w.mu.Unlock()
	for i := range held {
		if err := w.proxy.Release(ctx, &held[i]); err != nil {
			return nil, nil, err
		}
	}
	w.mu.Lock()
	received, w.received = w.received, nil
	w.mu.Unlock()
	return received, w.book.take(), nil
}

// run runs the proxy while ask asks.
func (w *canaryWorld) run(ctx context.Context, ask func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.proxy.Run(ctx) }()
	err := ask(ctx)
	w.client.CloseIdleConnections()
	stop()
	if ended := <-done; err == nil && ended != nil && !errors.Is(ended, context.Canceled) {
		err = ended
	}
	return err
}

func (w *canaryWorld) close() {
	if w.sink != nil {
		w.sink.Close()
	}
	if w.proxy != nil {
		w.proxy.Close()
	}
	if w.dir != "" {
		os.RemoveAll(w.dir)
	}
}

// Bounds of one canary.
const (
	canaryWait = 20 * time.Second
	canaryBody = 16 << 20
)

// canaryEnv is what rules decide with outside the proxy.
func canaryEnv(cfg *config) func() rules.Env {
	key := cfg.previewKey()
	return func() rules.Env {
		return rules.Env{Now: time.Now(), Location: time.Local, Random: rand.Reader, Key: key}
	}
}
