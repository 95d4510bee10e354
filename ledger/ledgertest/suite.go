// Package ledgertest holds every store of the ledger to the same behaviour.
package ledgertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrimproxy/scrim/ledger"
)

// Maker says how a test comes by a ledger.
type Maker struct {
	// Open opens the ledger of this test with cfg; called again after Close it opens the same one again.
	Open func(t *testing.T, cfg ledger.Config) *ledger.Ledger
	// Lasting is false where nothing survives Close.
	Lasting bool
}

// Run runs the conformance suite. New makes a Maker with a store of its own.
func Run(t *testing.T, fresh func(t *testing.T) Maker) {
	tests := []struct {
		name string
		run  func(t *testing.T, m Maker)
	}{
		{"append_gives_places_without_gaps", appendGivesPlaces},
		{"results_join_what_they_belong_to", resultsJoin},
		{"ids_have_short_forms", idsHaveShortForms},
		{"pages_go_both_ways_without_holes", pagesGoBothWays},
		{"filters_agree_with_a_plain_reading", filtersAgree},
		{"counters_add_up_and_last", countersAddUp},
		{"a_hold_ends_as_what_came_of_it", holdEnds},
		{"tunnels_are_totals", tunnelsAreTotals},
		{"follow_sees_entries_and_their_results", followSees},
		{"many_writers_lose_nothing", manyWriters},
		{"age_removes_and_leaves_an_anchor", ageRemoves},
		{"size_removes_and_leaves_an_anchor", sizeRemoves},
		{"secrets_are_masked_and_bodies_cut", secretsMasked},
		{"a_closed_ledger_says_so", closedSays},
		{"a_reopened_ledger_continues", reopenedContinues},
		{"exports_are_what_they_claim", exportsAre},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// start is when the tests' clocks begin: whole microseconds, as PostgreSQL keeps them.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func open(t *testing.T, m Maker, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l := m.Open(t, cfg)
	t.Cleanup(func() { _ = l.Close() }) // most tests close it themselves to look at the error
	return l
}

func add(t *testing.T, l *ledger.Ledger, recs ...*ledger.Record) {
	t.Helper()
	if err := l.Append(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, l *ledger.Ledger, f ledger.Filter) ledger.Page {
	t.Helper()
	page, err := l.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func whole(t *testing.T, l *ledger.Ledger) ledger.ChainReport {
	t.Helper()
	report, err := l.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Good || len(report.Chains) != 1 {
		t.Fatalf("the chain does not verify: %+v", report)
	}
	return report.Chains[0]
}

func counters(t *testing.T, l *ledger.Ledger) ledger.Counters {
	t.Helper()
	n, err := l.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if sum := n.Passed + n.Generalized + n.Dropped + n.Held + n.Refused + n.Tunnelled + n.Failed; sum != n.Seen {
		t.Fatalf("seen is %d, and the others add up to %d: %+v", n.Seen, sum, n)
	}
	return n
}

func sent(flow string) *ledger.Record {
	return &ledger.Record{
		Type: ledger.Sent, Flow: flow, Door: "proxy", Client: "192.0.2.20", Scheme: "https", Host: "metrics.example", Port: 443,
		Product: "plex", Kind: "playback", Rule: "plex-playback-video", Verdict: "generalize",
		Edits: []ledger.Edit{{Selector: "$.duration", Transform: "bucket", Detail: "to 8 lengths", Type: "number", Shape: "integer, 4 digits", Listed: true}},
		Request: &ledger.Request{
			Method: "POST", Target: "/collect?id=\u202e<b>&q=\"", Header: []ledger.Field{{Name: "Content-Type", Value: "application/json"}},
			Body: []byte(`{"duration":5220,"flow":"` + flow + `"}`), Length: 20, Version: "HTTP/1.1",
		},
	}
}

func appendGivesPlaces(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{Node: "nas"})
	a, b, c := sent("a"), sent("b"), sent("c")
	add(t, l, a, b)
	add(t, l, c)
	for i, r := range []*ledger.Record{a, b, c} {
		if r.Seq != int64(i+1) || r.Node != "nas" || r.Time.IsZero() || len(r.Hash) != 64 {
			t.Errorf("record %d has place %s-%d, time %v, hash %q", i, r.Node, r.Seq, r.Time, r.Hash)
		}
	}
	if b.Prev != a.Hash || c.Prev != b.Hash {
		t.Error("hashes do not continue")
	}
	for _, want := range []*ledger.Record{a, b, c} {
		got, err := l.Get(t.Context(), fmt.Sprint(want.Seq))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.Record, *want); diff != "" {
			t.Errorf("entry %d reads otherwise than it was written (got, want):\n%s", want.Seq, diff)
		}
	}
	if report := whole(t, l); report.From != 1 || report.To != 3 || report.Head != c.Hash {
		t.Errorf("verify reports %+v", report)
	}
}

func resultsJoin(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	a, b := sent("a"), sent("b")
	b.Part = "rate"
	add(t, l, a, b)
	l.Post(&ledger.Record{Type: ledger.Result, Flow: "b", Part: "rate", Status: 204, Duration: 7})
	l.Post(&ledger.Record{Type: ledger.Result, RefSeq: a.Seq, Status: 502, Error: "no route"})
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries := list(t, l, ledger.Filter{}).Entries
	if len(entries) != 2 || entries[0].Result == nil || entries[1].Result == nil {
		t.Fatalf("entries without results: %+v", entries)
	}
	if entries[0].Result.Status != 204 || entries[1].Result.Status != 502 {
		t.Errorf("results went astray: %d, %d", entries[0].Result.Status, entries[1].Result.Status)
	}
	of, err := l.Get(t.Context(), fmt.Sprint(entries[0].Result.Seq))
	if err != nil || of.Seq != b.Seq {
		t.Errorf("the entry of a result is %v, %v; want %d", of, err, b.Seq)
	}
}

func idsHaveShortForms(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{Node: "nas-2"})
	add(t, l, sent("a"), sent("b"))
	for id, want := range map[string]int64{"1": 1, "#2": 2, "nas-2-1": 1, "last": 2} {
		if e, err := l.Get(t.Context(), id); err != nil || e.Seq != want {
			t.Errorf("Get(%q) = %v, %v; want entry %d", id, e, err, want)
		}
	}
	for _, id := range []string{"", "0", "3", "-1", "nas-1", "other-1", "x"} {
		if e, err := l.Get(t.Context(), id); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("Get(%q) = %v, %v; want ErrNotFound", id, e, err)
		}
	}
}

// various appends n records of many kinds and returns them.
func various(t *testing.T, l *ledger.Ledger, n int) []*ledger.Record {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	var recs []*ledger.Record
	for i := range n {
		r := sent(fmt.Sprint("f", i%97))
		r.Time = start.Add(time.Duration(i) * time.Second)
		if i%50 == 0 {
			r.Time = r.Time.Add(-time.Hour) // a clock that jumps
		}
		r.Type = ledger.Type(pick("kept", "sent", "sent", "event", "tunnel"))
		r.Product, r.Kind = pick("plex", "plex", "plex", "navidrome"), pick("playback", "crash")
		r.Host = pick("metrics.example", "a.metrics.example", "analytics.example", fmt.Sprintf("h%d.example", random.IntN(40)))
		r.Client, r.Rule, r.Verdict = pick("192.0.2.1", "192.0.2.2"), pick("one", "Two", ""), pick("pass", "generalize", "drop")
		recs = append(recs, r)
	}
	for batch := range slices.Chunk(recs, 37) {
		add(t, l, batch...)
	}
	return recs
}

func pagesGoBothWays(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	for i := range 123 {
		add(t, l, sent(fmt.Sprint(i)))
	}
	var down []string
	f := ledger.Filter{Limit: 10}
	for {
		page := list(t, l, f)
		for _, e := range page.Entries {
			down = append(down, e.ID)
		}
		if page.Older == "" {
			break
		}
		f.Before = page.Older
	}
	if len(down) != 123 || len(slices.Compact(slices.Clone(down))) != 123 {
		t.Fatalf("%d entries on the way down", len(down))
	}
	var up []string
	last := list(t, l, ledger.Filter{Before: f.Before, Limit: 10})
	for _, e := range slices.Backward(last.Entries) {
		up = append(up, e.ID)
	}
	for f = (ledger.Filter{After: last.Newer, Limit: 10}); ; {
		page := list(t, l, f)
		if len(page.Entries) == 0 {
			break
		}
		for _, e := range slices.Backward(page.Entries) {
			up = append(up, e.ID)
		}
		f.After = page.Newer
	}
	slices.Reverse(up)
	if diff := cmp.Diff(up, down); diff != "" {
		t.Errorf("the way up is not the way down (up, down):\n%s", diff)
	}
	add(t, l, sent("new"))
	if page := list(t, l, f); len(page.Entries) != 1 || page.Entries[0].Flow != "new" {
		t.Errorf("what came since: %+v", page.Entries)
	}
	if _, err := l.List(t.Context(), ledger.Filter{Before: "x"}); err == nil || !strings.Contains(err.Error(), "cursor") {
		t.Errorf("a bad cursor gives %v", err)
	}
}

func manyWriters(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	const writers, each = 16, 40
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				r := sent(fmt.Sprint(g, ".", i))
				if err := l.Append(t.Context(), r); err != nil {
					t.Error(err)
					return
				}
				l.Post(&ledger.Record{Type: ledger.Result, Flow: r.Flow, Status: 200})
				if i%10 == 0 {
					if _, err := l.List(t.Context(), ledger.Filter{Limit: 5}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := whole(t, l); report.To != 2*writers*each {
		t.Errorf("%d records; want %d", report.To, 2*writers*each)
	}
	if n := counters(t, l); n.Generalized != writers*each || n.Lost != 0 || n.Records != 2*writers*each {
		t.Errorf("counters %+v", n)
	}
	page := list(t, l, ledger.Filter{Limit: 1000})
	for _, e := range page.Entries {
		if e.Result == nil || e.Result.Flow != e.Flow {
			t.Fatalf("entry %s of flow %s has result %+v", e.ID, e.Flow, e.Result)
		}
	}
}

func closedSays(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), sent("a")); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Append on a closed ledger: %v", err)
	}
	l.Post(sent("b")) // must not panic
}

func reopenedContinues(t *testing.T, m Maker) {
	if !m.Lasting {
		t.Skip("this store does not outlive its process")
	}
	l := open(t, m, ledger.Config{Node: "nas"})
	a := sent("a")
	add(t, l, a)
	l.Post(&ledger.Record{Type: ledger.Result, RefSeq: 1, Status: 200}) // Close writes it
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, m, ledger.Config{Node: "nas"})
	if notes := l.Notes(); len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	b := sent("b")
	add(t, l, b)
	if b.Seq != 3 {
		t.Errorf("the next record is %d; want 3", b.Seq)
	}
	whole(t, l)
	if n := counters(t, l); n.Seen != 2 || n.Records != 3 {
		t.Errorf("counters %+v", n)
	}
}
