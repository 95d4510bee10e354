package web

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// TestManyEntriesArePagedFast asks the API as its pages do, in a ledger of SCRIM_LEDGER_ENTRIES entries with a result
// each: the median of ten for each question is under 50 ms.
func TestManyEntriesArePagedFast(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("SCRIM_LEDGER_ENTRIES"))
	if err != nil {
		t.Skip("a long test: SCRIM_LEDGER_ENTRIES=1000000 runs it")
	}
	r := newRigOn(t, ledger.Config{Store: "sqlite", Dir: t.TempDir(), KeepSize: 8 << 30}, "127.0.0.1:0")
	began := time.Now()
	r.many(n)
	t.Logf("%d entries written in %v", n, time.Since(began).Round(time.Second))
	r.await("the feed", func() bool { return len(r.feed.queue) == 0 })
	middle := strconv.Itoa(n)
	for _, path := range []string{
		"/api/v1/entries", "/api/v1/entries?before=" + middle, "/api/v1/entries?after=" + middle, "/api/v1/entries?product=plex&verdict=drop", "/api/v1/entries?product=rare",
		"/api/v1/entries?product=none", "/api/v1/entries?type=event", "/api/v1/entries?text=h77.", "/api/v1/entries?client=192.0.2.5&kind=crash", "/api/v1/entries/" + r.ledger.Node() + "-" + middle,
		"/api/v1/status", "/api/v1/products", "/api/v1/fields", "/api/v1/charts", "/api/v1/hosts", "/api/v1/rules", "/metrics",
	} {
		var times []time.Duration
		for range 10 {
			asked := time.Now()
			res, data := r.ask("GET", path, nil)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s %s", path, res.Status, data)
			}
			times = append(times, time.Since(asked))
		}
		slices.Sort(times)
		t.Logf("%-50s median %6.1f ms, worst %6.1f ms", path, float64(times[5].Microseconds())/1000, float64(times[9].Microseconds())/1000)
		if times[5] > 50*time.Millisecond {
			t.Errorf("%s: median %v", path, times[5])
		}
	}
}

// many writes n entries, each with its result, and a tunnel record for every hundredth.
func (r *rig) many(n int) {
	r.Helper()
	start := time.Now().Add(-time.Duration(n) * time.Second)
	for from := 0; from < n; from += 500 {
		var recs []*ledger.Record
		for i := from; i < min(n, from+500); i++ {
			rec := play(strconv.Itoa(i))
			rec.Time, rec.Host, rec.Client = start.Add(time.Duration(i)*time.Second), fmt.Sprintf("h%d.example", i%200), fmt.Sprintf("192.0.2.%d", i%20)
			switch {
			case i%20011 == 0:
				rec.Product = "rare"
			case i%5 == 0:
				rec.Type, rec.Kind, rec.Verdict, rec.Request = ledger.Kept, "crash", "drop", nil
			case i%100 == 7:
				*rec = ledger.Record{Type: ledger.Tunnel, Time: rec.Time, Host: rec.Host, Client: rec.Client, Verdict: "tunnel", Count: 1, BytesIn: 100, BytesOut: 10}
			}
			recs = append(recs, rec)
		}
		if err := r.ledger.Append(r.Context(), recs...); err != nil {
			r.Fatal(err)
		}
		r.feed.Note(recs...)
		results := make([]*ledger.Record, len(recs))
		for i, rec := range recs {
			results[i] = &ledger.Record{Type: ledger.Result, Flow: rec.Flow, RefSeq: rec.Seq, Time: rec.Time, Status: 200}
		}
		if err := r.ledger.Append(r.Context(), results...); err != nil {
			r.Fatal(err)
		}
	}
}
