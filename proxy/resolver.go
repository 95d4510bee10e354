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
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Bounds of the resolver. Answers of the system's resolver come without a time to live.
const (
	resolveTimeout  = 3 * time.Second // of one resolver; the next is asked after it
	cacheEntries    = 1024
	minTTL          = 5 * time.Second
	maxTTL          = time.Hour
	systemTTL       = 30 * time.Second
	maxDNSMessage   = 64 << 10
	ednsPayloadSize = 1232 // DNS flag day 2020
)

// resolver finds the addresses of origins. It never asks the client's resolver, and it caches. Resolvers that speak TLS
// are verified as origins are.
type resolver struct {
	servers []server
	now     func() time.Time

	mu    sync.Mutex // guards cache
	cache map[string]answer
}

// lookup finds the addresses of a name and how long they hold.
type lookup func(ctx context.Context, host string) ([]netip.Addr, time.Duration, error)

// server is one of upstream.resolvers.
type server struct {
	name   string
	lookup lookup
}

type answer struct {
	addrs []netip.Addr
	until time.Time
}

// newResolver reads upstream.resolvers; system, where not nil, stands for "system".
func newResolver(list []string, now func() time.Time, roots *x509.CertPool, system lookup) (*resolver, error) {
	r := &resolver{now: now, cache: map[string]answer{}}
	var errs []error
	for _, s := range list {
		lookup, err := newServer(s, roots, system)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.servers = append(r.servers, server{name: s, lookup: lookup})
	}
	if len(list) == 0 {
		errs = append(errs, errors.New("upstream.resolvers: empty; write [system]"))
	}
	return r, errors.Join(errs...)
}

// newServer reads one of them; system nil is the system's own.
func newServer(s string, roots *x509.CertPool, system lookup) (lookup, error) {
	if s == "system" && system != nil {
		return system, nil
	}
	if s == "system" {
		return lookupSystem, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("upstream.resolvers: %q is neither system nor udp://, tcp://, tls:// or https:// with an address", s)
	}
	switch u.Scheme {
	case "udp":
		return exchanger(classic("udp", withPort(u, "53"), nil)), nil
	case "tcp":
		return exchanger(classic("tcp", withPort(u, "53"), nil)), nil
	case "tls":
		return exchanger(classic("tcp-tls", withPort(u, "853"), roots)), nil
	case "https":
		return exchanger(overHTTPS(u, roots)), nil
	}
	return nil, fmt.Errorf("upstream.resolvers: unknown scheme %q; use udp, tcp, tls or https", u.Scheme)
}

func withPort(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// lookup returns the addresses of host, in the order of the answer. host is a name or an address.
func (r *resolver) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	if addrs := r.cached(host); addrs != nil {
		return addrs, nil
	}
	var errs []error
	for _, s := range r.servers {
		asked, cancel := context.WithTimeout(ctx, resolveTimeout)
		addrs, ttl, err := s.lookup(asked, host)
		cancel()
		if err == nil && len(addrs) > 0 {
			r.store(host, addrs, ttl)
			return addrs, nil
		}
		if err == nil {
			err = errors.New("no address")
		}
		errs = append(errs, fmt.Errorf("resolver %s: %w", s.name, err))
	}
	return nil, fmt.Errorf("resolving %q: %w", host, errors.Join(errs...))
}

func (r *resolver) cached(host string) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.cache[host]
	if !ok || !r.now().Before(a.until) {
		return nil
	}
	return a.addrs
}

func (r *resolver) store(host string, addrs []netip.Addr, ttl time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cache) >= cacheEntries {
		clear(r.cache) // rare in a house, and cheaper than an order of use
	}
	r.cache[host] = answer{addrs: addrs, until: r.now().Add(min(max(ttl, minTTL), maxTTL))}
}

func lookupSystem(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host+".")
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound && !strings.Contains(host, ".") {
		addrs, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host) // a bare name of the house: the search list holds
	}
	return addrs, systemTTL, err
}

// asker sends one query and returns its answer.
type asker func(ctx context.Context, q *dns.Msg) (*dns.Msg, error)

// exchanger asks for both address families at once and waits for both.
func exchanger(ask asker) func(context.Context, string) ([]netip.Addr, time.Duration, error) {
	return func(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
		type result struct {
			addrs []netip.Addr
			ttl   time.Duration
			err   error
		}
		six := make(chan result, 1)
		go func() {
			addrs, ttl, err := query(ctx, ask, host, dns.TypeAAAA)
			six <- result{addrs, ttl, err}
		}()
		addrs, ttl, err := query(ctx, ask, host, dns.TypeA)
		r := <-six
		if err != nil && r.err != nil {
			return nil, 0, err
		}
		if len(r.addrs) > 0 && (len(addrs) == 0 || r.ttl < ttl) {
			ttl = r.ttl
		}
		return append(r.addrs, addrs...), ttl, nil
	}
}

func query(ctx context.Context, ask asker, host string, qtype uint16) ([]netip.Addr, time.Duration, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(host), qtype)
	q.SetEdns0(ednsPayloadSize, false)
	a, err := ask(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	if a.Rcode != dns.RcodeSuccess {
		return nil, 0, fmt.Errorf("answered %s", dns.RcodeToString[a.Rcode])
	}
	if len(a.Question) != 1 || !strings.EqualFold(a.Question[0].Name, q.Question[0].Name) || a.Question[0].Qtype != qtype {
		return nil, 0, errors.New("answered another question")
	}
	ttl := maxTTL
	var addrs []netip.Addr
	for _, rr := range a.Answer {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs, ttl, nil
}

// classic asks by UDP (and by TCP where the answer was cut), TCP or TLS (RFC 7858).
func classic(network, addr string, roots *x509.CertPool) asker {
	host, _, _ := net.SplitHostPort(addr)
	return func(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
		c := &dns.Client{Net: network, TLSConfig: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}}
		a, _, err := c.ExchangeContext(ctx, q, addr)
		if err == nil && a.Truncated && network == "udp" {
			c.Net = "tcp"
			a, _, err = c.ExchangeContext(ctx, q, addr)
		}
		return a, err
	}
}

// overHTTPS asks by RFC 8484. The name of the resolver itself is resolved by the system.
func overHTTPS(u *url.URL, roots *x509.CertPool) asker {
	if u.Path == "" {
		u.Path = "/dns-query"
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
	return func(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
		q.Id = 0 // RFC 8484, section 4.1
		wire, err := q.Pack()
		if err != nil {
			return nil, fmt.Errorf("packing the query: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(wire))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/dns-message")
		req.Header.Set("Accept", "application/dns-message")
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("answered status %d", resp.StatusCode)
		}
		wire, err = io.ReadAll(io.LimitReader(resp.Body, maxDNSMessage))
		if err != nil {
			return nil, err
		}
		a := new(dns.Msg)
		if err := a.Unpack(wire); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		return a, nil
	}
}
