package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules/pack"
	"github.com/scrimproxy/scrim/rules/strict"
)

// vendorList is what a vendor publishes of the events that its products report, as a pack holds it.
type vendorList struct {
	Product string
	Vendor  string
	Dated   string // year and month of the list
	Field   string // selector of an event's name
	OptOuts []string
	Events  []vendorEvent
}

// vendorEvent is one event of the list.
type vendorEvent struct {
	Name   string
	Status string // off, anonymous, identifiable: with every opt-out on
	Kind   string // of the pack
}

// readVendor reads the list of a pack; nil where it has none.
func readVendor(product, file string) (*vendorList, error) {
	if file == "" {
		return nil, nil
	}
	data, err := pack.File(product, file)
	if err != nil {
		return nil, fmt.Errorf("reading the vendor's list of %s: %s", product, cause(err))
	}
	root, faults := strict.Read(product+"/"+file, data)
	if root == nil {
		return nil, faults.Err()
	}
	f := root.Fields("vendor", "dated", "field", "opt_outs", "events")
	list := &vendorList{Product: product, Vendor: f["vendor"].Str(), Dated: f["dated"].Text(), Field: f["field"].Str(), OptOuts: f["opt_outs"].Strings()}
	for _, kind := range f["events"].Entries() {
		for _, status := range kind.Value.Entries() {
			if !slices.Contains([]string{"off", "anonymous", "identifiable"}, status.Key) {
				status.KeyNode.Fault(fmt.Sprintf("unknown status %q", status.Key), "write off, anonymous or identifiable")
			}
			for _, name := range status.Value.Strings() {
				list.Events = append(list.Events, vendorEvent{name, status.Key, kind.Key})
			}
		}
	}
	slices.SortFunc(list.Events, func(a, b vendorEvent) int { return cmp.Compare(a.Name, b.Name) })
	return list, root.Faults().Err()
}

// vendorView is the list beside what was seen; --json prints it.
type vendorView struct {
	Product  string        `json:"product"`
	Vendor   string        `json:"vendor"`
	Dated    string        `json:"dated"`
	OptOuts  []string      `json:"opt_outs"`
	Seen     []vendorShown `json:"seen"`
	Never    []vendorShown `json:"never_seen"`
	Unlisted []vendorShown `json:"not_listed"`
	Unknown  int64         `json:"unknown"` // requests that no rule matched: the names in them are not kept
}

// vendorShown is one event beside what came of it.
type vendorShown struct {
	Event  string     `json:"event"`
	Status string     `json:"status,omitempty"` // with every opt-out on
	Kind   string     `json:"kind,omitempty"`
	Switch string     `json:"switch,omitempty"`
	Seen   int64      `json:"seen"`
	Last   *time.Time `json:"last,omitempty"`
}

// vendor compares the lists of the vendors with what the ledger has seen.
func (a *app) vendor(ctx context.Context, product string) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	loaded, err := cfg.loadRules()
	if err != nil {
		return err
	}
	var lists []*vendorList
	for _, file := range loaded.files {
		if file.Vendor == "" || product != "" && file.Product != product {
			continue
		}
		list, err := readVendor(file.Product, file.Vendor)
		if err != nil {
			return err
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return fmt.Errorf("no vendor's list is known for %s", cmp.Or(product, "any product"))
	}
	return a.withLog(ctx, func(b book) error {
		views := []*vendorView{}
		for _, list := range lists {
			view, err := list.beside(ctx, b, loaded)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		if a.json {
			return a.ui.json(views)
		}
		for _, view := range views {
			a.showVendor(view)
		}
		return nil
	})
}

// recognised finds the word of a rule in the detail of a record: $.event is "client:click".
var recognised = regexp.MustCompile(`(?:^|; )(\S+) is ("(?:[^"\\]|\\.)*")$`)

// recognisedWord is the word that a record was known by, where the selector is the one asked for.
func recognisedWord(detail, selector string) string {
	m := recognised.FindStringSubmatch(detail)
	if m == nil || m[1] != selector {
		return ""
	}
	word, err := strconv.Unquote(m[2])
	if err != nil {
		return ""
	}
	return word
}

// sighting is how often an event was seen.
type sighting struct {
	count int64
	last  time.Time
	kind  string
}

// beside counts the events of the ledger and holds the list against them.
func (l *vendorList) beside(ctx context.Context, b lister, loaded *rulebook) (*vendorView, error) {
	v := &vendorView{Product: l.Product, Vendor: l.Vendor, Dated: l.Dated, OptOuts: l.OptOuts, Seen: []vendorShown{}, Never: []vendorShown{}, Unlisted: []vendorShown{}}
	var hosts []string // what no rule matches there has no product in the ledger
	for _, h := range loaded.set.Hosts() {
		if h.Product == l.Product && !h.Refused {
			hosts = append(hosts, h.Name)
		}
	}
	seen, err := l.sightings(ctx, b, hosts, v)
	if err != nil {
		return nil, err
	}
	switches := map[string]string{}
	for _, p := range loaded.set.Products() {
		for _, k := range p.Kinds {
			if p.Name == l.Product {
				switches[k.Name] = string(k.Switch)
			}
		}
	}
	for _, e := range l.Events {
		shown := vendorShown{Event: e.Name, Status: e.Status, Kind: e.Kind, Switch: switches[e.Kind]}
		if s := seen[e.Name]; s != nil {
			shown.Seen, shown.Last = s.count, &s.last
			v.Seen = append(v.Seen, shown)
			delete(seen, e.Name)
			continue
		}
		v.Never = append(v.Never, shown)
	}
	for name, s := range seen {
		v.Unlisted = append(v.Unlisted, vendorShown{Event: name, Kind: s.kind, Switch: switches[s.kind], Seen: s.count, Last: &s.last})
	}
	slices.SortFunc(v.Seen, func(a, b vendorShown) int { return cmp.Compare(b.Seen, a.Seen) })
	slices.SortFunc(v.Unlisted, func(a, b vendorShown) int { return cmp.Compare(a.Event, b.Event) })
	return v, nil
}

// sightings counts exchanges by the word that a rule knew them by. The parts of one exchange count once.
func (l *vendorList) sightings(ctx context.Context, b lister, hosts []string, v *vendorView) (map[string]*sighting, error) {
	seen := map[string]*sighting{}
	filter := ledger.Filter{Types: []ledger.Type{ledger.Kept, ledger.Sent}, Product: []string{l.Product, ""}}
	flow := ""
	for {
		filter.Limit = pageSize
		page, err := b.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for i := range page.Entries {
			e := &page.Entries[i]
			word := recognisedWord(e.Detail, l.Field)
			again := e.Flow != "" && e.Flow == flow
			flow = e.Flow
			switch {
			case again || e.Product != l.Product && !slices.Contains(hosts, e.Host):
				continue
			case word == "" && e.Rule == "" && e.Type == ledger.Kept && e.Reason != "built-in":
				v.Unknown++
				continue
			case word == "":
				continue
			}
			s := seen[word]
			if s == nil {
				s = &sighting{kind: e.Kind, last: e.Time}
				seen[word] = s
			}
			s.count++
		}
		if page.Older == "" {
			return seen, nil
		}
		filter.Before = page.Older
	}
}

func (a *app) showVendor(v *vendorView) {
	a.ui.line(a.ui.paint(bold, v.Vendor), fmt.Sprintf(" lists %s (list of %s). Of them seen here: %d.", count(len(v.Seen)+len(v.Never), "event"), v.Dated, len(v.Seen)))
	a.ui.line("The status is what the vendor does when you have opted out of everything: off, anonymous, or identifiable all the same.")
	kept := 0
	for _, e := range append(slices.Clone(v.Seen), v.Never...) {
		if e.Status == "identifiable" {
			kept++
		}
	}
	a.ui.line(fmt.Sprintf("%d of them stay identifiable.", kept))
	a.showVendorEvents("Listed and seen", v.Seen)
	a.showVendorEvents("Seen and not listed", v.Unlisted)
	if v.Unknown > 0 {
		a.ui.line()
		a.ui.line(a.ui.paint(yellow, count(int(v.Unknown), "request")), " matched no rule; the names in them are not kept. They were dropped.")
	}
	a.showVendorEvents("Listed and never seen", v.Never)
}

func (a *app) showVendorEvents(title string, events []vendorShown) {
	if len(events) == 0 {
		return
	}
	a.ui.line()
	a.ui.line(a.ui.paint(bold, title))
	var rows [][]cell
	for _, e := range events {
		seen, last := "", ""
		if e.Seen > 0 {
			seen, last = times(e.Seen), stampText(*e.Last)
		}
		rows = append(rows, []cell{{"  " + e.Event, plain}, {e.Status, dim}, {e.Kind, plain}, {e.Switch, verdictStyle(e.Switch)}, {seen, dim}, {last, dim}})
	}
	a.ui.table([]string{"  EVENT", "OPTED OUT", "KIND", "SWITCH", "SEEN", "LAST"}, rows)
}
