package dns

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// UpstreamConfig says who is asked.
type UpstreamConfig struct {
	Resolvers []string         // "system", an address, or udp://, tcp://, tls://, https://; empty means system
	Bootstrap []netip.AddrPort // look up the names of resolvers; empty means the system's
	Roots     *x509.CertPool   // nil means the system's
	// Control, if set, is called on each socket before it connects, for example to mark it.
	Control func(network, address string, c syscall.RawConn) error
	// ResolvConf is the system's file; "" means /etc/resolv.conf.
	ResolvConf string
	Log        *slog.Logger // nil means none
}

// Upstreams forwards queries to resolvers: the one that has been fastest first, others
// when it is slow or fails. It never asks through ourselves: see [Server].
// Its methods may be called concurrently.
type Upstreams struct {
	dialer *dialer
	system *resolvConf
	useSys bool
	log    *slog.Logger
	fixed  []*upstream

	mu      sync.Mutex // guards what follows
	sys     map[netip.AddrPort]*upstream
	isSelf  func(netip.AddrPort) bool
	askedBy sync.WaitGroup // attempts that lost a race and have not ended
}

const (
	exchangeTimeout = 5 * time.Second
	minHedge        = 30 * time.Millisecond
	maxHedge        = 400 * time.Millisecond
)

// errRaceLost ends an attempt because another one was faster.
var errRaceLost = errors.New("another resolver was faster")

// ErrNoUpstream is returned while there is no resolver to ask.
var ErrNoUpstream = errors.New("no resolver to ask")

// NewUpstreams checks the configuration; it connects to nothing yet.
func NewUpstreams(cfg UpstreamConfig) (*Upstreams, error) {
	u := &Upstreams{log: cfg.Log, sys: map[netip.AddrPort]*upstream{}}
	if u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	u.system = &resolvConf{path: cmp.Or(cfg.ResolvConf, "/etc/resolv.conf")}
	bootstrap := slices.Clone(cfg.Bootstrap)
	u.dialer = &dialer{roots: cfg.Roots, known: map[string]found{}, bootstrap: func() []netip.AddrPort {
		if len(bootstrap) > 0 {
			return bootstrap
		}
		return u.others(u.system.read())
	}}
	u.dialer.net.Timeout = exchangeTimeout
	u.dialer.net.Control = cfg.Control
	var errs []error
	for _, text := range cfg.Resolvers {
		if text == "system" {
			u.useSys = true
			continue
		}
		up, err := parseUpstream(text, u.dialer)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		u.fixed = append(u.fixed, up)
	}
	u.useSys = u.useSys || len(cfg.Resolvers) == 0
	return u, errors.Join(errs...)
}

// others takes our own addresses out.
func (u *Upstreams) others(servers []netip.AddrPort) []netip.AddrPort {
	u.mu.Lock()
	isSelf := u.isSelf
	u.mu.Unlock()
	if isSelf == nil {
		return servers
	}
	return slices.DeleteFunc(slices.Clone(servers), isSelf)
}

// list gives all upstreams, the system's as its file has them now.
func (u *Upstreams) list() []*upstream {
	all := slices.Clone(u.fixed)
	var servers []netip.AddrPort
	if u.useSys {
		servers = u.system.read()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, server := range servers {
		up := u.sys[server]
		if up == nil {
			up, _ = parseUpstream(server.String(), u.dialer)
			u.sys[server] = up
		}
		all = append(all, up)
	}
	for server, up := range u.sys {
		if !slices.Contains(servers, server) {
			delete(u.sys, server)
			u.askedBy.Go(up.via.close)
		}
	}
	if u.isSelf != nil {
		all = slices.DeleteFunc(all, func(up *upstream) bool { return up.addr.Addr().IsValid() && u.isSelf(up.addr) })
	}
	return all
}

// order sorts upstreams by how well they have done: those that are down last, looped
// ones not at all. race says that the second should be asked with the first, because
// it has not been measured for a while.
func (u *Upstreams) order(now time.Time) (ups []*upstream, first time.Duration, race bool) {
	type judged struct {
		up          *upstream
		rtt         time.Duration
		down, stale bool
	}
	var all []judged
	for _, up := range u.list() {
		rtt, down, stale, looped := up.judge(now)
		if !looped {
			all = append(all, judged{up, rtt, down, stale})
		}
	}
	slices.SortStableFunc(all, func(a, b judged) int {
		if a.down != b.down {
			if a.down {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.rtt, b.rtt)
	})
	// One that has not been measured lately goes second, to be raced.
	for i := 1; i < len(all); i++ {
		if all[i].stale && !all[i].down {
			moved := all[i]
			all = slices.Insert(slices.Delete(all, i, i+1), 1, moved)
			race = true
			break
		}
	}
	for _, j := range all {
		ups = append(ups, j.up)
	}
	if len(all) > 0 {
		first = all[0].rtt
	}
	return ups, first, race
}

// exchange asks until one upstream has a good answer. An answer such as SERVFAIL is
// returned when none has a better one.
func (u *Upstreams) exchange(ctx context.Context, query []byte) ([]byte, error) {
	ups, rtt, race := u.order(time.Now())
	if len(ups) == 0 {
		return nil, ErrNoUpstream
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	if len(ups) == 1 {
		return settle(ups[0].ask(ctx, query))
	}
	return u.race(ctx, query, ups, min(max(3*rtt, minHedge), maxHedge), race)
}

// settle turns an unhelpful answer into an answer.
func settle(raw []byte, err error) ([]byte, error) {
	var answer *errAnswer
	if errors.As(err, &answer) {
		return answer.raw, nil
	}
	return raw, err
}

// race asks the first, and after each hedge or failure the next one too.
func (u *Upstreams) race(ctx context.Context, query []byte, ups []*upstream, hedge time.Duration, both bool) ([]byte, error) {
	type result struct {
		raw []byte
		err error
		up  *upstream
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(errRaceLost)
	results := make(chan result, len(ups))
	running, next := 0, 0
	launch := func() {
		if next == len(ups) {
			return
		}
		up := ups[next]
		next++
		running++
		u.askedBy.Go(func() {
			raw, err := up.ask(ctx, query)
			results <- result{raw, err, up}
		})
	}
	launch()
	if both {
		launch()
	}
	timer := time.NewTimer(hedge)
	defer timer.Stop()
	var errs []error
	for running > 0 {
		select {
		case r := <-results:
			running--
			if r.err == nil {
				return r.raw, nil
			}
			errs = append(errs, fmt.Errorf("%s: %w", r.up.url, r.err))
			launch()
		case <-timer.C:
			launch()
			timer.Reset(hedge)
		}
	}
	return settle(nil, errors.Join(errs...))
}

// Lookup finds the addresses of a name at the upstreams, past every rule and past our
// own server: for the proxy, which must never resolve an origin through itself.
func (u *Upstreams) Lookup(ctx context.Context, host string) (addrs []netip.Addr, ttl time.Duration, err error) {
	addrs, ttl, err = lookupBoth(ctx, host, u.exchange)
	if err != nil {
		return nil, 0, fmt.Errorf("looking up %q: %w", host, err)
	}
	return addrs, ttl, nil
}

// Status gives the health of every upstream.
func (u *Upstreams) Status() []UpstreamStatus {
	var out []UpstreamStatus
	for _, up := range u.list() {
		out = append(out, up.status())
	}
	return out
}

// Close ends the connections and waits for what is under way.
func (u *Upstreams) Close() {
	for _, up := range u.list() {
		up.via.close()
	}
	u.askedBy.Wait()
}
