package proxy

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// connQueue is a listener fed by a channel: connections that were accepted, and perhaps decrypted, elsewhere.
type connQueue struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newConnQueue() *connQueue {
	return &connQueue{conns: make(chan net.Conn), done: make(chan struct{})}
}

// push hands c to the server, or closes it where the server has stopped.
func (q *connQueue) push(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		c.Close()
	}
}

func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

func (q *connQueue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

func (q *connQueue) Addr() net.Addr { return &net.TCPAddr{} }

// maxStreams is how many requests one HTTP/2 connection may have under way.
const maxStreams = 128

// newInner makes the one HTTP server: for decrypted and plain connections past the gate, and for the requests of the
// explicit and the collector door.
func (p *Proxy) newInner() {
	p.queue = newConnQueue()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	p.inner = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		ReadHeaderTimeout: p.cfg.Limits.HeaderTimeout,
		IdleTimeout:       p.cfg.Limits.IdleTimeout,
		MaxHeaderBytes:    p.cfg.Limits.Header,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"h2", "http/1.1"},
			GetCertificate: p.certificate,
		},
		ConnContext: connContext,
		ErrorLog:    log.New(logWriter{p.cfg.Log}, "", 0),

		DisableGeneralOptionsHandler: true,
	}
}

// connContext puts the flow of a connection into the context of its requests.
func connContext(ctx context.Context, conn net.Conn) context.Context {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if c, ok := conn.(*clientConn); ok {
		return context.WithValue(context.WithValue(ctx, flowKey{}, c.flow), clientKey{}, c.flow.Client)
	}
	return ctx
}

// logWriter passes net/http's own complaints on. They name addresses and shapes, no contents.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(b []byte) (int, error) {
	w.log.Debug(strings.TrimSpace(string(b)))
	return len(b), nil
}

// certificate gives the leaf of an intercepted connection: of the SNI where a rule holds that name, else of
// the name that passed the gate.
func (p *Proxy) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	f := flowOf(hello.Context())
	if name, err := cleanHost(hello.ServerName); err == nil && name != f.To.Host {
		if leaf, err := p.cfg.Leaves.Leaf(name); err == nil {
			return leaf, nil
		}
	}
	return p.cfg.Leaves.Leaf(f.To.Host)
}

// intercept ends the client's TLS here, if there is any, and hands the connection to the inner server.
func (p *Proxy) intercept(c *clientConn, f *Flow, said peeked) {
	f.admitted = true
	if said.speech == saidHTTP {
		c.tcp.SetDeadline(time.Time{})
		p.queue.push(c)
		return
	}
	conn := tls.Server(c, p.inner.TLSConfig)
	c.tcp.SetDeadline(time.Now().Add(p.cfg.Limits.PeekTimeout))
	c.tail = new(tail)
	err := conn.HandshakeContext(handshakeContext(f))
	last := c.tail
	c.tail = nil
	if err != nil {
		p.handshakeFailed(f, last.alert(err))
		c.Close()
		return
	}
	c.tcp.SetDeadline(time.Time{})
	p.pinned.accepted(f)
	p.queue.push(conn)
}

// serve is the one handler. It tells requests that are past the gate from those that a door has still to place.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	f := flowOf(r.Context())
	if f == nil {
		http.Error(w, "this connection came through no door", http.StatusInternalServerError)
		return
	}
	if !p.conns.begin(f.Client) {
		p.tally.add(func(c *Counters) { c.OverLimit++ })
		fail(w, http.StatusServiceUnavailable, "too many requests of this client are under way")
		return
	}
	defer p.conns.end(f.Client)
	defer p.isolate(w, f)
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// net/http does not say whether there was a Content-Length beside it, and then nothing after this request may be
		// believed (RFC 9112, section 6.1).
		w.Header().Set("Connection", "close")
	}
	switch {
	case f.admitted:
		p.serveAdmitted(w, r, f)
	case f.Door == DoorCollector:
		p.serveCollector(w, r, f)
	default:
		p.front.ServeHTTP(w, r)
	}
}

// serveAdmitted serves one request of a connection whose destination is known: its authority must be that destination
// (RFC 9110, section 15.5.20).
func (p *Proxy) serveAdmitted(w http.ResponseWriter, r *http.Request, f *Flow) {
	if r.Method == http.MethodConnect {
		p.count(f, endFailed)
		fail(w, http.StatusMethodNotAllowed, "CONNECT inside a connection that is already for "+f.To.Host)
		return
	}
	authority := r.Host
	if authority == "" { // HTTP/1.0 may leave it out
		authority = f.To.Authority()
	}
	host, port, err := splitAuthority(authority, f.To.Port)
	scheme := r.URL.Scheme
	if err != nil || host != f.To.Host || port != f.To.Port && !defaultPort(f.To.Scheme, port) || (scheme != "" && scheme != f.To.Scheme) {
		p.count(f, endFailed)
		fail(w, http.StatusMisdirectedRequest, "this connection is for "+f.To.Authority()+"; open another one for other hosts")
		return
	}
	to := f.To
	if r.Host != "" {
		to.Evidence |= rules.FromHost
	}
	p.exchange(w, r, f, to, f.Gate)
}

func defaultPort(scheme string, port uint16) bool {
	return scheme == "https" && port == 443 || scheme == "http" && port == 80
}
