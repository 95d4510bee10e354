package ledger_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// BenchmarkPages measures a page of 50 entries, as the review UI asks for it, in a ledger of SCRIM_LEDGER_ENTRIES
// (20,000 unless set) entries with a result each.
func BenchmarkPages(b *testing.B) {
	n := 20000
	if v, err := strconv.Atoi(os.Getenv("SCRIM_LEDGER_ENTRIES")); err == nil {
		n = v
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := open(b, ledger.Config{Store: "sqlite", Dir: b.TempDir(), KeepSize: 8 << 30})
	manyEntries(b, l, n, start)
	middle := start.Add(time.Duration(n/2) * time.Second)
	for _, bench := range []struct {
		name string
		f    ledger.Filter
	}{
		{"newest", ledger.Filter{}},
		{"middle", ledger.Filter{Before: ledger.Cursor(strconv.Itoa(n))}},
		{"product", ledger.Filter{Product: []string{"plex"}}},
		{"rare_product", ledger.Filter{Product: []string{"rare"}}},
		{"oldest_product", ledger.Filter{Product: []string{"first"}}},
		{"no_product", ledger.Filter{Product: []string{"none"}}},
		{"kind_verdict_client", ledger.Filter{Kind: []string{"crash"}, Verdict: []string{"drop"}, Client: []string{"192.0.2.5"}}},
		{"text", ledger.Filter{Text: "h77."}},
		{"day", ledger.Filter{Since: middle, Until: middle.Add(24 * time.Hour)}},
		{"day_rare", ledger.Filter{Since: middle, Until: middle.Add(24 * time.Hour), Product: []string{"rare"}}},
		{"before_all", ledger.Filter{Until: start}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := l.List(b.Context(), bench.f); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "worst-ms")
		})
	}
}

func manyEntries(b *testing.B, l *ledger.Ledger, n int, start time.Time) {
	b.Helper()
	for at := 0; at < n; at += 100 {
		var recs []*ledger.Record
		for i := at; i < min(n, at+100); i++ {
			r := sentRecord(i)
			r.Edits = r.Edits[:2]
			r.Time = start.Add(time.Duration(i) * time.Second)
			r.Host, r.Client = fmt.Sprintf("h%d.example", i%200), fmt.Sprintf("192.0.2.%d", i%20)
			switch {
			case i < 10:
				r.Product = "first"
			case i%20011 == 0:
				r.Product = "rare"
			case i%5 == 0:
				r.Type, r.Kind, r.Verdict = ledger.Kept, "crash", "drop"
			}
			recs = append(recs, r)
		}
		if err := l.Append(context.Background(), recs...); err != nil {
			b.Fatal(err)
		}
		results := make([]*ledger.Record, len(recs))
		for i, r := range recs {
			results[i] = &ledger.Record{Type: ledger.Result, RefSeq: r.Seq, Time: r.Time, Status: 200}
		}
		if err := l.Append(context.Background(), results...); err != nil {
			b.Fatal(err)
		}
	}
}
