package dns

import (
	"net/netip"
	"sync"
	"time"
)

// maxClients bounds how many clients are told apart by the limiter.
const maxClients = 4096

// limiter holds each client to a rate of queries and to a share of those in flight.
// IPv6 clients are told apart by their /64, since each can have any address in it.
type limiter struct {
	rate   float64 // a second; 0 means no limit
	flight int     // queries of one client that wait for an upstream

	mu      sync.Mutex // guards clients
	clients map[netip.Addr]*bucket
}

type bucket struct {
	tokens float64 // of at most a second's worth
	filled time.Time
	flying int
}

func newLimiter(rate, flight int) *limiter {
	return &limiter{rate: float64(rate), flight: flight, clients: map[netip.Addr]*bucket{}}
}

func household(client netip.Addr) netip.Addr {
	if client.Is4() {
		return client
	}
	prefix, _ := client.Prefix(64)
	return prefix.Addr()
}

// allow takes one query off what the client may ask. This machine itself has no
// limit: the house's own resolver may ask for everybody.
func (l *limiter) allow(client netip.Addr, now time.Time) bool {
	if l.rate <= 0 || client.IsLoopback() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(client, now)
	b.tokens = min(l.rate, b.tokens+now.Sub(b.filled).Seconds()*l.rate)
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// enter counts a query that goes to an upstream; leave must follow if it is true.
func (l *limiter) enter(client netip.Addr, now time.Time) bool {
	if client.IsLoopback() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(client, now)
	if b.flying >= l.flight {
		return false
	}
	b.flying++
	return true
}

func (l *limiter) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.clients[household(client)]; b != nil && b.flying > 0 {
		b.flying--
	}
}

// bucket is called with mu held.
func (l *limiter) bucket(client netip.Addr, now time.Time) *bucket {
	client = household(client)
	b := l.clients[client]
	if b == nil {
		if len(l.clients) >= maxClients {
			l.sweep(now)
		}
		b = &bucket{tokens: l.rate, filled: now}
		l.clients[client] = b
	}
	return b
}

// sweep forgets clients that have been silent for a second; where that is not enough,
// any that have nothing in flight.
func (l *limiter) sweep(now time.Time) {
	for client, b := range l.clients {
		if b.flying == 0 && now.Sub(b.filled) > time.Second {
			delete(l.clients, client)
		}
	}
	for client, b := range l.clients {
		if len(l.clients) < maxClients {
			return
		}
		if b.flying == 0 {
			delete(l.clients, client)
		}
	}
}
