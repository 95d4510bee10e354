package outbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

var daily = rules.Release{At: []string{"04:00"}, MaxAge: 7 * 24 * time.Hour}

// bench is a box whose wall clock can be set, and what it sent.
type benchBox struct {
	*Box
	set atomic.Int64 // nanoseconds that the wall clock is away from the bubble's

	mu   sync.Mutex
	sent []string
	when []time.Time
}

func openBox(t *testing.T, dir string, send Sender) (*benchBox, []Item) {
	t.Helper()
	bb := &benchBox{}
	now := func() time.Time { return time.Now().Add(time.Duration(bb.set.Load())).UTC() }
	if send == nil {
		send = func(_ context.Context, it Item) error {
			bb.mu.Lock()
			defer bb.mu.Unlock()
			bb.sent, bb.when = append(bb.sent, it.ID), append(bb.when, now())
			return nil
		}
	}
	b, unknown, err := Open(Config{Dir: dir, Send: send, Now: now, Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	bb.Box = b
	return bb, unknown
}

func (b *benchBox) add(t *testing.T, id string, r rules.Release) {
	t.Helper()
	it := item(id, "rule", b.cfg.Now(), r)
	it.Message.Body = []byte(`{"generalized":true}`)
	if err := b.Add(it); err != nil {
		t.Fatal(err)
	}
}

// running runs the box in a bubble while f runs.
func running(t *testing.T, b *benchBox, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	f()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func (b *benchBox) left() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.sent)
	slices.Sort(out)
	return out
}

// The bubble's clock begins at midnight UTC, 2000-01-01.

func TestReleaseAtItsTimeAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := openBox(t, t.TempDir(), nil)
		running(t, b, func() {
			b.add(t, "a", daily)
			b.add(t, "b", daily)
			time.Sleep(3*time.Hour + 59*time.Minute + 59*time.Second)
			if got := b.left(); got != nil {
				t.Errorf("%v left before 04:00", got)
			}
			time.Sleep(2 * time.Second)
			if got := b.left(); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("left %v, want a and b", got)
			}
			time.Sleep(48 * time.Hour)
			if got := b.left(); len(got) != 2 {
				t.Errorf("left %v: something left twice", got)
			}
		})
	})
}

func TestMissedReleaseWaitsForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b, _ := openBox(t, dir, nil)
		b.add(t, "a", daily)
		b.Close()
		time.Sleep(10 * time.Hour) // off over 04:00
		b, _ = openBox(t, dir, nil)
		running(t, b, func() {
			time.Sleep(time.Hour)
			if got := b.left(); got != nil {
				t.Errorf("%v left at start-up", got)
			}
			time.Sleep(24 * time.Hour)
			if got := b.left(); !slices.Equal(got, []string{"a"}) {
				t.Errorf("left %v, want a", got)
			}
			if hour := b.when[0].Hour(); hour != 4 {
				t.Errorf("left at %v", b.when[0])
			}
		})
	})
}

func TestClockThatJumps(t *testing.T) {
	for _, tt := range []struct {
		name string
		jump time.Duration
		at   time.Duration // after midnight
	}{
		{"a_day_forward_in_the_evening", 24 * time.Hour, 20 * time.Hour},
		{"a_day_back_in_the_evening", -24 * time.Hour, 20 * time.Hour},
		{"an_hour_back_just_after_the_release", -time.Hour, 4*time.Hour + 10*time.Minute},
		{"over_the_release", 2 * time.Hour, 3 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := openBox(t, t.TempDir(), nil)
				running(t, b, func() {
					for i := range 40 {
						r := daily
						r.Cap = 1 // so that two releases show as two
						b.add(t, fmt.Sprint(i), r)
					}
					time.Sleep(tt.at)
					b.set.Store(int64(tt.jump))
					time.Sleep(72 * time.Hour)
				})
				slots := map[string]int{}
				for _, w := range b.when {
					if w.Hour() != 4 || w.Minute() != 0 {
						t.Errorf("a release at %v", w)
					}
					slots[w.Format("2006-01-02")]++
				}
				for day, n := range slots {
					if n != 1 {
						t.Errorf("%d releases on %s", n, day)
					}
				}
				if len(slots) < 2 {
					t.Errorf("only %d releases in three days", len(slots))
				}
			})
		})
	}
}

func TestSleepingMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := openBox(t, t.TempDir(), nil)
		running(t, b, func() {
			b.add(t, "a", daily)
			time.Sleep(3 * time.Hour)
			b.set.Store(int64(5 * time.Hour)) // its clock stood still from 03:00 to 08:00
			time.Sleep(time.Hour)
			if got := b.left(); got != nil {
				t.Errorf("%v left on waking up", got)
			}
			time.Sleep(24 * time.Hour)
			if got := b.left(); len(got) != 1 {
				t.Errorf("left %v the day after, want a", got)
			}
		})
	})
}

func TestCrashDuringARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var b *benchBox
		var begun []string
		ctx, cancel := context.WithCancel(context.Background())
		b, _ = openBox(t, dir, func(_ context.Context, it Item) error {
			begun = append(begun, it.ID)
			if len(begun) == 2 { // the process dies while the second is on its way: nothing more is written
				b.journal.file.Close()
				cancel()
			}
			return nil
		})
		for _, id := range []string{"a", "b", "c", "d"} {
			b.add(t, id, daily)
		}
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		<-done

		after, unknown := openBox(t, dir, nil)
		if !slices.Equal(ids(unknown), begun[1:2]) {
			t.Errorf("unknown %v, want %v", ids(unknown), begun[1:2])
		}
		if _, err := os.Stat(filepath.Join(dir, journalName)); err != nil {
			t.Fatal(err)
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
		after, unknown = openBox(t, dir, nil)
		if len(unknown) != 1 {
			t.Errorf("unknown %v: it must come back until the ledger has it", ids(unknown))
		}
		if err := after.Forget(unknown...); err != nil {
			t.Fatal(err)
		}
		after.Close()
		if after, unknown = openBox(t, dir, nil); len(unknown) != 0 {
			t.Errorf("unknown %v after it was forgotten", ids(unknown))
		}
		running(t, after, func() { time.Sleep(48 * time.Hour) })
		for _, id := range begun {
			if slices.Contains(after.left(), id) {
				t.Errorf("%s left twice", id)
			}
		}
		if got := len(after.left()); got != 2 {
			t.Errorf("%d left after the crash, want the 2 that had not begun", got)
		}
	})
}

func TestWhatDidNotLeaveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		b, _ := openBox(t, t.TempDir(), func(context.Context, Item) error {
			tries++
			if tries == 1 {
				return fmt.Errorf("the ledger is locked: %w", ErrNotSent)
			}
			return errors.New("the origin hung up")
		})
		running(t, b, func() {
			b.add(t, "a", daily)
			time.Sleep(100 * time.Hour)
		})
		if tries != 2 {
			t.Errorf("%d tries, want 2: one that did not leave, one that perhaps did", tries)
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone []string
		b, _ := openBox(t, t.TempDir(), nil)
		b.cfg.Expired = func(it Item) { gone = append(gone, it.ID) }
		r := daily
		r.Pool = 5
		running(t, b, func() {
			b.add(t, "alone", r)
			time.Sleep(8 * 24 * time.Hour)
		})
		if b.left() != nil || !slices.Equal(gone, []string{"alone"}) {
			t.Errorf("left %v, gone %v", b.left(), gone)
		}
	})
}

func TestJournalIsPrivateAndSurvivesATornLine(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir, nil)
	b.add(t, "a", daily)
	b.add(t, "b", daily)
	b.Close()
	path := filepath.Join(dir, journalName)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw[:len(raw)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	again, unknown := openBox(t, dir, nil)
	defer again.Close()
	if lines, _ := again.Waiting(); lines["rule/"] != 1 || len(unknown) != 0 {
		t.Errorf("waiting %v, unknown %v; want the whole line alone", lines, unknown)
	}
}

func TestSymlinkInPlaceOfTheJournalIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, journalName)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}

func TestFullOutboxTakesNothing(t *testing.T) {
	b, _ := openBox(t, t.TempDir(), nil)
	defer b.Close()
	big := item("big", "rule", time.Now(), daily)
	big.Message.Body = make([]byte, maxQueued+1)
	if err := b.Add(big); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if lines, _ := b.Waiting(); len(lines) != 0 {
		t.Errorf("waiting %v", lines)
	}
}
