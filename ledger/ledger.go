package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Config says where a ledger is kept and for how long. The zero value is a memory ledger of node "local".
type Config struct {
	Store    string        // "sqlite", "memory" (and ""), or a postgres:// address
	Dir      string        // state_dir; of sqlite only. Made with mode 0700 if missing
	Node     string        // name of this node in IDs and the chain; "" is "local". A store keeps its first
	KeepAge  time.Duration // records older than this are removed; 0 keeps them
	KeepSize int64         // bytes the store may take, its write-ahead log included; 0 is DefaultKeepSize
	Wait     time.Duration // how long Append may wait for a store that does not answer; 0 is 2 s

	Now func() time.Time // nil is time.Now
	Log *slog.Logger     // nil is silence
}

// Sizes that KeepSize is held against.
const (
	DefaultKeepSize = 256 << 20
	MinKeepSize     = 2 << 20
)

// Errors of a ledger. Callers act on them, so they are part of the contract.
var (
	ErrInUse    = errors.New("the ledger is in use by another process") // Open
	ErrClosed   = errors.New("the ledger is closed")
	ErrBusy     = errors.New("the ledger does not answer") // Append waited as long as it may
	ErrNotFound = errors.New("no such entry")              // Get
)

// withDefaults fills in what is missing and refuses what cannot be.
func (c Config) withDefaults() (Config, error) {
	if c.Node == "" {
		c.Node = "local"
	}
	if strings.ContainsAny(c.Node, " \t\r\n/#") {
		return c, fmt.Errorf("ledger: node name %q holds a space, a slash or a number sign", c.Node)
	}
	if c.KeepSize == 0 {
		c.KeepSize = DefaultKeepSize
	}
	if c.KeepSize < MinKeepSize {
		return c, fmt.Errorf("ledger: a size cap of %d bytes is too small; %d are needed", c.KeepSize, MinKeepSize)
	}
	if c.KeepAge < 0 {
		return c, fmt.Errorf("ledger: age %v is negative", c.KeepAge)
	}
	if c.Wait <= 0 {
		c.Wait = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Ledger is a ledger open for writing, and a Reader. Any number of goroutines may use it.
type Ledger struct {
	*Reader
	w       *writer
	tunnels *tunnels
	keepAge time.Duration
	notes   []string
}

// Open opens the ledger, making it where it is missing, and verifies its tail. It returns an error matching
// ErrInUse if another process writes it. A corrupt store is set aside and a new one begun; Notes says so.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Store == "" || cfg.Store == "memory":
		return open(ctx, cfg, newMemory(cfg.Node, cfg.KeepSize), "")
	case cfg.Store == "sqlite":
		store, note, err := openSQLite(cfg)
		if err != nil {
			return nil, err
		}
		return open(ctx, cfg, store, note)
	}
	return nil, unknownStore(cfg.Store)
}

// OpenReader opens the ledger for reading beside the process that writes it, or after it; Config as for Open. It
// returns an error matching fs.ErrNotExist where there is no ledger yet.
func OpenReader(ctx context.Context, cfg Config) (*Reader, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Store != "sqlite" {
		if cfg.Store == "" || cfg.Store == "memory" {
			return nil, errors.New("ledger: a memory ledger can only be read in the process that keeps it")
		}
		return nil, unknownStore(cfg.Store)
	}
	store, err := readSQLite(cfg)
	if err != nil {
		return nil, err
	}
	tail, err := store.Tail(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: reading %s: %w", store.path, err), store.Close())
	}
	store.node = tail.Node
	return &Reader{store: store, node: tail.Node, poll: readerPoll}, nil
}

// readerPoll is how often Follow of another process's ledger looks for news.
const readerPoll = 300 * time.Millisecond

// OpenStore opens a ledger on a store of the caller's own making. The ledger closes it.
func OpenStore(ctx context.Context, cfg Config, store Store) (*Ledger, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, store, "")
}

func unknownStore(store string) error {
	if strings.HasPrefix(store, "postgres") {
		return errors.New("ledger: this build has no PostgreSQL; use sqlite or memory")
	}
	return fmt.Errorf("ledger: unknown store %q; there are sqlite, memory and postgres://…", store)
}

// open reads the tail of store and makes a ledger of it. anew says why the store was begun anew, if it was.
func open(ctx context.Context, cfg Config, store Store, anew string) (*Ledger, error) {
	tail, err := store.Tail(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: reading the end of the chain: %w", err), store.Close())
	}
	w := &writer{
		store: store, node: tail.Node, now: cfg.Now, log: cfg.Log, wait: cfg.Wait,
		bounds:  boundsFor(cfg.KeepSize),
		changed: make(chan struct{}), seq: tail.Last, hash: tail.Hash, tally: newTally(),
	}
	l := &Ledger{w: w, tunnels: newTunnels(), keepAge: cfg.KeepAge}
	l.Reader = &Reader{store: store, node: tail.Node, poll: time.Minute, changed: w.change, live: l.live, tunnels: l.tunnels}
	if tail.Node != cfg.Node {
		l.note(cfg.Log, fmt.Sprintf("this ledger belongs to node %q and keeps that name; the configuration says %q", tail.Node, cfg.Node))
	}
	if err := w.tally.load(tail.State); err != nil {
		l.note(cfg.Log, "the counters of the ledger could not be read; they begin at zero")
	}
	if fault := l.verifyTail(ctx, tail); fault != "" {
		l.note(cfg.Log, fault)
	}
	if err := l.restoreHolds(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: looking for held entries: %w", err), store.Close())
	}
	if anew != "" {
		l.note(cfg.Log, anew)
		if err := l.Append(ctx, beginning(anew)); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	return l, nil
}

// beginning is the anchor of a chain that takes the place of one that could not be read.
func beginning(why string) *Record { return &Record{Type: Anchor, Reason: "corrupt", Detail: why} }

func (l *Ledger) note(log *slog.Logger, text string) {
	l.notes = append(l.notes, text)
	log.Warn(text)
}

// restoreHolds finds requests of a former run that are still held.
func (l *Ledger) restoreHolds(ctx context.Context) error {
	defer l.w.tally.restored()
	return l.holds(ctx, func(r *Record, ended []Row) { l.w.tally.restoreHold(r, ended) })
}

// Held returns the held records of this node of which not every part has ended, oldest first.
func (l *Ledger) Held(ctx context.Context) (open []*Record, err error) {
	err = l.holds(ctx, func(r *Record, ended []Row) {
		if int64(len(ended)) < max(1, r.Count) {
			open = append(open, r)
		}
	})
	return open, err
}

// holds calls f for every held record of this node, if any request is held, with the records of what came of its parts.
func (l *Ledger) holds(ctx context.Context, f func(r *Record, ended []Row)) error {
	n, err := l.Counters(ctx)
	if err != nil || n.Held == 0 {
		return err
	}
	q := Scan{Node: l.node, Match: func(k *Key) bool { return k.Type == Kept && k.Verdict == "hold" }}
	for more := true; more; {
		var rows []Row
		rows, q.After, more, err = l.store.Scan(ctx, q)
		if err != nil {
			return err
		}
		ended, err := l.endings(ctx, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			if r, err := rows[i].record(); err == nil { // Verify says it where there is one
				f(r, ended[r.Seq])
			}
		}
	}
	return nil
}

// endings finds what came of held records, by their numbers.
func (l *Ledger) endings(ctx context.Context, held []Row) (map[int64][]Row, error) {
	if len(held) == 0 {
		return nil, nil
	}
	q := Scan{Node: l.node, Match: func(k *Key) bool { return k.Type == Sent || k.Type == Kept }}
	for i := range held {
		q.Refs = append(q.Refs, held[i].Seq)
	}
	ended := map[int64][]Row{}
	for more := true; more; {
		var rows []Row
		var err error
		rows, q.After, more, err = l.store.Scan(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			ended[rows[i].Ref] = append(ended[rows[i].Ref], rows[i])
		}
	}
	return ended, nil
}

// Append returns after the commit that holds recs, in their order; concurrent calls share commits. It sets Node,
// Seq, Time (if zero), RefSeq (if it can), Prev and Hash of recs, and masks their requests. After an error nothing
// may leave: the records are not in the ledger, or, if the error matches ErrBusy, may come to be in it.
func (l *Ledger) Append(ctx context.Context, recs ...*Record) error { return l.w.append(ctx, recs) }

// Post queues a record that nothing waits for, a result for example. It never blocks; what finds the queue
// full is counted in Counters.Lost. rec belongs to the ledger from here on.
func (l *Ledger) Post(rec *Record) { l.w.post(rec) }

// Sync returns once everything that was posted before it is committed.
func (l *Ledger) Sync(ctx context.Context) error { return l.w.sync(ctx) }

// Fault is why the last commit failed, nil if it did not: telemetry does not leave until it is nil.
func (l *Ledger) Fault() error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.lastFault
}

// Notes are what Open had to say: a corrupt store set aside, a tail that does not verify. Usually empty.
func (l *Ledger) Notes() []string { return l.notes }

// live adds to what the store knows what is only in memory.
func (l *Ledger) live(n *Counters) {
	l.w.mu.Lock()
	n.Lost = l.w.lost
	l.w.mu.Unlock()
	pending := l.tunnels.pending()
	n.Tunnelled += pending
	n.Seen += pending
}

// Close commits what is queued and frees the store.
func (l *Ledger) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.w.wait)
	defer cancel()
	for _, r := range l.tunnels.due(l.w.now(), true) {
		l.w.post(r)
	}
	return errors.Join(l.w.close(ctx), l.store.Close())
}
