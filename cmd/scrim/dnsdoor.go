package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/dns"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
)

// dnsDoor is the DNS door. Its zero value is a door that is off.
type dnsDoor struct {
	server    *dns.Server
	upstreams *dns.Upstreams
	seen      *dns.Seen
}

// canaryName is asked for by Firefox before it takes up DNS over HTTPS by itself: where it does not exist, Firefox
// stays with the house's resolver (support.mozilla.org, "Canary domain").
const canaryName = "use-application-dns.net"

// nameHolds is how long a connection without a name is given the one that its client last resolved to its address.
const nameHolds = 24 * time.Hour

// openUpstreams makes ready what the proxy needs of the DNS door: origins are looked up past every rule, and never
// through scrim itself.
func (d *dnsDoor) openUpstreams(h *house, settings *proxy.Config) error {
	cfg := h.cfg
	if cfg.Listen.DNS == "" {
		return nil
	}
	roots, err := trusted(settings.Upstream.Roots)
	if err != nil {
		return err
	}
	d.upstreams, err = dns.NewUpstreams(dns.UpstreamConfig{Resolvers: cfg.DNS.Upstreams, Roots: roots, Log: h.log})
	if err != nil {
		return fmt.Errorf("dns.upstreams: %w", err)
	}
	d.seen = &dns.Seen{}
	settings.Upstream.Lookup = d.upstreams.Lookup
	settings.NameOf = func(client, addr netip.Addr) string {
		name, _ := d.seen.NameOf(client, addr, nameHolds, time.Now())
		return name
	}
	if _, port, err := net.SplitHostPort(string(cfg.Listen.DNS)); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n != 0 {
			settings.Upstream.OwnPorts = append(settings.Upstream.OwnPorts, uint16(n))
		}
	}
	return nil
}

// trusted is the system's roots and those of upstream.roots; nil is the system's alone.
func trusted(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's roots: %w", err)
	}
	pool.AppendCertsFromPEM(pem) // that there are some was checked by the proxy
	return pool, nil
}

// open opens the sockets. The proxy is there by now.
func (d *dnsDoor) open(h *house) error {
	cfg := h.cfg
	if d.upstreams == nil {
		return nil
	}
	settings := dns.Config{
		Listen: []string{string(cfg.Listen.DNS)}, Upstreams: d.upstreams, Answer: dns.Answer(cfg.DNS.Answer), Seen: d.seen,
		Allow: h.proxy.Serves, Decide: decider(h.set.Load, cfg.clientNames(), time.Now), Log: h.log,
	}
	if settings.Answer == dns.Origin {
		settings.BeforeAnswer = h.origins.beforeAnswer
	}
	server, err := dns.New(settings)
	if err != nil {
		return err
	}
	d.server = server
	return nil
}

// decider asks the gate, so that a name is redirected exactly where its connections are intercepted.
func decider(set func() *rules.Set, names map[netip.Addr]string, now func() time.Time) func(netip.Addr, string) dns.Verdict {
	return func(client netip.Addr, name string) dns.Verdict {
		if name == canaryName {
			return dns.Absent
		}
		client = client.Unmap().WithZone("")
		switch set().Gate(rules.Client{Addr: client, Name: names[client], Now: now()}, name).Answer {
		case rules.Intercept:
			return dns.Redirect
		case rules.Block:
			return dns.Refuse
		}
		return dns.None
	}
}

// run serves until ctx ends. The upstreams stay open: requests that are finished after the doors have closed may need
// them, until close.
func (d *dnsDoor) run(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	return d.server.Run(ctx)
}

func (d *dnsDoor) close() {
	if d.server != nil {
		d.server.Close()
	}
	if d.upstreams != nil {
		d.upstreams.Close()
	}
}

// addr is where the door listens; nil where it is off.
func (d *dnsDoor) addr() net.Addr {
	if d.server == nil {
		return nil
	}
	return net.UDPAddrFromAddrPort(d.server.Addrs()[0])
}

// warnings are what the owner should know of the doors that DNS leads to.
func (h *house) doorWarnings() []string {
	cfg := h.cfg
	var all []string
	if h.dns.server != nil && len(h.dns.upstreams.Status()) == 0 {
		all = append(all, "dns.upstreams: the only resolver of this system is scrim itself, so that it cannot look up anything; name another one, as in dns: {upstreams: [\"udp://9.9.9.9\"]}")
	}
	if h.dns.server != nil && cfg.DNS.Answer == string(dns.Self) && cfg.Listen.TLS == "" {
		all = append(all, "listen.tls: DNS answers ruled names with scrim's own address, but nothing listens there; set listen.tls: \":443\" and listen.http: \":80\", or dns.answer: origin with the transparent door")
	}
	if err := h.origins.ready(); err != nil {
		all = append(all, "listen.transparent: "+err.Error())
	}
	return all
}

// addrs are the addresses of all open doors by word.
func (h *house) addrs() map[string]net.Addr {
	addrs := h.proxy.Addrs()
	if addr := h.dns.addr(); addr != nil {
		addrs["dns"] = addr
	}
	if h.web.server != nil {
		addrs["web"] = h.web.server.Addr()
	}
	return addrs
}
