package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/proxy"
	"github.com/scrimproxy/scrim/proxy/outbox"
	"github.com/scrimproxy/scrim/rules"
)

// leftovers is a state directory as a crash leaves it.
type leftovers struct {
	t   *testing.T
	cfg *config
	ctx context.Context
}

func newLeftovers(t *testing.T) *leftovers {
	t.Helper()
	return &leftovers{t: t, ctx: context.Background(), cfg: &config{Settings: &Settings{StateDir: t.TempDir()}}}
}

func (l *leftovers) ledger() *ledger.Ledger {
	l.t.Helper()
	book, err := ledger.Open(l.ctx, ledger.Config{Store: "sqlite", Dir: l.cfg.stateDir()})
	if err != nil {
		l.t.Fatal(err)
	}
	return book
}

// kept appends the held record of a part.
func (l *leftovers) kept(book *ledger.Ledger, flow string) *ledger.Record {
	l.t.Helper()
	rec := &ledger.Record{Type: ledger.Kept, Flow: flow, Rule: "r", Part: "play", Verdict: "hold", Host: "h.example"}
	if err := book.Append(l.ctx, rec); err != nil {
		l.t.Fatal(err)
	}
	return rec
}

func heldPart(flow string, rec *ledger.Record) proxy.Held {
	out := rules.Out{Part: "play", Release: &rules.Release{At: []string{"04:00"}}, Message: rules.Message{
		Time: time.Now(), Method: "POST", Path: "/", To: rules.Destination{Scheme: "https", Host: "h.example", Port: 443}, Body: []byte("{}")}}
	return proxy.Held{Flow: &proxy.Flow{ID: flow}, Out: out, Record: rec}
}

// open opens the holding, lets it hold a part of each flow, and closes it. It returns the held records.
func (l *leftovers) open(book *ledger.Ledger, flows ...string) (recs []*ledger.Record) {
	l.t.Helper()
	o, err := openHolding(l.ctx, l.cfg, book, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, flow := range flows {
		rec := l.kept(book, flow)
		if err := o.hold(l.ctx, []proxy.Held{heldPart(flow, rec)}); err != nil {
			l.t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	if err := o.box.Close(); err != nil {
		l.t.Fatal(err)
	}
	return recs
}

// mark writes into the journal that everything is about to leave, as if scrim was killed then.
func (l *leftovers) mark() {
	l.t.Helper()
	box, _, err := outbox.Open(outbox.Config{Dir: l.cfg.stateDir()})
	if err != nil {
		l.t.Fatal(err)
	}
	var lines string
	box.Each(func(it *outbox.Item) { lines += fmt.Sprintf("{\"op\":\"mark\",\"id\":%q}\n", it.ID) })
	if err := box.Close(); err != nil {
		l.t.Fatal(err)
	}
	f, err := os.OpenFile(l.cfg.statePath("outbox.journal"), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(lines); err != nil {
		l.t.Fatal(err)
	}
}

func (l *leftovers) parts(book *ledger.Ledger, seq int64) []*ledger.Record {
	l.t.Helper()
	e, err := book.Get(l.ctx, fmt.Sprint(seq))
	if err != nil {
		l.t.Fatal(err)
	}
	return e.Parts
}

func (l *leftovers) counters(book *ledger.Ledger, held, generalized, dropped int64) {
	l.t.Helper()
	n, err := book.Counters(l.ctx)
	if err != nil || n.Held != held || n.Generalized != generalized || n.Dropped != dropped || n.Seen != held+generalized+dropped {
		l.t.Errorf("counters %+v, %v; want %d held, %d generalized, %d dropped", n, err, held, generalized, dropped)
	}
}

func TestPartThatTheOutboxNeverHadIsEnteredAsLost(t *testing.T) {
	l := newLeftovers(t)
	book := l.ledger()
	defer book.Close()
	rec := l.kept(book, "a")
	l.open(book)
	if p := l.parts(book, rec.Seq); len(p) != 1 || p[0].Verdict != "drop" || p[0].Type != ledger.Kept {
		t.Errorf("got %+v", p)
	}
	l.counters(book, 0, 0, 1)
	l.open(book)
	l.counters(book, 0, 0, 1)
}

func TestPartThatWasOnItsWayIsUnknown(t *testing.T) {
	for _, committed := range []bool{false, true} {
		name := "before_its_entry"
		if committed {
			name = "after_its_entry"
		}
		t.Run(name, func(t *testing.T) {
			l := newLeftovers(t)
			book := l.ledger()
			rec := l.open(book, "a")[0]
			l.mark()
			var sent *ledger.Record
			if committed {
				sent = &ledger.Record{Type: ledger.Sent, Flow: "a", Part: "play", Verdict: "generalize", RefSeq: rec.Seq, Request: &ledger.Request{Method: "POST", Target: "/"}}
				if err := book.Append(l.ctx, sent); err != nil {
					t.Fatal(err)
				}
			}
			if err := book.Close(); err != nil {
				t.Fatal(err)
			}
			book = l.ledger()
			defer book.Close()
			for range 2 { // the second start finds nothing more to say
				l.open(book)
			}
			p := l.parts(book, rec.Seq)
			if !committed {
				if len(p) != 1 || p[0].Type != ledger.Kept || p[0].Verdict != "unknown" {
					for _, r := range p {
						t.Errorf("got %+v", *r)
					}
				}
				l.counters(book, 0, 0, 1)
				return
			}
			e, err := book.Get(l.ctx, fmt.Sprint(sent.Seq))
			if err != nil || len(p) != 1 || e.Result == nil || e.Result.Verdict != "unknown" || e.Result.Error == "" {
				t.Errorf("got %+v, %+v, %v", p, e, err)
			}
			l.counters(book, 0, 1, 0)
		})
	}
}

func TestWhatWaitsBesideAnotherLedgerNamesNoneOfItsRecords(t *testing.T) {
	l := newLeftovers(t)
	memory := func() *ledger.Ledger {
		book, err := ledger.Open(l.ctx, ledger.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return book
	}
	book := memory()
	l.open(book, "a")
	book.Close()
	book = memory()
	defer book.Close()
	other := l.kept(book, "b")
	o, err := openHolding(l.ctx, l.cfg, book, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer o.box.Close()
	seen := 0
	o.box.Each(func(it *outbox.Item) {
		seen++
		if rec := o.record(it); it.Ref != other.Seq || rec.Seq != 0 {
			t.Errorf("item of record %d, record %+v", it.Ref, rec)
		}
	})
	if seen != 1 {
		t.Errorf("%d wait, want 1", seen)
	}
	if w := o.waiting(); w.Records != 1 || w.Next.IsZero() {
		t.Errorf("waiting %+v", w)
	}
}
