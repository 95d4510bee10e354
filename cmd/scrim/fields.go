package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/web"
)

// fieldFlags select what fields shows.
type fieldFlags struct {
	product, host string
	vendor        bool
}

func newFieldsCommand(a *app) *cobra.Command {
	var f fieldFlags
	c := &cobra.Command{
		Use:   "fields",
		Short: "print the inventory: every field seen, and what happens to it",
		Long: `fields prints every field that was seen for each product, host and event: its type, how often,
first and last seen, and what happens to it. It is counted from the ledger; values are never kept.`,
		Example: "  scrim fields\n  scrim fields --product plex\n  scrim fields --vendor\n  scrim fields --json",
		Args:    exactArgs(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.fields(c.Context(), f) },
	}
	c.Flags().StringVar(&f.product, "product", "", "only this `product`")
	c.Flags().StringVar(&f.host, "host", "", "only this `host`")
	c.Flags().BoolVar(&f.vendor, "vendor", false, "compare with the list of events that the vendor publishes")
	addJSON(a, c)
	return c
}

func (a *app) fields(ctx context.Context, f fieldFlags) error {
	if f.vendor {
		return a.vendor(ctx, f.product)
	}
	inventory, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	shown := web.FieldsOf(inventory.Tree(time.Now(), f.product, f.host), func(name string) string { return name }, func(string, string) *bool { return nil })
	if a.json {
		return a.ui.json(shown)
	}
	if len(shown.Products) == 0 {
		a.ui.note("nothing has been seen yet")
		return nil
	}
	for _, p := range shown.Products {
		for _, h := range p.Hosts {
			for i := range h.Events {
				a.showEventFields(p.Product, h.Host, &h.Events[i])
			}
		}
	}
	return nil
}

// inventory is what serve last kept of it, and what the ledger holds behind that.
func (a *app) inventory(ctx context.Context) (*audit.Inventory, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	inventory := audit.NewInventory(time.Local, nil)
	if cfg.Ledger.Store != "memory" {
		data, err := os.ReadFile(web.InventoryFile(cfg.stateDir()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the inventory: %w", err)
		}
		if err == nil {
			if err := inventory.Load(data); err != nil {
				inventory = audit.NewInventory(time.Local, nil) // counted anew
			}
		}
	}
	return inventory, a.withLog(ctx, func(b book) error {
		return web.CatchUp(ctx, inventory, b.List, "")
	})
}

func (a *app) showEventFields(product, host string, e *web.FieldEvent) {
	u := a.ui
	title := host + "  " + e.Event
	if product != "" {
		title = product + "  " + title
	}
	u.line(u.paint(bold, title), u.paint(dim, fmt.Sprintf("  %s, %s to %s", times(e.Count), day(e.FirstSeen), day(e.LastSeen))))
	var rows [][]cell
	for i := range e.Fields {
		f := &e.Fields[i]
		rows = append(rows, []cell{{"  " + f.Selector, plain}, {typesText(f), dim}, {times(f.Count), dim}, {distinctText(f.Distinct), dim}, {treatmentText(f), effectStyle(f.Effect)}, {day(f.FirstSeen), dim}, {day(f.LastSeen), dim}})
	}
	if len(rows) > 0 {
		u.table([]string{"  FIELD", "TYPE", "SEEN", "DIFFERENT", "TREATMENT", "FIRST", "LAST"}, rows)
	}
	u.line()
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// distinctText is the estimated number of different values.
func distinctText(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("about %d", *n)
}

func day(t time.Time) string { return t.Local().Format(time.DateOnly) }

func typesText(f *web.Field) string {
	var words []string
	for _, t := range f.Types {
		words = append(words, t.Type)
	}
	text := strings.Join(words, " or ")
	if f.LooksLike != "" && f.LooksLike != text {
		text += " (" + f.LooksLike + ")"
	}
	return text
}

func treatmentText(f *web.Field) string {
	text := f.Treatment
	switch {
	case f.Treatment == "unlisted" && f.Effect == audit.Removed:
		text = "removed: not listed"
	case f.Treatment == "unlisted":
		text = "kept: not listed"
	case f.Detail != "":
		text += " " + f.Detail
	}
	if f.New {
		text += " (new)"
	}
	return text
}

func effectStyle(effect string) style {
	switch effect {
	case audit.Kept:
		return yellow
	case audit.Changed:
		return green
	}
	return plain
}
