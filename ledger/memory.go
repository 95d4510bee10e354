package ledger

import (
	"context"
	"slices"
	"sort"
	"sync"
)

// maxMemory bounds the memory store whatever the size cap says: it lives in the RAM of a router.
const maxMemory = 16 << 20

// rowCost is what a row takes beside its texts.
const rowCost = 320

// memory is the store of routers without a disk to wear out: the newest records, in RAM.
type memory struct {
	node  string
	limit int64

	mu    sync.RWMutex
	rows  []Row // guarded by mu; in order of Seq without gaps
	used  int64
	state []byte
	last  int64
	hash  [32]byte
}

func newMemory(node string, limit int64) *memory {
	return &memory{node: node, limit: min(limit, maxMemory)}
}

func (m *memory) Tail(context.Context) (Tail, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t := Tail{Node: m.node, Last: m.last, Hash: m.hash, State: m.state}
	if len(m.rows) > 0 {
		t.First = m.rows[0].Seq
	}
	return t, nil
}

func (m *memory) Nodes(ctx context.Context) ([]Tail, error) {
	t, err := m.Tail(ctx)
	return []Tail{t}, err
}

func (m *memory) Append(_ context.Context, b *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var size int64
	for i := range b.Rows {
		size += cost(&b.Rows[i])
	}
	if b.DropTo == 0 && m.used+size > m.limit {
		return ErrFull
	}
	for i := range b.Rows {
		b.Rows[i].Pos = b.Rows[i].Seq
		m.rows = append(m.rows, b.Rows[i])
	}
	m.used += size
	m.dropTo(b.DropTo)
	if n := len(b.Rows); n > 0 {
		m.last, m.hash = b.Rows[n-1].Seq, b.Rows[n-1].Hash
	}
	m.state = slices.Clone(b.State)
	return nil
}

func (m *memory) dropTo(seq int64) {
	n := 0
	for n < len(m.rows) && m.rows[n].Seq <= seq {
		m.used -= cost(&m.rows[n])
		m.rows[n] = Row{}
		n++
	}
	m.rows = m.rows[n:]
}

func cost(row *Row) int64 { return int64(rowCost + row.wholeLen() + len(row.Body)) }

func (m *memory) Scan(_ context.Context, q Scan) ([]Row, int64, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.rows) == 0 || (q.Node != "" && q.Node != m.node) {
		return nil, 0, false, nil
	}
	if q.Seqs != nil {
		return m.pick(q.Seqs), 0, false, nil
	}
	first := m.rows[0].Seq
	lo, hi := 0, len(m.rows)
	if q.After >= first {
		lo = int(min(q.After-first+1, int64(hi)))
	}
	if q.Before != 0 {
		hi = int(max(0, min(q.Before-first, int64(hi))))
	}
	var out []Row
	size, n := 0, hi-lo
	for k := range n {
		i := lo + k
		if q.Desc {
			i = hi - 1 - k
		}
		row := &m.rows[i]
		if !q.inTime(row.Time) || (q.Match != nil && !q.Match(&row.Key)) || (q.Refs != nil && !slices.Contains(q.Refs, row.Ref)) {
			continue
		}
		out = append(out, m.copyOf(i))
		size += row.wholeLen() + len(row.Body)
		if len(out) == q.limit() || size > scanBytes {
			return out, row.Pos, k < n-1, nil
		}
	}
	return out, 0, false, nil
}

func (m *memory) pick(seqs []int64) []Row {
	var out []Row
	for _, seq := range seqs {
		i := sort.Search(len(m.rows), func(i int) bool { return m.rows[i].Seq >= seq })
		if i < len(m.rows) && m.rows[i].Seq == seq {
			out = append(out, m.copyOf(i))
		}
	}
	return out
}

// copyOf returns row i with the hash of the one before it. Its slices are shared: nobody changes them.
func (m *memory) copyOf(i int) Row {
	row := m.rows[i]
	if i > 0 {
		row.Prev = m.rows[i-1].Hash
	}
	return row
}

func (m *memory) Usage(context.Context) (int64, int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.used, m.limit, nil
}

func (m *memory) Maintain(context.Context) error { return nil }
func (m *memory) Close() error                   { return nil }

// NewMemoryStore returns a store for node that holds at most limit bytes, and no more than 16 MiB.
func NewMemoryStore(node string, limit int64) Store { return newMemory(node, limit) }
