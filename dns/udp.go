package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	miekg "github.com/miekg/dns"
)

// queryBuffer is more than any query that makes sense: longer ones are cut, and then malformed.
const queryBuffer = 2048

// serveUDP reads queries and answers those at once that need no waiting: names with a
// verdict and cached answers. Each other one gets a goroutine, of which there are no
// more than MaxInFlight; beyond that the answer is SERVFAIL. One reader does for far
// more than a house asks, and needs no locks on its buffers.
func (s *Server) serveUDP(ctx context.Context, conn *net.UDPConn) {
	var (
		in  = make([]byte, queryBuffer)
		oob = make([]byte, oobSize)
		out = make([]byte, 0, maxMessage)
		q   query
	)
	for {
		n, oobn, _, from, err := conn.ReadMsgUDPAddrPort(in, oob)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			continue // an ICMP error of an earlier answer
		}
		now := s.now()
		who := peer{client: from.Addr().Unmap().WithZone(""), udp: true}
		if !s.admit(who.client, now) {
			continue
		}
		back := readOOB(oob[:oobn], &who)
		reply, done := s.quick(out[:0], &q, in[:n], &who, now)
		if !done {
			reply = s.later(ctx, conn, &q, who, from, back, now)
		}
		if len(reply) > 0 {
			conn.WriteMsgUDPAddrPort(reply, back, from)
		}
	}
}

// later answers a query in a goroutine of its own, or refuses it for lack of room.
func (s *Server) later(ctx context.Context, conn *net.UDPConn, q *query, who peer, to netip.AddrPort, back []byte, now time.Time) []byte {
	if !s.limit.enter(who.client, now) {
		s.count.busy.Add(1)
		return appendEmpty(nil, q, miekg.RcodeServerFailure)
	}
	select {
	case s.flight <- struct{}{}:
	default:
		s.limit.leave(who.client)
		s.count.busy.Add(1)
		return appendEmpty(nil, q, miekg.RcodeServerFailure)
	}
	mine, back := *q, slices.Clone(back)
	mine.raw = slices.Clone(q.raw)
	mine.options = slices.Clone(q.options)
	s.work.Go(func() {
		defer func() { <-s.flight }()
		defer s.limit.leave(who.client)
		reply := s.slow(ctx, make([]byte, 0, 512), &mine, &who)
		conn.WriteMsgUDPAddrPort(reply, back, to)
	})
	return nil
}
