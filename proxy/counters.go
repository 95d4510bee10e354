package proxy

import (
	"sync"

	"github.com/scrimproxy/scrim/rules"
)

// Counters are totals since the start. For requests
//
//	Seen = Passed + Generalized + Dropped + Held + Refused + Tunnelled + Failed
//
// holds at every moment: a request is counted when it is decided, a connection that is tunnelled, refused or fails
// before its first request counts as one request.
type Counters struct {
	Seen        int64 `json:"seen"`
	Passed      int64 `json:"passed"`
	Generalized int64 `json:"generalized"`
	Dropped     int64 `json:"dropped"`
	Held        int64 `json:"held"`
	Refused     int64 `json:"refused"`
	Tunnelled   int64 `json:"tunnelled"`
	Failed      int64 `json:"failed"`

	NotServed   int64 `json:"not_served"`   // connections from outside clients.allow
	OverLimit   int64 `json:"over_limit"`   // connections and requests over a limit
	Pinned      int64 `json:"pinned"`       // handshakes in which a client refused our certificate
	Drift       int64 `json:"drift"`        // things the rules do not know
	LedgerFault int64 `json:"ledger_fault"` // requests that did not leave because the ledger could not append
	Panics      int64 `json:"panics"`       // faults of our own that were isolated
	Connections int   `json:"connections"`  // open now
}

// tally guards the counters, so that a snapshot always adds up.
type tally struct {
	mu sync.Mutex
	c  Counters
}

// end names how a request ended.
type end uint8

const (
	endPassed end = iota
	endGeneralized
	endDropped
	endHeld
	endRefused
	endTunnelled
	endFailed
)

func (t *tally) count(e end) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.Seen++
	*t.field(e)++
}

// move takes one request from one column to another, as when the last part of a held one has left.
func (t *tally) move(from, to end) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.field(from)--
	*t.field(to)++
}

func (t *tally) field(e end) *int64 {
	return [...]*int64{&t.c.Passed, &t.c.Generalized, &t.c.Dropped, &t.c.Held, &t.c.Refused, &t.c.Tunnelled, &t.c.Failed}[e]
}

// add changes one of the counters that are not part of the equation.
func (t *tally) add(change func(*Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.c)
}

func (t *tally) snapshot() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.c
}

// Counters returns the totals since the start.
func (p *Proxy) Counters() Counters {
	c := p.tally.snapshot()
	c.Connections = p.conns.len()
	return c
}

// Settle ends a held request: its last part has left or expired. verdict is rules.Generalize if any part left, else rules.Drop.
func (p *Proxy) Settle(verdict rules.Verdict) {
	if verdict == rules.Generalize {
		p.tally.move(endHeld, endGeneralized)
		return
	}
	p.tally.move(endHeld, endDropped)
}
