package proxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/certs"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// Hosts of the tests: telemetry, mixed, refused, and one that no rule names.
const (
	telemetryHost = "analytics.example"
	mixedHost     = "app.example"
	refusedHost   = "ads.example"
	plainHost     = "other.example"
)

const testRules = `
product: demo
title: Demo
hosts: {analytics.example: telemetry, app.example: mixed}
kinds:
  playback: {title: Playback, default: generalize}
  crash: {title: Crashes, default: drop}
  open: {title: What the owner lets pass, default: pass}
rules:
  - id: play
    kind: playback
    why: A duration points to a film.
    match:
      host: [analytics.example, app.example]
      method: POST
      path: /collect
      body: {$.event: ["end"]}
    then: generalize
    fields:
      $.event: keep
      $.duration: {round: 15m, unit: s}
    unlisted: remove
    on_error: drop
    reply: {status: 202, type: application/json, body: '{"ok":true}'}
  - id: beacon
    kind: playback
    why: A beacon in the query.
    match: {host: analytics.example, method: GET, path: /pixel}
    then: generalize
    fields: {"query:e": keep}
    unlisted: remove
    reply: {status: 200, type: image/gif, body: ""}
  - id: crash
    kind: crash
    why: Paths.
    match: {host: analytics.example, path: /crash}
    then: drop
    reply: {status: 201, type: text/plain, body: thanks}
  - id: open
    kind: open
    why: The owner lets it pass.
    match: {host: analytics.example, path: /open}
    then: pass
  - id: ads
    why: A list.
    match: {host: ads.example}
    then: refuse
`

// rig is a proxy with real rules, certificates and ledger, between clients and origins of the test.
type rig struct {
	t      testing.TB
	p      *Proxy
	ca     *certs.Authority
	book   *ledger.Ledger
	origin *origin
	clear  *origin // plain HTTP
	set    atomic.Pointer[rules.Set]
	broken *breakable
	stop   func()
	done   chan struct{}
}

// breakable is a ledger that can be made to fail.
type breakable struct {
	*ledger.Ledger
	fault atomic.Bool
}

func (b *breakable) Append(ctx context.Context, recs ...*ledger.Record) error {
	if b.fault.Load() {
		return errors.New("disk full")
	}
	return b.Ledger.Append(ctx, recs...)
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	before := runtime.NumGoroutine()
	r := &rig{t: t, done: make(chan struct{})}
	t.Cleanup(func() { noLeak(t, before) })
	r.origin = newOrigin(t, true)
	r.clear = newOrigin(t, false)
	r.setRules(testRules)
	var err error
	r.ca, err = certs.Open(certs.Config{Dir: t.TempDir()}, []certs.Group{{Name: "demo", Hosts: []string{telemetryHost, mixedHost}}})
	if err != nil {
		t.Fatal(err)
	}
	r.book, err = ledger.Open(context.Background(), ledger.Config{Store: "memory"})
	if err != nil {
		t.Fatal(err)
	}
	r.broken = &breakable{Ledger: r.book}
	tlsAddr, clearAddr := r.origin.addr(), r.clear.addr()
	cfg := Config{Rules: r.set.Load, Leaves: r.ca, Book: r.broken, Listen: Listen{Proxy: "127.0.0.1:0"}, Key: []byte("key"),
		Upstream: Upstream{Roots: r.origin.roots(), Hosts: map[string]string{
			telemetryHost: tlsAddr, mixedHost: tlsAddr, plainHost: tlsAddr, refusedHost: tlsAddr, "clear.example": clearAddr}},
		Limits: Limits{Grace: 200 * time.Millisecond, Silence: 50 * time.Millisecond}}
	for _, c := range change {
		c(&cfg)
	}
	if r.p, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Add(2)
	go func() { defer running.Done(); r.book.Run(ctx) }()
	go func() {
		defer running.Done()
		defer close(r.done)
		if err := r.p.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	var once sync.Once
	r.stop = func() { once.Do(func() { cancel(); running.Wait(); r.book.Close() }) }
	t.Cleanup(r.stop)
	return r
}

func (r *rig) setRules(yaml string) {
	r.t.Helper()
	file, err := rules.Parse("test.yaml", []byte(yaml))
	if err != nil {
		r.t.Fatal(err)
	}
	set, err := rules.Compile([]*rules.File{file}, rules.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.set.Store(set)
}

// noLeak waits for the goroutines of a test to end.
func noLeak(t testing.TB, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

func (r *rig) door() string { return r.p.Addrs()["proxy"].String() }

// roots trusts our authority and the origin's, as a device with the authority installed does.
func (r *rig) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.ca.Root())
	pool.AppendCertsFromPEM(r.origin.roots())
	return pool
}

// client is an HTTP client that uses the explicit door. h2 asks for HTTP/2.
func (r *rig) client(h2 bool) *http.Client {
	tr := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: r.door()}),
		TLSClientConfig:    &tls.Config{RootCAs: r.roots()},
		ForceAttemptHTTP2:  h2,
		DisableCompression: true,
	}
	if !h2 {
		tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// do sends a request and returns status and body.
func (r *rig) do(c *http.Client, method, url, body string, header ...string) (*http.Response, string) {
	r.t.Helper()
	resp, text, err := try(c, method, url, body, header...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, text
}

func try(c *http.Client, method, url, body string, header ...string) (*http.Response, string, error) {
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, rd)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// entries are the ledger's entries, oldest first, after everything posted has been written.
func (r *rig) entries(types ...ledger.Type) []ledger.Entry {
	r.t.Helper()
	if err := r.book.Sync(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	page, err := r.book.List(context.Background(), ledger.Filter{Types: types, Bodies: true})
	if err != nil {
		r.t.Fatal(err)
	}
	for i, j := 0, len(page.Entries)-1; i < j; i, j = i+1, j-1 {
		page.Entries[i], page.Entries[j] = page.Entries[j], page.Entries[i]
	}
	return page.Entries
}

// counters waits until n requests have been counted, and checks that they add up.
func (r *rig) counters(n int64) Counters {
	r.t.Helper()
	var c Counters
	for range 300 {
		c = r.p.Counters()
		if sum := c.Passed + c.Generalized + c.Dropped + c.Held + c.Refused + c.Tunnelled + c.Failed; sum != c.Seen {
			r.t.Fatalf("counters do not add up: %+v", c)
		}
		if c.Seen >= n {
			return c
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatalf("%d requests counted, want %d: %+v", c.Seen, n, c)
	return c
}

// origin is a server that remembers what it received.
type origin struct {
	t       testing.TB
	l       net.Listener
	srv     *http.Server
	caPEM   []byte
	handler atomic.Pointer[http.HandlerFunc] // nil: 200 "origin"

	mu   sync.Mutex
	got  []received
	wire bytes.Buffer // every byte of plain origins
}

// received is one request as an origin saw it.
type received struct {
	Method, Target, Host, Body, Proto string
	Header, Trailer                   http.Header
	Length                            int64
}

func newOrigin(t testing.TB, secure bool) *origin {
	t.Helper()
	o := &origin{t: t}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.l = l
	o.srv = &http.Server{Handler: http.HandlerFunc(o.serve), ErrorLog: quiet(), DisableGeneralOptionsHandler: true}
	if secure {
		cert, ca := testCert(t, telemetryHost, mixedHost, plainHost, refusedHost, "*.wild.example")
		o.caPEM = ca
		o.srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
		go o.srv.ServeTLS(l, "", "")
	} else {
		go o.srv.Serve(&recordingListener{l, o})
	}
	t.Cleanup(func() { o.srv.Close() })
	return o
}

func (o *origin) addr() string  { return o.l.Addr().String() }
func (o *origin) roots() []byte { return o.caPEM }

func (o *origin) handle(h http.HandlerFunc) { o.handler.Store(&h) }

func (o *origin) serve(w http.ResponseWriter, r *http.Request) {
	if h := o.handler.Load(); h != nil {
		(*h)(w, r)
		return
	}
	o.note(r)
	io.WriteString(w, "origin")
}

// note remembers r, its body read.
func (o *origin) note(r *http.Request) received {
	b, _ := io.ReadAll(r.Body)
	got := received{r.Method, r.RequestURI, r.Host, string(b), r.Proto, r.Header.Clone(), r.Trailer.Clone(), r.ContentLength}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, got)
	return got
}

func (o *origin) received() []received {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]received(nil), o.got...)
}

// only returns the one request that was received.
func (o *origin) only() received {
	o.t.Helper()
	got := o.received()
	if len(got) != 1 {
		o.t.Fatalf("the origin received %d requests, want 1: %+v", len(got), got)
	}
	return got[0]
}

// nothing checks that the origin received no request.
func (o *origin) nothing() {
	o.t.Helper()
	if got := o.received(); len(got) != 0 {
		o.t.Fatalf("the origin received %+v, want nothing", got)
	}
}

type recordingListener struct {
	net.Listener
	o *origin
}

func (l *recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{c, l.o}, nil
}

type recordingConn struct {
	net.Conn
	o *origin
}

func (c *recordingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.o.mu.Lock()
	c.o.wire.Write(b[:n])
	c.o.mu.Unlock()
	return n, err
}

// testCert makes a certificate for hosts and the PEM of the authority that signed it.
func testCert(t testing.TB, hosts ...string) (tls.Certificate, []byte) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test origins"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
}

// connect opens a CONNECT through the explicit door and returns the connection after the answer's header.
func (r *rig) connect(authority string) (net.Conn, string) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.door())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "CONNECT "+authority+" HTTP/1.1\r\nHost: "+authority+"\r\n\r\n")
	return conn, readHead(r.t, conn)
}

// readHead reads a response header byte by byte.
func readHead(t testing.TB, conn net.Conn) string {
	t.Helper()
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		var b [1]byte
		if _, err := conn.Read(b[:]); err != nil {
			return string(head)
		}
		head = append(head, b[0])
	}
	return string(head)
}

func prefixes(t testing.TB, list ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}
