package ledger

import (
	"context"
	"errors"
)

// Store keeps the rows of a ledger. Append is called by one goroutine at a time; the rest by any number, beside
// it. The conformance suite is ledgertest.Store.
type Store interface {
	// Tail returns the end of the chain of the store's own node.
	Tail(ctx context.Context) (Tail, error)
	// Append makes b durable against the end of this process, all of it or nothing, and sets Pos of its rows.
	// It returns an error matching ErrFull where the size cap leaves no room.
	Append(ctx context.Context, b *Batch) error
	// Scan returns the next rows that q selects. more says that there may be others beyond the last of them,
	// even where rows is empty; the next call then starts at next.
	Scan(ctx context.Context, q Scan) (rows []Row, next int64, more bool, err error)
	// Nodes returns the end of each chain in the store.
	Nodes(ctx context.Context) ([]Tail, error)
	// Usage returns the bytes in use and the bytes that may be. Records are removed as the first nears the second.
	Usage(ctx context.Context) (used, limit int64, err error)
	// Maintain does what keeps the store small and fast, in steps short enough to stand between commits.
	Maintain(ctx context.Context) error
	// Close frees the store.
	Close() error
}

// ErrFull is returned by Store.Append where the size cap leaves no room.
var ErrFull = errors.New("the ledger is full")

// Tail is the end of a chain.
type Tail struct {
	Node  string
	First int64 // oldest record present; 0 when there is none
	Last  int64 // newest record that was ever committed, by the store's own note
	Hash  [32]byte
	State []byte // as the last Batch gave it
}

// Batch is what one commit holds.
type Batch struct {
	Rows   []Row
	State  []byte // counters, kept beside the chain
	DropTo int64  // remove the records up to this one; 0 none. The Rows then hold an anchor
}

// Scan selects rows by place, key and time. Zero fields select everything.
type Scan struct {
	Node   string
	After  int64 // places greater than this
	Before int64 // places less than this; 0 no bound
	Match  func(*Key) bool
	Since  int64 // nanoseconds since 1970
	Until  int64 // exclusive
	Refs   []int64
	Seqs   []int64 // only these records; with Node
	Desc   bool
	Limit  int // rows; stores may return fewer. 0 is scanRows
	Bodies bool
}

// Bounds of one Scan: few enough that no read lasts long, since reads hold back the write-ahead log.
const (
	scanRows  = 512
	scanBytes = 4 << 20
)

func (q *Scan) limit() int {
	if q.Limit <= 0 || q.Limit > scanRows {
		return scanRows
	}
	return q.Limit
}

func (q *Scan) inTime(t int64) bool {
	return (q.Since == 0 || t >= q.Since) && (q.Until == 0 || t < q.Until)
}
