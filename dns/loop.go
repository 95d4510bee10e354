package dns

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// loopEvery is how often each upstream is tried for a loop.
const loopEvery = 5 * time.Minute

// setSelf tells which resolver addresses are our own.
func (u *Upstreams) setSelf(isSelf func(netip.AddrPort) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.isSelf = isSelf
}

// watchLoops asks each upstream for a name that nobody else knows. If the question
// arrives here, that upstream forwards to us: it is left out until it no longer does.
func (s *Server) watchLoops(ctx context.Context) {
	ticker := time.NewTicker(loopEvery)
	defer ticker.Stop()
	for {
		s.probeAll(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) probeAll(ctx context.Context) {
	for i, up := range s.cfg.Upstreams.list() {
		s.probes.set(i, up)
		s.probe(ctx, i, up)
	}
}

// probe asks one upstream, and clears it if the question does not come back.
func (s *Server) probe(ctx context.Context, i int, up *upstream) {
	m := new(miekg.Msg).SetQuestion(fmt.Sprintf("%d%s.", i, s.nonce), miekg.TypeA)
	m.Id = 0
	packed, err := m.Pack()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	before := s.probes.hits(i)
	if _, err := up.via.exchange(ctx, packed); err != nil {
		return
	}
	if s.probes.hits(i) == before && up.setLooped(false) {
		s.log.Info("the resolver no longer forwards to us", "resolver", up.url)
	}
}

// isProbe recognises our own question coming back, and notes which upstream sent it.
func (s *Server) isProbe(name string) bool {
	number, mine := strings.CutSuffix(name, s.nonce)
	if !mine {
		return false
	}
	if i, err := strconv.Atoi(number); err == nil {
		if up := s.probes.hit(i); up != nil && up.setLooped(true) {
			s.log.Error("the resolver forwards to us: it is not asked any more", "resolver", up.url)
		}
	}
	return true
}

// probes are the upstreams by the number in their probe, and how often it came back.
type probes struct {
	mu   sync.Mutex // guards what follows
	ups  map[int]*upstream
	back map[int]int
}

func (p *probes) set(i int, up *upstream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ups == nil {
		p.ups, p.back = map[int]*upstream{}, map[int]int{}
	}
	p.ups[i] = up
}

func (p *probes) hit(i int) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ups[i] != nil {
		p.back[i]++
	}
	return p.ups[i]
}

func (p *probes) hits(i int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.back[i]
}
