package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Reader answers questions about a ledger. Any number of goroutines may use it.
type Reader struct {
	store   Store
	node    string
	poll    time.Duration          // how often Follow looks by itself
	changed func() <-chan struct{} // nil: another process writes
	live    func(*Counters)        // nil likewise
	tunnels *tunnels               // nil likewise
}

// Node is the name of the node that this ledger belongs to.
func (r *Reader) Node() string { return r.node }

// Counters returns the totals since the ledger was begun, of this node.
func (r *Reader) Counters(ctx context.Context) (Counters, error) {
	var n Counters
	tail, err := r.store.Tail(ctx)
	if err != nil {
		return n, err
	}
	if len(tail.State) > 0 {
		if err := json.Unmarshal(tail.State, &n); err != nil {
			return n, fmt.Errorf("reading counters: %w", err)
		}
	}
	if r.live != nil {
		r.live(&n)
	}
	return n, nil
}

// Usage returns the bytes that the store uses and the bytes that it may use.
func (r *Reader) Usage(ctx context.Context) (used, limit int64, err error) { return r.store.Usage(ctx) }

// List returns one page of entries, newest first.
func (r *Reader) List(ctx context.Context, f Filter) (Page, error) {
	q, err := f.scan()
	if err != nil {
		return Page{}, err
	}
	limit := f.Limit
	switch {
	case limit <= 0:
		limit = 50
	case limit > 1000:
		limit = 1000
	}
	q.Desc = f.After == "" || f.Before != ""
	rows, more, err := r.page(ctx, q, f.ofFlow(), limit)
	if err != nil {
		return Page{}, err
	}
	if !q.Desc {
		slices.Reverse(rows)
	}
	entries, err := r.join(ctx, rows)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: entries, Newer: f.After}
	if len(rows) == 0 {
		if page.Newer == "" {
			page.Newer = cursor(max(0, q.Before-1))
		}
		return page, nil
	}
	page.Newer = cursor(rows[0].Pos)
	if more || !q.Desc {
		page.Older = cursor(rows[len(rows)-1].Pos)
	}
	return page, nil
}

// page collects up to limit rows that ok accepts. more says that there is at least one beyond.
func (r *Reader) page(ctx context.Context, q Scan, ok func(*Row) bool, limit int) (out []Row, more bool, err error) {
	for {
		q.Limit = limit + 1 - len(out)
		rows, next, again, err := r.store.Scan(ctx, q)
		if err != nil {
			return nil, false, err
		}
		for i := range rows {
			if !ok(&rows[i]) {
				continue
			}
			if len(out) == limit {
				return out, true, nil
			}
			out = append(out, rows[i])
		}
		if !again {
			return out, false, nil
		}
		q.advance(next)
	}
}

// advance makes q begin behind place pos.
func (q *Scan) advance(pos int64) {
	if q.Desc {
		q.Before = pos
		return
	}
	q.After = pos
}

// join makes entries of rows: each with its result, or with what came of it where it was held.
func (r *Reader) join(ctx context.Context, rows []Row) ([]Entry, error) {
	entries := make([]Entry, 0, len(rows))
	refs := map[string][]int64{}
	for i := range rows {
		rec := rows[i].readable()
		entries = append(entries, Entry{ID: recordID(rec), Record: *rec})
		if rec.Type == Sent || rec.Type == Kept && rec.Verdict == "hold" {
			refs[rec.Node] = append(refs[rec.Node], rec.Seq)
		}
	}
	for node, seqs := range refs {
		if err := r.joinNode(ctx, entries, node, seqs); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func (r *Reader) joinNode(ctx context.Context, entries []Entry, node string, seqs []int64) error {
	later := map[int64][]*Record{}
	q := Scan{Node: node, Refs: seqs, Match: func(k *Key) bool { return k.Type != Anchor }}
	for more := true; more; {
		var rows []Row
		var next int64
		var err error
		rows, next, more, err = r.store.Scan(ctx, q)
		if err != nil {
			return err
		}
		for i := range rows {
			rec := rows[i].readable()
			later[rec.RefSeq] = append(later[rec.RefSeq], rec)
		}
		q.advance(next)
	}
	for i := range entries {
		e := &entries[i]
		if e.Node != node || (e.Type != Sent && e.Type != Kept) {
			continue
		}
		for _, rec := range later[e.Seq] {
			if rec.Type == Result {
				e.Result = rec
			} else {
				e.Parts = append(e.Parts, rec)
			}
		}
	}
	return nil
}

func recordID(r *Record) string { return r.Node + "-" + strconv.FormatInt(r.Seq, 10) }

// Get returns one entry by its ID: "NODE-SEQ", of the own node also "SEQ" or "#SEQ", and "last" for the newest that
// List would show. The entry of a result is the one it belongs to. It returns an error matching ErrNotFound where
// there is none.
func (r *Reader) Get(ctx context.Context, id string) (*Entry, error) {
	if id == "last" {
		page, err := r.List(ctx, Filter{Limit: 1, Bodies: true})
		if err != nil {
			return nil, err
		}
		if len(page.Entries) == 0 {
			return nil, fmt.Errorf("the ledger is empty: %w", ErrNotFound)
		}
		return &page.Entries[0], nil
	}
	node, seq, err := parseID(id, r.node)
	if err != nil {
		return nil, err
	}
	for range 2 {
		rows, _, _, err := r.store.Scan(ctx, Scan{Node: node, Seqs: []int64{seq}, Bodies: true})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			break
		}
		if rows[0].Key.Type == Result && rows[0].Ref != 0 {
			seq = rows[0].Ref
			continue
		}
		entries, err := r.join(ctx, rows)
		if err != nil {
			return nil, err
		}
		return &entries[0], nil
	}
	return nil, fmt.Errorf("%q: %w", id, ErrNotFound)
}

// each calls fn for the entries that f selects, oldest first, with f.Bodies.
func (r *Reader) each(ctx context.Context, f Filter, fn func(*Entry) error) error {
	q, err := f.scan()
	if err != nil {
		return err
	}
	q.Limit = 256
	ok := f.ofFlow()
	for {
		rows, next, more, err := r.store.Scan(ctx, q)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(row Row) bool { return !ok(&row) })
		entries, err := r.join(ctx, rows)
		if err != nil {
			return err
		}
		for i := range entries {
			if err := fn(&entries[i]); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		q.advance(next)
	}
}

// Close closes a Reader of OpenReader's. A Ledger is closed by its own Close.
func (r *Reader) Close() error { return r.store.Close() }
