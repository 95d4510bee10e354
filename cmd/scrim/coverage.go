package main

import (
	"net/netip"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/dns"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
)

// coverageAge is how far back questions to the DNS door are looked at.
const coverageAge = 24 * time.Hour

// coverage is what comes through scrim of each client, and what goes around it.
type coverage struct {
	Since   time.Time               `json:"since"`
	DNS     bool                    `json:"dns_door"` // questions are seen
	Clients []ledger.CoverageClient `json:"clients"`
}

// observe is told by the proxy how each request ended.
func (h *house) observe(ob proxy.Observation) {
	h.came.Came(time.Now(), ob.Client.String(), ob.To.Host, ob.Door, ob.Gate.Product, ob.End)
	h.origins.noted(&ob)
}

// coverage holds what came against what was asked.
func (h *house) coverage() coverage {
	now := time.Now()
	h.mu.Lock()
	names := h.cfg.clientNames()
	h.mu.Unlock()
	set := h.set.Load()
	var asked []ledger.Asked
	if h.dns.seen != nil {
		for _, s := range h.dns.seen.Since(netip.Addr{}, now.Add(-coverageAge)) {
			client := s.Client.Unmap().WithZone("")
			gate := set.Gate(rules.Client{Addr: client, Name: names[client], Now: now}, s.Name)
			a := ledger.Asked{
				Client: client.String(), Name: s.Name, Product: gate.Product, First: s.First, Last: s.Last, Count: int64(s.Count),
				Ruled: gate.Answer == rules.Intercept, Refused: s.Verdict == dns.Refuse, Bypass: isResolver(s.Name),
			}
			if a.Ruled || a.Refused || a.Bypass {
				asked = append(asked, a)
			}
		}
	}
	return coverage{
		Since: h.started, DNS: h.dns.server != nil,
		Clients: h.came.Report(now, asked, h.origins.rejected(), isResolver, func(client string) string {
			addr, _ := netip.ParseAddr(client)
			return names[addr]
		}),
	}
}

// rejected is how many packets of QUIC the firewall has rejected, by client.
func (o *originSet) rejected() map[string]int64 {
	if o.cfg == nil {
		return nil
	}
	counts, err := o.origins.Rejected()
	if err != nil {
		return nil // ready says why
	}
	out := make(map[string]int64, len(counts))
	for addr, n := range counts {
		out[addr.String()] = int64(n)
	}
	return out
}

// isResolver reports whether host is one of the resolvers over HTTPS and TLS that browsers and devices use by
// themselves: what is asked there goes around the house's DNS.
func isResolver(host string) bool {
	for _, known := range resolvers() {
		if host == known || strings.HasSuffix(host, "."+known) {
			return true
		}
	}
	return false
}

// resolvers are names, each with its subdomains.
func resolvers() [17]string {
	return [...]string{
		"dns.google", "dns64.dns.google", "8888.google", "cloudflare-dns.com", "one.one.one.one", "quad9.net",
		"doh.opendns.com", "dns.nextdns.io", "dns.adguard-dns.com", "dns.adguard.com", "doh.cleanbrowsing.org", "doh.apple.com",
		"mask.icloud.com", "mask-h2.icloud.com", "dns.mullvad.net", "dns.controld.com", "doh.xfinity.com",
	}
}
