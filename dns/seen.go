package dns

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of Seen.
const (
	maxSightings = 16384 // about 4 MB when full
	maxOfClient  = 2048
	maxAddrs     = 8
)

// Sighting is what one client asked of one name, and what it was told.
type Sighting struct {
	Client  netip.Addr
	Name    string // lower case, no final dot
	Verdict Verdict
	First   time.Time
	Last    time.Time
	Count   uint64
	Addrs   []netip.Addr // of the last answers, newest first, at most 8
}

// Seen remembers what each client asked for, so that coverage can be shown, and so that
// a connection without a name can be given the one that its client last resolved. It
// is bounded: the names not asked for longest go first. The zero value is ready.
// Its methods may be called concurrently.
type Seen struct {
	mu      sync.Mutex // guards what follows
	clients map[netip.Addr]*visitor
	ring    visit // next: asked last
	count   int
}

type visitor struct {
	names map[string]*visit
	ring  ofVisitor // the client's own, by age
}

// visit is a Sighting in two rings: of everything, and of its client.
type visit struct {
	Sighting
	owner      *visitor
	prev, next *visit
	own        ofVisitor
}

// ofVisitor is the link in a client's ring.
type ofVisitor struct{ prev, next *visit }

// Note enters a question and the addresses of its answer, if it has any.
func (s *Seen) Note(client netip.Addr, name string, v Verdict, addrs []netip.Addr, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		s.clients = map[netip.Addr]*visitor{}
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	who := s.clients[client]
	if who == nil {
		who = &visitor{names: map[string]*visit{}}
		s.clients[client] = who
	}
	at := who.names[name]
	if at == nil {
		at = &visit{Sighting: Sighting{Client: client, Name: name, First: now}, owner: who}
		who.names[name] = at
		s.count++
	} else {
		s.unlink(at)
	}
	s.link(at)
	at.Last, at.Verdict = now, v
	at.Count++
	at.addAddrs(addrs)
	for len(who.names) > maxOfClient {
		s.forget(who.ring.prev)
	}
	for s.count > maxSightings {
		s.forget(s.ring.prev)
	}
}

// addAddrs puts the addresses in front. Reports hold the old slice, so that it is not
// written to once it is full of the same.
func (v *visit) addAddrs(addrs []netip.Addr) {
	if len(addrs) == 0 || len(v.Addrs) >= len(addrs) && slices.Equal(v.Addrs[:len(addrs)], addrs) {
		return
	}
	merged := make([]netip.Addr, 0, min(maxAddrs, len(addrs)+len(v.Addrs)))
	for _, list := range [][]netip.Addr{addrs, v.Addrs} {
		for _, addr := range list {
			if len(merged) < maxAddrs && !slices.Contains(merged, addr) {
				merged = append(merged, addr)
			}
		}
	}
	v.Addrs = merged
}

// NameOf tells which name client last resolved to addr, within age.
func (s *Seen) NameOf(client, addr netip.Addr, age time.Duration, now time.Time) (name string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.clients[client]
	if who == nil {
		return "", false
	}
	for v := who.ring.next; v != nil; v = v.own.next {
		if now.Sub(v.Last) > age {
			break
		}
		if slices.Contains(v.Addrs, addr) {
			return v.Name, true
		}
	}
	return "", false
}

// Since lists what was asked at or after a time, newest first; client may be the zero
// Addr for all.
func (s *Seen) Since(client netip.Addr, from time.Time) []Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Sighting
	if s.clients == nil {
		return nil
	}
	for v := s.ring.next; v != &s.ring; v = v.next {
		if v.Last.Before(from) {
			break
		}
		if !client.IsValid() || v.Client == client {
			out = append(out, v.Sighting)
		}
	}
	return out
}

// Len is how many sightings are held.
func (s *Seen) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// The rest is called with mu held.

func (s *Seen) link(v *visit) {
	v.prev, v.next = &s.ring, s.ring.next
	v.prev.next, v.next.prev = v, v
	r := &v.owner.ring
	v.own = ofVisitor{next: r.next}
	if r.next != nil {
		r.next.own.prev = v
	} else {
		r.prev = v
	}
	r.next = v
}

func (s *Seen) unlink(v *visit) {
	v.prev.next, v.next.prev = v.next, v.prev
	r := &v.owner.ring
	if v.own.prev != nil {
		v.own.prev.own.next = v.own.next
	} else {
		r.next = v.own.next
	}
	if v.own.next != nil {
		v.own.next.own.prev = v.own.prev
	} else {
		r.prev = v.own.prev
	}
}

func (s *Seen) forget(v *visit) {
	s.unlink(v)
	delete(v.owner.names, v.Name)
	if len(v.owner.names) == 0 {
		delete(s.clients, v.Client)
	}
	s.count--
}
