package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Bounds of the writer's queues.
const (
	batchRecords = 256      // records of one commit
	queueBytes   = 64 << 20 // waiting for Append
	postBytes    = 8 << 20  // posted and not yet committed
	postRecords  = 64       // posted records that a commit takes along before their time
	postDelay    = 50 * time.Millisecond
)

// bounds keep one commit small beside the size cap: a store under its cap must have room for the next one.
type bounds struct {
	maxBody    int   // bytes of a request's body that are kept
	batchBytes int64 // of one commit, unless a record alone is larger
	pruneAt    int64 // bytes written between looks at the store's size
	pruneRows  int64 // records that one commit removes
}

func boundsFor(keepSize int64) bounds {
	return bounds{
		maxBody:    int(min(16<<20, keepSize/20)),
		batchBytes: min(4<<20, keepSize/64),
		pruneAt:    min(1<<20, keepSize/64),
		pruneRows:  min(1000, keepSize>>14),
	}
}

// item is a record made ready for the store outside the lock.
type item struct {
	rec  *Record
	rest []byte
	body []byte

	shared *Edits // as in Row
	at     int
}

func (it *item) size() int64 {
	n := len(it.rest) + len(it.body) + 64
	if it.shared != nil {
		n += len(it.shared.text)
	}
	return int64(n)
}

// ticket is one call of Append on its way.
type ticket struct {
	items []item
	size  int64
	taken bool       // guarded by writer.mu: in a commit
	alone bool       // wants to lead without a commit
	word  chan error // buffered: what became of it, or errLead
}

// errLead tells a waiting ticket that it makes the next commit.
var errLead = errors.New("lead")

// writer turns calls into commits. There is no goroutine of its own: the first caller that finds no commit under
// way makes one for all that wait, and hands the rest to the next.
type writer struct {
	store  Store
	node   string
	now    func() time.Time
	log    *slog.Logger
	wait   time.Duration
	bounds // in proportion to the size cap

	mu      sync.Mutex
	waiting []*ticket // guarded by mu, as are the fields down to closed
	size    int64     // bytes of waiting
	posted  []item
	postage int64 // bytes of posted
	lost    int64
	busy    bool // somebody leads
	timer   *time.Timer
	due     bool // what is posted has waited postDelay
	closed  bool
	changed chan struct{} // closed after every commit, and replaced

	// Of the leader alone:
	seq       int64
	hash      [32]byte
	tally     *tally
	rows      []Row
	scratch   []byte
	unpruned  int64
	lastFault error // guarded by mu
}

// ready encodes what does not depend on the record's place. It masks secrets and cuts bodies beyond the bound.
func (w *writer) ready(r *Record) item {
	it := item{rec: r}
	if q := r.Request; q != nil {
		q.Mask()
		if len(q.Body) > w.maxBody {
			q.Body, q.Cut = q.Body[:w.maxBody:w.maxBody], true
		}
		it.body = q.Body
		q.BodyDigest = ""
		if len(q.Body) > 0 {
			sum := sha256.Sum256(q.Body)
			q.BodyDigest = hex.EncodeToString(sum[:])
		}
		if q.Digest == "" && q.Coding == "" && !q.Cut {
			q.Digest = q.BodyDigest
		}
	}
	room := 640
	if it.shared = r.sharedEdits(); it.shared == nil {
		room += 96 * len(r.Edits)
	}
	it.rest, it.at = r.appendRest(make([]byte, 0, room))
	return it
}

// append commits recs with whatever else waits.
func (w *writer) append(ctx context.Context, recs []*Record) error {
	t := &ticket{items: make([]item, len(recs)), word: make(chan error, 1)}
	for i, r := range recs {
		t.items[i] = w.ready(r)
		t.size += t.items[i].size()
	}
	w.mu.Lock()
	switch {
	case w.closed:
		w.mu.Unlock()
		return ErrClosed
	case w.size+t.size > queueBytes && len(w.waiting) > 0:
		w.mu.Unlock()
		return fmt.Errorf("%w: too much waits for it already", ErrBusy)
	}
	w.waiting = append(w.waiting, t)
	w.size += t.size
	lead := !w.busy
	w.busy = true
	w.mu.Unlock()
	if lead {
		w.lead(ctx, t)
		return <-t.word
	}
	return w.await(ctx, t)
}

// await waits for a leader to commit t, or to make t the leader.
func (w *writer) await(ctx context.Context, t *ticket) error {
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	var why error
	select {
	case word := <-t.word:
		return w.heed(ctx, t, word)
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-timer.C:
		why = fmt.Errorf("%w within %v", ErrBusy, w.wait)
	}
	w.mu.Lock()
	gone := len(t.word) == 0 && w.leave(t)
	w.mu.Unlock()
	if gone {
		return why
	}
	select {
	case word := <-t.word:
		return w.heed(ctx, t, word)
	case <-time.After(w.wait): // in a commit that hangs; it may yet succeed, but the caller must not count on it
		return why
	}
}

func (w *writer) heed(ctx context.Context, t *ticket, word error) error {
	if word != errLead {
		return word
	}
	w.lead(ctx, t)
	return <-t.word
}

// lead commits until own is among what was committed, then hands over. own is nil for a flush.
func (w *writer) lead(ctx context.Context, own *ticket) {
	ctx = context.WithoutCancel(ctx) // others' records are in the commit too
	for {
		runtime.Gosched() // let those who are about to append join this commit: a third fewer commits at 16 writers
		tickets, posted := w.take()
		if len(tickets) == 0 && len(posted) == 0 {
			w.handOver()
			return
		}
		err := w.commit(ctx, tickets, posted)
		if err != nil {
			w.putBack(posted)
		}
		w.settle(err)
		for _, t := range tickets {
			t.word <- err
		}
		if own == nil || own.taken {
			w.handOver()
			return
		}
	}
}

// take takes the next batch from the queues.
func (w *writer) take() (tickets []*ticket, posted []item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var records int
	var size int64
	w.waiting = slices.DeleteFunc(w.waiting, func(t *ticket) bool {
		full := len(tickets) > 0 && (records+len(t.items) > batchRecords || size+t.size > w.batchBytes)
		if t.alone || full {
			return false
		}
		t.taken = true
		tickets = append(tickets, t)
		records += len(t.items)
		size += t.size
		return true
	})
	w.size -= size
	if records > 0 && !w.due && len(w.posted) < postRecords {
		return tickets, nil // many at once touch fewer pages of the store's indexes
	}
	w.due = false
	n := 0
	for n < len(w.posted) && (records == 0 || records < batchRecords && size < w.batchBytes) {
		size += w.posted[n].size()
		w.postage -= w.posted[n].size()
		records++
		n++
	}
	posted = slices.Clone(w.posted[:n])
	w.posted = slices.Delete(w.posted, 0, n)
	return tickets, posted
}

// handOver makes the first that waits the leader, or ends the lead. What was posted meanwhile waits for the timer.
func (w *writer) handOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passOn()
}

// passOn is handOver with mu held.
func (w *writer) passOn() {
	if len(w.waiting) > 0 {
		w.waiting[0].word <- errLead
		return
	}
	w.busy = false
	if len(w.posted) > 0 {
		w.arm()
	}
}

// leave takes t out of the queue and says whether it was there. mu is held.
func (w *writer) leave(t *ticket) bool {
	i := slices.Index(w.waiting, t)
	if i < 0 {
		return false
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
	w.size -= t.size
	return true
}

// putBack returns posted items to their queue after a failed commit, the oldest first.
func (w *writer) putBack(items []item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posted = append(items, w.posted...)
	for i := range items {
		w.postage += items[i].size()
	}
}

// settle notes how a commit went, and wakes those who follow.
func (w *writer) settle(err error) {
	w.mu.Lock()
	before := w.lastFault
	w.lastFault = err
	if err == nil {
		close(w.changed)
		w.changed = make(chan struct{})
	}
	w.mu.Unlock()
	switch {
	case err != nil && before == nil:
		w.log.Error("the ledger cannot append; telemetry does not leave until it can", "error", err)
	case err == nil && before != nil:
		w.log.Info("the ledger appends again")
	}
}

// post queues a record that nothing waits for.
func (w *writer) post(r *Record) {
	it := w.ready(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.postage+it.size() > postBytes {
		w.lost++
		return
	}
	w.posted = append(w.posted, it)
	w.postage += it.size()
	w.arm()
}

// arm sets the timer of a flush. mu is held.
func (w *writer) arm() {
	if w.timer == nil && !w.closed {
		w.timer = time.AfterFunc(postDelay, w.flush)
	}
}

// change returns a channel that is closed after the next commit.
func (w *writer) change() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// flush commits what was posted, unless somebody leads already and takes it along.
func (w *writer) flush() {
	w.mu.Lock()
	w.timer = nil
	if w.busy || w.closed || len(w.posted) == 0 {
		w.due = true // whoever leads takes it along
		w.mu.Unlock()
		return
	}
	w.busy = true
	w.mu.Unlock()
	w.lead(context.Background(), nil)
}

// sync commits everything that was posted before it. It is an Append of nothing, repeated while a batch is full.
func (w *writer) sync(ctx context.Context) error {
	for {
		w.mu.Lock()
		w.due = true
		w.mu.Unlock()
		if err := w.append(ctx, nil); err != nil {
			return err
		}
		w.mu.Lock()
		n := len(w.posted)
		w.mu.Unlock()
		if n == 0 {
			return nil
		}
	}
}

// close refuses new records and waits for the commit under way.
func (w *writer) close(ctx context.Context) error {
	err := w.sync(ctx)
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.lost += int64(len(w.posted))
	w.posted = nil
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	for w.leading() {
		time.Sleep(time.Millisecond)
	}
	return err
}

func (w *writer) leading() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.busy
}
