package proxy

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/elazarl/goproxy"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// takeExplicit gives a connection of the explicit door to the HTTP server: its first message is a request to a proxy.
func (p *Proxy) takeExplicit(c *clientConn) {
	c.flow.Door = DoorProxy
	p.queue.push(c)
}

// newFront makes the front of the explicit door. goproxy decides each CONNECT: rejected here with words, or
// hijacked into admit. It never accepts by itself, because the SNI has to be asked before a tunnel opens;
// it never intercepts; and plain requests do not take its path, which holds back chunked
// responses and leaks hop-by-hop fields (ARCHITECTURE.md, section 7).
func (p *Proxy) newFront() http.Handler {
	front := goproxy.NewProxyHttpServer()
	front.Logger = log.New(io.Discard, "", 0)
	front.Tr = p.up().far // else it would ask the environment for a proxy, and not verify certificates
	front.ConnectDial = nil
	front.ConnectDialWithReq = func(*http.Request, string, string) (net.Conn, error) {
		return nil, errors.New("the front of the explicit door does not dial")
	}
	front.OnRequest().HandleConnectFunc(p.onConnect)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			front.ServeHTTP(&replayingHijacker{ResponseWriter: w}, r)
			return
		}
		p.servePlain(w, r)
	})
}

// replayingHijacker keeps the bytes that a client sends with its CONNECT: goproxy's hijack gives away the connection
// but not the buffer they wait in.
type replayingHijacker struct{ http.ResponseWriter }

func (h *replayingHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := h.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c, ok := conn.(*clientConn)
	if !ok {
		return nil, nil, errors.New("hijacking a connection that no door accepted")
	}
	if n := rw.Reader.Buffered(); n > 0 {
		early, err := rw.Reader.Peek(n)
		if err != nil {
			return nil, nil, err
		}
		c.early = append(append([]byte(nil), early...), c.early...)
		rw.Reader.Discard(n)
	}
	return c, rw, nil
}

func (h *replayingHijacker) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// onConnect decides a CONNECT (RFC 9110, section 9.3.6): a target that is not host:port, or that a rule refuses, is
// rejected; everything else is hijacked into admit, which answers the client.
func (p *Proxy) onConnect(_ string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
	r := ctx.Req
	f := p.exchangeFlow(flowOf(r.Context()))
	host, port, err := splitAuthority(r.RequestURI, 0)
	if err != nil || port == 0 {
		p.count(f, endFailed)
		ctx.Resp = goproxy.NewResponse(r, "text/plain; charset=utf-8", http.StatusBadRequest, "CONNECT needs host:port\n")
		return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, r.Host
	}
	f.To = rules.Destination{Scheme: "https", Host: host, Port: port, Evidence: rules.FromAuthority}
	f.Gate = p.cfg.Rules().Gate(p.client(f), host)
	if f.Gate.Answer == rules.Block {
		why := "a rule refuses " + host
		p.count(f, endRefused)
		p.recordRefusal(f, why)
		ctx.Resp = goproxy.NewResponse(r, "text/plain; charset=utf-8", http.StatusForbidden, why+"\n")
		return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, r.Host
	}
	return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: func(_ *http.Request, conn net.Conn, _ *goproxy.ProxyCtx) {
		c := conn.(*clientConn)
		p.spawn(func() { p.connected(c, f) }) // so that the server's buffers do not live as long as the tunnel
	}}, r.Host
}

// connected answers a CONNECT. To a host that no rule names the connection is opened first, so that the client
// hears of a failure while it can still be told.
func (p *Proxy) connected(c *clientConn, f *Flow) {
	var origin net.Conn
	if f.Gate.Answer == rules.Tunnel {
		var err error
		if origin, err = p.up().dialTunnel(p.life, f); err != nil {
			status := http.StatusBadGateway
			if p.unreached(f, err) {
				status = http.StatusForbidden
			}
			writePlain(c, status, upstreamText(f.To, err))
			c.Close()
			return
		}
		if !c.join(origin) {
			return
		}
	}
	if _, err := io.WriteString(c.tcp, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		p.lose(c, f, "the client closed the connection")
		return
	}
	p.admit(c, f, origin)
}

// servePlain serves a request in absolute-form (RFC 9112, section 3.2.2): its URI names the destination, whatever its
// Host field says.
func (p *Proxy) servePlain(w http.ResponseWriter, r *http.Request) {
	conn := flowOf(r.Context())
	if r.URL.Host == "" || (r.URL.Scheme != "http" && r.URL.Scheme != "https") {
		p.count(conn, endFailed)
		fail(w, http.StatusBadRequest, "this is a proxy: requests name their host, as http://host/path")
		return
	}
	def := uint16(80)
	if r.URL.Scheme == "https" {
		def = 443
	}
	host, port, err := splitAuthority(r.URL.Host, def)
	if err != nil || r.URL.User != nil {
		p.count(conn, endFailed)
		fail(w, http.StatusBadRequest, "the host of the request cannot be read")
		return
	}
	to := rules.Destination{Scheme: r.URL.Scheme, Host: host, Port: port, Evidence: rules.FromAuthority}
	gate := p.cfg.Rules().Gate(p.client(conn), host)
	switch gate.Answer {
	case rules.Block:
		f := p.exchangeFlow(conn)
		f.To, f.Gate = to, gate
		p.count(f, endRefused)
		p.recordRefusal(f, "a rule refuses "+host)
		fail(w, http.StatusForbidden, "a rule refuses "+host)
	case rules.Intercept:
		p.exchange(w, r, conn, to, gate)
	default:
		p.untouched(w, r, conn, to, gate)
	}
}

// exchangeFlow is a Flow of its own for one exchange on conn.
func (p *Proxy) exchangeFlow(conn *Flow) *Flow {
	f := *conn
	f.ID = p.ids.make()
	f.Start = p.cfg.Now()
	return &f
}

// newRecord begins a record about f.
func (p *Proxy) newRecord(t ledger.Type, f *Flow, to *rules.Destination) *ledger.Record {
	return &ledger.Record{Time: p.cfg.Now(), Type: t, Flow: f.ID, Door: f.Door, Client: f.Client.String(),
		Scheme: to.Scheme, Host: to.Host, Port: to.Port, Product: f.Gate.Product}
}
