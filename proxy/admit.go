package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// admit is where the doors meet: it finds out where the connection is going, asks the gate, and tunnels, intercepts or
// refuses. It owns c, and returns when c is closed or handed to the inner server. f.To is what the door knows;
// origin is a connection to it that the door has already opened, or nil.
func (p *Proxy) admit(c *clientConn, f *Flow, origin net.Conn) {
	c.flow = f
	if origin != nil && !c.join(origin) {
		return
	}
	said, origin := p.listenToClient(c, f, origin)
	d := p.decide(f, said)
	if d.answer == rules.Intercept {
		c.leave()
	}
	switch d.answer {
	case rules.Tunnel:
		p.openTunnel(c, f, origin, said)
	case rules.Intercept:
		p.intercept(c, f, said)
	case rules.Block:
		p.refuse(c, f, said, d.why)
	default:
		p.lose(c, f, d.why)
	}
}

// listenToClient peeks. A client that stays silent may be waiting for the server to begin: then whoever speaks first
// decides, so that a connection opened early and used late is still looked at. The returned connection, where not nil, is
// to the origin.
func (p *Proxy) listenToClient(c *clientConn, f *Flow, origin net.Conn) (peeked, net.Conn) {
	l := &p.cfg.Limits
	said := peek(c, l.Silence, l.PeekTimeout)
	if said.speech != saidNothing {
		return said, origin
	}
	known := f.To.Host != "" && p.cfg.Rules().Gate(p.client(f), f.To.Host).Answer != rules.Tunnel
	if known || f.To.Host == "" && !f.To.Addr.IsValid() {
		return peek(c, l.IdleTimeout, l.PeekTimeout), origin // such a host is spoken to first
	}
	if origin == nil {
		var err error
		if origin, err = p.up().dialTunnel(p.life, f); err != nil || !c.join(origin) {
			return peek(c, l.IdleTimeout, l.PeekTimeout), nil
		}
	}
	return p.whoSpeaksFirst(c, origin), origin
}

// whoSpeaksFirst waits for the first byte of either side.
func (p *Proxy) whoSpeaksFirst(c *clientConn, origin net.Conn) peeked {
	type reading struct {
		data []byte
		gone bool
	}
	first := make(chan reading, 1)
	c.tcp.SetReadDeadline(time.Now().Add(p.cfg.Limits.IdleTimeout)) // before the reader below may shorten it
	p.spawn(func() {
		buf := make([]byte, 4096)
		n, err := origin.Read(buf)
		ne, ok := err.(net.Error)
		gone := n == 0 && !(ok && ne.Timeout())
		if n > 0 || gone {
			c.tcp.SetReadDeadline(time.Unix(1, 0))
		}
		first <- reading{buf[:n], gone}
	})
	said := peek(c, 0, p.cfg.Limits.PeekTimeout)
	origin.SetReadDeadline(time.Unix(1, 0))
	r := <-first
	origin.SetReadDeadline(time.Time{})
	switch {
	case len(r.data) > 0:
		if _, err := c.tcp.Write(r.data); err != nil {
			return peeked{speech: hungUp}
		}
		return peeked{speech: otherSpoke}
	case r.gone:
		return peeked{speech: hungUp}
	}
	return said
}

// decision is the gate's answer to everything we know of a connection. answer "" means that it cannot be served; why
// says so in words.
type decision struct {
	answer rules.Answer
	why    string
}

// decide names the destination and asks the gate. It sets f.To and f.Gate.
func (p *Proxy) decide(f *Flow, said peeked) decision {
	switch said.speech {
	case hungUp:
		return decision{why: "the client closed the connection before its first request"}
	case saidTooLate:
		return decision{why: "the client did not finish its first message in time"}
	}
	p.nameByAddress(f, said)
	set, client := p.cfg.Rules(), p.client(f)
	var byDoor, bySaid rules.Gate
	if f.To.Host != "" {
		byDoor = set.Gate(client, f.To.Host)
	}
	name, err := saidHost(said)
	if err != nil {
		said.speech = saidGarbled
	}
	if name != "" {
		bySaid = set.Gate(client, name)
	}
	f.Gate = byDoor
	switch {
	case byDoor.Answer == rules.Block:
		return decision{rules.Block, "a rule refuses " + f.To.Host}
	case bySaid.Answer == rules.Block:
		f.Gate = bySaid
		p.renamed(f, said, name)
		return decision{rules.Block, "a rule refuses " + name}
	case mismatch(f.To.Host, name) && (isTelemetry(byDoor) || isTelemetry(bySaid)):
		return decision{rules.Block, "the connection was asked for as " + f.To.Host + " and names " + name}
	case bySaid.Answer == rules.Intercept:
		f.Gate = bySaid
		p.renamed(f, said, name)
		return p.interceptable(f, said)
	case byDoor.Answer == rules.Intercept:
		p.schemed(f, said)
		return p.interceptable(f, said)
	}
	return p.tunnelable(f, said, name)
}

// nameByAddress names a destination that is an address alone, by what DNS last answered to the client for it.
func (p *Proxy) nameByAddress(f *Flow, said peeked) {
	if f.To.Host != "" || said.name != "" || p.cfg.NameOf == nil || !f.To.Addr.IsValid() {
		return
	}
	if name, err := cleanHost(p.cfg.NameOf(f.Client, f.To.Addr)); err == nil {
		f.To.Host = name
		f.To.Evidence |= rules.FromDNS
	}
}

// saidHost is the name that the client said, cleaned; "" where it said none, an error where it is no name.
func saidHost(said peeked) (string, error) {
	if said.name == "" {
		return "", nil
	}
	host, _, err := splitAuthority(said.name, 1)
	return host, err
}

func isTelemetry(g rules.Gate) bool { return g.Answer == rules.Intercept && g.Class == rules.Telemetry }

// mismatch reports whether two names, not addresses, differ.
func mismatch(a, b string) bool {
	if a == "" || b == "" || a == b {
		return false
	}
	_, errA := netip.ParseAddr(a)
	_, errB := netip.ParseAddr(b)
	return errA != nil && errB != nil
}

// renamed makes the name that the client said the destination.
func (p *Proxy) renamed(f *Flow, said peeked, name string) {
	if f.To.Host == name {
		f.To.Evidence |= evidenceOf(said)
	} else {
		f.To.Evidence = evidenceOf(said)
	}
	f.To.Host = name
	p.schemed(f, said)
}

func evidenceOf(said peeked) rules.Evidence {
	if said.speech == saidTLS {
		return rules.FromSNI
	}
	return rules.FromHost
}

// schemed sets the scheme by what the client speaks.
func (p *Proxy) schemed(f *Flow, said peeked) {
	f.To.Scheme = "https"
	if said.speech == saidHTTP {
		f.To.Scheme = "http"
	}
}

// interceptable checks that a connection to a ruled host can be read, and that its client takes our certificate.
func (p *Proxy) interceptable(f *Flow, said peeked) decision {
	telemetry := f.Gate.Class != rules.Mixed
	switch said.speech {
	case saidHTTP:
		return decision{answer: rules.Intercept}
	case saidTLS:
		switch p.pinned.ask(f, p.issuerOf(f.To.Host)) {
		case PinnedRefuse:
			return decision{rules.Block, f.ClientName + " refused our certificate for " + f.To.Host + " before; install the authority on that device (scrim ca export)"}
		case PinnedTunnel:
			return decision{answer: rules.Tunnel}
		}
		return decision{answer: rules.Intercept}
	case saidOther, otherSpoke:
		if !telemetry {
			return decision{answer: rules.Tunnel}
		}
	}
	return decision{rules.Block, "what the client says to " + f.To.Host + " is neither TLS nor HTTP"}
}

// tunnelable decides for a host that no rule names.
func (p *Proxy) tunnelable(f *Flow, said peeked, name string) decision {
	if f.To.Host == "" {
		f.To.Host = name
		f.To.Evidence |= evidenceOf(said)
	}
	nameless := f.To.Host == ""
	if nameless && f.To.Addr.IsValid() {
		f.To.Host = f.To.Addr.String()
		f.To.Evidence = rules.FromAddress
	}
	switch {
	case f.To.Host == "":
		return decision{rules.Block, "the connection names no destination"}
	case said.speech == saidNothing:
		return decision{why: "neither side said anything"}
	case nameless && said.speech == saidGarbled:
		return decision{rules.Block, "the first message of the connection cannot be read"}
	}
	return decision{answer: rules.Tunnel}
}

// openTunnel connects where that has not been done, and copies.
func (p *Proxy) openTunnel(c *clientConn, f *Flow, origin net.Conn, said peeked) {
	if origin == nil {
		var err error
		if origin, err = p.up().dialTunnel(p.life, f); err != nil {
			p.cfg.Log.Info("connecting for a tunnel", "host", f.To.Host, "error", err)
			p.unreached(f, err)
			if said.speech == saidHTTP {
				writePlain(c, 502, upstreamText(f.To, err))
			}
			c.Close()
			return
		}
	}
	p.count(f, endTunnelled)
	p.tunnel(c, origin, f)
}

// unreached counts a tunnel that could not be opened. An address that scrim does not connect to is a refusal, and recorded;
// then it reports true.
func (p *Proxy) unreached(f *Flow, err error) bool {
	var refused *AddressError
	if !errors.As(err, &refused) {
		p.count(f, endFailed)
		return false
	}
	p.count(f, endRefused)
	p.recordRefusal(f, refused.Error())
	return true
}

// refuse ends a connection by policy: the client is told in its own protocol, and the ledger what and why.
func (p *Proxy) refuse(c *clientConn, f *Flow, said peeked, why string) {
	p.count(f, endRefused)
	p.recordRefusal(f, why)
	c.tcp.SetWriteDeadline(time.Now().Add(time.Second))
	switch said.speech {
	case saidTLS:
		c.tcp.Write(alertAccessDenied)
	case saidHTTP:
		writePlain(c, 403, why)
	}
	c.Close()
}

// alertAccessDenied is a fatal TLS alert (RFC 8446, section 6.2).
var alertAccessDenied = []byte{21, 3, 3, 0, 2, 2, 49}

// lose ends a connection that cannot be served.
func (p *Proxy) lose(c *clientConn, f *Flow, why string) {
	p.cfg.Log.Debug("connection not served", "door", f.Door, "client", f.Client, "why", why)
	p.count(f, endFailed)
	c.Close()
}

func (p *Proxy) recordRefusal(f *Flow, why string) {
	rec := p.newRecord(ledger.Kept, f, &f.To)
	rec.Verdict = string(rules.Refuse)
	rec.Detail = why
	if r := f.Gate.Rule; r != nil {
		rec.Rule, rec.Product, rec.Kind = r.ID, r.Product, r.Kind
	}
	p.cfg.Book.Post(rec)
}

// handshakeContext carries the flow to the certificate callback. It does not end: closing the connection does.
func handshakeContext(f *Flow) context.Context {
	return context.WithValue(context.Background(), flowKey{}, f)
}

type flowKey struct{}

func flowOf(ctx context.Context) *Flow {
	f, _ := ctx.Value(flowKey{}).(*Flow)
	return f
}
