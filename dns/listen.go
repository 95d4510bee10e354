package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// ListenError says why the door could not be opened, and which way is left.
type ListenError struct {
	Addr string
	What string // "held by systemd-resolved", "permission denied"
	Fix  string
	Err  error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("listening on %s (DNS door): %s; %s", e.Addr, e.What, e.Fix)
}

// Unwrap gives the system's error.
func (e *ListenError) Unwrap() error { return e.Err }

// listen opens the sockets of every address. An address without host is served on
// IPv4 and IPv6, and on IPv4 alone where the machine has no IPv6.
func (s *Server) listen() error {
	for _, text := range s.cfg.Listen {
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			return fmt.Errorf("listen.dns: %q is not an address; write \":53\" or \"192.0.2.1:53\"", text)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("listen.dns: %q is not a port", port)
		}
		if host != "" {
			if _, err := netip.ParseAddr(host); err != nil {
				return fmt.Errorf("listen.dns: %q is not an address", host)
			}
			if err := s.listenOn(host, port); err != nil {
				return explain(text, err)
			}
			continue
		}
		if err := s.listenOn("0.0.0.0", port); err != nil {
			return explain(text, err)
		}
		port = strconv.Itoa(s.tcp[len(s.tcp)-1].Addr().(*net.TCPAddr).Port) // for ":0"
		if err := s.listenOn("::", port); err != nil && !withoutIPv6(err) {
			return explain(text, err)
		}
	}
	return nil
}

func withoutIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// portTries bounds the search for a port that is free for both, when any will do.
const portTries = 10

// listenOn opens TCP and UDP on the same port.
func (s *Server) listenOn(host, port string) error {
	var err error
	for range portTries {
		if err = s.listenPair(host, port); err == nil || port != "0" || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
	return err
}

func (s *Server) listenPair(host, port string) error {
	family := "4"
	if addr, _ := netip.ParseAddr(host); addr.Is6() {
		family = "6"
	}
	var plain net.ListenConfig
	l, err := plain.Listen(context.Background(), "tcp"+family, net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	informed := net.ListenConfig{Control: func(_, address string, c syscall.RawConn) error {
		return controlUDP("udp"+family, address, c)
	}}
	bound := l.Addr().(*net.TCPAddr)
	p, err := informed.ListenPacket(context.Background(), "udp"+family, net.JoinHostPort(host, strconv.Itoa(bound.Port)))
	if err != nil {
		l.Close()
		return err
	}
	conn := p.(*net.UDPConn)
	conn.SetReadBuffer(1 << 20) // for bursts; the kernel may give less
	s.tcp = append(s.tcp, l.(*net.TCPListener))
	s.udp = append(s.udp, conn)
	return nil
}

// explain turns a bind error into what the owner can do about it.
func explain(addr string, err error) error {
	e := &ListenError{Addr: addr, What: err.Error(), Err: err, Fix: "listen elsewhere, or use the explicit proxy (listen.proxy), which needs no DNS"}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(addr)
		e.What, e.Fix = "the port is in use", "stop the other server, or listen on another port and let it forward to that (scrim setup dns)"
		if name := holder(port); name != "" {
			e.What, e.Fix = "the port is held by "+name, holderFix(name)
		}
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		e.What = "permission denied"
		e.Fix = "give the binary CAP_NET_BIND_SERVICE, or listen on a port from 1024 up and let the house's resolver forward to it (scrim setup dns), or use the explicit proxy"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.What, e.Fix = "this machine does not have the address", "write \":53\" for all addresses, or one of its own"
	}
	return e
}

// holderFix knows the programs that usually hold port 53.
func holderFix(name string) string {
	switch name {
	case "systemd-resolve", "systemd-resolved":
		return "set DNSStubListener=no in /etc/systemd/resolved.conf and restart it, or listen on the network's address instead of all (it holds only 127.0.0.53)"
	case "dnsmasq":
		return "let it ask scrim on another port (scrim setup dns --format dnsmasq), or take port 53 from it with port=0"
	case "unbound":
		return "let it ask scrim on another port (scrim setup dns --format unbound)"
	case "pihole-FTL":
		return "let it ask scrim on another port (scrim setup dns --format pihole)"
	case "AdGuardHome":
		return "let it ask scrim on another port (scrim setup dns --format adguard)"
	}
	return "stop it, or listen on another port and let it forward to that (scrim setup dns)"
}
