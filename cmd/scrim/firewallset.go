package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrimproxy/scrim/deploy/nft"
	"github.com/scrimproxy/scrim/dns"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
)

// How long addresses stay in the firewall's sets: a day after clients may have forgotten them.
const (
	originStays   = 24 * time.Hour
	originRenewed = time.Hour // an address that connections are made to is entered again after this
	maxRemembered = 4096      // addresses
)

// originSet keeps the addresses of ruled names in the firewall's sets. Without the transparent door it does nothing.
type originSet struct {
	cfg     *nft.Config // nil: the transparent door is off
	origins nft.Origins
	log     *slog.Logger
	met     chan netip.Addr // addresses of ruled hosts that connections were made to
	work    chan func(context.Context)

	mu      sync.Mutex // guards what follows
	faulted string     // the last fault that was logged
}

func newOriginSet(cfg *config, log *slog.Logger) (*originSet, error) {
	o := &originSet{log: log, met: make(chan netip.Addr, 256), work: make(chan func(context.Context), 1)}
	if cfg.Listen.Transparent == "" {
		return o, nil
	}
	settings, err := cfg.firewallConfig()
	if settings.Port != 0 { // a port of the system's choice is in no rules
		o.cfg = &settings
	}
	return o, err
}

// beforeAnswer is awaited by the DNS door: the answer leaves when the kernel has the addresses.
func (o *originSet) beforeAnswer(ctx context.Context, _ string, _ netip.Addr, addrs []netip.Addr, ttl time.Duration) error {
	return o.enter(ctx, addrs, ttl+originStays)
}

// enter logs a fault once, until there is another one.
func (o *originSet) enter(ctx context.Context, addrs []netip.Addr, stay time.Duration) error {
	err := o.origins.Add(ctx, addrs, stay)
	o.report(err)
	return err
}

func (o *originSet) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	o.mu.Lock()
	news := text != o.faulted
	o.faulted = text
	o.mu.Unlock()
	if news && err != nil {
		o.log.Error("the firewall does not take addresses of ruled names", "error", err)
	}
}

// noted remembers the address of a ruled host that a client connected to through the transparent door: under
// scope: all that is how the set is filled, so that telemetry stays in the house when scrim is gone.
func (o *originSet) noted(ob *proxy.Observation) {
	if o.cfg == nil || o.cfg.Scope != nft.ScopeAll || ob.Door != proxy.DoorTransparent || ob.Gate.Answer == rules.Tunnel || ob.Gate.Answer == "" || !ob.To.Addr.IsValid() {
		return
	}
	select {
	case o.met <- ob.To.Addr:
	default: // the next connection to it tells again
	}
}

// renew enters the addresses that clients were told of names which a reload has put under a rule: they may go on
// using them without asking again.
func (o *originSet) renew(seen *dns.Seen, decide func(netip.Addr, string) dns.Verdict) {
	if o.cfg == nil || seen == nil {
		return
	}
	task := func(ctx context.Context) {
		var addrs []netip.Addr
		for _, s := range seen.Since(netip.Addr{}, time.Now().Add(-originStays)) {
			if decide(s.Client, s.Name) == dns.Redirect {
				addrs = append(addrs, s.Addrs...)
			}
		}
		if len(addrs) > 0 {
			o.enter(ctx, addrs, originStays)
		}
	}
	select {
	case o.work <- task:
	default: // one waits already, and will see the same
	}
}

// run keeps the sets until ctx ends.
func (o *originSet) run(ctx context.Context) error {
	if o.cfg == nil {
		return nil
	}
	defer o.origins.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		o.report(o.origins.Run(ctx, *o.cfg, o.report))
		return nil // without the firewall the other doors are as good as before
	})
	g.Go(func() error { o.serve(ctx); return nil })
	return g.Wait()
}

func (o *originSet) serve(ctx context.Context) {
	entered := map[netip.Addr]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case task := <-o.work:
			task(ctx)
		case addr := <-o.met:
			now := time.Now()
			if now.Sub(entered[addr]) < originRenewed {
				continue
			}
			if len(entered) >= maxRemembered {
				clear(entered)
			}
			if o.enter(ctx, []netip.Addr{addr}, originStays) == nil {
				entered[addr] = now
			}
		}
	}
}

// ready says what is missing, if connections are to come through the firewall.
func (o *originSet) ready() error {
	if o.cfg == nil {
		return nil
	}
	if err := o.origins.Ready(); err != nil {
		return fmt.Errorf("no connections come through the transparent door: %w", err)
	}
	return nil
}
