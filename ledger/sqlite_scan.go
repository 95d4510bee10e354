package ledger

import (
	"context"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// names are the facets as readers know them. They only grow, but for reset.
type names struct {
	mu   sync.Mutex
	keys []Key // guarded by mu
	ids  []int64
	last int64
}

func (n *names) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keys, n.ids, n.last = nil, nil, 0
}

// facetSet is the answer of a Match for every facet.
type facetSet struct {
	keys map[int64]Key // those that match
	all  bool          // every facet matches
}

// load reads the facets that are new, and asks match of each. A nil match takes all.
func (n *names) load(c *conn, match func(*Key) bool) (facetSet, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := c.each(selectFacets, func(st *sqlite3.Stmt) {
		n.last = st.ColumnInt64(0)
		n.ids = append(n.ids, n.last)
		n.keys = append(n.keys, facetKey(st))
	}, n.last)
	set := facetSet{keys: make(map[int64]Key, len(n.ids))}
	for i, id := range n.ids {
		if match == nil || match(&n.keys[i]) {
			set.keys[id] = n.keys[i]
		}
	}
	set.all = len(set.keys) == len(n.ids)
	return set, err
}

// probeRows is how many of the next records a filtered scan looks at before it asks the index, which is better
// where matches are rare and worse where they are many.
const probeRows = 256

// Scan implements Store. It reads in one short transaction.
func (s *sqlite) Scan(ctx context.Context, q Scan) (rows []Row, next int64, more bool, err error) {
	if q.Node != "" && q.Node != s.node {
		return nil, 0, false, nil
	}
	err = s.read(ctx, func(c *conn) error {
		v := walk{c: c, q: &q, node: s.node}
		var err error
		if v.set, err = s.names.load(c, q.Match); err != nil {
			return err
		}
		rows, next, more, err = v.rows()
		if err == nil {
			err = v.link(rows)
		}
		return err
	})
	return rows, next, more, err
}

// walk is one Scan under way.
type walk struct {
	c    *conn
	q    *Scan
	set  facetSet
	node string
	cut  bool // pick stopped at scanBytes
}

func (v *walk) rows() ([]Row, int64, bool, error) {
	switch {
	case v.q.Seqs != nil:
		rows, err := v.pick(v.q.Seqs)
		return rows, 0, false, err
	case v.q.Refs != nil:
		return v.referring()
	case len(v.set.keys) == 0 && v.q.Match != nil:
		return nil, 0, false, nil
	}
	lo, hi, err := v.c.bounds(v.q)
	if err != nil {
		return nil, 0, false, err
	}
	rows, next, more, err := v.along(lo, hi)
	if err != nil || !more || v.cut || len(rows) == v.q.limit() {
		return rows, next, more, err
	}
	if v.q.Desc {
		hi = next
	} else {
		lo = next
	}
	others, next, more, err := v.merged(lo, hi, v.q.limit()-len(rows))
	return append(rows, others...), next, more, err
}

const rowColumns = "SELECT seq, time, facet, ref, hash, rest"

func (v *walk) columns() string {
	if v.q.Bodies {
		return rowColumns + ", body"
	}
	return rowColumns
}

// row reads the current row of st, and says whether q selects it.
func (v *walk) row(st *sqlite3.Stmt) (Row, bool) {
	row := Row{Seq: st.ColumnInt64(0), Time: st.ColumnInt64(1), Node: v.node}
	row.Pos = row.Seq
	key, ok := v.set.keys[st.ColumnInt64(2)]
	if !ok && v.q.Match == nil {
		ok = true // its facet row is gone: Verify must see the record all the same
	}
	if !ok || !v.q.inTime(row.Time) {
		return row, false
	}
	row.Key, row.Ref = key, st.ColumnInt64(3)
	copy(row.Hash[:], st.ColumnRawBlob(4))
	row.Rest = st.ColumnBlob(5, nil)
	if rest, err := unpack(row.Rest); err == nil {
		row.Rest = rest // else Verify will find that its hash does not hold
	}
	if v.q.Bodies {
		row.Body = st.ColumnBlob(6, nil)
	}
	return row, true
}

// along walks the records in order. With a filter it stops after probeRows.
func (v *walk) along(lo, hi int64) (rows []Row, next int64, more bool, err error) {
	order := " ORDER BY seq"
	if v.q.Desc {
		order = " ORDER BY seq DESC"
	}
	size, steps := 0, 0
	err = v.c.while(v.columns()+" FROM record WHERE seq > ? AND seq < ?"+order, func(st *sqlite3.Stmt) bool {
		steps++
		next = st.ColumnInt64(0)
		if row, ok := v.row(st); ok {
			rows = append(rows, row)
			size += len(row.Rest) + len(row.Body)
		}
		v.cut = size > scanBytes
		more = len(rows) == v.q.limit() || v.cut || (steps >= probeRows && !v.set.all)
		return !more
	}, lo, hi)
	return rows, next, more, err
}

// merged takes the next matches, at most limit, from the index of each facet, and sorts them.
func (v *walk) merged(lo, hi int64, limit int) ([]Row, int64, bool, error) {
	sql := "SELECT seq FROM record WHERE facet = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?"
	if v.q.Desc {
		sql = "SELECT seq FROM record WHERE facet = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?"
	}
	var seqs []int64
	for id := range v.set.keys {
		err := v.c.each(sql, func(st *sqlite3.Stmt) { seqs = append(seqs, st.ColumnInt64(0)) }, id, lo, hi, int64(limit))
		if err != nil {
			return nil, 0, false, err
		}
		if len(seqs) > 8*scanRows {
			seqs = v.nearest(seqs, limit)
		}
	}
	more := len(seqs) >= limit
	seqs = v.nearest(seqs, limit)
	if len(seqs) == 0 {
		return nil, 0, false, nil
	}
	rows, err := v.pick(seqs)
	next := seqs[len(seqs)-1]
	if n := len(rows); n > 0 && v.cut {
		next, more = rows[n-1].Seq, true
	}
	return rows, next, more, err
}

// nearest sorts seqs in the order of the scan and keeps the first n.
func (v *walk) nearest(seqs []int64, n int) []int64 {
	slices.Sort(seqs)
	if v.q.Desc {
		slices.Reverse(seqs)
	}
	return seqs[:min(n, len(seqs))]
}

// pick reads records by number, in the order given, as far as scanBytes allows.
func (v *walk) pick(seqs []int64) (rows []Row, err error) {
	size := 0
	for _, seq := range seqs {
		err := v.c.each(v.columns()+" FROM record WHERE seq = ?", func(st *sqlite3.Stmt) {
			if row, ok := v.row(st); ok {
				rows = append(rows, row)
				size += len(row.Rest) + len(row.Body)
			}
		}, seq)
		if err != nil {
			return nil, err
		}
		if size > scanBytes {
			v.cut = true
			break
		}
	}
	return rows, nil
}

// referring reads the records whose ref is one of q.Refs, oldest first.
func (v *walk) referring() ([]Row, int64, bool, error) {
	var seqs []int64
	for _, ref := range v.q.Refs {
		err := v.c.each("SELECT seq FROM record WHERE ref = ? AND seq > ?", func(st *sqlite3.Stmt) {
			seqs = append(seqs, st.ColumnInt64(0))
		}, ref, v.q.After)
		if err != nil {
			return nil, 0, false, err
		}
	}
	more := len(seqs) > v.q.limit()
	slices.Sort(seqs)
	seqs = seqs[:min(len(seqs), v.q.limit())]
	if len(seqs) == 0 {
		return nil, 0, false, nil
	}
	rows, err := v.pick(seqs)
	next := seqs[len(seqs)-1]
	if n := len(rows); n > 0 && v.cut {
		next, more = rows[n-1].Seq, true
	}
	return rows, next, more, err
}

// link fills in the hash of each row's predecessor.
func (v *walk) link(rows []Row) error {
	for i := range rows {
		before := i - 1
		if v.q.Desc {
			before = i + 1
		}
		if before >= 0 && before < len(rows) && rows[before].Seq == rows[i].Seq-1 {
			rows[i].Prev = rows[before].Hash
			continue
		}
		err := v.c.each("SELECT hash FROM record WHERE seq = ?", func(st *sqlite3.Stmt) {
			copy(rows[i].Prev[:], st.ColumnRawBlob(0))
		}, rows[i].Seq-1)
		if err != nil {
			return err
		}
	}
	return nil
}
