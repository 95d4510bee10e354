package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// flushAfter is how long a part of an answer of known length may wait for more. Answers without a length, and
// server-sent events, are flushed at once.
const flushAfter = 5 * time.Millisecond

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// newForward makes the way to origins: httputil's proxy streams, upgrades, and carries 1xx answers and trailers;
// what it changes in a request is put back, because a passed request is promised to be the client's own.
func (p *Proxy) newForward() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { exchangeOf(pr.In.Context()).outgoing(pr) },
		Transport:      outbound{p},
		FlushInterval:  flushAfter,
		BufferPool:     &p.buffers,
		ModifyResponse: func(resp *http.Response) error { return exchangeOf(resp.Request.Context()).answered(resp) },
		ErrorHandler:   func(_ http.ResponseWriter, r *http.Request, err error) { exchangeOf(r.Context()).failed(err) },
		ErrorLog:       log.New(io.Discard, "", 0), // it is said in the entry's result
	}
}

// buffers are shared by all copies of answers.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buf[:]
	}
	return new([bufferSize]byte)[:]
}

func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferSize]byte)(buf)) }

// outgoing makes a passed request leave as it came.
func (x *exchange) outgoing(pr *httputil.ProxyRequest) {
	out, in := pr.Out, pr.In
	out.URL = targetURL(x.message, x.p.up().parent != nil)
	out.Host = in.Host
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := in.Header[name]; ok && !hopByHop(name, connectionListed(in.Header)) {
			out.Header[name] = values
		}
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // absent stays absent
	}
	if upgrade := out.Header.Get("Upgrade"); upgrade != "" && !x.untouched && !strings.EqualFold(upgrade, "websocket") {
		// Another protocol would carry what no rule has seen. A server may ignore Upgrade (RFC 9110, section 7.8).
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}
	out.Trailer = in.Trailer // the map is filled while the body is read
	if in.Body != nil && in.Body != http.NoBody {
		http.NewResponseController(x.w).EnableFullDuplex() // an answer may begin before the body has ended
	}
	if x.message.Body != nil {
		out.Body = io.NopCloser(bytes.NewReader(x.read))
		return
	}
	if out.Body != nil && out.Body != http.NoBody {
		out.Body = &upload{ReadCloser: out.Body, x: x}
	}
	if len(x.read) > 0 {
		out.Body = readCloser{io.MultiReader(bytes.NewReader(x.read), out.Body), out.Body}
	}
}

// upload is the client's content as it streams to the origin. It notes whose fault it is that it ended early.
type upload struct {
	io.ReadCloser
	x      *exchange
	closed atomic.Bool
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	if err != nil && err != io.EOF && !u.closed.Load() {
		u.x.cut.Store(true)
	}
	return n, err
}

func (u *upload) Close() error {
	u.closed.Store(true) // by our side: what Read says from here is no fault of the client's
	return u.ReadCloser.Close()
}

type readCloser struct {
	io.Reader
	io.Closer
}

// targetURL is where m goes, its target written as it stands in m. Through a parent proxy, plain HTTP is asked for in
// absolute-form.
func targetURL(m *rules.Message, parent bool) *url.URL {
	u := &url.URL{Scheme: m.To.Scheme, Host: m.To.Authority(), Opaque: m.Target()}
	absolute := parent && u.Scheme == "http"
	if strings.HasPrefix(u.Opaque, "//") && !absolute {
		path, err := url.PathUnescape(m.Path)
		split := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path, RawPath: m.Path, RawQuery: m.Query, ForceQuery: m.HasQuery}
		if err == nil && split.RequestURI() == m.Target() {
			return split
		}
		absolute = true // the one way left to write it exactly
	}
	if absolute {
		u.Opaque = "//" + u.Host + u.Opaque // net/http writes this as scheme://host/path
	}
	return u
}

// fill makes out the request that m says, and nothing beside it.
func fill(out *http.Request, m *rules.Message, parent bool) {
	out.Method = m.Method
	out.URL = targetURL(m, parent)
	out.Host = m.To.Authority()
	out.Header = make(http.Header, len(m.Header)+1)
	for _, f := range m.Header {
		switch f.Name {
		case "Host", "Content-Length", "Expect": // net/http's own; and the body is at hand
		default:
			out.Header.Add(f.Name, f.Value)
		}
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil
	}
	out.Trailer, out.TransferEncoding, out.Close = nil, nil, false
	setBody(out, m)
}

// setBody gives out the content of m in such a way that it leaves at most once: net/http may send a request again when a
// kept-alive connection turns out dead, and by itself does so for GET and the like even after it was written. Such a
// request gets a body that cannot be read twice; for the others net/http tries again only where not a byte was written.
func setBody(out *http.Request, m *rules.Message) {
	out.ContentLength = int64(len(m.Body))
	out.GetBody = nil
	switch {
	case repeatable(out):
		out.Body = io.NopCloser(bytes.NewReader(m.Body))
	case len(m.Body) == 0:
		out.Body = http.NoBody
	default:
		out.Body = io.NopCloser(bytes.NewReader(m.Body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	}
}

// repeatable reports whether net/http would take out for one that may be sent twice (http.Transport).
func repeatable(out *http.Request) bool {
	switch out.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, a := out.Header["Idempotency-Key"]
	_, b := out.Header["X-Idempotency-Key"]
	return a || b
}

// answered sees the origin's answer before the client does.
func (x *exchange) answered(resp *http.Response) error {
	x.status, x.originDone = resp.StatusCode, true
	if x.flow.Gate.Class == rules.Telemetry {
		forget(resp.Header)
		forget(resp.Trailer) // the names that are announced; what comes, when the content has ended
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	if len(resp.Trailer) > 0 && x.in.ProtoMajor == 1 {
		resp.Header.Del("Content-Length") // HTTP/1.1 has trailers only with chunks
	}
	h := x.w.Header()
	for _, name := range [...]string{"Content-Type", "Date"} {
		if _, ok := resp.Header[name]; !ok {
			h[name] = nil // net/http would make one up
		}
	}
	resp.Body = &counted{ReadCloser: resp.Body, x: x, resp: resp}
	return nil
}

// forget removes what a telemetry host would have the client remember.
func forget(h http.Header) {
	h.Del("Set-Cookie")
	h.Del("Alt-Svc")
}

// forgetful is how a telemetry host's interim answers (1xx) reach the client.
type forgetful struct{ http.ResponseWriter }

func (f forgetful) WriteHeader(status int) {
	if status < 200 {
		forget(f.Header())
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f forgetful) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// counted counts the content of an answer and notes where it broke off.
type counted struct {
	io.ReadCloser
	x    *exchange
	resp *http.Response
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.x.down += int64(n)
	if err == io.EOF && c.x.flow.Gate.Class == rules.Telemetry {
		forget(c.resp.Trailer)
	}
	if err != nil && err != io.EOF {
		c.x.failure = "the origin's answer broke off"
		if errors.Is(err, context.Canceled) {
			c.x.failure = "the client did not wait for the answer"
		}
	}
	return n, err
}

// failed answers where there is no answer of the origin.
func (x *exchange) failed(err error) {
	if x.originDone { // an upgrade that went wrong
		x.originDone, x.failure = false, "the origin's upgrade was not valid"
		fail(x.w, http.StatusBadGateway, x.message.To.Authority()+": "+x.failure)
		return
	}
	if x.in.Context().Err() != nil {
		x.failure = "the client did not wait for the answer"
		panic(http.ErrAbortHandler) // nobody is there to read a reply
	}
	if x.cut.Load() {
		x.failure = "the content of the request broke off or cannot be read"
		fail(x.w, http.StatusBadRequest, x.failure)
		return
	}
	x.failure = upstreamWords(err)
	status := http.StatusBadGateway
	var refused *AddressError
	if errors.As(err, &refused) {
		status, x.refused = http.StatusForbidden, true
	}
	fail(x.w, status, upstreamText(x.message.To, err))
}
