package dns

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	streamIdle   = 20 * time.Second // a connection without queries is closed after this
	streamFlight = 512              // queries on one connection at a time
)

var errClosed = errors.New("connection closed")

// stream asks over TCP (RFC 7766) or TLS (RFC 7858): one connection, many queries in
// flight, answers in any order. It is opened when needed.
type stream struct {
	target *dialTarget
	secure bool

	mu      sync.Mutex // guards what follows
	conn    *streamConn
	dialing chan struct{} // closed when the dial under way has ended
	closed  bool
	readers sync.WaitGroup
}

func newStream(t *dialTarget, secure bool) *stream { return &stream{target: t, secure: secure} }

func (s *stream) exchange(ctx context.Context, query []byte) ([]byte, error) {
	for {
		c, fresh, err := s.connect(ctx)
		if err != nil {
			return nil, err
		}
		raw, err := c.exchange(ctx, query)
		if err == nil || fresh || ctx.Err() != nil || !errors.Is(err, errClosed) {
			return raw, err
		}
		// The server closed a connection that was idle: ask again on a new one.
	}
}

// connect gives the open connection, or makes one.
func (s *stream) connect(ctx context.Context) (c *streamConn, fresh bool, err error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return nil, false, net.ErrClosed
		}
		if c := s.conn; c != nil && !c.ended() {
			s.mu.Unlock()
			return c, false, nil
		}
		wait := s.dialing
		if wait == nil {
			s.dialing = make(chan struct{})
			s.mu.Unlock()
			c, err = s.open(ctx)
			return c, true, err
		}
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// open dials, and starts the reader of the new connection.
func (s *stream) open(ctx context.Context) (*streamConn, error) {
	nc, err := s.dial(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.dialing)
	s.dialing = nil
	if err != nil {
		return nil, err
	}
	if s.closed {
		nc.Close()
		return nil, net.ErrClosed
	}
	c := &streamConn{nc: nc, pending: map[uint16]waiter{}}
	s.conn = c
	s.readers.Go(c.read)
	return c, nil
}

func (s *stream) dial(ctx context.Context) (net.Conn, error) {
	nc, err := s.target.dial(ctx, "tcp")
	if err != nil || !s.secure {
		return nc, err
	}
	secure := tls.Client(nc, s.target.dialer.tls(s.target.host, "dot"))
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return secure, nil
}

func (s *stream) close() {
	s.mu.Lock()
	s.closed = true
	if s.conn != nil {
		s.conn.fail(net.ErrClosed)
	}
	s.mu.Unlock()
	s.readers.Wait()
}

// streamConn is one connection with its queries in flight.
type streamConn struct {
	nc    net.Conn
	write sync.Mutex // held while a message is written

	mu      sync.Mutex // guards what follows
	pending map[uint16]waiter
	err     error
}

type waiter struct {
	query []byte
	reply chan []byte // closed when the connection ends
}

func (c *streamConn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil
}

func (c *streamConn) exchange(ctx context.Context, query []byte) ([]byte, error) {
	w := waiter{query: query, reply: make(chan []byte, 1)}
	id, err := c.enter(w)
	if err != nil {
		return nil, err
	}
	defer c.leave(id)
	framed := make([]byte, 0, len(query)+2)
	framed = binary.BigEndian.AppendUint16(framed, uint16(len(query)))
	framed = append(framed, query...)
	binary.BigEndian.PutUint16(framed[2:], id)
	if err := c.send(framed); err != nil {
		c.fail(err)
		return nil, errClosed
	}
	select {
	case raw, ok := <-w.reply:
		if !ok {
			return nil, errClosed
		}
		return raw, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// enter finds a free id.
func (c *streamConn) enter(w waiter) (uint16, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, errClosed
	}
	if len(c.pending) >= streamFlight {
		return 0, errors.New("too many queries in flight")
	}
	for {
		var b [2]byte
		rand.Read(b[:])
		id := binary.BigEndian.Uint16(b[:])
		if _, taken := c.pending[id]; !taken {
			c.pending[id] = w
			c.nc.SetReadDeadline(time.Now().Add(streamIdle))
			return id, nil
		}
	}
}

func (c *streamConn) leave(id uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

func (c *streamConn) send(framed []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	c.nc.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := c.nc.Write(framed)
	return err
}

// read hands answers to who waits for them, until the connection ends.
func (c *streamConn) read() {
	var size [2]byte
	for {
		if _, err := io.ReadFull(c.nc, size[:]); err != nil {
			c.fail(err)
			return
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c.nc, raw); err != nil {
			c.fail(err)
			return
		}
		c.deliver(raw)
	}
}

// deliver passes over what nobody asked for.
func (c *streamConn) deliver(raw []byte) {
	if len(raw) < headerLen {
		return
	}
	id := binary.BigEndian.Uint16(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.pending[id]
	if !ok || !sameQuestion(w.query, raw) {
		return
	}
	delete(c.pending, id)
	w.reply <- raw
}

// fail ends the connection and all that wait on it.
func (c *streamConn) fail(err error) {
	c.nc.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for id, w := range c.pending {
		delete(c.pending, id)
		close(w.reply)
	}
}
