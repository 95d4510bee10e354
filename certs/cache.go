package certs

import (
	"container/list"
	"crypto/tls"
	"sync"
	"time"
)

// cache keeps the leaves used last. One maker runs for each name at a time; the
// others that want it wait for the first.
type cache struct {
	limit int

	mu      sync.Mutex // guards what follows
	entries map[string]*list.Element
	order   *list.List // of *leaf; the one used last in front
}

// leaf is a cached certificate, or one in the making until ready is closed.
type leaf struct {
	host  string
	ready chan struct{}
	cert  *tls.Certificate
	until time.Time // made anew from here on
	err   error
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

// get returns host's leaf, made by make if there is none that is good at now.
func (c *cache) get(host string, now time.Time, make func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	entry, mine := c.claim(host, now)
	if !mine {
		<-entry.ready
		return entry.cert, entry.err
	}
	entry.cert, entry.err = make()
	if entry.err == nil {
		ends := entry.cert.Leaf.NotAfter
		entry.until = ends.Add(-min(leafRenewBefore, ends.Sub(now)/3))
	}
	close(entry.ready)
	if entry.err != nil {
		c.drop(entry)
	}
	return entry.cert, entry.err
}

// claim finds host's entry, or enters a new one that the caller must fill.
func (c *cache) claim(host string, now time.Time) (entry *leaf, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[host]; ok {
		entry = e.Value.(*leaf)
		if entry.good(now) {
			c.order.MoveToFront(e)
			return entry, false
		}
		c.remove(e)
	}
	entry = &leaf{host: host, ready: make(chan struct{})}
	c.entries[host] = c.order.PushFront(entry)
	for c.order.Len() > c.limit {
		c.remove(c.order.Back())
	}
	return entry, true
}

// good reports whether the leaf may be handed out at now; one in the making is.
// A clock that was set back makes a leaf bad too.
func (l *leaf) good(now time.Time) bool {
	select {
	case <-l.ready:
		return l.err == nil && now.Before(l.until) && !now.Before(l.cert.Leaf.NotBefore)
	default:
		return true
	}
}

func (c *cache) drop(entry *leaf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[entry.host]; ok && e.Value == entry {
		c.remove(e)
	}
}

// remove is called with mu held.
func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.entries, e.Value.(*leaf).host)
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}
