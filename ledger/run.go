package ledger

import (
	"context"
	"time"
)

// How often Run looks at what it keeps.
const (
	tunnelTick = 10 * time.Second
	ageTick    = 10 * time.Minute
)

// After the clock has jumped by clockJump, nothing is removed by age for clockDoubt: a clock that is a year ahead for
// an hour must not cost a year of records.
const (
	clockJump  = time.Hour
	clockDoubt = 24 * time.Hour
)

// clock tells jumps of the wall clock from the passing of time.
type clock struct {
	wall, steady time.Time // taken at once; steady by the monotonic clock
	doubt        time.Time // of the monotonic clock: until then the wall clock is not believed
}

// look compares the clocks, and says whether the wall clock can be believed.
func (c *clock) look(wall, steady time.Time) bool {
	drift := wall.Round(0).Sub(c.wall.Round(0)) - steady.Sub(c.steady)
	if c.wall.IsZero() {
		drift = 0
	}
	if drift.Abs() > clockJump {
		c.doubt = steady.Add(clockDoubt)
	}
	c.wall, c.steady = wall, steady
	return !steady.Before(c.doubt)
}

// Run keeps the ledger: tunnel totals, retention by age, the store's own upkeep. It blocks until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	tick := time.NewTicker(tunnelTick)
	defer tick.Stop()
	age := time.NewTicker(ageTick)
	defer age.Stop()
	var clock clock
	clock.look(l.w.now(), time.Now())
	l.retain(ctx, true)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			clock.look(l.w.now(), time.Now())
			for _, r := range l.tunnels.due(l.w.now(), false) {
				l.Post(r)
			}
			if err := l.Upkeep(ctx); err != nil && ctx.Err() == nil {
				l.w.log.Warn("the ledger's upkeep stopped", "error", err)
			}
		case <-age.C:
			l.retain(ctx, clock.look(l.w.now(), time.Now()))
		}
	}
}

func (l *Ledger) retain(ctx context.Context, byAge bool) {
	if err := l.retainAll(ctx, byAge); err != nil && ctx.Err() == nil {
		l.w.log.Warn("the ledger cannot remove old entries", "error", err)
	}
}

// Upkeep lets the store give back what it does not need: idle connections, free pages. Run does it by itself.
func (l *Ledger) Upkeep(ctx context.Context) error { return l.store.Maintain(ctx) }

// Retain removes what is older than Config.KeepAge, and what the size cap does not allow, now. Run does it by itself.
func (l *Ledger) Retain(ctx context.Context) error { return l.retainAll(ctx, true) }

func (l *Ledger) retainAll(ctx context.Context, byAge bool) error {
	for more := true; more; {
		var err error
		more, err = l.retainStep(ctx, byAge)
		if err != nil {
			return err
		}
	}
	return nil
}

// retainStep removes at most bounds.pruneRows records, as the leader.
func (l *Ledger) retainStep(ctx context.Context, byAge bool) (more bool, err error) {
	if err := l.w.beLeader(ctx); err != nil {
		return false, err
	}
	defer l.w.handOver()
	if err := l.w.prune(ctx, false); err != nil {
		return false, err
	}
	if l.keepAge == 0 || !byAge {
		return false, nil
	}
	last, err := l.expired(ctx)
	if err != nil || last == 0 {
		return false, err
	}
	return true, l.w.drop(ctx, last, "age")
}

// expired returns the newest record of a run of at most bounds.pruneRows from the oldest on that are all too old; 0: none.
// The records of a clock that was wrong for a while go when those around them go: the chain has no holes.
func (l *Ledger) expired(ctx context.Context) (int64, error) {
	bound := l.w.now().Add(-l.keepAge).UnixNano()
	tail, err := l.store.Tail(ctx)
	if err != nil || tail.First == 0 {
		return 0, err
	}
	rows, _, _, err := l.store.Scan(ctx, Scan{Node: l.node, Since: bound, Limit: 1})
	if err != nil {
		return 0, err
	}
	last := tail.Last
	if len(rows) > 0 {
		last = rows[0].Seq - 1
	}
	if last < tail.First {
		return 0, nil
	}
	// An anchor alone is what is left of a ledger that nothing was written to.
	if tail.First == tail.Last {
		return 0, nil
	}
	return min(last, tail.First+l.w.pruneRows-1, tail.Last), nil
}

// beLeader waits until no commit is under way, and keeps others from beginning one until handOver.
func (w *writer) beLeader(ctx context.Context) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		return nil
	}
	t := &ticket{word: make(chan error, 1), alone: true}
	w.waiting = append(w.waiting, t)
	w.mu.Unlock()
	var err error
	select {
	case <-t.word:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave(t)
	if err != nil && len(t.word) > 0 { // made the leader in the same moment
		w.passOn()
	}
	return err
}
