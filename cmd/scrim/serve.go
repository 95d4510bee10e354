package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/certs"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
)

func newServeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "run the proxy",
		Long: `serve runs the doors until it is told to stop. Without a configuration it uses the defaults.
SIGHUP, or a change of the configuration, the rule files or the choices, reloads them: a faulty
reload keeps what was in force and says why. A second interrupt ends it at once.`,
		Example: "  scrim serve\n  scrim serve --config /etc/scrim/config.yaml",
		Args:    exactArgs(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.serve(c.Context()) },
	}
}

func (a *app) serve(ctx context.Context) error {
	thrift()
	h, err := a.build(ctx)
	if err != nil {
		return err
	}
	h.stamped = h.stamp() // before anybody is told that scrim runs: a file that changes from here on is noticed
	h.greet()
	err = h.run(ctx)
	h.log.Info("stopped")
	return err
}

// roomy is how much memory a busy house may take before its garbage is collected more often: what lives is a few
// megabytes, so collecting seldom costs little, and quiet gives memory back between.
const roomy = 44 << 20

// thrift tunes the garbage collector, unless the owner has: it collects when the heap is five times what lives, or
// roomy is reached.
func thrift() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	grow()
}

// grow keeps the limit well above what lives, where many connections or long lists need more than roomy: a limit that
// is too low would have the collector run all the time.
func grow() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetMemoryLimit(max(roomy, 3*int64(live[0].Value.Uint64())+roomy/2))
	}
}

// quiet notices when nothing has happened for a while.
type quiet struct {
	seen  int64 // requests, at the last look
	looks int   // since that number changed
	done  bool  // memory has been let go of since
}

// quietLooks is how many looks without a request are a quiet time: ten seconds.
const quietLooks = 20

// look is called every watchEvery. After the start, and once in each quiet time, what is not needed goes.
func (q *quiet) look(seen int64) {
	grow()
	switch {
	case q.seen < 0:
		forget()
	case q.seen != seen:
		q.looks, q.done = 0, false
	case !q.done && q.looks >= quietLooks:
		forget()
		q.done = true
	}
	q.seen = seen
	q.looks++
}

// build makes the rooms in the order in which they need each other. What was made is unmade on an error.
func (a *app) build(ctx context.Context) (_ *house, err error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	book, err := cfg.loadProven()
	if err != nil {
		return nil, err
	}
	if err := prepareState(cfg.stateDir()); err != nil {
		return nil, err
	}
	if err := cfg.keepPacks(book.held); err != nil {
		return nil, err
	}
	h := &house{app: a, cfg: cfg, book: book, started: time.Now()}
	h.level.Set(logLevel(cfg.Log.Level))
	h.log = slog.New(slog.NewTextHandler(a.ui.err, &slog.HandlerOptions{Level: &h.level}))
	h.set.Store(book.set)
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.control, err = openControl(cfg); err != nil {
		return nil, err
	}
	if h.authority, err = certs.Open(cfg.certConfig(), groups(book.set)); err != nil {
		return nil, explainCA(err)
	}
	if h.ledger, err = openLedger(ctx, cfg, h.log); err != nil {
		return nil, err
	}
	key, err := cfg.secretKey()
	if err != nil {
		return nil, err
	}
	settings, err := cfg.proxyConfig()
	if err != nil {
		return nil, err
	}
	if h.holding, err = openHolding(ctx, cfg, h.ledger, h.set.Load, h.log); err != nil {
		return nil, err
	}
	settings.Rules, settings.Leaves, settings.Book, settings.Log, settings.Key = h.set.Load, h.authority, h.ledger, h.log, key
	settings.Hold, settings.Plain = h.holding.hold, cfg.plain
	if h.origins, err = newOriginSet(cfg, h.log); err != nil {
		return nil, err
	}
	if err = h.dns.openUpstreams(h, &settings); err != nil {
		return nil, err
	}
	settings.Observe = h.observe
	if err = h.web.open(h, &settings); err != nil {
		return nil, explainListen(err)
	}
	if h.proxy, err = proxy.New(settings); err != nil {
		return nil, explainListen(err)
	}
	h.holding.proxy = h.proxy
	if err = h.dns.open(h); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	return h, nil
}

// prepareState makes the state directory and proves that it can be written.
func prepareState(dir string) error {
	const hint = "name a folder that scrim's user may write: state_dir in the configuration"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hinted(fmt.Errorf("making the state directory %q: %s", dir, cause(err)), hint)
	}
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(dir, 0o700)
	}
	if err != nil {
		return hinted(fmt.Errorf("closing the state directory %q to others: %s", dir, cause(err)), hint)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return hinted(fmt.Errorf("the state directory %q cannot be written: %s", dir, cause(err)), hint)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func openLedger(ctx context.Context, cfg *config, log *slog.Logger) (*ledger.Ledger, error) {
	settings := cfg.ledgerConfig()
	settings.Log = log
	l, err := ledger.Open(ctx, settings)
	if errors.Is(err, ledger.ErrInUse) {
		return nil, hinted(err, "stop the other scrim, or give this one a state_dir of its own")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	return l, nil
}

// explainListen adds the way out to what a door says that could not open.
func explainListen(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return hinted(oneLine(err), "another program listens there, perhaps another scrim: stop it, or choose another address in the configuration")
	case errors.Is(err, syscall.EPERM) && strings.Contains(err.Error(), "listen.transparent"):
		return hinted(oneLine(err), "grant the binary CAP_NET_ADMIN, or set firewall.mode: redirect, which needs it for nothing but the firewall's set")
	case errors.Is(err, syscall.EACCES):
		return hinted(oneLine(err), "grant the binary CAP_NET_BIND_SERVICE, or listen on a high port and redirect to it")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return hinted(oneLine(err), "the address does not belong to this machine: choose one that does, or none for all of them")
	}
	return oneLine(err)
}

// oneLine drops what net repeats: "listen tcp :3128: bind: address already in use" after our own words.
func oneLine(err error) error {
	text := err.Error()
	if i := strings.Index(text, "listen tcp"); i >= 0 && !strings.Contains(text, "\n") {
		if j := strings.Index(text[i:], "bind: "); j >= 0 {
			return &codeError{err: replaced{text[:i] + text[i+j+len("bind: "):], err}, code: exitFailed}
		}
	}
	return err
}

// replaced is an error with other words.
type replaced struct {
	text string
	err  error
}

func (r replaced) Error() string { return r.text }
func (r replaced) Unwrap() error { return r.err }

func logLevel(word string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(word)); err != nil {
		return slog.LevelInfo // the words were checked when the configuration was read
	}
	return level
}
