package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// takeSOCKS serves door 5, SOCKS5 (RFC 1928): CONNECT without authentication.
func (p *Proxy) takeSOCKS(c *clientConn) {
	c.flow.Door = DoorSOCKS
	p.spawn(func() { p.serveSOCKS(c) })
}

// The replies of RFC 1928, section 6, that are used.
const (
	socksSucceeded   = 0
	socksNotAllowed  = 2
	socksUnreachable = 4
	socksNoCommand   = 7
	socksNoAddress   = 8
)

func (p *Proxy) serveSOCKS(c *clientConn) {
	c.tcp.SetDeadline(time.Now().Add(p.cfg.Limits.HeaderTimeout))
	to, code, err := readSOCKS(c.tcp)
	if err != nil {
		if code != 0 {
			replySOCKS(c.tcp, code)
		}
		p.lose(c, c.flow, err.Error())
		return
	}
	f := p.exchangeFlow(c.flow)
	f.To = to
	f.Gate = p.cfg.Rules().Gate(p.client(f), to.Host)
	var origin net.Conn
	switch f.Gate.Answer {
	case rules.Block:
		replySOCKS(c.tcp, socksNotAllowed)
		p.refuse(c, f, peeked{}, "a rule refuses "+to.Host)
		return
	case rules.Tunnel:
		if origin, err = p.up().dialTunnel(p.life, f); err != nil {
			code := byte(socksUnreachable)
			if p.unreached(f, err) {
				code = socksNotAllowed
			}
			replySOCKS(c.tcp, code)
			c.Close()
			return
		}
		if !c.join(origin) {
			return
		}
	}
	if err := replySOCKS(c.tcp, socksSucceeded); err != nil {
		p.lose(c, f, "the client closed the connection")
		return
	}
	c.tcp.SetDeadline(time.Time{})
	p.admit(c, f, origin)
}

// readSOCKS reads greeting and request, exactly. A code other than zero is the reply that the error deserves.
func readSOCKS(rw io.ReadWriter) (to rules.Destination, code byte, err error) {
	var b [256]byte
	if _, err := io.ReadFull(rw, b[:2]); err != nil {
		return to, 0, errors.New("the SOCKS greeting is not whole")
	}
	if b[0] != 5 {
		return to, 0, errors.New("the greeting is not SOCKS version 5")
	}
	methods := b[2 : 2+min(int(b[1]), 254)]
	if _, err := io.ReadFull(rw, methods); err != nil || int(b[1]) == 255 {
		return to, 0, errors.New("the SOCKS greeting is not whole")
	}
	method := byte(0xff)
	for _, m := range methods {
		if m == 0 { // no authentication
			method = 0
		}
	}
	if _, err := rw.Write([]byte{5, method}); err != nil || method != 0 {
		return to, 0, errors.New("the client wants to authenticate to SOCKS; no authentication is the only method here")
	}
	if _, err := io.ReadFull(rw, b[:4]); err != nil || b[0] != 5 {
		return to, 0, errors.New("the SOCKS request is not whole")
	}
	if b[1] != 1 {
		return to, socksNoCommand, errors.New("the SOCKS request is not CONNECT; BIND and UDP are not served")
	}
	return readSOCKSAddress(rw, b[3])
}

func readSOCKSAddress(r io.Reader, kind byte) (to rules.Destination, code byte, err error) {
	var b [258]byte
	size := 0
	switch kind {
	case 1:
		size = 4
	case 4:
		size = 16
	case 3:
		if _, err := io.ReadFull(r, b[:1]); err != nil {
			return to, 0, errors.New("the SOCKS request is not whole")
		}
		size = int(b[0])
	default:
		return to, socksNoAddress, errors.New("the SOCKS request has an unknown kind of address")
	}
	if _, err := io.ReadFull(r, b[:size+2]); err != nil {
		return to, 0, errors.New("the SOCKS request is not whole")
	}
	host := string(b[:size])
	if kind != 3 {
		addr, _ := netip.AddrFromSlice(b[:size])
		to.Addr = addr.Unmap()
		host = to.Addr.String()
	}
	to.Port = uint16(b[size])<<8 | uint16(b[size+1])
	to.Scheme, to.Evidence = "https", rules.FromAuthority
	if to.Host, err = cleanHost(host); err != nil || to.Port == 0 {
		return to, socksUnreachable, errors.New("the SOCKS request names no host and port")
	}
	return to, 0, nil
}

func replySOCKS(w io.Writer, code byte) error {
	_, err := w.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}
