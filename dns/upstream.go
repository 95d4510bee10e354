package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// exchanger sends a query one way. It may be called concurrently. The reply has the
// query's question; its id is of no account.
type exchanger interface {
	exchange(ctx context.Context, query []byte) ([]byte, error)
	close()
}

// upstream is one resolver that we forward to, and how it has done lately.
type upstream struct {
	url  string // as configured
	addr netip.AddrPort
	via  exchanger

	mu       sync.Mutex // guards what follows
	rtt      time.Duration
	measured time.Time
	failures int // in a row
	until    time.Time
	last     string // the last error
	looped   bool
}

// How health is judged.
const (
	startRTT     = 50 * time.Millisecond
	failuresDown = 3 // in a row, and an upstream is left alone for a while
	firstPause   = 5 * time.Second
	longestPause = time.Minute
	raceEvery    = 30 * time.Second // an upstream not measured for longer is raced against the best
)

// parseUpstream reads "udp://192.0.2.1", "tcp://…:53", "tls://dns.example",
// "https://dns.example/dns-query". A bare address means udp. An address behind "#"
// is where a name is dialled, without looking it up: "tls://dns.example#192.0.2.1".
func parseUpstream(text string, d *dialer) (*upstream, error) {
	raw := text
	if addr, err := netip.ParseAddr(text); err == nil {
		raw = "udp://" + netip.AddrPortFrom(addr, 53).String()
	} else if addr, err := netip.ParseAddrPort(text); err == nil {
		raw = "udp://" + addr.String()
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("resolver %q: not an address or URL; write udp://192.0.2.1, tcp://, tls:// or https://", text)
	}
	ports := map[string]uint16{"udp": 53, "tcp": 53, "tls": 853, "https": 443}
	port, known := ports[u.Scheme]
	if !known {
		return nil, fmt.Errorf("resolver %q: unknown scheme %q; there are udp, tcp, tls and https", text, u.Scheme)
	}
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("resolver %q: %q is not a port", text, u.Port())
		}
		port = uint16(n)
	}
	t := &dialTarget{dialer: d, host: u.Hostname(), port: port}
	if t.fixed, err = fixedAddr(u); err != nil {
		return nil, fmt.Errorf("resolver %q: %w", text, err)
	}
	if !t.fixed.IsValid() && u.Scheme == "udp" {
		return nil, fmt.Errorf("resolver %q: a udp resolver needs an address, not a name", text)
	}
	up := &upstream{url: text, rtt: startRTT, addr: netip.AddrPortFrom(t.fixed, port)}
	up.via = newExchanger(u, t)
	return up, nil
}

// fixedAddr is the address that needs no lookup: the host itself, or the fragment.
func fixedAddr(u *url.URL) (netip.Addr, error) {
	if u.Fragment != "" {
		return netip.ParseAddr(u.Fragment)
	}
	addr, _ := netip.ParseAddr(u.Hostname())
	return addr, nil
}

func newExchanger(u *url.URL, t *dialTarget) exchanger {
	switch u.Scheme {
	case "udp":
		return &datagram{target: t, stream: newStream(t, false)}
	case "tcp":
		return newStream(t, false)
	case "tls":
		return newStream(t, true)
	}
	address := url.URL{Scheme: "https", Host: u.Host, Path: u.Path, RawQuery: u.RawQuery}
	if address.Path == "" {
		address.Path = "/dns-query"
	}
	return newDoH(address.String(), t)
}

// errAnswer is an upstream that answers, but cannot help.
type errAnswer struct {
	rcode int
	raw   []byte
}

func (e *errAnswer) Error() string {
	return "answered " + miekg.RcodeToString[e.rcode]
}

// ask sends a query and notes how it went.
func (u *upstream) ask(ctx context.Context, query []byte) ([]byte, error) {
	start := time.Now()
	raw, err := u.via.exchange(ctx, query)
	if err == nil && !sameQuestion(query, raw) {
		err = errors.New("answer to another question")
	}
	if err == nil {
		switch rcode := int(binary.BigEndian.Uint16(raw[2:]) & 0xF); rcode {
		case miekg.RcodeServerFailure, miekg.RcodeRefused, miekg.RcodeNotImplemented:
			err = &errAnswer{rcode, raw}
		}
	}
	u.note(ctx, time.Since(start), err)
	return raw, err
}

// note keeps the health of u. A query that lost a race is no failure, but tells that
// u is at least that slow. SERVFAIL is about the name, not about u.
func (u *upstream) note(ctx context.Context, took time.Duration, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	var answer *errAnswer
	switch {
	case err == nil, errors.As(err, &answer) && answer.rcode == miekg.RcodeServerFailure:
		u.rtt = (3*u.rtt + took) / 4
		u.measured, u.failures, u.until, u.last = now, 0, time.Time{}, ""
	case context.Cause(ctx) == errRaceLost:
		u.rtt = max(u.rtt, took)
		u.measured = now
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
	default:
		u.last = err.Error()
		u.rtt = min(max(u.rtt*2, took), 2*time.Second)
		if u.failures++; u.failures >= failuresDown {
			u.until = now.Add(min(firstPause<<min(u.failures-failuresDown, 6), longestPause))
		}
	}
}

// judge gives what the order of upstreams depends on.
func (u *upstream) judge(now time.Time) (rtt time.Duration, down, stale, looped bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rtt, now.Before(u.until), now.Sub(u.measured) > raceEvery, u.looped
}

func (u *upstream) setLooped(looped bool) (changed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed = u.looped != looped
	u.looped = looped
	return changed
}

// UpstreamStatus is the health of one resolver.
type UpstreamStatus struct {
	URL     string
	Healthy bool
	Looped  bool          // its answers come from us: it is not asked
	RTT     time.Duration // smoothed
	Fault   string        // the last error, "" after a success
}

func (u *upstream) status() UpstreamStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	return UpstreamStatus{URL: u.url, Healthy: u.failures < failuresDown && !u.looped, Looped: u.looped, RTT: u.rtt, Fault: u.last}
}

// dialTarget is where an upstream is, and by which name its certificate is checked.
type dialTarget struct {
	dialer *dialer
	host   string
	fixed  netip.Addr
	port   uint16
}

// dial connects to the target, trying its addresses in turn.
func (t *dialTarget) dial(ctx context.Context, network string) (net.Conn, error) {
	addrs := []netip.Addr{t.fixed}
	if !t.fixed.IsValid() {
		var err error
		if addrs, err = t.dialer.lookup(ctx, t.host); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, addr := range addrs {
		c, err := t.dialer.net.DialContext(ctx, network, netip.AddrPortFrom(addr, t.port).String())
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
