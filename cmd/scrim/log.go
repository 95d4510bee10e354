package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules/strict"
)

// book is what the log verbs ask: the store itself, or the running scrim where it alone has the ledger.
type book interface {
	List(ctx context.Context, f ledger.Filter) (ledger.Page, error)
	Get(ctx context.Context, id string) (*ledger.Entry, error)
	Follow(ctx context.Context, f ledger.Filter, fn func(ledger.Entry) error) error
	Export(ctx context.Context, w io.Writer, format string, f ledger.Filter) error
	Verify(ctx context.Context) (ledger.Report, error)
	Close() error
}

// logFlags select entries.
type logFlags struct {
	product, kind, host, verdict, client, rule, door []string
	since, until                                     string
	limit                                            int
}

func newLogCommand(a *app) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:   "log",
		Short: "what left the house: list, show, follow, export, verify",
		Long: `log lists the entries of the ledger, newest first. Times are local; --since and --until take a
time (2026-03-01, 2026-03-01T20:00:00Z) or how long ago (24h, 7d).`,
		Example: `  scrim log
  scrim log --product plex --verdict generalize --since 24h
  scrim log show last
  scrim log follow --host '*.plex.tv'
  scrim log export --format har --since 7d > week.har
  scrim log verify`,
		Args: subcommandArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.logList(c.Context(), &f) },
	}
	f.register(c)
	addJSON(a, c)
	c.AddCommand(newLogListCommand(a), newLogShowCommand(a), newLogFollowCommand(a), newLogExportCommand(a), newLogVerifyCommand(a))
	return c
}

func (f *logFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringSliceVar(&f.product, "product", nil, "of these `products`")
	flags.StringSliceVar(&f.kind, "kind", nil, "of these `kinds` of data")
	flags.StringSliceVar(&f.host, "host", nil, "to these `hosts`; *.name for its subdomains")
	flags.StringSliceVar(&f.verdict, "verdict", nil, "with these `verdicts`: pass, generalize, drop, hold, refuse, tunnel, failed")
	flags.StringSliceVar(&f.client, "client", nil, "from these `clients`, by address or by their name in clients.names")
	flags.StringSliceVar(&f.rule, "rule", nil, "by these `rules`")
	flags.StringSliceVar(&f.door, "door", nil, "through these `doors`")
	flags.StringVar(&f.since, "since", "", "from this `time` on")
	flags.StringVar(&f.until, "until", "", "before this `time`")
	flags.IntVar(&f.limit, "limit", 50, "at most this `number` of entries; 0: all")
}

func (f *logFlags) filter(a *app) (ledger.Filter, error) {
	filter := ledger.Filter{Product: f.product, Kind: f.kind, Host: f.host, Verdict: f.verdict, Client: f.client, Rule: f.rule, Door: f.door}
	var err error
	if filter.Since, err = moment("since", f.since); err != nil {
		return filter, err
	}
	if filter.Until, err = moment("until", f.until); err != nil {
		return filter, err
	}
	if f.limit < 0 {
		return filter, misused(fmt.Errorf("--limit: %d is no number of entries", f.limit), "write a number from 1, or 0 for all")
	}
	known := []string{"pass", "generalize", "drop", "hold", "refuse", "tunnel", "failed"}
	for _, v := range f.verdict {
		if !containsWord(known, v) {
			return filter, misused(fmt.Errorf("--verdict: %q is not known here", v), choose(v, known))
		}
	}
	filter.Client, err = a.clientAddresses(f.client)
	return filter, err
}

// clientAddresses puts the addresses of clients in the place of the names that clients.names gives them.
func (a *app) clientAddresses(clients []string) ([]string, error) {
	var out []string
	for _, client := range clients {
		if _, err := netip.ParseAddr(client); err == nil {
			out = append(out, client)
			continue
		}
		cfg, err := a.loadConfig()
		if err != nil {
			return nil, err
		}
		before := len(out)
		for addr, name := range cfg.clientNames() {
			if name == client {
				out = append(out, addr.String())
			}
		}
		if len(out) == before {
			names := slices.Sorted(maps.Values(cfg.clientNames()))
			return nil, misused(fmt.Errorf("--client: %q is neither an address nor a name in clients.names", client), choose(client, names))
		}
	}
	return out, nil
}

func containsWord(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// moment reads a time, or how long ago it was.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if span, ok := strict.ParseDuration(text); ok {
		return time.Now().Add(-span), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misused(fmt.Errorf("--%s: %q is not a time", flag, text), "write it as in 2026-03-01, 2026-03-01T20:00:00Z, or how long ago: 24h, 7d")
}

// ledgerConfig is the ledger room's part of the settings.
func (c *config) ledgerConfig() ledger.Config {
	node := c.Ledger.Node
	if node == "" {
		node, _ = os.Hostname() // without one the ledger names the node itself
	}
	return ledger.Config{
		Store: c.Ledger.Store, Dir: c.stateDir(), Node: cleanNode(node),
		KeepAge: c.Ledger.Keep.Age, KeepSize: int64(c.Ledger.Keep.Size),
	}
}

// cleanNode makes a host's name fit for the IDs of entries.
func cleanNode(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
}

// openLog opens the ledger for reading, beside a scrim that writes it or without one.
func (a *app) openLog(ctx context.Context) (book, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	if cfg.Ledger.Store == "memory" {
		return askRunning(cfg)
	}
	if _, err := os.Stat(cfg.stateDir()); errors.Is(err, fs.ErrNotExist) && cfg.Ledger.Store == "sqlite" {
		return nil, hinted(fmt.Errorf("there is no ledger in %q yet", cfg.stateDir()), "start \"scrim serve\", or name its configuration with --config")
	}
	reader, err := ledger.OpenReader(ctx, cfg.ledgerConfig())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hinted(fmt.Errorf("there is no ledger in %q yet", cfg.stateDir()), "start \"scrim serve\", or name its configuration with --config")
	}
	if err != nil {
		return nil, err
	}
	return reader, nil
}

// withLog opens the ledger, asks, and closes it.
func (a *app) withLog(ctx context.Context, ask func(b book) error) error {
	b, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	return ask(b)
}

func newLogListCommand(a *app) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "list entries, newest first",
		Example: "  scrim log list --limit 20\n  scrim log list --product plex --verdict drop --json",
		Args:    exactArgs(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.logList(c.Context(), &f) },
	}
	f.register(c)
	addJSON(a, c)
	return c
}

func (a *app) logList(ctx context.Context, flags *logFlags) error {
	filter, err := flags.filter(a)
	if err != nil {
		return err
	}
	filter.Bodies = a.json // a table has no room for them, a program may want them
	return a.withLog(ctx, func(b book) error {
		entries, err := listed(ctx, b, filter, flags.limit)
		if err != nil {
			return err
		}
		if a.json {
			return a.ui.json(entries)
		}
		a.showEntries(entries)
		return nil
	})
}

// pageSize is how many entries are asked for at once.
const pageSize = 500

// listed reads pages until there are limit entries, or no more.
func listed(ctx context.Context, b book, f ledger.Filter, limit int) ([]ledger.Entry, error) {
	entries := []ledger.Entry{}
	for {
		f.Limit = pageSize
		if limit > 0 {
			f.Limit = min(pageSize, limit-len(entries))
		}
		page, err := b.List(ctx, f)
		if err != nil {
			return nil, err
		}
		entries = append(entries, page.Entries...)
		if page.Older == "" || limit > 0 && len(entries) >= limit {
			return entries, nil
		}
		f.Before = page.Older
	}
}

func newLogShowCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "show one entry: what was done, and the request as it left",
		Example: "  scrim log show last\n  scrim log show 42 --json",
		Args:    exactArgs("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withLog(c.Context(), func(b book) error {
				e, err := b.Get(c.Context(), args[0])
				if errors.Is(err, ledger.ErrNotFound) {
					return hinted(fmt.Errorf("there is no entry %q", args[0]), "\"scrim log\" lists the IDs; \"last\" is the newest")
				}
				if err != nil {
					return err
				}
				if a.json {
					return a.ui.json(e)
				}
				a.showEntry(e)
				return nil
			})
		},
	}
	addJSON(a, c)
	return c
}

func newLogFollowCommand(a *app) *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:     "follow",
		Short:   "print entries as they arrive, until interrupted",
		Example: "  scrim log follow\n  scrim log follow --verdict drop --json",
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter(a)
			if err != nil {
				return err
			}
			filter.Bodies = a.json
			return a.withLog(c.Context(), func(b book) error {
				return b.Follow(c.Context(), filter, a.showArrival)
			})
		},
	}
	f.register(c)
	addJSON(a, c)
	return c
}

func newLogExportCommand(a *app) *cobra.Command {
	var f logFlags
	var format, out string
	formats := []string{"har", "ndjson", "csv"}
	c := &cobra.Command{
		Use:     "export --format har|ndjson|csv",
		Short:   "write entries, oldest first, for other programs",
		Example: "  scrim log export --format har --since 7d --out week.har\n  scrim log export --format csv > ledger.csv",
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if !containsWord(formats, format) {
				return misused(fmt.Errorf("--format: %q is not known here", format), choose(format, formats))
			}
			filter, err := f.filter(a)
			if err != nil {
				return err
			}
			return a.withLog(c.Context(), func(b book) error { return a.export(c.Context(), b, format, out, filter) })
		},
	}
	f.register(c)
	c.Flags().StringVar(&format, "format", "ndjson", "`format`: har, ndjson or csv")
	c.Flags().StringVar(&out, "out", "-", "write to this `file`; - is standard output")
	c.Flags().Lookup("limit").Hidden = true // an export has all entries
	return c
}

func (a *app) export(ctx context.Context, b book, format, out string, f ledger.Filter) error {
	if out == "-" {
		return b.Export(ctx, a.ui.out, format, f)
	}
	file, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing %q: %s", out, cause(err))
	}
	err = b.Export(ctx, file, format, f)
	return errors.Join(err, file.Close())
}

func newLogVerifyCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "walk the hash chain of the ledger and say from where it is whole",
		Long: `verify walks the chain of every node. Exit code 4: it does not verify. Note the head of the
chain elsewhere, and nobody can rewrite what is before it unseen.`,
		Example: "  scrim log verify\n  scrim log verify --json",
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			err := a.withLog(c.Context(), func(b book) error {
				report, err := b.Verify(c.Context())
				if err != nil {
					return err
				}
				return a.showReport(report)
			})
			if ledger.Corrupt(err) {
				return &codeError{err: err, code: exitUnverified, hint: "keep a copy of the state directory before anything else"}
			}
			return err
		},
	}
	addJSON(a, c)
	return c
}
