package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// fail answers with a status and a line of text: what, and what to do. Texts name hosts, never contents.
func fail(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	last := h["Connection"]
	clear(h)
	if last != nil {
		h["Connection"] = last
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}

// writePlain does the same on a connection that no HTTP server has.
func writePlain(c *clientConn, status int, text string) {
	c.tcp.SetWriteDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c.tcp, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n",
		status, http.StatusText(status), len(text)+1, text)
}

// upstreamText says why an origin could not be asked.
func upstreamText(to rules.Destination, err error) string {
	host := net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port)))
	return host + ": " + upstreamWords(err)
}

// upstreamWords puts an error of the outbound side into words.
func upstreamWords(err error) string {
	var refused *AddressError
	var verify *tls.CertificateVerificationError
	var dnsErr *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refused.Error() + "; nothing was sent"
	case errors.As(err, &verify):
		return "origin certificate not trusted: " + certificateWords(verify.Err) + "; nothing was sent"
	case errors.As(err, &dnsErr), strings.HasPrefix(err.Error(), "resolving "):
		return "the name does not resolve; nothing was sent"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the origin refuses connections; nothing was sent"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "the origin does not answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), strings.Contains(err.Error(), "server closed idle connection"):
		return "the origin closed the connection without an answer"
	case strings.Contains(err.Error(), "malformed"), strings.Contains(err.Error(), "tls:"):
		return "the origin's answer cannot be read"
	}
	var opErr *net.OpError
	if errors.As(err, &opErr) && opErr.Op == "dial" {
		return "the origin cannot be reached; nothing was sent"
	}
	return "the origin did not answer"
}

func certificateWords(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "unknown authority"
	case errors.As(err, &name):
		return "it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "expired or not yet valid"
	}
	return "not valid"
}

// The bounds of drain: what net/http itself reads of a body nobody wanted (HTTP/1.1), and how long it may take.
const (
	drainMost = 256 << 10
	drainTime = 5 * time.Second
)

// drain reads what no rule wanted to read. An answer that comes before the end of a request ends an HTTP/2 stream with
// a reset, which some clients take for a failure.
func (x *exchange) drain() {
	if x.in.Body == nil || x.in.Body == http.NoBody || x.read != nil || x.message.BodyFault != "" {
		return
	}
	rc := http.NewResponseController(x.w)
	rc.SetReadDeadline(time.Now().Add(drainTime)) // a writer that cannot do so reads without one
	io.CopyN(io.Discard, x.in.Body, drainMost)
	rc.SetReadDeadline(time.Time{})
}

// reply is the rule's own answer: a plausible success, because clients try again after errors.
func (x *exchange) reply() {
	x.drain()
	h := x.w.Header()
	if r := x.outcome.Reply; r != nil {
		for _, f := range r.Header {
			h.Add(f.Name, f.Value)
		}
		if r.Type != "" {
			h.Set("Content-Type", r.Type)
		}
	}
	x.allowOrigin(h)
	x.w.WriteHeader(replyStatus(x.outcome.Reply))
	if r := x.outcome.Reply; r != nil && r.Body != "" {
		io.WriteString(x.w, r.Body)
	}
}

func replyStatus(r *rules.Reply) int {
	if r == nil || r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// allowOrigin lets a page read a reply of ours (Fetch standard, section 3.3.3).
func (x *exchange) allowOrigin(h http.Header) {
	origin := x.in.Header.Get("Origin")
	if origin == "" {
		if x.flow.Gate.Class == rules.Telemetry {
			h.Set("Access-Control-Allow-Origin", "*")
		}
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Add("Vary", "Origin")
}

// isPreflight reports whether r asks for leave to send another request (Fetch standard, section 3.3.2).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight is answered here on telemetry hosts: it tells the origin nothing that the owner wants to tell.
func (x *exchange) preflight() {
	x.outcome = &rules.Outcome{Verdict: rules.Drop, Reason: rules.BuiltIn}
	rec := x.newRecord(ledger.Kept, "drop")
	rec.Status, rec.Detail = http.StatusNoContent, "a preflight, answered here"
	x.commit(rec)
	x.p.count(x.flow, endDropped)
	h := x.w.Header()
	x.allowOrigin(h)
	h.Set("Access-Control-Allow-Methods", x.in.Header.Get("Access-Control-Request-Method"))
	if names := x.in.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	if x.in.Header.Get("Access-Control-Request-Private-Network") != "" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "600")
	x.w.WriteHeader(http.StatusNoContent)
}

// isolate keeps a fault of ours to the request that met it: recorded, nothing more sent, and the process lives.
func (p *Proxy) isolate(w http.ResponseWriter, f *Flow) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler { // the ordinary way to break off an answer
		panic(fault)
	}
	p.tally.add(func(c *Counters) { c.Panics++ })
	p.count(f, endFailed)
	// The value of the panic may hold what was being read; its type and the stack do not.
	p.cfg.Log.Error("a fault of scrim's own; the request was dropped", "flow", f.ID, "host", f.To.Host, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
	p.event(f, "fault", "a fault of scrim's own while treating a request; it was dropped")
	fail(w, http.StatusBadGateway, "scrim met a fault of its own; the request was dropped")
}
