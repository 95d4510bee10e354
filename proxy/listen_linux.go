package proxy

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenTCP opens a listener; tproxy makes it accept connections to addresses that are not the machine's own.
func listenTCP(ctx context.Context, addr string, tproxy bool) (*net.TCPListener, error) {
	var lc net.ListenConfig
	if tproxy {
		lc.Control = func(network, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) { failed = setTransparent(int(fd), network) })
			if err == nil {
				err = failed
			}
			return err
		}
	}
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// setTransparent sets IP_TRANSPARENT (Linux, Documentation/networking/tproxy.rst); it needs CAP_NET_ADMIN.
func setTransparent(fd int, network string) error {
	err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
	if err == nil && network == "tcp6" {
		err = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1)
	}
	if err != nil {
		return fmt.Errorf("making the socket transparent (needs CAP_NET_ADMIN): %w", err)
	}
	return nil
}

// userTimeout bounds how long sent bytes may go unacknowledged (RFC 5482): a peer that vanished during a transfer.
func userTimeout(tcp *net.TCPConn) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed already
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedMost.Milliseconds()))
	})
}
