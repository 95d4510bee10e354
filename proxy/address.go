package proxy

import (
	"fmt"
	"net/netip"
)

// AddressError says why scrim does not connect to an address. It is a refusal by policy, not a failure.
type AddressError struct {
	Addr netip.AddrPort
	Why  string
	near bool // it would be allowed to a client of the same network
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("not connecting to %s: %s", e.Addr, e.Why)
}

// The special networks that netip has no word for.
var (
	sharedSpace   = netip.MustParsePrefix("100.64.0.0/10")   // RFC 6598
	siteLocal     = netip.MustParsePrefix("fec0::/10")       // RFC 3879
	thisNetwork   = netip.MustParsePrefix("0.0.0.0/8")       // RFC 1122, section 3.2.1.3
	reserved      = netip.MustParsePrefix("240.0.0.0/4")     // RFC 1112, section 4; the broadcast address among them
	nat64         = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052, section 2.1
	nat64Local    = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour     = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo        = netip.MustParsePrefix("2001::/32")       // RFC 4380
	translated    = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, section 2.1
	v4Compatible  = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1
	metadataAddrs = [...]netip.Addr{
		netip.MustParseAddr("169.254.169.254"), // link-local anyway; named so that the text says what it is
		netip.MustParseAddr("fd00:ec2::254"),
		netip.MustParseAddr("100.100.100.200"),
		netip.MustParseAddr("192.0.0.192"),
		netip.MustParseAddr("168.63.129.16"),
	}
)

// isPrivate reports whether addr belongs to a house or its provider and not to the internet.
func isPrivate(addr netip.Addr) bool {
	return addr.IsPrivate() || sharedSpace.Contains(addr) || siteLocal.Contains(addr)
}

// embedded returns the IPv4 address that a translator would reach for addr, or the zero Addr.
func embedded(addr netip.Addr) netip.Addr {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return netip.Addr{}
}

// addressPolicy decides which addresses may be dialled. It is asked with the address really dialled, after resolution.
type addressPolicy struct {
	links        *links
	allowPrivate []netip.Prefix
	ownPorts     func(port uint16) bool // ports that our own doors, or the rest of scrim, listen on
}

// check says whether a client in network near (zero: any client) may be connected to to. The error is an *AddressError.
func (a *addressPolicy) check(near netip.Prefix, to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	to = netip.AddrPortFrom(addr, to.Port())
	if err := a.itself(to); err != nil {
		return err
	}
	if why := forbidden(addr); why != "" {
		return &AddressError{Addr: to, Why: why}
	}
	if inner := embedded(addr); inner.IsValid() {
		if err := a.check(near, netip.AddrPortFrom(inner, to.Port())); err != nil {
			return err
		}
	}
	if !isPrivate(addr) || (near.IsValid() && near.Contains(addr)) {
		return nil
	}
	for _, prefix := range a.allowPrivate {
		if prefix.Contains(addr) {
			return nil
		}
	}
	return &AddressError{Addr: to, Why: "a private address outside the client's own network; name it in upstream.allow_private", near: true}
}

// itself refuses a loop: one of our own ports on one of our own addresses. It holds for fixed addresses too.
func (a *addressPolicy) itself(to netip.AddrPort) error {
	addr := to.Addr().Unmap().WithZone("")
	if a.ownPorts(to.Port()) && (addr.IsLoopback() || addr.IsUnspecified() || a.links.own(addr)) {
		return &AddressError{Addr: to, Why: "it is scrim itself"}
	}
	return nil
}

// forbidden says why nobody is ever connected to addr, or "".
func forbidden(addr netip.Addr) string {
	for _, m := range metadataAddrs {
		if addr == m {
			return "the metadata service of a machine"
		}
	}
	switch {
	case !addr.IsValid():
		return "not an address"
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsUnspecified() || thisNetwork.Contains(addr):
		return "an unspecified address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case reserved.Contains(addr), v4Compatible.Contains(addr), teredo.Contains(addr), translated.Contains(addr), nat64Local.Contains(addr):
		return "a reserved address"
	}
	return ""
}

// network returns the network of client: the on-link one that holds it, else what surrounds it (/24, /64).
// A client on this machine is in every network of the machine; that is said by other.
func (a *addressPolicy) network(client, other netip.Addr) netip.Prefix {
	if client.IsLoopback() || a.links.own(client) {
		return a.links.of(other)
	}
	if p := a.links.of(client); p.IsValid() {
		return p
	}
	bits := 24
	if client.Is6() {
		bits = 64
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
