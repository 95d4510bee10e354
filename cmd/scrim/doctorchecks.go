package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/deploy/nft"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// rules runs the examples of all rules.
func (p *patient) rules() {
	book, err := p.cfg.loadProven()
	if err != nil {
		p.fault("rules", strings.SplitN(err.Error(), "\n", 2)[0], "see \"scrim check\"")
		return
	}
	p.book = book
	p.ok("rules", summary(book.set)+", all examples pass")
}

// doors holds what is open against what is configured; without a running scrim it tries to open each.
func (p *patient) doors() {
	for _, d := range doors(p.cfg.Settings) {
		if d.addr == "" || !slices.Contains(builtDoors(), d.word) {
			continue
		}
		name := "door " + d.word
		if p.running == nil {
			p.tryDoor(name, string(d.addr))
			continue
		}
		if addr, open := p.vitals.Doors[d.word]; open {
			p.ok(name, "open at "+addr)
		} else {
			p.fault(name, "not open, though "+d.key+" is "+string(d.addr), "restart scrim: a door opens at its start")
		}
	}
	for _, w := range p.vitals.Warnings {
		key, says, _ := strings.Cut(w, ": ")
		p.fault(key, says, "")
	}
}

// tryDoor opens a door for a moment: as another user than scrim's it says what that user may.
func (p *patient) tryDoor(name, addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		err = explainListen(err)
		p.fault(name, oneLine(err).Error(), hintOf(err))
		return
	}
	l.Close()
	p.ok(name, "can be opened at "+addr)
}

// firewall asks the kernel for all that the rules need.
func (p *patient) firewall(ctx context.Context) {
	if p.cfg.Listen.Transparent == "" {
		return
	}
	settings, err := p.cfg.firewallConfig()
	if err == nil {
		err = nft.Check(ctx, settings)
	}
	var missing *nft.MissingError
	switch {
	case errors.As(err, &missing) && os.Getuid() != 0:
		p.skip("firewall", "only root can ask the kernel for what the rules need")
	case err != nil:
		p.fault("firewall", err.Error(), "")
	default:
		p.ok("firewall", "the kernel takes the rules of mode "+string(settings.Mode)+", scope "+string(settings.Scope))
	}
}

// names looks at the resolvers of the DNS door.
func (p *patient) names(ctx context.Context) {
	if p.running == nil || p.vitals.Doors["dns"] == "" {
		return
	}
	for _, r := range p.vitals.DNS {
		switch {
		case r.Looped:
			p.fault("resolver "+r.URL, "it forwards to scrim: a loop", "name one in dns.upstreams that does not ask scrim")
		case !r.Good:
			p.warn("resolver "+r.URL, "it does not answer: "+r.Fault, "name another one beside it in dns.upstreams")
		default:
			p.ok("resolver "+r.URL, "no fault so far, and it does not ask scrim")
		}
	}
	host := p.telemetryHost()
	if host == "" {
		return
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, local(p.vitals.Doors["dns"]))
	}}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addrs, err := resolver.LookupNetIP(ctx, "ip", host+".")
	own := slices.ContainsFunc(addrs, isOwn)
	switch {
	case err != nil:
		p.fault("dns", "asking the DNS door for "+host+": "+cause(err), "")
	case p.cfg.DNS.Answer == "self" && !own:
		p.fault("dns", "the DNS door does not answer "+host+" with this machine's address", "")
	case p.cfg.DNS.Answer == "origin" && own:
		p.fault("dns", "the DNS door answers "+host+" with this machine's address, though dns.answer is origin", "another resolver of the house may rewrite it")
	default:
		p.ok("dns", "ruled names are answered as dns.answer: "+p.cfg.DNS.Answer+" says")
	}
}

// telemetryHost is a name that is intercepted, the owner's own rules first; "" if there is none.
func (p *patient) telemetryHost() string {
	if p.book == nil {
		return ""
	}
	for _, h := range p.book.set.Hosts() {
		if h.Class == rules.Telemetry && !h.Refused && !strings.HasPrefix(h.Name, "*") {
			return h.Name
		}
	}
	return ""
}

func isOwn(addr netip.Addr) bool {
	if addr.Unmap().IsLoopback() {
		return true
	}
	own, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(own, func(o net.Addr) bool {
		prefix, err := netip.ParsePrefix(o.String())
		return err == nil && prefix.Addr().Unmap() == addr.Unmap()
	})
}

// local is an address at which a door can be reached from this machine.
func local(addr string) string {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
}

// authority looks at the root's time.
func (p *patient) authority() {
	const soon = 30 * 24 * time.Hour
	switch left := time.Until(p.vitals.Expires); {
	case p.running == nil:
	case left < soon:
		p.warn("ca", "the root ends "+p.vitals.Expires.Format(time.DateOnly), "make a new one: scrim ca rotate, and install it on the devices")
	default:
		p.ok("ca", "the root holds until "+p.vitals.Expires.Format(time.DateOnly))
	}
}

// leastFree is what should be free where the ledger lives, beside what it may still take.
const leastFree = 64 << 20

// storage looks at the disk, and walks the chain.
func (p *patient) storage(ctx context.Context) {
	free, err := freeSpace(p.cfg.stateDir())
	switch need := max(p.vitals.Limit-p.vitals.Used, 0) + leastFree; {
	case err != nil:
		p.skip("disk", "the state directory cannot be looked at: "+cause(err))
	case free < leastFree:
		p.fault("disk", size(free>>20<<20).String()+" are free in "+p.cfg.stateDir(), "make room: when the disk is full, telemetry no longer leaves")
	case p.running != nil && free < need && p.cfg.Ledger.Store == "sqlite":
		p.warn("disk", size(free>>20<<20).String()+" are free, the ledger may still grow by "+size((need-leastFree)>>20<<20).String(), "make room, or lower ledger.keep.size")
	default:
		p.ok("disk", size(free>>20<<20).String()+" are free")
	}
	if p.running == nil {
		return
	}
	if p.vitals.Ledger != "" {
		p.fault("ledger", "it cannot append: "+p.vitals.Ledger, "until it can, telemetry does not leave")
		return
	}
	report, err := p.running.Verify(ctx)
	switch {
	case err != nil:
		p.fault("ledger", "it cannot be read: "+cause(err), "")
	case !report.Good:
		p.fault("ledger", "its chain is broken", "see \"scrim log verify\"")
	default:
		p.ok("ledger", "it appends, and its chain is whole")
	}
}

// covered says what goes around scrim.
func (p *patient) covered() {
	c := &p.vitals.Coverage
	clean := true
	for i := range c.Clients {
		clean = p.coveredClient(&c.Clients[i]) && clean
	}
	switch {
	case len(c.Clients) == 0:
		p.skip("coverage", "no client has come yet")
	case clean && !c.DNS:
		p.skip("coverage", "what clients ask DNS for is not seen: listen.dns is off")
	case clean:
		p.ok("coverage", "all that clients asked for came")
	}
}

func (p *patient) coveredClient(c *ledger.CoverageClient) (clean bool) {
	name, clean := "coverage of "+c.Client, true
	for _, product := range c.Products {
		for _, n := range product.Names {
			if n.Standing == ledger.Around {
				p.warn(name, fmt.Sprintf("it asked for %s %d times, and nothing came", n.Name, n.Asked), "it may use IPv6, a VPN or another way that the firewall does not cover, or it only looked the name up")
				clean = false
			}
		}
	}
	if len(c.Bypass) > 0 {
		p.warn(name, "it uses resolvers of its own: "+strings.Join(c.Bypass, ", "), "turn off DNS over HTTPS there, or refuse these names with a rule")
		clean = false
	}
	return clean
}
