package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// Proxy is the doors and the pipeline behind them. New makes one, Run runs it.
type Proxy struct {
	cfg    Config
	ids    *ids
	links  *links
	terms  atomic.Pointer[terms] // what a reload may change
	pinned *pinned
	conns  *connList
	tally  tally
	doors  []*door

	inner   *http.Server
	queue   *connQueue
	front   http.Handler // of the explicit door
	forward http.Handler // to origins
	aside   chan struct{}
	buffers buffers

	running sync.WaitGroup // every goroutine that outlives the call that started it
	stop    context.CancelFunc
	life    context.Context // ends when the proxy has stopped; for what outlives a request
}

// door is one listener and what it does with a connection.
type door struct {
	name string // of the config key below listen
	l    *net.TCPListener
	take func(*clientConn) // owns the connection from here
}

// New checks cfg and opens the doors. Connections wait in them until Run; a Proxy that is never run must be closed.
func New(cfg Config) (*Proxy, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	p := &Proxy{cfg: cfg, ids: newIDs(cfg.Now()), links: newLinks(cfg.Now), conns: newConnList(cfg.Limits.Connections, cfg.Limits.PerClient),
		aside: make(chan struct{}, maxAside)}
	p.life, p.stop = context.WithCancel(context.Background())
	terms, err := p.newTerms(&p.cfg, nil)
	if err != nil {
		return nil, err
	}
	p.terms.Store(terms)
	p.pinned = newPinned(cfg.OnPinned, cfg.Now)
	p.newInner()
	p.front = p.newFront()
	p.forward = p.newForward()
	if err := p.listen(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// listen opens every door that has an address; all that fail are reported.
func (p *Proxy) listen() error {
	var errs []error
	for _, d := range p.doorTable() {
		if d.addr == "" {
			continue
		}
		l, err := listenTCP(p.life, d.addr, d.tproxy)
		if err != nil {
			errs = append(errs, fmt.Errorf("listening on %s (listen.%s): %w", d.addr, d.name, err))
			continue
		}
		p.doors = append(p.doors, &door{name: d.name, l: l, take: d.take})
	}
	return errors.Join(errs...)
}

// doorSpec is a line of the table of doors.
type doorSpec struct {
	name, addr string
	tproxy     bool
	take       func(*clientConn)
}

func (p *Proxy) doorTable() []doorSpec {
	l := p.cfg.Listen
	return []doorSpec{
		{"proxy", l.Proxy, false, p.takeExplicit},
		{"socks", l.SOCKS, false, p.takeSOCKS},
		{"collector", l.Collector, false, p.takeCollector},
		{"transparent", l.Transparent, l.TProxy, p.takeTransparent},
		{"tls", l.TLS, false, p.takeRedirected(443)},
		{"http", l.HTTP, false, p.takeRedirected(80)},
	}
}

// Addrs returns the addresses of the open doors by config key.
func (p *Proxy) Addrs() map[string]net.Addr {
	addrs := make(map[string]net.Addr, len(p.doors))
	for _, d := range p.doors {
		addrs[d.name] = d.l.Addr()
	}
	return addrs
}

// ownPort reports whether one of the doors listens on port.
func (p *Proxy) ownPort(port uint16) bool {
	for _, d := range p.doors {
		if uint16(d.l.Addr().(*net.TCPAddr).Port) == port {
			return true
		}
	}
	for _, own := range p.cfg.Upstream.OwnPorts {
		if own == port {
			return true
		}
	}
	return false
}

// Close closes the doors of a Proxy that is not running.
func (p *Proxy) Close() {
	p.stop()
	for _, d := range p.doors {
		d.l.Close()
	}
}

// Run serves until ctx ends, then lets requests and tunnels finish within Limits.Grace, and returns when all that it
// started has ended. It returns nil after an orderly stop.
func (p *Proxy) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.spawn(func() {
		if err := p.inner.Serve(p.queue); !errors.Is(err, http.ErrServerClosed) {
			cancel(fmt.Errorf("serving intercepted connections: %w", err))
		}
	})
	for _, d := range p.doors {
		p.spawn(func() {
			if err := p.serveDoor(d); err != nil {
				cancel(fmt.Errorf("accepting at listen.%s: %w", d.name, err))
			}
		})
	}
	<-ctx.Done()
	p.shutdown()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// shutdown closes the doors, gives what is open its grace, and ends it.
func (p *Proxy) shutdown() {
	for _, d := range p.doors {
		d.l.Close()
	}
	grace, cancel := context.WithTimeout(context.Background(), p.cfg.Limits.Grace)
	defer cancel()
	p.inner.Shutdown(grace)
	p.waitTunnels(grace)
	p.inner.Close()
	p.stop()
	p.conns.closeAll()
	p.running.Wait()
	p.up().close()
}

// waitTunnels waits until no connection is open or the grace is over.
func (p *Proxy) waitTunnels(grace context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.conns.len() > 0 {
		select {
		case <-grace.Done():
			return
		case <-tick.C:
		}
	}
}

// spawn runs f; Run waits for it.
func (p *Proxy) spawn(f func()) {
	p.running.Add(1)
	go func() {
		defer p.running.Done()
		f()
	}()
}

// acceptRetry is the wait after an error that passes, such as no free descriptor.
const acceptRetry = 50 * time.Millisecond

// serveDoor accepts until the door closes.
func (p *Proxy) serveDoor(d *door) error {
	for {
		tcp, err := d.l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			var ne net.Error
			if errors.As(err, &ne) && ne.Temporary() { //nolint:staticcheck // the only word for "no free descriptor"
				p.cfg.Log.Warn("accepting a connection", "door", d.name, "error", err)
				time.Sleep(acceptRetry)
				continue
			}
			return err
		}
		if c := p.register(tcp); c != nil {
			d.take(c)
		}
	}
}

// register lists an accepted connection, or closes it and returns nil where its client is not served.
func (p *Proxy) register(tcp *net.TCPConn) *clientConn {
	client := addrOf(tcp.RemoteAddr())
	terms := p.terms.Load()
	if !terms.access.allows(client) {
		p.tally.add(func(c *Counters) { c.NotServed++ })
		tcp.Close()
		return nil
	}
	tcp.SetKeepAliveConfig(keepAlive)
	c := &clientConn{tcp: tcp, list: p.conns}
	c.flow = &Flow{ID: p.ids.make(), Client: client, ClientName: terms.names[client], Start: p.cfg.Now()}
	if !p.conns.add(c) {
		p.tally.add(func(c *Counters) { c.OverLimit++ })
		tcp.Close()
		return nil
	}
	return c
}

func addrOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// client is the client of f as the rules see it.
func (p *Proxy) client(f *Flow) rules.Client {
	return rules.Client{Addr: f.Client, Name: f.ClientName, Now: p.cfg.Now()}
}

// event enters something the owner should know.
func (p *Proxy) event(f *Flow, reason, detail string) {
	rec := p.newRecord(ledger.Event, f, &f.To)
	rec.Verdict, rec.Reason, rec.Detail = verdictFailed, reason, detail
	p.cfg.Book.Post(rec)
}
