package main

import (
	"io"
	"time"

	"github.com/scrimproxy/scrim/proxy/outbox"
	"github.com/scrimproxy/scrim/rules"
)

// schedule lets held parts leave as the outbox would, with the times of the entries as its clock.
type schedule struct {
	queue  outbox.Queue
	loc    *time.Location
	random io.Reader
	now    time.Time      // the latest time seen: entries may be out of order, the clock never goes back
	next   time.Time      // of the next release; zero: nothing waits
	of     map[string]int // item to entry
	leave  func(leaving) error
}

// leaving is one request at the moment when it would leave, or expire.
type leaving struct {
	index   int // of its entry
	at      time.Time
	rule    string
	part    string
	message *rules.Message
	expired bool // it was too old, and does not leave
}

// hold puts a part of entry index into the queue.
func (s *schedule) hold(index int, id string, o *rules.Outcome, out *rules.Out, at time.Time) {
	it := outbox.Item{ID: id, Added: at, Rule: o.Rule.ID, Part: out.Part, Release: *out.Release, Message: out.Message, Stamps: out.Stamps}
	s.of[id] = index
	s.queue.Add(it)
	if slot, ok := outbox.NextSlot(it.Release.At, s.now, s.loc); ok && (s.next.IsZero() || slot.Before(s.next)) {
		s.next = slot
	}
}

// reach moves the clock to t and lets go what is due until then.
func (s *schedule) reach(t time.Time) error {
	for !s.next.IsZero() && !s.next.After(t) {
		s.now = s.next
		if _, err := s.release(); err != nil {
			return err
		}
	}
	if t.After(s.now) {
		s.now = t
	}
	return nil
}

// release lets go what is due now and reports whether anything left or expired.
func (s *schedule) release() (moved bool, err error) {
	due, expired, err := s.queue.Take(s.now, s.loc, s.random)
	if err != nil {
		return false, err
	}
	expired = append(expired, s.queue.Expire(s.now)...)
	for i := range expired {
		if err := s.letGo(&expired[i], true); err != nil {
			return true, err
		}
	}
	for i := range due {
		if err := s.letGo(&due[i], false); err != nil {
			return true, err
		}
	}
	s.next, _ = s.queue.Next(s.now, s.loc)
	return len(due)+len(expired) > 0, nil
}

func (s *schedule) letGo(it *outbox.Item, expired bool) error {
	index := s.of[it.ID]
	delete(s.of, it.ID)
	return s.leave(leaving{index: index, at: s.now, rule: it.Rule, part: it.Part, message: &it.Message, expired: expired})
}

// idleDays is how long drain goes on without anything leaving: longer than any max_age in use.
const idleDays = 400

// drain runs the clock on until the queues are empty. What waits for a pool that never fills, and does not
// expire, stays: it comes back as the number of parts that never left.
func (s *schedule) drain() (waiting int, err error) {
	since := s.now
	for s.queue.Len() > 0 && !s.next.IsZero() && s.next.Sub(since) < idleDays*24*time.Hour {
		s.now = s.next
		moved, err := s.release()
		if err != nil {
			return 0, err
		}
		if moved {
			since = s.now
		}
	}
	return s.queue.Len(), nil
}
