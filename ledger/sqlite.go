package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// File names in Config.Dir.
const (
	sqliteName = "ledger.db"
	lockName   = "ledger.lock"
)

// Numbers in the file's header: "scrm", and the version of docs/ledger.md, section 2.
const (
	applicationID = 0x7363726d
	schemaVersion = 1
	pageSize      = 4096
)

// sqliteSchema is documented in docs/ledger.md, section 2. What is filtered by is in facet, once for each
// combination: so one narrow index answers every filter, and a row stays small.
const sqliteSchema = `
CREATE TABLE chain(node TEXT PRIMARY KEY, last INTEGER NOT NULL, hash BLOB NOT NULL, state BLOB) WITHOUT ROWID;
CREATE TABLE facet(id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, door TEXT NOT NULL, client TEXT NOT NULL,
  scheme TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, product TEXT NOT NULL, kind TEXT NOT NULL,
  rule TEXT NOT NULL, part TEXT NOT NULL, verdict TEXT NOT NULL);
CREATE TABLE record(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, facet INTEGER NOT NULL, ref INTEGER,
  hash BLOB NOT NULL, rest BLOB NOT NULL, body BLOB);
CREATE INDEX record_facet ON record(facet);
CREATE INDEX record_ref ON record(ref) WHERE ref IS NOT NULL;
CREATE TABLE span(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, oldest INTEGER NOT NULL, newest INTEGER NOT NULL);
`

// sqlite is the default store: one file with a write-ahead log. One connection writes; a few others, opened when
// needed and closed when idle, read, so that reading never holds up a commit.
type sqlite struct {
	path string
	node string
	size int64 // cap in bytes, of the file, its log and its index together
	wait time.Duration
	lock *os.File // nil of a reader

	wmu     sync.Mutex
	w       *conn         // guarded by wmu, as are the fields down to pruned; nil of a reader
	facets  map[Key]int64 // ids of those in the file
	span    span          // the records behind the last row of table span
	log     int64         // bytes in the write-ahead log
	folded  int64         // of them, those that foldBeside has seen
	packed  []byte        // scratch space of insertRow
	pruned  bool          // facets may be unused
	idle    pool
	names   names
	folding sync.WaitGroup
	fold    chan struct{} // holds one token while the log is folded in beside the writer
	folder  *sqlite3.Conn // of whoever put the token in
}

// span is a run of records and the times in it.
type span struct{ first, last, oldest, newest int64 }

// spanRows is how many records a row of table span stands for.
const spanRows = 256

// logBudget is the share of the size cap that the write-ahead log may take.
func (s *sqlite) logBudget() int64 { return min(s.size/8, 64<<20) }

// fileLimit is what is left for the file itself.
func (s *sqlite) fileLimit() int64 { return s.size - s.logBudget() - 128<<10 }

// openSQLite opens the store for writing. A file that is no ledger, or whose beginning cannot be read, is set aside
// and a new one begun; note says so.
func openSQLite(cfg Config) (s *sqlite, note string, err error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("ledger: making the state directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, "", fmt.Errorf("ledger: %w", err)
	}
	s = &sqlite{
		path: filepath.Join(cfg.Dir, sqliteName), node: cfg.Node, size: cfg.KeepSize, wait: cfg.Wait, lock: lock,
		fold: make(chan struct{}, 1),
	}
	s.idle.open = s.openReading
	err = s.openWriting()
	if isCorrupt(err) {
		note, err = s.setAside(cfg.Now(), err)
		if err == nil {
			err = s.openWriting()
		}
	}
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("ledger: opening %s: %w", s.path, err), s.Close())
	}
	return s, note, nil
}

// readSQLite opens the store for reading only.
func readSQLite(cfg Config) (*sqlite, error) {
	path := filepath.Join(cfg.Dir, sqliteName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	s := &sqlite{path: path, node: cfg.Node, size: cfg.KeepSize, wait: cfg.Wait}
	s.idle.open = s.openReading
	return s, nil
}

// openWriting opens the writing connection and reads what it must know. wmu is held, or s not shared yet.
func (s *sqlite) openWriting() error {
	for _, tail := range []string{"", "-wal", "-shm"} {
		if err := touch(s.path + tail); err != nil {
			return err
		}
	}
	db, err := sqlite3.OpenFlags(s.path, sqlite3.OPEN_READWRITE)
	if err != nil {
		return err
	}
	s.w = &conn{db: db}
	if err := s.prepare(); err != nil {
		return errors.Join(err, s.w.close())
	}
	return nil
}

// touch makes the file with mode 0600 where it is missing: SQLite would leave the mode to the umask.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// prepare sets the connection up, makes the tables where they are missing, and loads what the writer keeps in mind.
func (s *sqlite) prepare() error {
	if err := s.w.db.BusyTimeout(s.wait); err != nil {
		return err
	}
	version, err := s.w.integer("PRAGMA user_version")
	if err != nil {
		return err
	}
	id, err := s.w.integer("PRAGMA application_id")
	if err != nil {
		return err
	}
	tables, err := s.w.integer("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return err
	case version > schemaVersion && id == applicationID:
		return fmt.Errorf("it was written by a newer scrim (format %d, this one knows %d)", version, schemaVersion)
	case tables > 0 && id != applicationID:
		return fmt.Errorf("it is a database of another program: %w", sqlite3.NOTADB)
	}
	setup := "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0"
	if tables == 0 {
		setup = fmt.Sprintf("PRAGMA page_size=%d; PRAGMA auto_vacuum=INCREMENTAL; %s", pageSize, setup)
	}
	if err := s.w.db.Exec(setup); err != nil {
		return err
	}
	s.w.db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
		s.log = int64(pages) * (pageSize + 24)
		return nil
	})
	if tables == 0 {
		if err := s.create(); err != nil {
			return err
		}
	}
	return s.recall()
}

func (s *sqlite) create() error {
	err := s.w.db.Exec(fmt.Sprintf("BEGIN; %s PRAGMA application_id=%d; PRAGMA user_version=%d", sqliteSchema, applicationID, schemaVersion))
	if err == nil {
		err = s.w.run("INSERT INTO chain VALUES(?,0,?,NULL)", s.node, make([]byte, 32))
	}
	if err == nil {
		err = s.w.db.Exec("COMMIT")
	}
	return err
}

// recall loads the node's name, the facets and the open span, and sets the bound of the file.
func (s *sqlite) recall() error {
	pages := s.fileLimit() / pageSize
	if err := s.w.db.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages)); err != nil {
		return err
	}
	err := s.w.each("SELECT node FROM chain", func(st *sqlite3.Stmt) { s.node = st.ColumnText(0) })
	if err != nil {
		return err
	}
	s.facets = map[Key]int64{}
	if err := s.w.each(selectFacets, func(st *sqlite3.Stmt) { s.facets[facetKey(st)] = st.ColumnInt64(0) }, int64(0)); err != nil {
		return err
	}
	s.span = span{}
	return s.w.each("SELECT seq, time FROM record WHERE seq > (SELECT coalesce(max(last),0) FROM span) ORDER BY seq", func(st *sqlite3.Stmt) {
		s.span.add(st.ColumnInt64(0), st.ColumnInt64(1))
	})
}

func (sp *span) add(seq, time int64) {
	if sp.first == 0 {
		*sp = span{seq, seq, time, time}
		return
	}
	sp.last, sp.oldest, sp.newest = seq, min(sp.oldest, time), max(sp.newest, time)
}

const facetColumns = "type, door, client, scheme, host, port, product, kind, rule, part, verdict"

const selectFacets = "SELECT id, " + facetColumns + " FROM facet WHERE id > ? ORDER BY id"

func facetKey(st *sqlite3.Stmt) Key {
	return Key{
		Type: Type(st.ColumnText(1)), Door: st.ColumnText(2), Client: st.ColumnText(3), Scheme: st.ColumnText(4), Host: st.ColumnText(5),
		Port: uint16(st.ColumnInt(6)), Product: st.ColumnText(7), Kind: st.ColumnText(8), Rule: st.ColumnText(9), Part: st.ColumnText(10),
		Verdict: st.ColumnText(11),
	}
}

// setAside renames the file and what belongs to it. wmu is held, or s not shared yet.
func (s *sqlite) setAside(now time.Time, why error) (note string, err error) {
	aside := s.path + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	for n := 2; exists(aside); n++ {
		aside = fmt.Sprintf("%s.corrupt-%s-%d", s.path, now.UTC().Format("20060102T150405Z"), n)
	}
	if err := os.Rename(s.path, aside); err != nil {
		return "", fmt.Errorf("setting the corrupt file aside: %w", err)
	}
	for _, tail := range []string{"-wal", "-shm"} {
		if err := os.Rename(s.path+tail, aside+tail); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("setting the corrupt file aside: %w", err)
		}
	}
	return fmt.Sprintf("the ledger %s was corrupt (%v); it was set aside as %s and a new one begun", s.path, why, filepath.Base(aside)), nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// renew sets a store aside that turned out corrupt while it was in use, and begins a new one.
func (s *sqlite) renew(_ context.Context, now time.Time, why error) (string, error) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	s.idle.closeIdle(0)
	s.names.reset()
	if err := errors.Join(s.closeFolder(), s.w.close()); err != nil {
		return "", err
	}
	note, err := s.setAside(now, why)
	if err != nil {
		return "", err
	}
	return note, s.openWriting()
}

// Corrupt reports whether err says that the store is no database, or a damaged one.
func Corrupt(err error) bool { return isCorrupt(err) }

func isCorrupt(err error) bool {
	return errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB)
}

// Close closes all connections and lets go of the lock.
func (s *sqlite) Close() error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	err := s.idle.close()
	if s.w != nil {
		err = errors.Join(err, s.closeFolder(), s.w.close())
		s.w = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

func (s *sqlite) Tail(ctx context.Context) (Tail, error) {
	t := Tail{Node: s.node}
	err := s.read(ctx, func(c *conn) error {
		err := c.each("SELECT node, last, hash, state FROM chain", func(st *sqlite3.Stmt) {
			t.Node, t.Last, t.State = st.ColumnText(0), st.ColumnInt64(1), st.ColumnBlob(3, nil)
			copy(t.Hash[:], st.ColumnRawBlob(2))
		})
		if err == nil {
			t.First, err = c.integer("SELECT coalesce(min(seq),0) FROM record")
		}
		return err
	})
	return t, err
}

func (s *sqlite) Nodes(ctx context.Context) ([]Tail, error) {
	t, err := s.Tail(ctx)
	return []Tail{t}, err
}

func (s *sqlite) Usage(ctx context.Context) (used, limit int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		pages, err := c.integer("PRAGMA page_count")
		if err != nil {
			return err
		}
		free, err := c.integer("PRAGMA freelist_count")
		used = (pages - free) * pageSize
		return err
	})
	return used, s.fileLimit(), err
}

// bounds narrows the places after lo and before hi to those where records of q's times can be.
func (c *conn) bounds(q *Scan) (lo, hi int64, err error) {
	lo, hi = q.After, q.Before
	if hi == 0 {
		hi = math.MaxInt64
	}
	if q.Since != 0 {
		first, err := c.integer("SELECT coalesce((SELECT min(first) FROM span WHERE newest >= ?), (SELECT max(last)+1 FROM span), 0)", q.Since)
		if err != nil {
			return 0, 0, err
		}
		lo = max(lo, first-1)
	}
	if q.Until != 0 {
		last, err := c.integer(`SELECT CASE WHEN (SELECT min(time) FROM record WHERE seq > (SELECT coalesce(max(last),0) FROM span)) < ?1
			THEN 9223372036854775806 ELSE (SELECT coalesce(max(last),0) FROM span WHERE oldest < ?1) END`, q.Until)
		if err != nil {
			return 0, 0, err
		}
		hi = min(hi, last+1)
	}
	return lo, hi, nil
}
