package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Limits of what may wait. Sixteen homes' worth of a week; beyond it telemetry stays in the house.
const (
	maxItems  = 100_000
	maxQueued = 64 << 20 // bytes of bodies
)

// late is how long after its time a release may still begin: a busy machine, not one that slept.
const late = time.Minute

// look is how often the wall clock is looked at, since timers do not follow it when it is set.
const look = 20 * time.Second

// ErrFull says that no more may wait. Nothing left.
var ErrFull = errors.New("the outbox is full")

// ErrNotSent is returned by a Sender that knows that no byte of the record left: the record waits for the next
// release. After any other end of sending the record never leaves again.
var ErrNotSent = errors.New("nothing was sent")

// A Sender lets the record leave and returns when it has, or has not.
type Sender func(ctx context.Context, it Item) error

// Config is what a Box needs. Dir must exist; the zero values of the rest are the system's clock, zone and randomness.
type Config struct {
	Dir      string
	Send     Sender
	Expired  func(it Item) // too old to leave; may be nil
	Now      func() time.Time
	Location *time.Location
	Random   io.Reader
	Log      *slog.Logger
}

// Box is a queue on disk. Its methods may be called concurrently.
type Box struct {
	cfg Config

	wake chan struct{} // something waits that did not before

	mu      sync.Mutex // guards the fields below
	queue   Queue
	unknown []Item // found marked, and not forgotten yet
	bytes   int
	journal *journal
	slot    time.Time // of the last release
}

// Open reads the queue in cfg.Dir. unknown are the records that a crash left marked: they may have left, wholly, in
// part or not at all, and are not sent again. They come back at every Open until they are forgotten.
func Open(cfg Config) (b *Box, unknown []Item, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	j, st, err := openJournal(cfg.Dir)
	if err != nil {
		return nil, nil, err
	}
	if st.torn > 0 {
		cfg.Log.Warn("outbox: lines that could not be read were left out", "lines", st.torn)
	}
	b = &Box{cfg: cfg, journal: j, slot: st.slot, unknown: slices.Clone(st.marked), wake: make(chan struct{}, 1)}
	for _, it := range st.waiting {
		b.queue.Add(it)
		b.bytes += len(it.Message.Body)
	}
	return b, st.marked, nil
}

// Add takes records in; they are in the journal when it returns, so that a crash of the process loses none.
func (b *Box) Add(items ...Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := 0
	steps := make([]step, len(items))
	for i := range items {
		if items[i].ID == "" {
			id, err := newID(b.cfg.Random)
			if err != nil {
				return err
			}
			items[i].ID = id
		}
		size += len(items[i].Message.Body)
		steps[i] = step{Op: "add", ID: items[i].ID, Item: &items[i]}
	}
	if b.queue.Len()+len(items) > maxItems || b.bytes+size > maxQueued {
		return ErrFull
	}
	if err := b.journal.write(false, steps...); err != nil {
		return err
	}
	for _, it := range items {
		b.queue.Add(it)
	}
	b.bytes += size
	select {
	case b.wake <- struct{}{}:
	default: // it is awake already, or will be
	}
	return nil
}

// Forget takes items that Open called unknown out of the journal, once the ledger has them.
func (b *Box) Forget(items ...Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	steps := make([]step, len(items))
	for i, it := range items {
		steps[i] = step{Op: "done", ID: it.ID}
		b.unknown = slices.DeleteFunc(b.unknown, func(u Item) bool { return u.ID == it.ID })
	}
	return b.journal.write(true, steps...)
}

// Each calls f for everything that waits.
func (b *Box) Each(f func(it *Item)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.queue.lines {
		for i := range l.items {
			f(&l.items[i])
		}
	}
}

// Waiting is how many records wait in each line, and when the next release is (zero: nothing waits).
func (b *Box) Waiting() (lines map[string]int, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, _ = b.queue.Next(b.after(b.cfg.Now()), b.cfg.Location)
	return b.queue.Waiting(), next
}

// after is the moment after which the next release lies: now, or the last release where the clock was set back
// behind it. A last release that lies days ahead comes from a clock that was wrong, and counts no more.
func (b *Box) after(now time.Time) time.Time {
	if b.slot.After(now) && b.slot.Sub(now) < 48*time.Hour {
		return b.slot
	}
	return now
}

// Run lets records leave on schedule until ctx ends. Close may follow. While nothing waits it sleeps.
func (b *Box) Run(ctx context.Context) error {
	seen := b.cfg.Now().Round(0) // wall clock: what is set, not what has passed
	for {
		if b.empty() {
			select {
			case <-ctx.Done():
				return nil
			case <-b.wake:
				seen = b.cfg.Now().Round(0)
			}
		}
		wait := look
		if next, ok := b.next(seen); ok {
			wait = min(wait, max(next.Sub(b.cfg.Now().Round(0)), 0))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		now := b.cfg.Now().Round(0)
		if now.Before(seen) { // set back
			seen = now
			continue
		}
		if slot, ok := b.next(seen); ok && !now.Before(slot) {
			if now.Sub(slot) <= late {
				b.release(ctx, slot)
			} else {
				b.cfg.Log.Info("outbox: a release was missed; it leaves at the next scheduled time", "scheduled", slot)
			}
		}
		b.expire(now)
		seen = now
	}
}

func (b *Box) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.Len() == 0
}

func (b *Box) next(seen time.Time) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queue.Next(b.after(seen), b.cfg.Location)
}

// release sends what is due at slot, one record after the other. The slot is in the journal first, so that it is
// never released twice; each record is marked on the disk before its first byte leaves.
func (b *Box) release(ctx context.Context, slot time.Time) {
	due, expired, err := b.take(slot)
	if err != nil {
		b.cfg.Log.Error("outbox: nothing was released", "error", err)
		return
	}
	b.drop(expired)
	for i, it := range due {
		if ctx.Err() != nil {
			b.putBack(due[i:], false)
			return
		}
		if err := b.mark(it); err != nil {
			b.cfg.Log.Error("outbox: the rest of a release stays", "error", err)
			b.putBack(due[i:], false)
			return
		}
		err := b.cfg.Send(ctx, it)
		if errors.Is(err, ErrNotSent) {
			b.putBack([]Item{it}, true)
			continue
		}
		b.done(it)
	}
	b.compact()
}

func (b *Box) take(slot time.Time) (due, expired []Item, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.journal.write(true, step{Op: "slot", Slot: slot}); err != nil {
		return nil, nil, err
	}
	b.slot = slot
	return b.queue.Take(slot, b.cfg.Location, b.cfg.Random)
}

func (b *Box) mark(it Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.journal.write(true, step{Op: "mark", ID: it.ID})
}

func (b *Box) done(it Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= len(it.Message.Body)
	if err := b.journal.write(false, step{Op: "done", ID: it.ID}); err != nil {
		b.cfg.Log.Error("outbox: a record that left stays marked", "error", err)
	}
}

func (b *Box) putBack(items []Item, unmark bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		if unmark {
			if err := b.journal.write(true, step{Op: "back", ID: it.ID}); err != nil {
				b.cfg.Log.Error("outbox: a record that did not leave stays marked", "error", err)
				continue
			}
		}
		b.queue.Add(it)
	}
}

func (b *Box) expire(now time.Time) {
	b.mu.Lock()
	expired := b.queue.Expire(now)
	b.mu.Unlock()
	b.drop(expired)
}

func (b *Box) drop(items []Item) {
	for _, it := range items {
		b.done(it)
		if b.cfg.Expired != nil {
			b.cfg.Expired(it)
		}
	}
}

// compact rewrites the journal to what waits, once a release.
func (b *Box) compact() {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Item
	for _, l := range b.queue.lines {
		all = append(all, l.items...)
	}
	if err := b.journal.rewrite(all, b.unknown, b.slot); err != nil {
		b.cfg.Log.Error("outbox: keeping the long journal", "error", err)
	}
}

// Close syncs and closes the journal. Run must have returned.
func (b *Box) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.journal.close()
}

func newID(random io.Reader) (string, error) {
	var raw [12]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("drawing an id: %w", err)
	}
	return fmt.Sprintf("%x", raw), nil
}
