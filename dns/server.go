package dns

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Server needs. Listen and Upstreams must be set.
type Config struct {
	Listen    []string // addresses to serve, over UDP and TCP: ":53", "192.0.2.1:53"
	Upstreams *Upstreams
	Answer    Answer // how redirected names are answered; "" means Self

	// Decide gives the verdict on a name (lower case, A-labels, no final dot) for a
	// client. It is called for each query and for each name in its answer, and must be
	// quick. nil means None.
	Decide func(client netip.Addr, name string) Verdict
	// Addresses, if set, gives scrim's own addresses where local was asked; an invalid
	// one means there is none. nil: those of the interface that the query came by.
	Addresses func(local, client netip.Addr) (v4, v6 netip.Addr)
	// BeforeAnswer is awaited before an answer with real addresses of a ruled name
	// leaves (Origin). On an error the client gets SERVFAIL.
	BeforeAnswer func(ctx context.Context, name string, client netip.Addr, addrs []netip.Addr, ttl time.Duration) error
	// Allow says who is served; others get no answer at all. nil means everybody.
	Allow func(client netip.Addr) bool
	// Seen, if set, remembers what was asked.
	Seen *Seen

	CacheBytes  int           // 0 means 4 MiB; negative: no cache
	Stale       time.Duration // how long an old answer may serve when no upstream answers; 0 means a day; negative: not at all
	Rate        int           // queries a second of one client; 0 means 1000; negative: no limit
	MaxInFlight int           // queries that wait for an upstream; 0 means 1024
	MaxConns    int           // TCP connections; 0 means 256
	Log         *slog.Logger  // nil means none
	Now         func() time.Time
}

const (
	defaultCacheBytes = 4 << 20
	defaultRate       = 1000
	defaultFlight     = 1024
	defaultConns      = 256
)

// Server is the DNS door. New opens its sockets, Run serves them.
type Server struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	cache  *cache
	limit  *limiter
	own    ownAddrs
	calls  calls
	count  counters
	nonce  string // ends the names that we ask to find loops
	probes probes

	udp    []*net.UDPConn
	tcp    []*net.TCPListener
	flight chan struct{}
	conns  chan struct{}
	work   sync.WaitGroup // everything that Run started
}

// Counters are totals since the start.
type Counters struct {
	Queries   uint64 // read from a client
	Own       uint64 // answered by a verdict, or by rule of the protocol
	Cached    uint64 // answered from the cache
	Stale     uint64 // of these, with what had run out
	Forwarded uint64 // asked of an upstream
	Failed    uint64 // SERVFAIL: no upstream answered
	Malformed uint64
	Limited   uint64 // over the client's rate: no answer
	Busy      uint64 // too many in flight: SERVFAIL
	Denied    uint64 // not a client of ours: no answer
}

type counters struct {
	queries, own, cached, stale, forwarded, failed, malformed, limited, busy, denied atomic.Uint64
}

// New checks the configuration and opens the sockets. Where that is not possible the
// error is a *ListenError, which says what is missing and what works instead.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Upstreams == nil || len(cfg.Listen) == 0:
		return nil, errors.New("dns: neither Listen nor Upstreams may be empty")
	case cfg.Answer != "" && cfg.Answer != Self && cfg.Answer != Origin:
		return nil, fmt.Errorf("dns.answer: %q is neither %q nor %q", string(cfg.Answer), Self, Origin)
	case cfg.Answer == Origin && cfg.BeforeAnswer == nil:
		return nil, errors.New("dns.answer: origin needs a firewall that is told the addresses")
	}
	s := &Server{cfg: cfg, log: cfg.Log, now: cfg.Now}
	s.cfg.Answer = cmp.Or(cfg.Answer, Self)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.cfg.Decide == nil {
		s.cfg.Decide = func(netip.Addr, string) Verdict { return None }
	}
	flight := cmp.Or(cfg.MaxInFlight, defaultFlight)
	s.flight = make(chan struct{}, flight)
	s.conns = make(chan struct{}, cmp.Or(cfg.MaxConns, defaultConns))
	s.limit = newLimiter(cmp.Or(cfg.Rate, defaultRate), max(flight/4, 1))
	s.cache = newCache(cmp.Or(cfg.CacheBytes, defaultCacheBytes), max(0, cmp.Or(cfg.Stale, 24*time.Hour)))
	nonce := make([]byte, 8)
	rand.Read(nonce)
	s.nonce = "." + hex.EncodeToString(nonce) + ".invalid"
	if err := s.listen(); err != nil {
		s.closeSockets()
		return nil, err
	}
	cfg.Upstreams.setSelf(s.isSelf)
	return s, nil
}

// Addrs are the addresses that are served, one for each entry of Listen.
func (s *Server) Addrs() []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.tcp {
		out = append(out, l.Addr().(*net.TCPAddr).AddrPort())
	}
	return out
}

// isSelf reports whether a resolver's address is one of ours.
func (s *Server) isSelf(server netip.AddrPort) bool {
	addr := server.Addr().Unmap()
	for _, l := range s.tcp {
		at := l.Addr().(*net.TCPAddr).AddrPort()
		if at.Port() != server.Port() {
			continue
		}
		if on := at.Addr().Unmap(); on == addr || on.IsUnspecified() && s.own.has(addr) {
			return true
		}
	}
	return false
}

// Run serves until ctx ends, and returns when everything it started has ended.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, s.closeSockets)
	defer stop()
	for _, conn := range s.udp {
		s.work.Go(func() { s.serveUDP(ctx, conn) })
	}
	for _, l := range s.tcp {
		s.work.Go(func() { s.serveTCP(ctx, l) })
	}
	s.work.Go(func() { s.watchLoops(ctx) })
	<-ctx.Done()
	s.work.Wait()
	s.closeSockets()
	return nil
}

// Close closes the sockets of a server that Run was never called for.
func (s *Server) Close() { s.closeSockets() }

func (s *Server) closeSockets() {
	for _, c := range s.udp {
		c.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
}

// Flush forgets all cached answers.
func (s *Server) Flush() { s.cache.flush() }

// Cached gives the number of cached answers and the bytes they take.
func (s *Server) Cached() (entries, bytes int) { return s.cache.used() }

// Counters gives the totals.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		Queries: c.queries.Load(), Own: c.own.Load(), Cached: c.cached.Load(), Stale: c.stale.Load(),
		Forwarded: c.forwarded.Load(), Failed: c.failed.Load(), Malformed: c.malformed.Load(),
		Limited: c.limited.Load(), Busy: c.busy.Load(), Denied: c.denied.Load(),
	}
}
