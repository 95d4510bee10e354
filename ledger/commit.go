package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// commit gives the items of one batch their places and hands them to the store. Only the leader calls it.
func (w *writer) commit(ctx context.Context, tickets []*ticket, posted []item) error {
	ctx, cancel := context.WithTimeout(ctx, w.wait)
	defer cancel()
	b := w.batch(tickets, posted)
	if len(b.Rows) == 0 {
		return nil
	}
	err := w.store.Append(ctx, b)
	if isCorrupt(err) {
		if err = w.renew(ctx, err); err == nil {
			b = w.batch(tickets, posted)
			err = w.store.Append(ctx, b)
		}
	}
	for try := 0; errors.Is(err, ErrFull) && try < 8; try++ {
		if err = w.prune(ctx, true); err != nil {
			break
		}
		b = w.batch(tickets, posted)
		err = w.store.Append(ctx, b)
	}
	if err != nil {
		return fmt.Errorf("appending to the ledger: %w", err)
	}
	w.adopt(b)
	for _, t := range tickets {
		for i := range t.items {
			row := &b.Rows[0]
			b.Rows = b.Rows[1:]
			t.items[i].rec.Hash = hex.EncodeToString(row.Hash[:])
		}
	}
	if w.unpruned >= w.pruneAt {
		w.unpruned = 0
		if err := w.prune(ctx, false); err != nil {
			w.log.Warn("the ledger cannot remove old entries", "error", err)
		}
	}
	return nil
}

// renewer is a Store that can set a corrupt file aside and begin anew.
type renewer interface {
	renew(ctx context.Context, now time.Time, why error) (note string, err error)
}

// renew begins a new chain where the store has turned out corrupt.
func (w *writer) renew(ctx context.Context, why error) error {
	s, can := w.store.(renewer)
	if !can {
		return why
	}
	note, err := s.renew(ctx, w.now(), why)
	if err != nil {
		return errors.Join(why, err)
	}
	w.log.Error(note)
	w.seq, w.hash = 0, [32]byte{}
	w.tally.begin()
	w.rows = w.rows[:0]
	it := w.ready(beginning(note))
	w.chain(&it, 1, w.hash, w.now())
	b := &Batch{Rows: w.rows, State: w.tally.state()}
	if err := w.store.Append(ctx, b); err != nil {
		return err
	}
	w.adopt(b)
	return nil
}

// adopt makes b the end of the chain.
func (w *writer) adopt(b *Batch) {
	last := &b.Rows[len(b.Rows)-1]
	w.seq, w.hash = last.Seq, last.Hash
	w.tally.keep()
	for i := range b.Rows {
		w.unpruned += cost(&b.Rows[i])
	}
}

// batch makes rows of items: places, links, hashes. Nothing lasts until adopt.
func (w *writer) batch(tickets []*ticket, posted []item) *Batch {
	w.tally.begin()
	w.rows = w.rows[:0]
	now := w.now()
	seq, prev := w.seq, w.hash
	for _, t := range tickets {
		for i := range t.items {
			seq++
			prev = w.chain(&t.items[i], seq, prev, now)
			t.items[i].rec.Prev = hex.EncodeToString(w.rows[len(w.rows)-1].Prev[:])
		}
	}
	for i := range posted {
		seq++
		prev = w.chain(&posted[i], seq, prev, now)
	}
	return &Batch{Rows: w.rows, State: w.tally.state()}
}

// chain adds the row of it as record seq.
func (w *writer) chain(it *item, seq int64, prev [32]byte, now time.Time) [32]byte {
	r := it.rec
	if r.Time.IsZero() {
		r.Time = now
	}
	r.Time = r.Time.UTC().Round(0) // without the monotonic clock
	r.Node, r.Seq = w.node, seq
	w.tally.add(r, seq)
	row := Row{Node: w.node, Seq: seq, Time: r.Time.UnixNano(), Ref: r.RefSeq, Key: r.key(), Rest: it.rest, Body: it.body, Prev: prev, shared: it.shared, at: it.at}
	row.Hash, w.scratch = row.hashAfter(&prev, w.scratch)
	w.rows = append(w.rows, row)
	return row.Hash
}

// Marks of retention, in hundredths of the limit: above high, records are removed down to low.
const (
	highMark = 95
	lowMark  = 88
)

// prune removes the oldest records where the store is above its high mark, or always if forced. Only the leader
// calls it. Every step leaves an anchor.
func (w *writer) prune(ctx context.Context, forced bool) error {
	for range 64 {
		used, limit, err := w.store.Usage(ctx)
		if err != nil || (used*100 <= limit*highMark && !forced) {
			return err
		}
		tail, err := w.store.Tail(ctx)
		if err != nil {
			return err
		}
		records := tail.Last - tail.First + 1
		if tail.First == 0 || records <= 1 {
			return fmt.Errorf("%w, and holds one entry: its size cap is too small", ErrFull)
		}
		excess := max(used-limit*lowMark/100, used/50)
		n := min(records-1, max(1, records*excess/max(1, used)), w.pruneRows)
		if err := w.drop(ctx, tail.First+n-1, "size"); err != nil {
			return err
		}
		forced = false
		if n < w.pruneRows {
			return nil
		}
	}
	return nil
}

// drop removes the records up to seq and leaves an anchor that continues the chain in their place.
func (w *writer) drop(ctx context.Context, seq int64, why string) error {
	rows, _, _, err := w.store.Scan(ctx, Scan{Node: w.node, Seqs: []int64{seq}})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("entry %d is to be the anchor, and is missing", seq)
	}
	tail, err := w.store.Tail(ctx)
	if err != nil {
		return err
	}
	anchor := &Record{Type: Anchor, Reason: why, RefSeq: seq, Count: seq - tail.First + 1, Anchor: hex.EncodeToString(rows[0].Hash[:])}
	it := w.ready(anchor)
	w.tally.begin()
	w.rows = w.rows[:0]
	w.chain(&it, w.seq+1, w.hash, w.now())
	b := &Batch{Rows: w.rows, State: w.tally.state(), DropTo: seq}
	if err := w.store.Append(ctx, b); err != nil {
		return fmt.Errorf("removing entries up to %d: %w", seq, err)
	}
	w.adopt(b)
	return nil
}
