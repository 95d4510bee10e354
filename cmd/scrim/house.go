package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrimproxy/scrim/certs"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/rules"
)

// house is everything that runs under serve.
type house struct {
	app   *app
	log   *slog.Logger
	level slog.LevelVar

	set       atomic.Pointer[rules.Set] // in force
	authority *certs.Authority
	ledger    *ledger.Ledger
	proxy     *proxy.Proxy
	holding   *holding
	dns       dnsDoor
	origins   *originSet
	came      ledger.Coverage
	started   time.Time
	stamped   string // state of the files that a reload reads, as serve began
	control   *control
	web       webDoor

	mu     sync.Mutex // guards the fields below; held during a reload
	cfg    *config    // in force; what only a start can change is as it was at the start
	book   *rulebook
	reload reloadState

	ownChoices string // how the file of choices was left by scrim itself; guarded by mu
}

// run runs the rooms until ctx ends or one of them fails, and stops them in the reverse order: doors first,
// the ledger last.
func (h *house) run(ctx context.Context) error {
	ledgerCtx, stopLedger := context.WithCancel(context.WithoutCancel(ctx))
	ledgerDone := make(chan error, 1)
	go func() { ledgerDone <- h.ledger.Run(ledgerCtx) }()

	feedCtx, stopFeed := context.WithCancel(ledgerCtx)
	feedDone := make(chan error, 1)
	go func() { feedDone <- h.web.feed.Run(feedCtx) }()

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.proxy.Run(ctx) })
	g.Go(func() error { return h.dns.run(ctx) })
	g.Go(func() error { return h.origins.run(ctx) })
	g.Go(func() error { return h.holding.box.Run(ctx) })
	g.Go(func() error { return h.watch(ctx) })
	g.Go(func() error { return h.control.serve(ctx, h) })
	g.Go(func() error { return h.web.run(ctx) })
	g.Go(func() error { return tellSystemd(ctx) })
	err := g.Wait()

	stopFeed()
	err = errors.Join(err, <-feedDone)
	stopLedger()
	err = errors.Join(err, <-ledgerDone)
	h.proxy = nil
	return errors.Join(err, h.close())
}

// close closes what build has opened and run has not closed.
func (h *house) close() error {
	var errs []error
	if h.proxy != nil {
		h.proxy.Close()
	}
	h.dns.close()
	h.web.close()
	if h.control != nil {
		errs = append(errs, h.control.close())
	}
	if h.holding != nil {
		errs = append(errs, h.holding.box.Close())
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.Close())
	}
	return errors.Join(errs...)
}

// greet says where everything is.
func (h *house) greet() {
	u, cfg := h.app.ui, h.cfg
	line := func(name, value string) { u.line("  ", u.paint(dim, pad(name, 12)), value) }
	u.line(u.paint(bold, "scrim "+version()), " is running")
	addrs := h.addrs()
	for _, d := range doors(cfg.Settings) {
		if addr := addrs[d.word]; addr != nil {
			line(d.word, addr.String())
		}
	}
	if addr := addrs["proxy"]; addr != nil {
		line("point at", "http://"+reachable(addr)+" (the media server's proxy setting, or https_proxy)")
	}
	h.greetWeb(line)
	line("trust", cfg.statePath("ca/root.pem")+" (scrim ca export)")
	line("", h.authority.Fingerprint())
	line("see", "what left: scrim log, scrim log follow")
	line("state", cfg.stateDir())
	if cfg.file == "" {
		line("config", "none found, the defaults hold: scrim config")
	} else {
		line("config", cfg.file)
	}
	line("rules", summary(h.book.set))
	for _, w := range h.doorWarnings() {
		u.warn("", w)
	}
	for i := range h.book.held {
		for _, w := range h.book.held[i].warnings() {
			u.warn("", w)
		}
	}
	u.flush()
}

func pad(s string, width int) string {
	for len(s) < width {
		s += " "
	}
	return s
}

// summary counts rules and products.
func summary(set *rules.Set) string {
	text := count(len(set.Rules()), "rule")
	if n := len(set.Products()); n > 0 {
		text += " for " + count(n, "product")
	}
	return text
}

// reachable is an address that another machine of the house can use: of a door that listens on all
// addresses, the first private one of this machine.
func reachable(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return addr.String()
	}
	own, err := net.InterfaceAddrs()
	if err == nil {
		for _, o := range own {
			if prefix, err := netip.ParsePrefix(o.String()); err == nil && prefix.Addr().IsPrivate() && prefix.Addr().Is4() {
				return netip.AddrPortFrom(prefix.Addr(), ap.Port()).String()
			}
		}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
}

// event enters something about scrim itself into the ledger.
func (h *house) event(reason, detail string) {
	h.ledger.Post(&ledger.Record{Time: time.Now(), Type: ledger.Event, Reason: reason, Detail: detail})
}
