package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// auditFlags are what scrim audit is asked.
type auditFlags struct {
	library    string
	references []string
	since      string
	each       bool
	plex       string
	tokenFile  string
}

// mostAudited bounds how many events one audit reads, newest first.
const mostAudited = 100_000

func newAuditCommand(a *app) *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit",
		Short: "the crowd each event hides in, and what gives most away",
		Long: `audit reads what left from the ledger and says, for each event, how many titles could have sent it:
its crowd, counted in a reference catalogue. It says what time and number of the requests add, and which
values stayed the same for more than a day. With --library it counts your own titles.

--reference names a histogram of your own: CSV with a column minutes, seconds, ms or kbps and a column
titles; TABLE=FILE.csv where it is not for video-length. --library names CSV with a column of lengths
and, where there is music, a column type. Neither is stored. Nothing is sent.`,
		Example: `  scrim audit
  scrim audit --since 7d --events
  scrim audit --library lengths.csv
  scrim audit --reference audio-length=tracks.csv --json`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error { return a.audit(c.Context(), &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.library, "library", "", "lengths of your own titles, a CSV `file`")
	flags.StringArrayVar(&f.references, "reference", nil, "a histogram of your own, `[TABLE=]FILE.csv`")
	flags.StringVar(&f.since, "since", "", "from this `time` on (default: all that the ledger holds)")
	flags.BoolVar(&f.each, "events", false, "list every event")
	flags.StringVar(&f.plex, "plex", "", "read the lengths of your own titles from this Plex server, an `URL` in your house")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with the token for --plex; it is used once and not kept")
	addJSON(a, c)
	return c
}

func (a *app) audit(ctx context.Context, f *auditFlags) error {
	since, err := moment("since", f.since)
	if err != nil {
		return err
	}
	opt := audit.Options{Now: time.Now(), Location: time.Local}
	if opt.References, err = references(f.references); err != nil {
		return err
	}
	if opt.Library, err = f.readLibrary(ctx); err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	loaded, err := cfg.loadRules()
	if err != nil {
		return err
	}
	return a.withLog(ctx, func(b book) error {
		r, err := auditReport(ctx, b, loaded.set, since, opt)
		if err != nil {
			return err
		}
		if a.json {
			return a.ui.json(struct {
				*audit.Report
				Unseen []string `json:"unseen"`
			}{r, unseen()})
		}
		a.showAudit(r, f.each)
		return nil
	})
}

// auditReport measures what left since a time, newest first.
func auditReport(ctx context.Context, b lister, set *rules.Set, since time.Time, opt audit.Options) (*audit.Report, error) {
	filter := ledger.Filter{Types: []ledger.Type{ledger.Sent}, Since: since, Bodies: true}
	var events []audit.Event
	for len(events) < mostAudited {
		filter.Limit = pageSize
		page, err := b.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for i := range page.Entries {
			if e := &page.Entries[i]; e.Request != nil && e.Rule != "" {
				events = append(events, auditEvent(e))
			}
		}
		if page.Older == "" {
			break
		}
		filter.Before = page.Older
	}
	return audit.Measure(set.Cells(), events, opt), nil
}

// lister is what an audit asks of the ledger.
type lister interface {
	List(ctx context.Context, f ledger.Filter) (ledger.Page, error)
}

func auditEvent(e *ledger.Entry) audit.Event {
	out := audit.Event{
		ID: e.ID, Time: e.Time, Product: e.Product, Kind: e.Kind, Host: e.Host, Rule: e.Rule, Part: e.Part, Verdict: e.Verdict,
		Target: e.Request.Target, Body: e.Request.Body, Cut: e.Request.Cut,
	}
	for _, f := range e.Request.Header {
		out.Header = append(out.Header, rules.Field{Name: f.Name, Value: f.Value})
	}
	return out
}

// references are the shipped histograms, the owner's in their place.
func references(named []string) (audit.References, error) {
	refs := audit.Shipped()
	for _, text := range named {
		table, file, ok := strings.Cut(text, "=")
		if !ok {
			table, file = "video-length", text
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the reference %q: %s", file, cause(err))
		}
		h, err := audit.ReadHistogram(table, data)
		if err != nil {
			return nil, hinted(fmt.Errorf("reading the reference %q: %w", file, err), "write a header such as minutes,titles and a row for each length")
		}
		h.Own = true
		if h.Source == "" {
			h.Source = filepath.Base(file)
		}
		refs = refs.With(h)
	}
	return refs, nil
}

// readLibrary reads the owner's own lengths, where they are given.
func (f *auditFlags) readLibrary(ctx context.Context) (*audit.Library, error) {
	switch {
	case f.library != "" && f.plex != "":
		return nil, misused(fmt.Errorf("--library and --plex both name a library"), "give one of them")
	case f.plex != "":
		return readPlex(ctx, f.plex, f.tokenFile)
	case f.tokenFile != "":
		return nil, misused(fmt.Errorf("--token-file without --plex"), "name the server: --plex http://192.168.1.20:32400")
	case f.library == "":
		return nil, nil
	}
	data, err := os.ReadFile(f.library)
	if err != nil {
		return nil, fmt.Errorf("reading the library %q: %s", f.library, cause(err))
	}
	lib, err := audit.ReadLibrary(data)
	if err != nil {
		return nil, hinted(fmt.Errorf("reading the library %q: %w", f.library, err), "write a header with a column minutes, seconds or ms, and a row for each title")
	}
	return lib, nil
}

// unseen is what no audit of ours can measure.
func unseen() []string {
	return []string{
		"your network address: it names the home to everyone who receives something from it",
		"requests that name titles: metadata look-ups, subtitles, artwork, lists; they are needed, and pass",
		"what the vendor knows already: your account, what its own servers stream to you, what other apps of it report",
		"devices whose traffic does not come through scrim",
	}
}
