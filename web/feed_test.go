package web

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// fed runs a feed on a ledger until the test, or stop, ends it.
func fed(t *testing.T, l *ledger.Ledger, file string) (inventory *audit.Inventory, feed *Feed, stop func()) {
	t.Helper()
	inventory = audit.NewInventory(time.UTC, nil)
	feed = NewFeed(inventory, l, file, nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error)
	go func() { done <- feed.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return inventory, feed, stop
}

func openLedger(t *testing.T, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendTo(t *testing.T, l *ledger.Ledger, recs ...*ledger.Record) {
	t.Helper()
	if err := l.Append(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
}

func hits(v *audit.Inventory) int64 { return v.Rule("plex-playback-video").Count }

func awaitHits(t *testing.T, v *audit.Inventory, want int64) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); hits(v) != want; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("counted %d, want %d", hits(v), want)
		}
	}
}

func TestInventoryOutlivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "inventory.json")
	l := openLedger(t, ledger.Config{Store: "sqlite", Dir: t.TempDir()})
	v, feed, stop := fed(t, l, file)
	for i := range 10 {
		r := play(strconv.Itoa(i))
		appendTo(t, l, r)
		feed.Note(r)
	}
	awaitHits(t, v, 10)
	stop()
	before := v.Tree(time.Now(), "", "").Products[0].Hosts[0].Events[0]
	v, feed, _ = fed(t, l, file)
	awaitHits(t, v, 10)
	after := v.Tree(time.Now(), "", "").Products[0].Hosts[0].Events[0]
	if after.Count != 10 || len(after.Fields) != 3 || !after.First.Equal(before.First) || after.Fields[2].Count != 10 {
		t.Errorf("after a restart: %+v", after)
	}
	r := play("next")
	appendTo(t, l, r)
	feed.Note(r)
	awaitHits(t, v, 11)
}

func TestInventoryCountsWhatItMissed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "inventory.json")
	l := openLedger(t, ledger.Config{Store: "sqlite", Dir: t.TempDir()})
	v, feed, stop := fed(t, l, file)
	r := play("seen")
	appendTo(t, l, r)
	feed.Note(r)
	awaitHits(t, v, 1)
	stop()
	for i := range 3*feedPage + 7 { // as after a crash: in the ledger, and not in the file
		appendTo(t, l, play(strconv.Itoa(i)))
	}
	v, _, _ = fed(t, l, file)
	awaitHits(t, v, 3*feedPage+8)
}

func TestInventoryIsRebuiltFromTheLedger(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "inventory.json")
	l := openLedger(t, ledger.Config{Store: "sqlite", Dir: dir})
	for i := range 5 {
		appendTo(t, l, play(strconv.Itoa(i)))
	}
	if err := os.WriteFile(file, []byte(`{"version": 99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	v, _, _ := fed(t, l, file)
	awaitHits(t, v, 5)
}

func TestANewLedgerGoesOnCounting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "inventory.json")
	l := openLedger(t, ledger.Config{})
	for i := range 5 {
		appendTo(t, l, play(strconv.Itoa(i)))
	}
	v, _, stop := fed(t, l, file)
	awaitHits(t, v, 5)
	stop()
	fresh := openLedger(t, ledger.Config{}) // its numbers begin at 1 again
	v, feed, _ := fed(t, fresh, file)
	r := play("fresh")
	appendTo(t, fresh, r)
	feed.Note(r)
	awaitHits(t, v, 6)
}

func TestConcurrentRecordsAreAllCounted(t *testing.T) {
	l := openLedger(t, ledger.Config{})
	v, feed, _ := fed(t, l, "")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 50 {
				r := play(strconv.Itoa(i) + "/" + strconv.Itoa(j))
				if err := l.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
				feed.Note(r)
			}
		})
	}
	group.Wait()
	awaitHits(t, v, 400)
}

func TestNotingNeverBlocks(t *testing.T) {
	l := openLedger(t, ledger.Config{})
	feed := NewFeed(audit.NewInventory(time.UTC, nil), l, "", nil) // nobody counts
	r := play("f")
	for range feedQueue + 10 {
		feed.Note(r)
	}
	if n := feed.missed.Load(); n != 10 {
		t.Errorf("%d missed, want 10", n)
	}
}

func BenchmarkNote(b *testing.B) {
	l, err := ledger.Open(b.Context(), ledger.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	v := audit.NewInventory(time.UTC, nil)
	feed := NewFeed(v, l, "", nil)
	r := play("f")
	for len(r.Edits) < 40 {
		r.Edits = append(r.Edits, ledger.Edit{Selector: "$.properties.field" + strconv.Itoa(len(r.Edits)), Transform: "unlisted", Type: "string", Shape: "text", Removed: true})
	}
	for b.Loop() {
		r.Seq++
		r.Flow = strconv.FormatInt(r.Seq, 10)
		feed.Note(r)
		feed.arrived(<-feed.queue)
	}
}

func TestMessagesAreMeasuredOnceTheyAreCounted(t *testing.T) {
	l := openLedger(t, ledger.Config{})
	v, feed, _ := fed(t, l, "")
	sample := &audit.Sample{Product: "plex", Rule: "plex-playback-video"}
	sample.Message.To.Host, sample.Message.Body = "metrics.plex.tv", []byte(`{"event":"a"}`)
	feed.Measure(sample) // before its record, as on the way of a request
	r := play("f")
	appendTo(t, l, r)
	feed.Note(r)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if tree := v.Tree(time.Now(), "", ""); len(tree.Products) > 0 && tree.Products[0].Hosts[0].Events[0].Fields[0].Distinct == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it was not measured")
		}
	}
}

func TestOnlyAFewMessagesASecondAreMeasured(t *testing.T) {
	feed := NewFeed(audit.NewInventory(time.UTC, nil), nil, "", nil)
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	taken := 0
	for range 1000 {
		if feed.Samples(now) {
			taken++
		}
	}
	if taken != maxSampled || !feed.Samples(now.Add(time.Second)) {
		t.Errorf("%d were taken", taken)
	}
}
