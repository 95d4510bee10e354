// Package outbox holds generalized records and lets them leave on schedule: Queue is the pure part, which replay
// shares, with the time as an argument; Box keeps a queue on disk and sends from it, each record at most once.
//
// The schedule protects more than tidiness: the moment a play ends tells its runtime as well as a number does. So a
// record leaves at a fixed local time, in an order drawn from a cryptographic source, never because something
// happened, and never at start-up: a release that was missed leaves at the next scheduled time.
package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// Item is one record that waits. It holds what may leave and nothing else of the message it was made from.
type Item struct {
	ID      string        `json:"id"`
	Added   time.Time     `json:"added"`
	Flow    string        `json:"flow,omitempty"`
	Ref     int64         `json:"ref,omitempty"` // its held record in the ledger
	Door    string        `json:"door,omitempty"`
	Client  string        `json:"client,omitempty"`
	Product string        `json:"product,omitempty"`
	Kind    string        `json:"kind,omitempty"`
	Rule    string        `json:"rule"`
	Part    string        `json:"part,omitempty"`
	Release rules.Release `json:"release"`
	Message rules.Message `json:"message"`
	Stamps  *rules.Stamps `json:"stamps,omitempty"` // where the day of sending stands in it
	Edits   []rules.Edit  `json:"edits,omitempty"`

	// Fault is why the day of sending could not be written: the item does not leave. It holds no value.
	Fault string `json:"-"`
}

// Line names the queue that an item stands in: one for each part of each rule. Caps and pools count by line.
func (it *Item) Line() string { return it.Rule + "/" + it.Part }

// expired reports whether it is older than its release allows, at now.
func (it *Item) expired(now time.Time) bool {
	return it.Release.MaxAge > 0 && now.Sub(it.Added) > it.Release.MaxAge
}

// Queue is what waits. The zero value is an empty queue. It is not safe for concurrent use.
type Queue struct {
	lines []*line // in order of first use, so that the same input gives the same output
}

type line struct {
	name  string
	items []Item
}

// Add puts an item at the end of its line.
func (q *Queue) Add(it Item) {
	for _, l := range q.lines {
		if l.name == it.Line() {
			l.items = append(l.items, it)
			return
		}
	}
	q.lines = append(q.lines, &line{name: it.Line(), items: []Item{it}})
}

// Len is how many items wait.
func (q *Queue) Len() int {
	n := 0
	for _, l := range q.lines {
		n += len(l.items)
	}
	return n
}

// Waiting is how many items wait in each line.
func (q *Queue) Waiting() map[string]int {
	out := map[string]int{}
	for _, l := range q.lines {
		if len(l.items) > 0 {
			out[l.name] = len(l.items)
		}
	}
	return out
}

// Next is the first scheduled time after t at which a line that holds something may be released, in loc; false where
// nothing waits.
func (q *Queue) Next(t time.Time, loc *time.Location) (time.Time, bool) {
	var next time.Time
	for _, l := range q.lines {
		for i := range l.items {
			if i > 0 && slices.Equal(l.items[i].Release.At, l.items[i-1].Release.At) {
				continue // as nearly all of a line
			}
			if slot, ok := NextSlot(l.items[i].Release.At, t, loc); ok && (next.IsZero() || slot.Before(next)) {
				next = slot
			}
		}
	}
	return next, !next.IsZero()
}

// stamp writes the day of the release where the message wants it.
func (it *Item) stamp(slot time.Time, loc *time.Location) {
	it.Fault = ""
	if it.Stamps == nil {
		return
	}
	m, err := it.Stamps.Restamp(it.Message, slot, loc)
	if err != nil {
		it.Fault = err.Error()
		return
	}
	it.Message = m
}

// Take removes what leaves at slot, and what is too old to leave at all or has a Fault. due is in the order in which it
// is to leave: all lines of the slot mixed, drawn from random; the day of slot is written where it belongs. It returns an error, and removes nothing, where random fails.
func (q *Queue) Take(slot time.Time, loc *time.Location, random io.Reader) (due, expired []Item, err error) {
	shuffle, err := newShuffler(random)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range q.lines {
		var rest, ready []Item
		for _, it := range l.items {
			switch {
			case it.expired(slot):
				expired = append(expired, it)
			case isSlot(it.Release.At, slot, loc):
				ready = append(ready, it)
			default:
				rest = append(rest, it)
			}
		}
		take := len(ready)
		if take > 0 {
			release := ready[len(ready)-1].Release // the newest rule's own words
			if take < release.Pool {
				take = 0
			}
			if release.Cap > 0 {
				take = min(take, release.Cap)
			}
		}
		shuffle.items(ready)
		due = append(due, ready[:take]...)
		rest = append(rest, ready[take:]...)
		slices.SortStableFunc(rest, func(a, b Item) int { return a.Added.Compare(b.Added) })
		l.items = rest
	}
	shuffle.items(due)
	leaving := due[:0]
	for _, it := range due {
		if it.stamp(slot, loc); it.Fault != "" {
			expired = append(expired, it)
			continue
		}
		leaving = append(leaving, it)
	}
	return leaving, expired, nil
}

// Expire removes what is too old to leave at now.
func (q *Queue) Expire(now time.Time) (expired []Item) {
	for _, l := range q.lines {
		l.items = slices.DeleteFunc(l.items, func(it Item) bool {
			if it.expired(now) {
				expired = append(expired, it)
				return true
			}
			return false
		})
	}
	return expired
}

// NextSlot is the first of the local times at ("15:04") after t.
func NextSlot(at []string, t time.Time, loc *time.Location) (time.Time, bool) {
	local := t.In(loc)
	var next time.Time
	for _, clock := range at {
		hour, minute, err := parseClock(clock)
		if err != nil {
			continue
		}
		for day := 0; day <= 2; day++ {
			slot := time.Date(local.Year(), local.Month(), local.Day()+day, hour, minute, 0, 0, loc)
			if slot.After(t) {
				if next.IsZero() || slot.Before(next) {
					next = slot
				}
				break
			}
		}
	}
	return next, !next.IsZero()
}

// isSlot reports whether slot is one of the local times at. A time that a change to summer time skips is the
// moment that time.Date makes of it.
func isSlot(at []string, slot time.Time, loc *time.Location) bool {
	local := slot.In(loc)
	for _, clock := range at {
		hour, minute, err := parseClock(clock)
		if err != nil {
			continue
		}
		if time.Date(local.Year(), local.Month(), local.Day(), hour, minute, 0, 0, loc).Equal(slot) {
			return true
		}
	}
	return false
}

func parseClock(s string) (hour, minute int, err error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, 0, fmt.Errorf("%q is not a time of day such as 04:00", s)
	}
	return t.Hour(), t.Minute(), nil
}

// shuffler draws permutations from 32 bytes of a cryptographic source, stretched by SHA-256 in counter mode.
type shuffler struct {
	seed    [32]byte
	counter uint64
	buf     []byte
}

func newShuffler(random io.Reader) (*shuffler, error) {
	s := &shuffler{}
	if _, err := io.ReadFull(random, s.seed[:]); err != nil {
		return nil, fmt.Errorf("drawing the order of a release: %w", err)
	}
	return s, nil
}

// items puts v in a uniformly random order (Fisher and Yates; Knuth, volume 2, section 3.4.2, algorithm P).
func (s *shuffler) items(v []Item) {
	for i := len(v) - 1; i > 0; i-- {
		j := s.below(uint64(i + 1))
		v[i], v[j] = v[j], v[i]
	}
}

// below is a uniform number under n, by rejection.
func (s *shuffler) below(n uint64) uint64 {
	limit := ^uint64(0) - ^uint64(0)%n
	for {
		if v := s.next(); v < limit {
			return v % n
		}
	}
}

func (s *shuffler) next() uint64 {
	if len(s.buf) < 8 {
		var block [40]byte
		copy(block[:], s.seed[:])
		binary.BigEndian.PutUint64(block[32:], s.counter)
		s.counter++
		sum := sha256.Sum256(block[:])
		s.buf = append(s.buf[:0], sum[:]...)
	}
	v := binary.BigEndian.Uint64(s.buf)
	s.buf = s.buf[8:]
	return v
}
