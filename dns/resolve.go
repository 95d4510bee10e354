package dns

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	clientPatience = 1800 * time.Millisecond // then an old answer serves (RFC 8767, section 5)
	recheck        = 30 * time.Second        // after a failure, an old answer serves this long without another try
	hookTimeout    = 2 * time.Second         // for BeforeAnswer
)

// peer is who asked, and where.
type peer struct {
	client netip.Addr // unmapped, without zone
	local  netip.Addr // the address that was asked
	index  int        // of the interface, 0 if unknown
	udp    bool
}

// admit reports whether a packet of the client is looked at.
func (s *Server) admit(client netip.Addr, now time.Time) bool {
	s.count.queries.Add(1)
	if s.cfg.Allow != nil && !s.cfg.Allow(client) {
		s.count.denied.Add(1)
		return false
	}
	if !s.limit.allow(client, now) {
		s.count.limited.Add(1)
		return false
	}
	return true
}

// quick appends the reply if it can be made without waiting. An empty reply with done
// set means silence. After done is false the query goes to slow.
func (s *Server) quick(dst []byte, q *query, raw []byte, from *peer, now time.Time) (reply []byte, done bool) {
	if err := q.parse(raw); err != nil {
		s.count.malformed.Add(1)
		return appendFault(dst, q, err), true
	}
	v := s.cfg.Decide(from.client, ruledName(q.name))
	if v == Redirect && s.cfg.Answer == Origin && addressed(q.qtype) && q.qtype != miekg.TypeHTTPS && q.qtype != miekg.TypeSVCB {
		return dst, false
	}
	f := s.facts(v, q, from)
	if reply, ok := answerOwn(dst, q, v, f); ok {
		s.count.own.Add(1)
		s.note(q, from, v, f.of(q, v), now)
		return reply, true
	}
	if s.isProbe(q.name) {
		return appendEmpty(dst, q, miekg.RcodeRefused), true
	}
	if q.personal {
		return dst, false
	}
	e, usable := s.cache.get(q.key(), now)
	if !usable || s.mentions(e, from) {
		return dst, false
	}
	s.count.cached.Add(1)
	if !e.fresh(now) {
		s.count.stale.Add(1)
	}
	s.note(q, from, v, e.addrs, now)
	return fit(dst, e.appendReply(dst, q, now), q, from), true
}

// facts looks up our addresses if an answer about to be made needs them.
func (s *Server) facts(v Verdict, q *query, from *peer) facts {
	f := facts{mode: s.cfg.Answer}
	if v == Redirect && f.mode == Self && (q.qtype == miekg.TypeA || q.qtype == miekg.TypeAAAA) {
		f.v4, f.v6 = s.addresses(from)
	}
	return f
}

func (s *Server) addresses(from *peer) (v4, v6 netip.Addr) {
	if s.cfg.Addresses != nil {
		return s.cfg.Addresses(from.local, from.client)
	}
	return s.own.at(from.local, from.index)
}

// of gives the address that an answer of our own holds.
func (f *facts) of(q *query, v Verdict) []netip.Addr {
	switch {
	case v == Redirect && q.qtype == miekg.TypeA && f.v4.IsValid():
		return []netip.Addr{f.v4}
	case v == Redirect && q.qtype == miekg.TypeAAAA && f.v6.IsValid():
		return []netip.Addr{f.v6}
	}
	return nil
}

// mentions reports whether policy has a word to say on a name in an answer.
func (s *Server) mentions(e *entry, from *peer) bool {
	for _, name := range e.names {
		if s.cfg.Decide(from.client, name) != None {
			return true
		}
	}
	return false
}

// note remembers what was asked, for the types that lead to a connection.
func (s *Server) note(q *query, from *peer, v Verdict, addrs []netip.Addr, now time.Time) {
	if s.cfg.Seen != nil && addressed(q.qtype) && q.class == miekg.ClassINET {
		s.cfg.Seen.Note(from.client, ruledName(q.name), v, addrs, now)
	}
}

// fit replaces a reply that is too long for UDP by one that says so. start is the
// buffer before the reply.
func fit(start, reply []byte, q *query, from *peer) []byte {
	if from.udp && len(reply)-len(start) > int(q.size) {
		return appendTruncated(start, q)
	}
	return reply
}

// slow appends the reply that needs an upstream, or that policy changes.
func (s *Server) slow(ctx context.Context, dst []byte, q *query, from *peer) []byte {
	e, err := s.fetch(ctx, q)
	now := s.now()
	if err != nil {
		s.count.failed.Add(1)
		s.log.Debug("no answer from any resolver", "type", miekg.TypeToString[q.qtype], "error", err)
		return appendEmpty(dst, q, miekg.RcodeServerFailure)
	}
	v := s.cfg.Decide(from.client, ruledName(q.name))
	if v == None && !s.mentions(e, from) {
		s.note(q, from, v, e.addrs, now)
		return fit(dst, e.appendReply(dst, q, now), q, from)
	}
	reply, err := s.ruledReply(ctx, dst, q, e, from, now)
	if err != nil {
		s.count.failed.Add(1)
		s.log.Warn("an answer was held back", "name", q.name, "error", err)
		return appendEmpty(dst, q, miekg.RcodeServerFailure)
	}
	return fit(dst, reply, q, from)
}

// ruledReply makes the reply from an answer that has to do with a ruled name.
func (s *Server) ruledReply(ctx context.Context, dst []byte, q *query, e *entry, from *peer, now time.Time) ([]byte, error) {
	var msg miekg.Msg
	if err := msg.Unpack(e.appendReply(nil, q, now)); err != nil {
		return dst, err
	}
	f := facts{mode: s.cfg.Answer}
	if f.mode == Self {
		f.v4, f.v6 = s.addresses(from)
	}
	out, r := filter(&msg, func(name string) Verdict { return s.cfg.Decide(from.client, name) }, f)
	if len(r.addrs) > 0 && s.cfg.BeforeAnswer != nil {
		ctx, cancel := context.WithTimeout(ctx, hookTimeout)
		defer cancel()
		if err := s.cfg.BeforeAnswer(ctx, r.name, from.client, r.addrs, time.Duration(r.ttl)*time.Second); err != nil {
			return dst, err
		}
	}
	addrs := r.addrs
	if addrs == nil {
		addrs = f.of(q, r.verdict)
	}
	s.note(q, from, r.verdict, addrs, now)
	if r.name != "" && r.name != q.name {
		s.noteTarget(q, r, from, addrs, now)
	}
	out.Compress = true
	packed, err := out.PackBuffer(nil)
	return append(dst, packed...), err
}

// noteTarget remembers the ruled name at the end of a chain too: the client will speak
// to it by the name it asked for, but it is this name's rules that were applied.
func (s *Server) noteTarget(q *query, r ruled, from *peer, addrs []netip.Addr, now time.Time) {
	if s.cfg.Seen != nil && addressed(q.qtype) {
		s.cfg.Seen.Note(from.client, ruledName(r.name), r.verdict, addrs, now)
	}
}

// calls are the questions that upstreams are being asked. Who asks the same meanwhile
// waits for the answer.
type calls struct {
	mu    sync.Mutex // guards under
	under map[key]*call
}

type call struct {
	done  chan struct{} // closed when entry and err are set
	entry *entry
	err   error
}

// join finds the call for k, or begins it.
func (c *calls) join(k key) (under *call, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if under := c.under[k]; under != nil {
		return under, false
	}
	if c.under == nil {
		c.under = map[key]*call{}
	}
	under = &call{done: make(chan struct{})}
	c.under[k] = under
	return under, true
}

func (c *calls) end(k key, under *call) {
	c.mu.Lock()
	delete(c.under, k)
	c.mu.Unlock()
	close(under.done)
}

// fetch gives the answer to q: from the cache, from an upstream, or an old one if the
// upstreams take too long or fail.
func (s *Server) fetch(ctx context.Context, q *query) (*entry, error) {
	if q.personal {
		return s.ask(ctx, q, q.key())
	}
	k, now := q.key(), s.now()
	old, usable := s.cache.get(k, now)
	if usable {
		s.count.cached.Add(1)
		return old, nil
	}
	under, begun := s.calls.join(k)
	if begun && old == nil {
		s.lead(ctx, q, k, under)
		return under.entry, under.err
	}
	if begun {
		mine := *q // what waits below may return first, and its buffer be used again
		mine.raw = append([]byte(nil), q.raw...)
		mine.options = append([]byte(nil), q.options...)
		s.work.Go(func() { s.lead(ctx, &mine, k, under) })
	}
	return s.await(ctx, under, old)
}

// lead asks for everybody who waits on the call.
func (s *Server) lead(ctx context.Context, q *query, k key, under *call) {
	defer s.calls.end(k, under)
	under.entry, under.err = s.ask(ctx, q, k)
	if under.err == nil && s.cfg.CacheBytes >= 0 {
		s.cache.put(under.entry)
	}
}

// await waits for a call under way, and no longer than clientPatience if an old answer is there.
func (s *Server) await(ctx context.Context, under *call, old *entry) (*entry, error) {
	var patience <-chan time.Time
	if old != nil {
		timer := time.NewTimer(clientPatience)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-under.done:
		if old == nil || under.err == nil && under.entry.rcode != miekg.RcodeServerFailure {
			return under.entry, under.err
		}
	case <-patience:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.cache.failed(old, s.now().Add(recheck))
	s.count.stale.Add(1)
	return old, nil
}

var errUnusable = errors.New("the resolver's answer is malformed")

// ask asks the upstreams.
func (s *Server) ask(ctx context.Context, q *query, k key) (*entry, error) {
	s.count.forwarded.Add(1)
	raw, err := s.cfg.Upstreams.exchange(ctx, q.forward(make([]byte, 0, 128)))
	if err != nil {
		return nil, err
	}
	e, err := newEntry(k, raw, s.now())
	if err != nil {
		return nil, errUnusable
	}
	return e, nil
}
