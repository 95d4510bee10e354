//go:build !linux

package proxy

import (
	"context"
	"errors"
	"net"
)

// listenTCP opens a listener. TPROXY is a thing of Linux.
func listenTCP(ctx context.Context, addr string, tproxy bool) (*net.TCPListener, error) {
	if tproxy {
		return nil, errors.New("TPROXY needs Linux")
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// userTimeout does nothing here: keep-alive alone finds peers that are gone.
func userTimeout(*net.TCPConn) {}
