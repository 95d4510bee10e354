package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// access decides who is served.
type access struct {
	prefixes               []netip.Prefix
	loopback, private, lan bool
	links                  *links
}

// newAccess reads the words and prefixes of clients.allow.
func newAccess(allow []string, links *links) (*access, error) {
	a := &access{links: links}
	for _, word := range allow {
		switch word {
		case "loopback":
			a.loopback = true
		case "private":
			a.private = true
		case "lan":
			a.lan = true
		default:
			prefix, err := parsePrefix(word)
			if err != nil {
				return nil, fmt.Errorf("clients.allow: %q is neither loopback, private, lan nor a network; write it as 192.0.2.0/24", word)
			}
			a.prefixes = append(a.prefixes, prefix)
		}
	}
	return a, nil
}

// parsePrefix reads a CIDR, or an address as a prefix of full length.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	return prefix.Masked(), err
}

func (a *access) allows(addr netip.Addr) bool {
	switch {
	case a.loopback && addr.IsLoopback():
		return true
	case a.private && isPrivate(addr):
		return true
	case a.lan && (addr.IsLinkLocalUnicast() || a.links.of(addr).IsValid()):
		return true
	}
	for _, prefix := range a.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// linksMaxAge is how long the list of the machine's networks is trusted: prefixes come and go with router advertisements.
const linksMaxAge = 30 * time.Second

// links knows the machine's own addresses and the networks they are in.
type links struct {
	read func() ([]netip.Prefix, error) // addresses with the length of their network
	now  func() time.Time

	mu       sync.Mutex // guards the rest
	prefixes []netip.Prefix
	at       time.Time
}

func newLinks(now func() time.Time) *links { return &links{read: interfacePrefixes, now: now} }

// all returns the addresses of this machine, each with the length of its network. An error keeps the last list.
func (l *links) all() []netip.Prefix {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.at.IsZero() || now.Sub(l.at) > linksMaxAge || now.Before(l.at) {
		l.at = now
		if prefixes, err := l.read(); err == nil {
			l.prefixes = prefixes
		}
	}
	return l.prefixes
}

// of returns the on-link network that holds addr, or the zero Prefix. Loopback is no network.
func (l *links) of(addr netip.Addr) netip.Prefix {
	for _, p := range l.all() {
		if !p.Addr().IsLoopback() && p.Masked().Contains(addr) {
			return p.Masked()
		}
	}
	return netip.Prefix{}
}

// own reports whether addr is an address of this machine.
func (l *links) own(addr netip.Addr) bool {
	for _, p := range l.all() {
		if p.Addr() == addr {
			return true
		}
	}
	return false
}

func interfacePrefixes() ([]netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("reading the machine's addresses: %w", err)
	}
	var out []netip.Prefix
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(ipnet.IP)
		if !ok {
			continue
		}
		ones, _ := ipnet.Mask.Size()
		addr = addr.Unmap()
		if prefix := netip.PrefixFrom(addr, ones); prefix.IsValid() {
			out = append(out, prefix)
		}
	}
	return out, nil
}
