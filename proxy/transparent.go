package proxy

import (
	"net"
	"net/netip"

	"github.com/scrimproxy/scrim/rules"
)

// takeTransparent serves door 2: connections that nftables sent here. The kernel knows where they were going: by
// SO_ORIGINAL_DST after REDIRECT, by the local address after TPROXY.
func (p *Proxy) takeTransparent(c *clientConn) {
	f := c.flow
	f.Door = DoorTransparent
	to, err := p.originalDestination(c.tcp)
	if err != nil {
		p.lose(c, f, err.Error())
		return
	}
	local := c.tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	if !p.cfg.Listen.TProxy && to == unmapped(local) && p.ownPort(to.Port()) {
		p.refuse(c, f, peeked{}, "the connection was made to the transparent door itself, not redirected to it")
		return
	}
	f.To = rules.Destination{Scheme: schemeOf(to.Port()), Port: to.Port(), Addr: to.Addr(), Evidence: rules.FromAddress}
	p.spawn(func() { p.admit(c, f, nil) })
}

func (p *Proxy) originalDestination(tcp *net.TCPConn) (netip.AddrPort, error) {
	local := unmapped(tcp.LocalAddr().(*net.TCPAddr).AddrPort())
	if p.cfg.Listen.TProxy {
		return local, nil
	}
	return originalDst(tcp, local.Addr().Is6())
}

func unmapped(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

func schemeOf(port uint16) string {
	if port == 80 {
		return "http"
	}
	return "https"
}
