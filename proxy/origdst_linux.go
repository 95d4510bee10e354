package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// originalDst asks the kernel where a connection went before nftables redirected it.
func originalDst(tcp *net.TCPConn, six bool) (netip.AddrPort, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("asking for the original destination: %w", err)
	}
	var to netip.AddrPort
	var failed error
	err = raw.Control(func(fd uintptr) {
		if six {
			to, failed = originalDst6(fd)
			return
		}
		to, failed = originalDst4(fd)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("asking for the original destination (was the connection redirected?): %w", err)
	}
	return to, nil
}

// originalDst4 reads a sockaddr_in into a value of x/sys that is large enough: IPv6Mreq has 20 bytes, sockaddr_in 16.
func originalDst4(fd uintptr) (netip.AddrPort, error) {
	v, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b := v.Multiaddr // family (2), port (2), address (4)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4])), nil
}

// originalDst6 does the same with IPv6MTUInfo, which begins with a sockaddr_in6.
func originalDst6(fd uintptr) (netip.AddrPort, error) {
	v, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(netip.AddrFrom16(v.Addr.Addr).Unmap(), networkOrder(v.Addr.Port)), nil
}

// networkOrder reads a port as it lies in memory.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
