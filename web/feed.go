package web

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// inventoryName is the file in state_dir that keeps the inventory over a restart.
const inventoryName = "inventory.json"

// Bounds of a feed.
const (
	feedQueue   = 8192                   // records that wait to be counted
	feedSamples = 64                     // messages that wait to be measured
	maxSampled  = 20                     // in a second
	feedMeasure = 500 * time.Millisecond // between rounds of measuring: what is measured has been counted by then
	feedPage    = 500                    // entries read at once when catching up
	feedSave    = 5 * time.Minute        // between saves
	feedRest    = time.Millisecond       // between pages, so that catching up does not starve traffic
	savedAtOnce = 2 * time.Second        // after the last fact of a burst the first time
)

// Feed brings records to an inventory: those committed while it runs, and, when it starts, those that the ledger
// holds and the inventory has not counted.
type Feed struct {
	inventory *audit.Inventory
	book      Book
	file      string
	log       *slog.Logger
	queue     chan *ledger.Record
	samples   chan *audit.Sample
	seed      maphash.Seed // of what is measured: forgotten with the process
	second    atomic.Int64 // the one that sampled counts
	sampled   atomic.Int64 // samples taken in it
	missed    atomic.Int64
	until     int64      // of Run: the newest record that was counted from the ledger
	dirty     bool       // of Run: something is not saved
	fact      audit.Fact // of Run: the one that is being counted

	last *ledger.Record // of Run: a record whose fact waits to be counted with those like it; nil: none
	like int            // how many records said what last says
}

// NewFeed loads the inventory that state_dir keeps and makes a feed for it; file "" keeps none. Catching up happens in Run. A file that
// cannot be read is set aside by counting anew.
func NewFeed(inventory *audit.Inventory, book Book, file string, log *slog.Logger) *Feed {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &Feed{inventory: inventory, book: book, file: file, log: log, queue: make(chan *ledger.Record, feedQueue), samples: make(chan *audit.Sample, feedSamples), seed: maphash.MakeSeed()}
	if file == "" {
		return f
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = inventory.Load(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the inventory is counted anew from the ledger", "because", err)
	}
	return f
}

// InventoryFile is where an inventory is kept in a state_dir.
func InventoryFile(dir string) string { return strings.TrimSuffix(dir, "/") + "/" + inventoryName }

// Note hands over committed records. It never blocks: what finds the queue full is counted as missed.
func (f *Feed) Note(recs ...*ledger.Record) {
	for _, r := range recs {
		if !counts(r) {
			continue
		}
		light := *r
		light.Request = nil // its body need not wait
		select {
		case f.queue <- &light:
		default:
			f.missed.Add(1)
		}
	}
}

// counts says whether the inventory takes note of a record.
func counts(r *ledger.Record) bool { return r.Type == ledger.Kept || r.Type == ledger.Sent }

// take makes f what the inventory takes of a record.
func take(f *audit.Fact, r *ledger.Record) {
	fields := f.Fields[:0]
	*f = audit.Fact{Seq: r.Seq, Time: r.Time, Flow: r.Flow, Product: r.Product, Kind: r.Kind, Host: r.Host, Rule: r.Rule, Verdict: r.Verdict, Later: r.RefSeq != 0}
	if r.Rule == "" {
		f.Event = eventOf(r)
	}
	for i := range r.Edits {
		fields = append(fields, sightingOf(&r.Edits[i]))
	}
	f.Fields = fields
}

// eventOf names a request that no rule matched: method and path shape, as the rules name drift. A request that passes
// unmatched on a mixed host is no event.
func eventOf(r *ledger.Record) string {
	name, _ := strings.CutPrefix(r.Detail, "drift: request ")
	if name == r.Detail {
		return ""
	}
	return name
}

func sightingOf(e *ledger.Edit) audit.Sighting {
	return audit.Sighting{Part: e.Part, Selector: e.Selector, Transform: e.Transform, Detail: e.Detail, Type: e.Type, Shape: e.Shape,
		Count: e.Count, Listed: e.Listed, Removed: e.Removed}
}

// Run counts until ctx ends, then counts what is queued and saves.
func (f *Feed) Run(ctx context.Context) error {
	var err error
	if f.until, err = catchUp(ctx, f.inventory, f.book.List, f.book.Node()); err != nil && ctx.Err() == nil {
		f.log.Warn("counting what the ledger holds", "error", err)
	}
	f.dirty = true
	tick := time.NewTicker(feedSave)
	defer tick.Stop()
	soon := time.NewTimer(savedAtOnce)
	defer soon.Stop()
	measure := time.NewTicker(feedMeasure)
	defer measure.Stop()
	var ripe []*audit.Sample
	for {
		select {
		case <-ctx.Done():
			f.drain()
			f.save(context.WithoutCancel(ctx))
			return nil
		case r := <-f.queue:
			f.arrived(r)
		case <-measure.C:
			ripe = f.measure(ripe)
		case <-soon.C:
			f.save(ctx)
		case <-tick.C:
			f.save(ctx)
		}
	}
}

// Samples says whether a message that arrives now is to be measured: a few in a second are. It does not block.
func (f *Feed) Samples(now time.Time) bool {
	if second := now.Unix(); f.second.Swap(second) != second {
		f.sampled.Store(0)
	}
	return f.sampled.Add(1) <= maxSampled
}

// Measure hands over a message of which Samples said that it is to be measured.
func (f *Feed) Measure(s *audit.Sample) {
	select {
	case f.samples <- s:
	default: // as if it had not been sampled
	}
}

// measure measures what waited for a round, and returns what waits now: its record may not have been counted yet.
func (f *Feed) measure(ripe []*audit.Sample) (waiting []*audit.Sample) {
	f.settle()
	for _, s := range ripe {
		f.inventory.Measure(s, f.seed)
		f.dirty = true
	}
	for {
		select {
		case s := <-f.samples:
			waiting = append(waiting, s)
		default:
			return waiting
		}
	}
}

// arrived counts a record that was handed over, unless catching up has met it in the ledger. Records in a row that
// share one list of edits, as those of a busy player do, are counted together.
func (f *Feed) arrived(r *ledger.Record) {
	if r.Seq <= f.until {
		return
	}
	if f.last != nil && alike(f.last, r) {
		f.last = r
		f.like++
		return
	}
	f.settle()
	f.last, f.like = r, 1
	if r.Shared == nil {
		f.settle()
	}
}

// quarter is an hour's: days begin at a multiple of it in every zone, so what is counted together is of one day.
const quarter = 15 * time.Minute

// alike reports whether two records of different exchanges say the same of the same: only a shared list is known to be
// the same without reading it.
func alike(a, b *ledger.Record) bool {
	return a.Shared != nil && a.Shared == b.Shared && len(a.Edits) == len(b.Edits) && a.Flow != b.Flow && a.Time.Truncate(quarter).Equal(b.Time.Truncate(quarter)) &&
		a.Verdict == b.Verdict && a.Rule == b.Rule && a.Host == b.Host && a.Product == b.Product && a.Kind == b.Kind && a.Detail == b.Detail &&
		a.Part == b.Part && a.RefSeq == 0 && b.RefSeq == 0
}

// settle counts the record that waits, with those like it.
func (f *Feed) settle() {
	if f.last == nil {
		return
	}
	take(&f.fact, f.last)
	f.fact.Times = f.like
	f.inventory.Add(&f.fact)
	f.last, f.like, f.dirty = nil, 0, true
}

func (f *Feed) drain() {
	for {
		select {
		case r := <-f.queue:
			f.arrived(r)
		default:
			f.settle()
			return
		}
	}
}

// lister lists entries of a ledger, as ledger.Reader does.
type lister func(ctx context.Context, f ledger.Filter) (ledger.Page, error)

// CatchUp counts the records that a ledger holds behind the place of an inventory. node is whose records, "" everyone's.
func CatchUp(ctx context.Context, inventory *audit.Inventory, list func(context.Context, ledger.Filter) (ledger.Page, error), node string) error {
	_, err := catchUp(ctx, inventory, list, node)
	return err
}

// catchUp also says which record was the newest.
func catchUp(ctx context.Context, inventory *audit.Inventory, list lister, node string) (until int64, err error) {
	counted, place, err := begin(ctx, inventory, list, node)
	if err != nil {
		return 0, err
	}
	until = counted
	var fact audit.Fact
	types := []ledger.Type{ledger.Kept, ledger.Sent}
	for ctx.Err() == nil {
		page, err := list(ctx, ledger.Filter{Types: types, Node: node, After: place, Limit: feedPage})
		if err != nil {
			return until, err
		}
		for i := len(page.Entries) - 1; i >= 0; i-- { // newest first: count the oldest first
			if r := &page.Entries[i].Record; r.Seq > counted {
				take(&fact, r)
				inventory.Add(&fact)
				until = r.Seq
			}
		}
		if len(page.Entries) > 0 {
			inventory.SetCursor(string(page.Newer))
		}
		if len(page.Entries) < feedPage || page.Newer == place {
			return until, nil
		}
		place = page.Newer
		time.Sleep(feedRest)
	}
	return until, ctx.Err()
}

// begin is where counting goes on: the newest record that was counted, and a place at or before it. A ledger that ends
// before that was begun anew.
func begin(ctx context.Context, inventory *audit.Inventory, list lister, node string) (counted int64, place ledger.Cursor, err error) {
	counted, at := inventory.Place()
	page, err := list(ctx, ledger.Filter{Types: everyType(), Node: node, Limit: 1})
	if err != nil {
		return 0, "", err
	}
	if counted > 0 && (len(page.Entries) == 0 || page.Entries[0].Seq < counted) {
		inventory.Restart()
		counted, at = 0, ""
	}
	if at == "" {
		at = "0"
	}
	return counted, ledger.Cursor(at), nil
}

// save writes the inventory. The place is taken first: what is behind it and counted already is known by its number.
func (f *Feed) save(ctx context.Context) {
	f.settle()
	if n := f.missed.Swap(0); n > 0 {
		f.inventory.Missed(n)
		f.dirty = true
	}
	if !f.dirty || f.file == "" {
		return
	}
	if seq, _ := f.inventory.Place(); seq > 0 {
		f.setPlace(ctx, seq)
	}
	data, err := f.inventory.Save()
	if err == nil {
		err = WriteFile(f.file, data)
	}
	if err != nil {
		f.log.Warn("keeping the inventory", "error", err)
		return
	}
	f.dirty = false
}

// setPlace finds the place of the newest record that was counted, if it is among the newest: only then is it at or
// before everything that was not.
func (f *Feed) setPlace(ctx context.Context, seq int64) {
	page, err := f.book.List(ctx, ledger.Filter{Types: []ledger.Type{ledger.Kept, ledger.Sent}, Node: f.book.Node(), Limit: 1})
	if err != nil || len(page.Entries) == 0 {
		return
	}
	if newest := page.Entries[0].Seq; newest <= seq {
		f.inventory.SetCursor(string(page.Newer))
	}
}
