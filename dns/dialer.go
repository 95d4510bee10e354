package dns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// bootstrapTTL is how long the address of an upstream's name is used at most.
const bootstrapTTL = time.Hour

// dialer makes connections to upstreams. Names of upstreams are looked up by the
// bootstrap resolvers, never by ourselves.
type dialer struct {
	net       net.Dialer
	roots     *x509.CertPool // nil: the system's
	bootstrap func() []netip.AddrPort

	mu    sync.Mutex // guards known
	known map[string]found
}

// found is an upstream's addresses.
type found struct {
	addrs []netip.Addr
	until time.Time
}

func (d *dialer) tls(host string, protos ...string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: d.roots, MinVersion: tls.VersionTLS12, NextProtos: protos}
}

// lookup finds the addresses of an upstream's name. Old ones serve if no bootstrap
// resolver answers.
func (d *dialer) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	d.mu.Lock()
	have := d.known[host]
	d.mu.Unlock()
	if time.Now().Before(have.until) {
		return have.addrs, nil
	}
	addrs, ttl, err := d.ask(ctx, host)
	if err != nil {
		if len(have.addrs) > 0 {
			return have.addrs, nil
		}
		return nil, fmt.Errorf("looking up the resolver's own name %q: %w", host, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[host] = found{addrs, time.Now().Add(min(ttl, bootstrapTTL))}
	return addrs, nil
}

func (d *dialer) ask(ctx context.Context, host string) (addrs []netip.Addr, ttl time.Duration, err error) {
	servers := d.bootstrap()
	if len(servers) == 0 {
		return nil, 0, errors.New("no bootstrap resolver; write its address behind the URL: tls://dns.example#192.0.2.1")
	}
	var errs []error
	for _, server := range servers {
		via := &datagram{target: &dialTarget{dialer: d, fixed: server.Addr(), port: server.Port()}}
		via.stream = newStream(via.target, false)
		addrs, ttl, err := lookupBoth(ctx, host, via.exchange)
		via.close()
		if err == nil {
			return addrs, max(ttl, 30*time.Second), nil
		}
		errs = append(errs, err)
	}
	return nil, 0, errors.Join(errs...)
}

// lookupBoth asks for A and AAAA of a name.
func lookupBoth(ctx context.Context, host string, exchange func(context.Context, []byte) ([]byte, error)) ([]netip.Addr, time.Duration, error) {
	var addrs []netip.Addr
	ttl := uint32(maxTTL)
	var errs []error
	for _, qtype := range []uint16{miekg.TypeA, miekg.TypeAAAA} {
		e, err := lookupOne(ctx, host, qtype, exchange)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		addrs = append(addrs, e.addrs...)
		if len(e.addrs) > 0 {
			ttl = min(ttl, e.low)
		}
	}
	if len(addrs) > 0 {
		return addrs, time.Duration(ttl) * time.Second, nil
	}
	if len(errs) > 0 {
		return nil, 0, errors.Join(errs...)
	}
	return nil, 0, ErrNoAddress
}

// ErrNoAddress is returned where a name has no address.
var ErrNoAddress = errors.New("the name has no address")

func lookupOne(ctx context.Context, host string, qtype uint16, exchange func(context.Context, []byte) ([]byte, error)) (*entry, error) {
	m := new(miekg.Msg).SetQuestion(miekg.Fqdn(host), qtype)
	m.Id = 0
	packed, err := m.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	raw, err := exchange(ctx, packed)
	if err != nil {
		return nil, err
	}
	return newEntry(key{name: plain(host), qtype: qtype}, raw, time.Now())
}
