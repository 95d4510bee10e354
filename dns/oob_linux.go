package dns

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// oobSize has room for one in6_pktinfo and its header.
const oobSize = 64

// controlUDP asks the kernel to tell where each datagram arrived.
func controlUDP(network, _ string, c syscall.RawConn) error {
	var err error
	fail := c.Control(func(fd uintptr) {
		if network == "udp4" {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
			return
		}
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
	if fail != nil {
		return fail
	}
	return err
}

// readOOB reads where a datagram arrived, and returns what makes the answer leave from
// there: the same control message, without the interface unless the address needs it,
// so that the routing table decides.
func readOOB(oob []byte, who *peer) []byte {
	hdr, data, _, err := unix.ParseOneSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	switch {
	case hdr.Level == unix.IPPROTO_IP && hdr.Type == unix.IP_PKTINFO && len(data) >= 12:
		who.index = int(binary.NativeEndian.Uint32(data))
		who.local, _ = netip.AddrFromSlice(data[4:8])
		clear(data[:4])
	case hdr.Level == unix.IPPROTO_IPV6 && hdr.Type == unix.IPV6_PKTINFO && len(data) >= 20:
		who.local, _ = netip.AddrFromSlice(data[:16])
		who.index = int(binary.NativeEndian.Uint32(data[16:]))
		if !who.local.IsLinkLocalUnicast() {
			clear(data[16:20])
		}
	default:
		return nil
	}
	return oob
}
