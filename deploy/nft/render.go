package nft

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Render gives the rules as "nft -f" takes them, in one transaction. Applying them
// twice changes nothing; the addresses in the sets stay.
func Render(cfg Config) (string, error) {
	cfg, err := cfg.normal()
	if err != nil {
		return "", err
	}
	w := &writer{cfg: cfg}
	w.line("# The transparent door of scrim (mode %s, scope %s). Written by \"scrim firewall\".", cfg.Mode, cfg.Scope)
	w.line("table %s %s", nftFamily, Table)
	w.line("flush table %s %s", nftFamily, Table)
	w.open("table %s %s", nftFamily, Table)
	w.set(SetV4, "ipv4_addr")
	w.set(SetV6, "ipv6_addr")
	if cfg.Mode == TProxy {
		w.tproxy()
	} else {
		w.redirect()
	}
	w.quic()
	w.close()
	return w.b.String(), nil
}

// OpenWrtPath is where fw4 reads what follows its own table.
const OpenWrtPath = "/usr/share/nftables.d/ruleset-post/90-scrim.nft"

// RenderOpenWrt gives the include for OpenWrt's fw4, to be put at OpenWrtPath. fw4
// loads it with its own rules at each reload and leaves our table alone otherwise.
func RenderOpenWrt(cfg Config) (string, error) {
	text, err := Render(cfg)
	if err != nil {
		return "", err
	}
	head := "# Included by fw4: " + OpenWrtPath + "\n"
	if cfg.Mode == TProxy {
		head += "# TPROXY needs these at boot, for example in /etc/rc.local:\n"
		for _, command := range Routes(cfg) {
			head += "#   " + command + "\n"
		}
	}
	return head + text, nil
}

// writer writes indented lines.
type writer struct {
	cfg   Config
	b     strings.Builder
	depth int
}

func (w *writer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("\t", w.depth))
	fmt.Fprintf(&w.b, format+"\n", args...)
}

func (w *writer) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.depth++
}

func (w *writer) close() {
	w.depth--
	w.line("}")
}

func (w *writer) set(name, kind string) {
	w.open("set %s", name)
	w.line("type %s", kind)
	w.line("size %d", setLimit)
	w.line("flags timeout")
	w.close()
}

// chain opens a base chain. Priorities lie just before the usual ones, so that our
// decision comes first.
func (w *writer) chain(name, kind, hook string, priority int) {
	w.open("chain %s", name)
	w.line("type %s hook %s priority %d; policy accept;", kind, hook, priority)
}

// family is one address family's words in a rule.
type family struct {
	word  string // "ip", "ip6"
	set   string
	proto string // in "meta nfproto"
	is    func(netip.Addr) bool
}

func families() []family {
	return []family{
		{"ip", SetV4, "ipv4", netip.Addr.Is4},
		{"ip6", SetV6, "ipv6", netip.Addr.Is6},
	}
}

// to matches destinations of the scope.
func (w *writer) to(f family) string {
	var match string
	if w.cfg.Scope == ScopeRules {
		match = fmt.Sprintf("%s daddr @%s ", f.word, f.set)
	} else {
		match = fmt.Sprintf("meta nfproto %s ", f.proto)
	}
	if not := prefixes(w.cfg.Exclude, f); not != "" {
		match += fmt.Sprintf("%s daddr != { %s } ", f.word, not)
	}
	return match
}

// forwarded gives a match for each family in which there are clients.
func (w *writer) forwarded(rule func(f family, match string)) {
	for _, f := range families() {
		from := ""
		if len(w.cfg.Clients) > 0 {
			named := prefixes(w.cfg.Clients, f)
			if named == "" {
				continue
			}
			from = fmt.Sprintf("%s saddr { %s } ", f.word, named)
		} else if w.cfg.Scope == ScopeAll {
			continue // only local users are named
		}
		rule(f, from+w.to(f))
	}
}

// local gives a match for each family for the connections of local users.
func (w *writer) local(rule func(f family, match string)) {
	users := strings.Join(w.cfg.LocalUsers, ", ")
	w.line("meta skuid %d return", w.cfg.OwnUID)
	w.line("fib daddr type local return")
	for _, f := range families() {
		rule(f, fmt.Sprintf("meta skuid { %s } ", users)+w.to(f))
	}
}

func prefixes(list []netip.Prefix, f family) string {
	var out []string
	for _, p := range normalize(list) {
		if f.is(p.Addr()) {
			if p.IsSingleIP() {
				out = append(out, p.Addr().String())
			} else {
				out = append(out, p.String())
			}
		}
	}
	return strings.Join(out, ", ")
}

// normalize sorts, masks, and leaves out what lies within another prefix, which nft refuses.
func normalize(list []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		sorted = append(sorted, p.Masked())
	}
	slices.SortFunc(sorted, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, p := range sorted {
		if !slices.ContainsFunc(out, func(have netip.Prefix) bool { return have.Overlaps(p) && have.Bits() <= p.Bits() }) {
			out = append(out, p)
		}
	}
	return out
}

func (w *writer) ports() string {
	text := make([]string, len(w.cfg.Ports))
	for i, port := range w.cfg.Ports {
		text[i] = fmt.Sprint(port)
	}
	return strings.Join(text, ", ")
}

// redirect takes connections by NAT (priority before dstnat, -100).
func (w *writer) redirect() {
	take := func(_ family, match string) {
		w.line("%stcp dport { %s } redirect to :%d", match, w.ports(), w.cfg.Port)
	}
	w.chain("redirect_prerouting", "nat", "prerouting", -105)
	w.line("fib daddr type local return")
	w.forwarded(take)
	w.close()
	if len(w.cfg.LocalUsers) > 0 {
		w.chain("redirect_output", "nat", "output", -105)
		w.local(take)
		w.close()
	}
}

// tproxy takes packets as they are (priority before mangle, -150). What belongs to a
// connection that we have goes on coming to us, also after its address has left the
// set. Packets of local users are marked, routed to the loopback interface by that
// mark, and taken there.
func (w *writer) tproxy() {
	w.chain("tproxy_prerouting", "filter", "prerouting", -155)
	w.line("meta l4proto tcp socket transparent 1 meta mark set %#x accept", Mark)
	w.line("fib daddr type local return")
	take := func(f family, match string) {
		w.line("%stcp dport { %s } meta mark set %#x tproxy %s to :%d accept", match, w.ports(), Mark, f.word, w.cfg.Port)
	}
	if len(w.cfg.LocalUsers) > 0 {
		for _, f := range families() {
			take(f, fmt.Sprintf("iifname lo meta mark %#x meta nfproto %s ", Mark, f.proto))
		}
	}
	w.forwarded(take)
	w.close()
	if len(w.cfg.LocalUsers) > 0 {
		w.chain("tproxy_output", "route", "output", -155)
		w.local(func(_ family, match string) {
			w.line("%stcp dport { %s } meta mark set %#x", match, w.ports(), Mark)
		})
		w.close()
	}
}

// quic rejects UDP 443 of the scope (priority before filter, 0).
func (w *writer) quic() {
	refuse := func(_ family, match string) { w.line("%sudp dport %d reject", match, quicPort) }
	w.chain("quic_forward", "filter", "forward", -5)
	w.forwarded(refuse)
	w.close()
	if len(w.cfg.LocalUsers) > 0 {
		w.chain("quic_output", "filter", "output", -5)
		w.local(refuse)
		w.close()
	}
}
