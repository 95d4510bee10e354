package ledger

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// Config says where a ledger is kept and for how long. The zero value is a memory ledger of node "local".
type Config struct {
	Store    string        // "sqlite", "memory" (and ""), or a postgres:// address
	Dir      string        // state_dir; of sqlite only. Made with mode 0700 if missing
	Node     string        // name of this node in IDs and the chain; "" is "local"
	KeepAge  time.Duration // records older than this are removed; 0 keeps them
	KeepSize int64         // bytes the store may take, its write-ahead log included; 0 is DefaultKeepSize
	Wait     time.Duration // how long Append may wait for a store that does not answer; 0 is 2 s

	Now func() time.Time // nil is time.Now
	Log *slog.Logger     // nil is silence
}

// DefaultKeepSize is the size cap where the configuration names none.
const DefaultKeepSize = 256 << 20

// Errors of a ledger. Callers act on them, so they are part of the contract.
var (
	ErrInUse    = errors.New("the ledger is in use by another process") // Open
	ErrClosed   = errors.New("the ledger is closed")
	ErrBusy     = errors.New("the ledger does not answer") // Append waited as long as it may
	ErrNotFound = errors.New("no such entry")              // Get
	ErrReadOnly = errors.New("the ledger is open for reading only")
)

// Reader answers questions about a ledger. Any number of goroutines may use it.
type Reader struct{}

// Ledger is a ledger open for writing, and a Reader.
type Ledger struct{ *Reader }

// Open opens the ledger, making it where it is missing, and verifies its tail.
func Open(ctx context.Context, cfg Config) (*Ledger, error) { return nil, ErrClosed }

// OpenReader opens the ledger for reading beside the process that writes it. Config as for Open.
func OpenReader(ctx context.Context, cfg Config) (*Reader, error) { return nil, ErrClosed }

// Append returns after the commit that holds recs, in their order; concurrent calls share commits.
// It sets Node, Seq, Time (if zero), Prev and Hash of recs. After an error nothing may leave.
func (l *Ledger) Append(ctx context.Context, recs ...*Record) error { return ErrClosed }

// Post queues a record that nothing waits for, a result for example. It never blocks; what finds the queue
// full is counted in Counters.Lost. rec belongs to the ledger from here on.
func (l *Ledger) Post(rec *Record) {}

// AddTunnel adds a tunnel that ended, or bytes of one that goes on with conns 0, to the totals by client, host and hour.
func (l *Ledger) AddTunnel(client, host string, port uint16, bytesIn, bytesOut int64) {}

// Run keeps the ledger: retention, tunnel totals. It blocks until ctx ends.
func (l *Ledger) Run(ctx context.Context) error { return nil }

// Close writes what is queued and closes the store.
func (l *Ledger) Close() error { return nil }

// Notes are what Open has to say: a corrupt store set aside, a tail that does not verify. Usually empty.
func (l *Ledger) Notes() []string { return nil }

// Counters are the totals since the ledger was begun.
func (r *Reader) Counters(ctx context.Context) (Counters, error) { return Counters{}, nil }

// Node is the name of the node that this ledger belongs to.
func (r *Reader) Node() string { return "" }

// List returns one page of entries.
func (r *Reader) List(ctx context.Context, f Filter) (Page, error) { return Page{}, nil }

// Get returns one entry by its ID: "NODE-SEQ", "SEQ", "#SEQ", or "last".
func (r *Reader) Get(ctx context.Context, id string) (*Entry, error) { return nil, ErrNotFound }

// Follow calls fn for every entry that arrives from now on, oldest first, and again with Update set when a
// result joins one. It returns when ctx ends or fn returns an error.
func (r *Reader) Follow(ctx context.Context, f Filter, fn func(Entry) error) error { return nil }

// Export writes the entries that f selects, oldest first, as "har", "ndjson" or "csv".
func (r *Reader) Export(ctx context.Context, w io.Writer, format string, f Filter) error { return nil }

// Verify walks the chain of every node.
func (r *Reader) Verify(ctx context.Context) (Report, error) { return Report{}, nil }

// Tunnels are the totals of tunnels by client, host and hour, newest hour first.
func (r *Reader) Tunnels(ctx context.Context, since, until time.Time) ([]TunnelTotal, error) {
	return nil, nil
}

// Close closes the reader.
func (r *Reader) Close() error { return nil }
