package proxy

import (
	"io"
	"net"
	"time"
)

// unackedMost is how long a tunnel waits for a peer to acknowledge what was sent.
const unackedMost = 5 * time.Minute

// tunnel copies between client and origin without looking, until both sides have ended. Both are bare TCP
// connections, so that the kernel does the copying (splice on Linux), and half-closing works through it.
// It closes both.
func (p *Proxy) tunnel(c *clientConn, origin net.Conn, f *Flow) {
	defer c.Close()
	if !c.join(origin) {
		return
	}
	c.tcp.SetDeadline(time.Time{})
	userTimeout(c.tcp)
	if tcp, ok := origin.(*net.TCPConn); ok {
		userTimeout(tcp)
	}
	p.cfg.Book.AddTunnel(f.Client.String(), f.To.Host, f.To.Port, 0, 0)
	early := c.early
	c.early = nil
	if len(early) > 0 {
		if _, err := origin.Write(early); err != nil {
			return
		}
	}
	t := tunnelCopy{half: p.cfg.Limits.HalfClosed}
	var down int64
	done := make(chan struct{})
	p.spawn(func() {
		defer close(done)
		down = t.copy(c.tcp, origin)
	})
	up := t.copy(origin, c.tcp) + int64(len(early))
	<-done
	p.cfg.Book.GrowTunnel(f.Client.String(), f.To.Host, f.To.Port, down, up)
}

// tunnelCopy is the two directions of one tunnel.
type tunnelCopy struct {
	half time.Duration
}

// copy moves what src says to dst. At its end dst's write side is closed; after a fault both are.
func (t tunnelCopy) copy(dst, src net.Conn) int64 {
	n, err := io.Copy(dst, src)
	if err != nil {
		dst.Close()
		src.Close()
		return n
	}
	if w, ok := dst.(interface{ CloseWrite() error }); !ok || w.CloseWrite() != nil {
		dst.Close()
		return n
	}
	dst.SetReadDeadline(time.Now().Add(t.half)) // a peer that never ends its side does not hold the tunnel for ever
	return n
}
