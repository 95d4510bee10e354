package proxy

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// clientConn is an accepted connection. It replays what was peeked, is listed until it is closed, and keeps
// the bare TCP connection at hand, because only bare ones can be spliced.
type clientConn struct {
	tcp   *net.TCPConn
	list  *connList
	flow  *Flow
	early []byte // read ahead, not yet consumed; owned by whoever reads
	tail  *tail  // of what is read during a TLS handshake; nil at other times

	mu   sync.Mutex // guards peer and done
	peer net.Conn   // the origin's side of a tunnel: closed with the client's
	done bool
}

func (c *clientConn) Read(b []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(b, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
		return n, nil
	}
	n, err := c.tcp.Read(b)
	if c.tail != nil {
		c.tail.note(b[:n])
	}
	return n, err
}

// Close closes both sides and takes the connection off the list. It may be called more than once.
func (c *clientConn) Close() error {
	c.mu.Lock()
	done, peer := c.done, c.peer
	c.done = true
	c.mu.Unlock()
	if done {
		return net.ErrClosed
	}
	if peer != nil {
		peer.Close()
	}
	err := c.tcp.Close()
	c.list.remove(c)
	return err
}

// join makes peer share the fate of c. It reports false, and closes peer, where c is closed already.
func (c *clientConn) join(peer net.Conn) bool {
	c.mu.Lock()
	done := c.done
	if !done {
		c.peer = peer
	}
	c.mu.Unlock()
	if done {
		peer.Close()
	}
	return !done
}

// leave undoes join: the peer is closed and forgotten.
func (c *clientConn) leave() {
	c.mu.Lock()
	peer := c.peer
	c.peer = nil
	c.mu.Unlock()
	if peer != nil {
		peer.Close()
	}
}

func (c *clientConn) Write(b []byte) (int, error)        { return c.tcp.Write(b) }
func (c *clientConn) CloseWrite() error                  { return c.tcp.CloseWrite() }
func (c *clientConn) LocalAddr() net.Addr                { return c.tcp.LocalAddr() }
func (c *clientConn) RemoteAddr() net.Addr               { return c.tcp.RemoteAddr() }
func (c *clientConn) SetDeadline(t time.Time) error      { return c.tcp.SetDeadline(t) }
func (c *clientConn) SetReadDeadline(t time.Time) error  { return c.tcp.SetReadDeadline(t) }
func (c *clientConn) SetWriteDeadline(t time.Time) error { return c.tcp.SetWriteDeadline(t) }

// connList is every connection that is open, bounded in all and for each client.
type connList struct {
	max, perClient int

	mu       sync.Mutex // guards the rest
	open     map[*clientConn]struct{}
	byClient map[netip.Addr]*clientLoad
}

// clientLoad is what one client has open.
type clientLoad struct{ conns, requests int }

func newConnList(max, perClient int) *connList {
	return &connList{max: max, perClient: perClient, open: map[*clientConn]struct{}{}, byClient: map[netip.Addr]*clientLoad{}}
}

// add lists c, or reports false where a bound is reached.
func (l *connList) add(c *clientConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := l.load(c.flow.Client)
	if len(l.open) >= l.max || load.conns >= l.perClient {
		l.drop(c.flow.Client, load)
		return false
	}
	load.conns++
	l.open[c] = struct{}{}
	return true
}

func (l *connList) remove(c *clientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[c]; !ok {
		return
	}
	delete(l.open, c)
	load := l.load(c.flow.Client)
	load.conns--
	l.drop(c.flow.Client, load)
}

// begin counts a request of client, or reports false where it has too many under way (streams of HTTP/2 among them).
func (l *connList) begin(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := l.load(client)
	if load.requests >= l.perClient {
		return false
	}
	load.requests++
	return true
}

func (l *connList) end(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := l.load(client)
	load.requests--
	l.drop(client, load)
}

func (l *connList) load(client netip.Addr) *clientLoad {
	load := l.byClient[client]
	if load == nil {
		load = &clientLoad{}
		l.byClient[client] = load
	}
	return load
}

func (l *connList) drop(client netip.Addr, load *clientLoad) {
	if load.conns == 0 && load.requests == 0 {
		delete(l.byClient, client)
	}
}

func (l *connList) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// closeAll closes what is still open.
func (l *connList) closeAll() {
	l.mu.Lock()
	all := make([]*clientConn, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
}
