package dns

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	miekg "github.com/miekg/dns"
)

// Bounds of what is remembered, in seconds.
const (
	maxTTL      = 24 * 60 * 60
	maxNegative = 60 * 60 // RFC 2308, section 5, suggests one to three hours
	failureTTL  = 5       // RFC 9520, section 3.2: at least one second, at most five minutes
	staleTTL    = 30      // RFC 8767, section 4
)

// entry is an upstream's answer. It is immutable apart from what the cache guards.
type entry struct {
	key    key
	raw    []byte   // as received, but for the UDP size in its OPT record
	end    int      // of the question
	ttls   []uint16 // offsets of TTLs
	stored time.Time
	ttl    uint32 // seconds it is fresh; 0: not to be cached
	rcode  int

	names []string     // names that policy must be asked about, besides the question's
	addrs []netip.Addr // of A and AAAA records in the answer section
	low   uint32       // smallest TTL of these

	recheck    time.Time // guarded by cache.mu: until then no upstream is asked, the answer is stale
	prev, next *entry    // guarded by cache.mu
}

// newEntry reads an upstream's reply to the question of k.
func newEntry(k key, raw []byte, now time.Time) (*entry, error) {
	end, err := questionEnd(raw)
	if err != nil || binary.BigEndian.Uint16(raw[2:])&flagQR == 0 {
		return nil, errWire
	}
	e := &entry{key: k, raw: raw, end: end, stored: now, rcode: int(raw[3] & 0xF), low: maxTTL}
	s := scan{entry: e, least: maxTTL}
	whole, err := walk(raw, s.record)
	if err != nil || s.bad {
		return nil, errWire
	}
	e.raw = raw[:whole:whole]
	if s.optAt > 0 {
		binary.BigEndian.PutUint16(raw[s.optAt:], udpSize)
	}
	e.ttl = s.lifetime()
	return e, nil
}

// scan collects what newEntry needs from the records.
type scan struct {
	*entry
	least    uint32 // smallest TTL
	answered bool   // there is a record of the asked type
	soa      bool
	negative uint32 // by the SOA record
	optAt    int    // offset of the OPT record's UDP size
	bad      bool
}

func (s *scan) record(r *record) {
	if r.rtype == miekg.TypeOPT {
		s.optAt = r.ttlAt - 2
		return
	}
	s.ttls = append(s.ttls, uint16(r.ttlAt))
	s.least = min(s.least, r.ttl)
	switch r.rtype {
	case miekg.TypeSOA:
		if r.section == inAuthority && len(r.data) >= 20 {
			s.soa = true
			s.negative = min(r.ttl, binary.BigEndian.Uint32(r.data[len(r.data)-4:]))
		}
	case miekg.TypeA, miekg.TypeAAAA:
		addr, ok := r.addr()
		if !ok {
			s.bad = true
			return
		}
		s.mention(r.name)
		if r.section == inAnswer {
			s.addrs = append(s.addrs, addr)
			s.low = min(s.low, r.ttl)
		}
	case miekg.TypeHTTPS, miekg.TypeSVCB, miekg.TypeCNAME, miekg.TypeDNAME:
		s.mention(r.name)
		s.target(r)
	}
	if r.section == inAnswer && r.rtype == s.key.qtype {
		s.answered = true
	}
}

// target notes the name that a record points to.
func (s *scan) target(r *record) {
	at := r.dataAt
	if r.rtype == miekg.TypeHTTPS || r.rtype == miekg.TypeSVCB {
		at += 2 // priority
	}
	// The name must lie in the data; what is behind it in the message does not matter.
	name, next, err := readName(s.whole(r), at)
	if err != nil || next > r.dataAt+len(r.data) {
		s.bad = true
		return
	}
	s.mention(name)
}

// whole gives the message up to the end of the record's data.
func (s *scan) whole(r *record) []byte { return s.raw[:r.dataAt+len(r.data)] }

func (s *scan) mention(name string) {
	name = ruledName(name)
	if name != "" && name != s.key.name && !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}

// lifetime is how long the answer is fresh (RFC 2308, section 5, for negative ones).
func (s *scan) lifetime() uint32 {
	switch s.rcode {
	case miekg.RcodeSuccess, miekg.RcodeNameError:
		if s.rcode == miekg.RcodeSuccess && s.answered {
			return s.least
		}
		if !s.soa {
			return 0
		}
		return min(s.least, s.negative, maxNegative)
	case miekg.RcodeServerFailure:
		return failureTTL
	}
	return 0
}

// fresh reports whether the entry may be handed out as it is.
func (e *entry) fresh(now time.Time) bool {
	age := now.Sub(e.stored)
	return age >= 0 && age < time.Duration(e.ttl)*time.Second
}

// appendReply appends the answer for q: its id, its spelling of the name, and what is
// left of the TTLs.
func (e *entry) appendReply(dst []byte, q *query, now time.Time) []byte {
	start := len(dst)
	dst = append(dst, e.raw...)
	msg := dst[start:]
	binary.BigEndian.PutUint16(msg, q.id)
	copy(msg[headerLen:e.end], q.raw[headerLen:q.end])
	msg[3] |= flagRA
	age, stale := uint32(max(0, now.Sub(e.stored)/time.Second)), !e.fresh(now) && e.ttl > 0
	for _, at := range e.ttls {
		ttl := binary.BigEndian.Uint32(msg[at:])
		switch {
		case stale:
			ttl = staleTTL
		case ttl > age:
			ttl = min(ttl, maxTTL) - min(age, maxTTL)
		default:
			ttl = 0
		}
		binary.BigEndian.PutUint32(msg[at:], ttl)
	}
	return dst
}
