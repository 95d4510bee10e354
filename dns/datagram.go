package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	udpTry      = 1500 * time.Millisecond // then the datagram is sent again
	udpTries    = 3
	maxIdle     = 64               // sockets kept for the next query
	socketUses  = 32               // then a socket is replaced by one with a new port
	socketLife  = 10 * time.Second // likewise
	replyBuffer = 4096
)

// datagram asks over UDP, and over TCP when the answer is truncated. A socket carries
// one query at a time, and few in its life, so that its port stays hard to guess
// (RFC 5452, section 9.2).
type datagram struct {
	target *dialTarget
	stream *stream

	mu   sync.Mutex // guards idle
	idle []*socket
}

type socket struct {
	net.Conn
	born time.Time
	uses int
	buf  [replyBuffer]byte
}

func (d *datagram) exchange(ctx context.Context, query []byte) ([]byte, error) {
	s, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := s.exchange(ctx, query)
	if err != nil {
		s.Close() // a late answer must not meet the next query
		return nil, err
	}
	d.give(s)
	if binary.BigEndian.Uint16(raw[2:])&flagTC == 0 {
		return raw, nil
	}
	return d.stream.exchange(ctx, query)
}

func (d *datagram) take(ctx context.Context) (*socket, error) {
	now := time.Now()
	d.mu.Lock()
	for len(d.idle) > 0 {
		s := d.idle[len(d.idle)-1]
		d.idle = d.idle[:len(d.idle)-1]
		if now.Sub(s.born) < socketLife {
			d.mu.Unlock()
			return s, nil
		}
		s.Close()
	}
	d.mu.Unlock()
	c, err := d.target.dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	return &socket{Conn: c, born: now}, nil
}

func (d *datagram) give(s *socket) {
	s.uses++
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.uses >= socketUses || len(d.idle) >= maxIdle {
		s.Close()
		return
	}
	d.idle = append(d.idle, s)
}

func (d *datagram) close() {
	d.mu.Lock()
	for _, s := range d.idle {
		s.Close()
	}
	d.idle = nil
	d.mu.Unlock()
	d.stream.close()
}

// exchange sends the query until its answer comes.
func (s *socket) exchange(ctx context.Context, query []byte) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { s.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	query = append(make([]byte, 0, len(query)), query...)
	rand.Read(query[:2])
	for range udpTries {
		if _, err := s.Write(query); err != nil {
			return nil, err
		}
		s.SetReadDeadline(time.Now().Add(udpTry))
		if ctx.Err() != nil { // it may have ended before the deadline was moved
			return nil, context.Cause(ctx)
		}
		raw, err := s.receive(query)
		if err == nil {
			return raw, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
	return nil, errors.New("no answer")
}

// receive waits for the answer to query; other datagrams are passed over.
func (s *socket) receive(query []byte) ([]byte, error) {
	for {
		n, err := s.Read(s.buf[:])
		if err != nil {
			return nil, err
		}
		got := s.buf[:n]
		if n < headerLen || got[0] != query[0] || got[1] != query[1] || got[2]&(flagQR>>8) == 0 || !sameQuestion(query, got) {
			continue
		}
		return append(make([]byte, 0, n), got...), nil
	}
}
