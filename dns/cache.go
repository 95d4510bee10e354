package dns

import (
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// entryCost is what an entry takes besides its message, names and offsets, in bytes.
const entryCost = 400

// cache holds answers up to a number of bytes; those used last stay. An entry that ran
// out stays for a time, to be handed out when no upstream answers (RFC 8767).
type cache struct {
	limit int           // bytes
	stale time.Duration // how long after its end an entry may serve

	mu      sync.Mutex // guards what follows
	entries map[key]*entry
	size    int
	ring    entry // next: used last; prev: the first to go
}

func newCache(limit int, stale time.Duration) *cache {
	c := &cache{limit: limit, stale: stale, entries: map[key]*entry{}}
	c.ring.prev, c.ring.next = &c.ring, &c.ring
	return c
}

func (e *entry) cost() int {
	n := entryCost + len(e.raw) + 2*cap(e.ttls) + 32*cap(e.addrs) + len(e.key.name)
	for _, name := range e.names {
		n += 16 + len(name)
	}
	return n
}

// get finds an answer. usable says that it may be handed out without asking: it is
// fresh, or stale while upstreams are known to fail.
func (c *cache) get(k key, now time.Time) (e *entry, usable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e = c.entries[k]
	if e == nil {
		return nil, false
	}
	if e.fresh(now) {
		c.front(e)
		return e, true
	}
	if now.Sub(e.stored) >= time.Duration(e.ttl)*time.Second+c.stale || now.Before(e.stored) || e.rcode == miekg.RcodeServerFailure {
		c.remove(e)
		return nil, false
	}
	c.front(e)
	return e, now.Before(e.recheck)
}

// put enters an answer, and makes room for it. A failure does not replace an answer.
func (c *cache) put(e *entry) {
	if e.ttl == 0 || e.cost() > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[e.key]; old != nil {
		if e.rcode == miekg.RcodeServerFailure && old.rcode != miekg.RcodeServerFailure {
			return
		}
		c.remove(old)
	}
	c.entries[e.key] = e
	c.size += e.cost()
	c.link(e)
	for c.size > c.limit {
		c.remove(c.ring.prev)
	}
}

// failed notes that an entry could not be renewed, so that it serves for a while
// without another try (RFC 8767, section 5, failure recheck timer).
func (c *cache) failed(e *entry, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.recheck = until
}

// flush forgets everything.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	c.size = 0
	c.ring.prev, c.ring.next = &c.ring, &c.ring
}

// used gives the number of entries and their bytes.
func (c *cache) used() (entries, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.size
}

// The rest is called with mu held.

func (c *cache) link(e *entry) {
	e.prev, e.next = &c.ring, c.ring.next
	e.prev.next, e.next.prev = e, e
}

func (c *cache) unlink(e *entry) { e.prev.next, e.next.prev = e.next, e.prev }

func (c *cache) front(e *entry) {
	if c.ring.next != e {
		c.unlink(e)
		c.link(e)
	}
}

func (c *cache) remove(e *entry) {
	c.unlink(e)
	delete(c.entries, e.key)
	c.size -= e.cost()
}
