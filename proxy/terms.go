package proxy

import (
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
)

// terms are the settings that may change while the proxy runs. They are swapped whole, so that a request sees the old
// ones or the new ones; what is under way ends as it began.
type terms struct {
	access *access
	names  map[netip.Addr]string
	body   int64 // Limits.Body
	up     *upstream
	from   Upstream // what up was made of
}

// newTerms makes terms of cfg, which is complete. The outbound side of old (nil: none) stays where its settings are the same,
// with its open connections.
func (p *Proxy) newTerms(cfg *Config, old *terms) (*terms, error) {
	access, accessErr := newAccess(cfg.Clients.Allow, p.links)
	t := &terms{access: access, names: cfg.Clients.Names, body: cfg.Limits.Body, from: cfg.Upstream}
	if old != nil && old.from.same(&cfg.Upstream) {
		t.up = old.up
		return t, accessErr
	}
	policy := &addressPolicy{links: p.links, allowPrivate: cfg.Upstream.AllowPrivate, ownPorts: p.ownPort}
	var upErr error
	t.up, upErr = newUpstream(cfg, policy)
	return t, errors.Join(accessErr, upErr)
}

// same reports whether two settings reach origins in the same way. Lookup and OwnPorts do not change.
func (u *Upstream) same(other *Upstream) bool {
	return slices.Equal(u.Resolvers, other.Resolvers) && u.Proxy == other.Proxy && slices.Equal(u.Roots, other.Roots) &&
		reflect.DeepEqual(u.Hosts, other.Hosts) && slices.Equal(u.AllowPrivate, other.AllowPrivate)
}

// Renew puts the parts of cfg in force that need no new door and no new server: Clients, OnPinned, Upstream (but for
// Lookup and OwnPorts), and of Limits Connections, PerClient and Body. Open connections stay open. After an error all is as it was.
func (p *Proxy) Renew(cfg Config) error {
	cfg.Rules, cfg.Leaves, cfg.Book = p.cfg.Rules, p.cfg.Leaves, p.cfg.Book
	cfg.Now, cfg.Upstream.Lookup, cfg.Upstream.OwnPorts = p.cfg.Now, p.cfg.Upstream.Lookup, p.cfg.Upstream.OwnPorts
	cfg.Limits.DialTimeout = p.cfg.Limits.DialTimeout
	if err := cfg.complete(); err != nil {
		return err
	}
	old := p.terms.Load()
	t, err := p.newTerms(&cfg, old)
	if err != nil {
		return err
	}
	p.terms.Store(t)
	p.pinned.renew(cfg.OnPinned)
	p.conns.renew(cfg.Limits.Connections, cfg.Limits.PerClient)
	if t.up != old.up {
		old.up.close() // connections that are in use close when their requests have ended
	}
	return nil
}

// up is the outbound side in force.
func (p *Proxy) up() *upstream { return p.terms.Load().up }

// outbound sends each request through the outbound side that is in force when it leaves.
type outbound struct{ p *Proxy }

func (o outbound) RoundTrip(req *http.Request) (*http.Response, error) {
	return o.p.up().RoundTrip(req)
}

// renew changes what happens to clients that refused a certificate. What is remembered of them stays.
func (p *pinned) renew(cfg OnPinned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg = cfg
}

// next is what happens to the next attempt at a host of this kind.
func (p *pinned) next(mixed bool) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mixed {
		return p.cfg.Mixed
	}
	return p.cfg.Telemetry
}

// renew changes the bounds. Connections beyond a smaller one stay open.
func (l *connList) renew(max, perClient int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max, l.perClient = max, perClient
}
