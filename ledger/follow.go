package ledger

import (
	"context"
	"time"
)

// Follow calls fn for every entry that f selects and that arrives from now on, oldest first, and again with Update
// set when a result, or a part of what was held, has joined it. f.After starts from an earlier place. Follow blocks
// until ctx ends, which is no error, or fn returns one.
func (r *Reader) Follow(ctx context.Context, f Filter, fn func(Entry) error) error {
	after, err := f.After.pos()
	if err == nil && f.After == "" {
		after, err = r.end(ctx)
	}
	if err != nil {
		return err
	}
	timer := time.NewTimer(r.poll)
	defer timer.Stop()
	for {
		var changed <-chan struct{}
		if r.changed != nil {
			changed = r.changed()
		}
		after, err = r.followFrom(ctx, after, &f, fn)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		timer.Reset(r.poll)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
		}
	}
}

// end is the place of the newest row.
func (r *Reader) end(ctx context.Context) (int64, error) {
	rows, _, _, err := r.store.Scan(ctx, Scan{Desc: true, Limit: 1})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Pos, nil
}

// followFrom reports what has come behind the place after, and returns the new place.
func (r *Reader) followFrom(ctx context.Context, after int64, f *Filter, fn func(Entry) error) (int64, error) {
	q := Scan{Node: f.Node, After: after, Limit: 256, Bodies: f.Bodies}
	match, ok := f.match(), f.ofFlow()
	for {
		rows, next, more, err := r.store.Scan(ctx, q)
		if err != nil {
			return after, err
		}
		for i := range rows {
			row := &rows[i]
			if match(&row.Key) && ok(row) {
				if err := r.report(ctx, *row, false, fn); err != nil {
					return after, err
				}
			}
			if row.Ref != 0 && row.Key.Type != Anchor {
				if err := r.reportJoined(ctx, row, f, match, ok, fn); err != nil {
					return after, err
				}
			}
			after = row.Pos
		}
		if !more {
			return after, nil
		}
		q.advance(next)
	}
}

func (r *Reader) report(ctx context.Context, row Row, update bool, fn func(Entry) error) error {
	entries, err := r.join(ctx, []Row{row})
	if err != nil {
		return err
	}
	entries[0].Update = update
	return fn(entries[0])
}

// reportJoined reports the entry that row has joined, if it is selected.
func (r *Reader) reportJoined(ctx context.Context, row *Row, f *Filter, match func(*Key) bool, ok func(*Row) bool, fn func(Entry) error) error {
	owners, _, _, err := r.store.Scan(ctx, Scan{Node: row.Node, Seqs: []int64{row.Ref}, Bodies: f.Bodies})
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if match(&owner.Key) && ok(&owner) {
			return r.report(ctx, owner, true, fn)
		}
	}
	return nil
}
