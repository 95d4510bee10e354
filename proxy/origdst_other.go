//go:build !linux

package proxy

import (
	"errors"
	"net"
	"net/netip"
)

// originalDst is a thing of Linux: elsewhere the other doors serve.
func originalDst(*net.TCPConn, bool) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.New("the transparent door needs Linux; use the explicit door, or DNS")
}
