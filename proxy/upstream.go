package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Bounds of the outbound side. Idle connections are many on purpose: Go's default of two for each host
// costs eight times the CPU as soon as a dozen clients report at once.
const (
	idlePerHost       = 256
	idleInAll         = 1024
	idleFor           = 90 * time.Second
	tlsTimeout        = 10 * time.Second
	continueTimeout   = 2 * time.Second // for an origin's answer to Expect: 100-continue
	maxResponseHeader = 256 << 10
	sessionCacheSize  = 512
	maxNearHosts      = 1024
	maxTransports     = 32
)

// upstream is the outbound side: every byte that leaves the house leaves through it.
type upstream struct {
	resolver *resolver
	policy   *addressPolicy
	fixed    map[string]fixedAddr
	parent   *url.URL // upstream.proxy; nil: none
	tls      *tls.Config
	timeout  time.Duration

	// far reaches the internet and upstream.allow_private. near holds one transport for each client network, so that
	// a connection into one client's network is never reused for a client of another.
	far       *http.Transport
	mu        sync.Mutex // guards the rest
	near      map[netip.Prefix]*http.Transport
	nearHosts map[string]struct{} // hosts that far refused as private
}

// fixedAddr is an entry of upstream.hosts. port 0: the port that was asked for.
type fixedAddr struct {
	addr netip.Addr
	port uint16
}

func newUpstream(cfg *Config, policy *addressPolicy) (*upstream, error) {
	u := &upstream{policy: policy, timeout: cfg.Limits.DialTimeout, near: map[netip.Prefix]*http.Transport{}, nearHosts: map[string]struct{}{}}
	var errs []error
	var err error
	if u.fixed, err = fixedHosts(cfg.Upstream.Hosts); err != nil {
		errs = append(errs, err)
	}
	if u.parent, err = parentProxy(cfg.Upstream.Proxy); err != nil {
		errs = append(errs, err)
	}
	roots, err := rootPool(cfg.Upstream.Roots)
	if err != nil {
		errs = append(errs, err)
	}
	if u.resolver, err = newResolver(cfg.Upstream.Resolvers, cfg.Now, roots, cfg.Upstream.Lookup); err != nil {
		errs = append(errs, err)
	}
	u.tls = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(sessionCacheSize)}
	u.far = u.transport(netip.Prefix{})
	return u, errors.Join(errs...)
}

// rootPool returns the system's roots and those of pem; nil means the system's alone.
func rootPool(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a router without roots: the owner's alone
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("upstream.roots: no certificate in PEM form found in it")
	}
	return pool, nil
}

func fixedHosts(hosts map[string]string) (map[string]fixedAddr, error) {
	fixed := make(map[string]fixedAddr, len(hosts))
	var errs []error
	for host, s := range hosts {
		name, err := cleanHost(host)
		if err != nil {
			errs = append(errs, fmt.Errorf("upstream.hosts: %w", err))
			continue
		}
		if ap, err := netip.ParseAddrPort(s); err == nil {
			fixed[name] = fixedAddr{ap.Addr().Unmap(), ap.Port()}
			continue
		}
		addr, err := netip.ParseAddr(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("upstream.hosts: %q of %q is not an address; write \"192.0.2.1\" or \"192.0.2.1:443\"", s, host))
			continue
		}
		fixed[name] = fixedAddr{addr.Unmap(), 0}
	}
	return fixed, errors.Join(errs...)
}

// transport makes a pool of connections for the clients of one network; the zero Prefix: for all.
func (u *upstream) transport(near netip.Prefix) *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return u.dialAddr(ctx, near, addr)
		},
		TLSClientConfig:        u.tls.Clone(),
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // else it would add Accept-Encoding and undo codings
		MaxIdleConns:           idleInAll,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleFor,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	if u.parent != nil {
		t.Proxy = http.ProxyURL(u.parent)
	}
	return t
}

// clientKey carries the client's address to the round trip.
type clientKey struct{}

func clientOf(ctx context.Context) netip.Addr {
	addr, _ := ctx.Value(clientKey{}).(netip.Addr)
	return addr
}

// RoundTrip sends req to its origin. An address that only the client's own network may reach is reached
// by the pool of that network.
func (u *upstream) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := u.checkLiteral(req); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	host := req.URL.Host
	if u.isNear(host) {
		return u.roundTripNear(req, host)
	}
	first := req
	if req.Body != nil && req.Body != http.NoBody && !inMemory(req.Body) {
		// The transport closes the body when it cannot connect; the second attempt below still needs it.
		first = req.WithContext(req.Context())
		first.Body = keepOpen{req.Body}
	}
	resp, err := u.far.RoundTrip(first)
	var refused *AddressError
	if err == nil || !errors.As(err, &refused) || !refused.near {
		return resp, err
	}
	return u.roundTripNear(req, host)
}

// inMemory reports whether body is bytes at hand. net/http knows such bodies, and then writes header and body in one
// piece; their Close does nothing.
func inMemory(body io.ReadCloser) bool {
	return reflect.TypeOf(body) == reflect.TypeOf(io.NopCloser((*bytes.Reader)(nil)))
}

func closeBody(body io.Closer) {
	if body != nil {
		body.Close()
	}
}

// keepOpen is a body whose Close does nothing; whoever made the request closes the real one.
type keepOpen struct{ io.Reader }

func (keepOpen) Close() error { return nil }

// checkLiteral checks an address in the target itself where a parent proxy would connect to it for us.
func (u *upstream) checkLiteral(req *http.Request) error {
	if u.parent == nil {
		return nil
	}
	return u.checkName(clientOf(req.Context()), req.URL.Hostname(), portOf(req.URL))
}

// checkName checks what can be known of host before a parent proxy looks it up: an address, and the names that mean the
// parent's own machine (RFC 6761, section 6.3).
func (u *upstream) checkName(client netip.Addr, host string, port uint16) error {
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case err != nil:
		return nil
	}
	return u.policy.check(u.policy.network(client, addr), netip.AddrPortFrom(addr, port))
}

func portOf(u *url.URL) uint16 {
	if p, err := parsePort(u.Port()); err == nil {
		return p
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

func (u *upstream) isNear(host string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.nearHosts[host]
	return ok
}

// roundTripNear sends req through the pool of the client's network, for hosts with private addresses.
func (u *upstream) roundTripNear(req *http.Request, host string) (*http.Response, error) {
	client := clientOf(req.Context())
	network := u.policy.network(client, client)
	if client.IsLoopback() {
		network = u.networkOfHost(req.Context(), client, req.URL.Hostname())
	}
	return u.nearTransport(network, host).RoundTrip(req)
}

// networkOfHost is the network of this machine that host is in, for a client on this machine.
func (u *upstream) networkOfHost(ctx context.Context, client netip.Addr, host string) netip.Prefix {
	addrs, err := u.resolver.lookup(ctx, host)
	if err != nil || len(addrs) == 0 {
		return netip.Prefix{}
	}
	return u.policy.network(client, addrs[0])
}

func (u *upstream) nearTransport(network netip.Prefix, host string) *http.Transport {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.nearHosts) >= maxNearHosts {
		clear(u.nearHosts)
	}
	u.nearHosts[host] = struct{}{}
	t := u.near[network]
	if t == nil {
		if len(u.near) >= maxTransports {
			return u.far // more networks than a house has: refused there
		}
		t = u.transport(network)
		u.near[network] = t
	}
	return t
}

func (u *upstream) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.far.CloseIdleConnections()
	for _, t := range u.near {
		t.CloseIdleConnections()
	}
}
