package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	miekg "github.com/miekg/dns"
)

// tcpIdle is how long a client's connection may be silent or take for a message
// (RFC 7766, section 6.2.3).
const tcpIdle = 10 * time.Second

// serveTCP accepts connections, and no more than there is room for.
func (s *Server) serveTCP(ctx context.Context, l *net.TCPListener) {
	for {
		select {
		case s.conns <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c, err := l.AcceptTCP()
		if err != nil {
			<-s.conns
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors, most likely
			continue
		}
		s.work.Go(func() {
			defer func() { <-s.conns }()
			s.serveConn(ctx, c)
		})
	}
}

// serveConn answers the queries of one connection, in order.
func (s *Server) serveConn(ctx context.Context, c *net.TCPConn) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	from := peer{
		client: c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone(""),
		local:  c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(),
	}
	if zone := from.local.Zone(); zone != "" {
		if in, err := net.InterfaceByName(zone); err == nil {
			from.index = in.Index
		}
		from.local = from.local.WithZone("")
	}
	var in, out []byte
	for {
		c.SetDeadline(time.Now().Add(tcpIdle))
		var err error
		if in, err = readFramed(c, in); err != nil {
			return
		}
		if !s.admit(from.client, s.now()) {
			return
		}
		reply := s.answerTCP(ctx, append(out[:0], 0, 0), in, &from)
		if len(reply) <= 2 || len(reply)-2 > maxMessage {
			return
		}
		out = reply
		binary.BigEndian.PutUint16(out, uint16(len(out)-2))
		c.SetWriteDeadline(time.Now().Add(tcpIdle))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func (s *Server) answerTCP(ctx context.Context, dst, raw []byte, from *peer) []byte {
	var q query
	reply, done := s.quick(dst, &q, raw, from, s.now())
	if done {
		return reply
	}
	if !s.limit.enter(from.client, s.now()) {
		s.count.busy.Add(1)
		return appendEmpty(dst, &q, miekg.RcodeServerFailure)
	}
	defer s.limit.leave(from.client)
	return s.slow(ctx, dst, &q, from)
}

// readFramed reads a message with its length in front, into buf if there is room.
func readFramed(r io.Reader, buf []byte) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	_, err := io.ReadFull(r, buf)
	return buf, err
}
