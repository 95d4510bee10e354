package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// slow is a store whose commits take a time, or fail.
type slow struct {
	ledger.Store
	mu      sync.Mutex
	takes   time.Duration // guarded by mu, as are the others
	fault   error
	commits int
}

func (s *slow) Append(ctx context.Context, b *ledger.Batch) error {
	s.mu.Lock()
	takes, fault := s.takes, s.fault
	s.commits++
	s.mu.Unlock()
	time.Sleep(takes)
	if fault != nil {
		return fault
	}
	return s.Store.Append(ctx, b)
}

func (s *slow) set(takes time.Duration, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.fault = takes, fault
}

func openSlow(t *testing.T) (*ledger.Ledger, *slow) {
	t.Helper()
	s := &slow{Store: ledger.NewMemoryStore("local", ledger.DefaultKeepSize)}
	l, err := ledger.OpenStore(t.Context(), ledger.Config{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

func TestConcurrentAppendsShareCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openSlow(t)
		s.set(10*time.Millisecond, nil)
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if err := l.Append(t.Context(), sentRecord(i)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 20*time.Millisecond || s.commits > 2 {
			t.Errorf("100 appends took %v and %d commits", took, s.commits)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAppendWaitsNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openSlow(t)
		s.set(time.Minute, nil)
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.Append(t.Context(), sentRecord(0)) }) // hangs in the store
		synctest.Wait()
		began := time.Now()
		r := sentRecord(1)
		if err := l.Append(t.Context(), r); !errors.Is(err, ledger.ErrBusy) || time.Since(began) != 2*time.Second {
			t.Errorf("Append gives %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := l.Append(ctx, sentRecord(2)); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("Append gives %v after %v", err, time.Since(began))
		}
		began = time.Now()
		for range 100 {
			l.Post(&ledger.Record{Type: ledger.Result})
		}
		if time.Since(began) != 0 {
			t.Errorf("Post took %v", time.Since(began))
		}
		s.set(0, nil)
		wg.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		// What was refused is not in the ledger; what was posted is.
		page, err := l.List(t.Context(), ledger.Filter{Types: []ledger.Type{ledger.Sent, ledger.Result}, Limit: 1000})
		if err != nil || len(page.Entries) != 101 || r.Seq != 0 {
			t.Errorf("%d records, %v", len(page.Entries), err)
		}
	})
}

func TestPostCountsWhatItLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openSlow(t)
		s.set(0, errors.New("the disk is gone"))
		const posts = 40
		for range posts {
			r := sentRecord(0)
			r.Request.Body = bytes.Repeat([]byte("x"), 1<<20)
			l.Post(r)
		}
		n, err := l.Counters(t.Context())
		if err != nil || n.Lost == 0 || n.Lost >= posts {
			t.Errorf("%d of %d are counted as lost, %v", n.Lost, posts, err)
		}
		if err := l.Append(t.Context(), sentRecord(1)); err == nil || l.Fault() == nil {
			t.Error("a store that fails is not noticed")
		}
		s.set(0, nil)
		time.Sleep(time.Second) // posted records try again by themselves
		after, err := l.Counters(t.Context())
		if err != nil || after.Records != posts-n.Lost || l.Fault() != nil {
			t.Errorf("%d records are written of %d that were not lost, %v, %v", after.Records, posts-n.Lost, err, l.Fault())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestRunWritesTunnelTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := openSlow(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for range 90 { // an hour and a half
			l.AddTunnel("192.0.2.1", "cdn.example", 443, 2, 1)
			time.Sleep(time.Minute)
		}
		for i := range 5000 {
			l.AddTunnel("192.0.2.1", fmt.Sprint("h", i, ".example"), 443, 1, 1)
		}
		time.Sleep(2 * time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		totals, err := l.Tunnels(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var count, other int64
		for _, total := range totals {
			if total.Host == "cdn.example" {
				count += total.Count
			}
			if total.Host == ledger.OtherHosts {
				other += total.Count
			}
		}
		if count != 90 || other == 0 || len(totals) > 4200 {
			t.Errorf("%d connections, %d to others, %d totals", count, other, len(totals))
		}
		page, err := l.List(t.Context(), ledger.Filter{Host: []string{"cdn.example"}, Limit: 1000})
		if err != nil || len(page.Entries) > 12 {
			t.Errorf("%d records of one host in two hours, %v", len(page.Entries), err)
		}
		n, err := l.Counters(t.Context())
		if err != nil || n.Tunnelled != 5090 || n.Seen != 5090 {
			t.Errorf("counters %+v, %v", n, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestClockThatJumpsCostsNoRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		l, err := ledger.Open(t.Context(), ledger.Config{KeepAge: 90 * 24 * time.Hour, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(t.Context(), sentRecord(0), sentRecord(1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		time.Sleep(time.Hour)
		ahead.Store(int64(365 * 24 * time.Hour))
		time.Sleep(time.Hour)
		ahead.Store(0) // the clock was set right again
		time.Sleep(48 * time.Hour)
		if _, err := l.Get(t.Context(), "1"); err != nil {
			t.Errorf("an hour of a wrong clock cost the record: %v", err)
		}
		ahead.Store(int64(365 * 24 * time.Hour))
		time.Sleep(48 * time.Hour) // a clock that stays is right
		if _, err := l.Get(t.Context(), "1"); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("a record of last year is still there: %v", err)
		}
		cancel()
		if err := errors.Join(<-done, l.Close()); err != nil {
			t.Error(err)
		}
	})
}
