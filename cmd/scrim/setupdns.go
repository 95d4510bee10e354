package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// dnsSetup is what lines for a resolver are made from.
type dnsSetup struct {
	v4, v6   netip.Addr // scrim's; invalid if there is none
	redirect []string   // names that are answered with it, each with all below
	refuse   []string   // names that have no data
}

// dnsFormat writes the lines of one product.
type dnsFormat struct {
	name, where string // where the lines go
	comment     string
	lines       func(*dnsSetup) []string
}

// dnsFormats is the table of products, in the order in which help shows them.
func dnsFormats() []dnsFormat {
	return []dnsFormat{
		{"pihole", "put this into /etc/dnsmasq.d/90-scrim.conf (Pi-hole 6: with misc.etc_dnsmasq_d on), then: pihole restartdns", "#", dnsmasqLines},
		{"adguard", "put this into Filters, Custom filtering rules", "!", adguardLines},
		{"dnsmasq", "put this into /etc/dnsmasq.d/90-scrim.conf (OpenWrt: into the folder that confdir names), then restart dnsmasq", "#", dnsmasqLines},
		{"unbound", "put this into /etc/unbound/unbound.conf.d/90-scrim.conf, then: unbound-control reload", "#", unboundLines},
	}
}

func newSetupDNS(a *app) *cobra.Command {
	var format string
	var addresses []string
	var names []string
	for _, f := range dnsFormats() {
		names = append(names, f.name)
	}
	c := &cobra.Command{
		Use:   "dns",
		Short: "print lines for the house's own resolver",
		Long: `dns prints lines that make the house's own resolver answer the names that rules hold with scrim's
address, A and AAAA alike, and nothing for HTTPS and SVCB records. scrim then needs listen.tls and
listen.http. When scrim is gone, the resolver goes on with all other names. Names below a ruled name
come to scrim too, which tunnels them untouched.`,
		Example: "  scrim setup dns --format pihole\n  scrim setup dns --format unbound --address 192.168.1.5,fd00::5",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.setupDNS(format, names, addresses) },
	}
	c.Flags().StringVar(&format, "format", "", "the resolver: "+strings.Join(names, ", "))
	c.Flags().StringSliceVar(&addresses, "address", nil, "scrim's `addresses` as the clients reach it (default: this machine's)")
	return c
}

func (a *app) setupDNS(format string, names, addresses []string) error {
	i := slices.IndexFunc(dnsFormats(), func(f dnsFormat) bool { return f.name == format })
	if i < 0 {
		hint := "formats are " + strings.Join(names, ", ")
		if near := strict.Nearest(format, names); near != "" {
			hint = fmt.Sprintf("did you mean --format %s?", near)
		}
		if format == "" {
			return misused(fmt.Errorf("scrim setup dns: --format is missing"), hint)
		}
		return misused(fmt.Errorf("scrim setup dns: unknown format %q", format), hint)
	}
	s := &dnsSetup{}
	if err := s.reach(addresses); err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return err
	}
	s.sort(book.set)
	f := dnsFormats()[i]
	a.ui.text(f.comment + " Written by \"scrim setup dns --format " + f.name + "\": " + f.where + ".\n")
	a.ui.text(strings.Join(f.lines(s), "\n") + "\n")
	if cfg.Listen.TLS == "" {
		a.ui.warn("", "listen.tls is off: nothing would answer at "+s.v4.String()+"; set listen: {tls: \":443\", http: \":80\"}")
	}
	return nil
}

// reach finds scrim's addresses: as given, or those of the interface with a private address.
func (s *dnsSetup) reach(given []string) error {
	for _, text := range given {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return misused(fmt.Errorf("scrim setup dns: --address: %q is not an address", text), "write it as in 192.168.1.5, or two: 192.168.1.5,fd00::5")
		}
		s.take(addr.Unmap())
	}
	if len(given) == 0 {
		s.look()
	}
	if !s.v4.IsValid() && !s.v6.IsValid() {
		return misused(fmt.Errorf("scrim setup dns: this machine has no address in a house's network"), "name scrim's: --address 192.168.1.5")
	}
	return nil
}

// look takes the addresses of the first interface that has a private IPv4 address.
func (s *dnsSetup) look() {
	interfaces, _ := net.Interfaces()
	for _, in := range interfaces {
		if in.Flags&net.FlagUp == 0 || in.Flags&net.FlagLoopback != 0 {
			continue
		}
		own, _ := in.Addrs()
		var on dnsSetup
		for _, o := range own {
			if prefix, err := netip.ParsePrefix(o.String()); err == nil && !prefix.Addr().IsLinkLocalUnicast() {
				on.take(prefix.Addr())
			}
		}
		if on.v4.IsPrivate() {
			s.v4, s.v6 = on.v4, on.v6
			return
		}
	}
}

// take keeps the first address of each family; of IPv6 a unique local one, which does not change with the provider.
func (s *dnsSetup) take(addr netip.Addr) {
	switch {
	case addr.Is4() && !s.v4.IsValid():
		s.v4 = addr
	case addr.Is6() && (!s.v6.IsValid() || addr.IsPrivate() && !s.v6.IsPrivate()):
		s.v6 = addr
	}
}

// sort asks the gate what becomes of each name for a client that no rule singles out.
func (s *dnsSetup) sort(set *rules.Set) {
	for _, host := range set.Hosts() {
		name, wild := strings.CutPrefix(host.Name, "*.")
		probe := name
		if wild {
			probe = "any." + name
		}
		switch set.Gate(rules.Client{}, probe).Answer {
		case rules.Intercept:
			s.redirect = append(s.redirect, name)
		case rules.Block:
			s.refuse = append(s.refuse, name)
		}
	}
	slices.Sort(s.redirect)
	slices.Sort(s.refuse)
	s.redirect, s.refuse = slices.Compact(s.redirect), slices.Compact(s.refuse)
}

// dnsmasqLines: a name with an address is never forwarded, whatever the type of the question.
func dnsmasqLines(s *dnsSetup) []string {
	var out []string
	for _, name := range s.redirect {
		for _, addr := range s.addrs() {
			out = append(out, "address=/"+name+"/"+addr.String())
		}
		out = append(out, "local=/"+name+"/")
	}
	for _, name := range s.refuse {
		out = append(out, "local=/"+name+"/")
	}
	return out
}

// adguardLines: a rewritten name has no data of other types.
func adguardLines(s *dnsSetup) []string {
	var out []string
	for _, name := range s.redirect {
		for _, addr := range s.addrs() {
			kind := "A"
			if addr.Is6() {
				kind = "AAAA"
			}
			out = append(out, "||"+name+"^$dnsrewrite=NOERROR;"+kind+";"+addr.String())
		}
	}
	for _, name := range s.refuse {
		out = append(out, "||"+name+"^$dnsrewrite=NOERROR")
	}
	return out
}

// unboundLines: a redirect zone answers from its data alone.
func unboundLines(s *dnsSetup) []string {
	out := []string{"server:"}
	for _, name := range s.redirect {
		out = append(out, `    local-zone: "`+name+`." redirect`)
		for _, addr := range s.addrs() {
			kind := "A"
			if addr.Is6() {
				kind = "AAAA"
			}
			out = append(out, `    local-data: "`+name+`. 60 IN `+kind+" "+addr.String()+`"`)
		}
	}
	for _, name := range s.refuse {
		out = append(out, `    local-zone: "`+name+`." always_nodata`)
	}
	return out
}

func (s *dnsSetup) addrs() []netip.Addr {
	var all []netip.Addr
	for _, addr := range []netip.Addr{s.v4, s.v6} {
		if addr.IsValid() {
			all = append(all, addr)
		}
	}
	return all
}
