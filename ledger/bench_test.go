package ledger_test

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// cpu is the processor time that this process has used.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sentRecord is a record as a 1 KB event leaves behind: 14 edits, 8 header fields, a body of 320 bytes.
func sentRecord(n int) *ledger.Record {
	r := &ledger.Record{
		Type: ledger.Sent, Flow: fmt.Sprintf("f-%08x", n), Door: "proxy", Client: "192.0.2.20", Scheme: "https", Host: "analytics.example",
		Port: 443, Product: "plex", Kind: "playback", Rule: "plex-playback-video", Verdict: "generalize",
		Request: &ledger.Request{Method: "POST", Target: "/collect/event", Length: 320, Version: "HTTP/1.1", Body: bytes.Repeat([]byte("01234567"), 40)},
	}
	for i := range 8 {
		r.Request.Header = append(r.Request.Header, ledger.Field{Name: fmt.Sprintf("X-Field-%d", i), Value: "application/json"})
	}
	for i := range 14 {
		r.Edits = append(r.Edits, ledger.Edit{Selector: fmt.Sprintf("$.properties.field%d", i), Transform: "bucket", Detail: "to 8 lengths", Type: "number", Shape: "integer, 4 digits", Listed: true})
	}
	return r
}

// benchmarkPairs appends sent records from 16 writers, each followed by its result, and reports processor time a pair.
func benchmarkPairs(b *testing.B, cfg ledger.Config) {
	l, err := ledger.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ResetTimer()
	start := cpu(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			model := sentRecord(0)
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				r, q := *model, *model.Request
				r.Flow, r.Request = "f-"+strconv.FormatInt(i, 16), &q
				if err := l.Append(b.Context(), &r); err != nil {
					b.Error(err)
					return
				}
				l.Post(&ledger.Record{Type: ledger.Result, Flow: r.Flow, RefSeq: r.Seq, Status: 200, BytesIn: 2, Duration: 30 * time.Millisecond})
			}
		})
	}
	wg.Wait()
	if err := l.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpu(b)-start).Microseconds())/float64(b.N), "cpu-µs/pair")
}

func BenchmarkPairs(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkPairs(b, ledger.Config{}) })
	b.Run("sqlite", func(b *testing.B) { benchmarkPairs(b, ledger.Config{Store: "sqlite", Dir: b.TempDir()}) })
}
