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
	if cfg.Scope == ScopeAll {
		w.set(SetAlive, "inet_service")
	}
	w.tally(SetQUIC4, "ipv4_addr")
	w.tally(SetQUIC6, "ipv6_addr")
	if cfg.Mode == TProxy {
		w.tproxy()
	} else {
		w.redirect()
	}
	w.refuse()
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

// tally writes a set that counts packets by client. One that is full counts no further
// client, and stops no packet.
func (w *writer) tally(name, kind string) {
	w.open("set %s", name)
	w.line("type %s", kind)
	w.line("size %d", tallyLimit)
	w.line("flags dynamic,timeout")
	w.line("timeout 1d")
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

// match is what a rule looks at behind the port: addresses.
type match struct {
	family
	addrs string
	alive bool // the ports are those in SetAlive
}

// tcp and udp open the match with the port, which most packets fail at once. Addresses
// of ruled names are taken whether scrim runs or not; the rest of ScopeAll only while it
// does, so that it goes on when scrim is gone.
func (m match) tcp(w *writer) string {
	if m.alive {
		return "tcp dport @" + SetAlive + " " + m.addrs
	}
	return "tcp dport { " + w.ports() + " } " + m.addrs
}

func (m match) udp() string {
	if m.alive {
		return "udp dport @" + SetAlive + " " + m.addrs
	}
	return fmt.Sprintf("udp dport %d %s", quicPort, m.addrs)
}

// to gives the matches of the scope's destinations. from comes first in each.
func (w *writer) to(f family, from string) []match {
	out := []match{{family: f, addrs: fmt.Sprintf("%s%s daddr @%s", from, f.word, f.set)}}
	if w.cfg.Scope != ScopeAll {
		return out
	}
	addrs := fmt.Sprintf("%smeta nfproto %s", from, f.proto)
	if not := prefixes(w.cfg.Exclude, f); not != "" {
		addrs += fmt.Sprintf(" %s daddr != { %s }", f.word, not)
	}
	return append(out, match{family: f, addrs: addrs, alive: true})
}

// forwarded gives the matches for each family in which there are clients.
func (w *writer) forwarded(rule func(match)) {
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
		for _, m := range w.to(f, from) {
			rule(m)
		}
	}
}

// local gives the matches for each family for the connections of local users.
func (w *writer) local(rule func(match)) {
	from := fmt.Sprintf("meta skuid { %s } ", strings.Join(w.cfg.LocalUsers, ", "))
	w.line("meta skuid %d return", w.cfg.OwnUID)
	w.line("fib daddr type local return")
	for _, f := range families() {
		for _, m := range w.to(f, from) {
			rule(m)
		}
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

// redirect takes connections by NAT (priority before dstnat, -100). While nobody
// listens on our port they are refused.
func (w *writer) redirect() {
	take := func(m match) { w.line("%s redirect to :%d", m.tcp(w), w.cfg.Port) }
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
// mark, and taken there. The mark of others is set only behind "tproxy", which ends
// the rule when nobody listens: then the chain refuse_forward has the last word.
func (w *writer) tproxy() {
	take := func(m match) {
		w.line("%s tproxy %s to :%d meta mark set %#x accept", m.tcp(w), m.word, w.cfg.Port, Mark)
	}
	w.chain("tproxy_prerouting", "filter", "prerouting", -155)
	w.line("meta l4proto tcp socket transparent 1 meta mark set %#x accept", Mark)
	w.line("fib daddr type local return")
	if len(w.cfg.LocalUsers) > 0 {
		for _, f := range families() {
			take(match{family: f, addrs: fmt.Sprintf("iifname lo meta mark %#x meta nfproto %s", Mark, f.proto)})
		}
	}
	w.forwarded(take)
	w.close()
	if len(w.cfg.LocalUsers) > 0 {
		w.chain("tproxy_output", "route", "output", -155)
		w.local(func(m match) { w.line("%s meta mark set %#x", m.tcp(w), Mark) })
		w.close()
	}
}

// refuse rejects QUIC of the scope and counts it by client (priority before filter, 0), and in mode tproxy also
// connections to ruled names that could not be taken, because scrim does not run.
func (w *writer) refuse() {
	quic := func(m match) { w.line("%s jump quic", m.udp()) }
	w.open("chain quic")
	w.line("update @%s { ip saddr counter }", SetQUIC4)
	w.line("update @%s { ip6 saddr counter }", SetQUIC6)
	w.line("reject")
	w.close()
	w.chain("refuse_forward", "filter", "forward", -5)
	w.forwarded(quic)
	if w.cfg.Mode == TProxy {
		w.forwarded(func(m match) {
			if !m.alive {
				w.line("%s reject with tcp reset", m.tcp(w))
			}
		})
	}
	w.close()
	if len(w.cfg.LocalUsers) > 0 {
		w.chain("refuse_output", "filter", "output", -5)
		w.local(quic)
		w.close()
	}
}
