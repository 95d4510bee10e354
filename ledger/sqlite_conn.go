package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// conn is a connection with its prepared statements. One goroutine uses it at a time.
type conn struct {
	db    *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
	used  time.Time
}

// stmt returns the prepared statement of sql.
func (c *conn) stmt(sql string) (*sqlite3.Stmt, error) {
	if st := c.stmts[sql]; st != nil {
		return st, nil
	}
	st, _, err := c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, err
	}
	if c.stmts == nil {
		c.stmts = map[string]*sqlite3.Stmt{}
	}
	c.stmts[sql] = st
	return st, nil
}

func bind(st *sqlite3.Stmt, args []any) error {
	for i, arg := range args {
		var err error
		switch v := arg.(type) {
		case int64:
			err = st.BindInt64(i+1, v)
		case string:
			err = st.BindText(i+1, v)
		case []byte:
			err = st.BindBlob(i+1, v)
		case nil:
			err = st.BindNull(i + 1)
		default:
			panic(fmt.Sprintf("ledger: binding a %T", arg))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// run executes sql once.
func (c *conn) run(sql string, args ...any) error {
	st, err := c.stmt(sql)
	if err != nil {
		return err
	}
	if err := bind(st, args); err != nil {
		return err
	}
	return st.Exec()
}

// each calls fn for every row of sql.
func (c *conn) each(sql string, fn func(*sqlite3.Stmt), args ...any) error {
	return c.while(sql, func(st *sqlite3.Stmt) bool { fn(st); return true }, args...)
}

// while calls fn for the rows of sql until it returns false.
func (c *conn) while(sql string, fn func(*sqlite3.Stmt) bool, args ...any) error {
	st, err := c.stmt(sql)
	if err != nil {
		return err
	}
	if err := bind(st, args); err != nil {
		return err
	}
	for st.Step() && fn(st) {
	}
	stepped, reset := st.Err(), st.Reset() // the second repeats the first
	if stepped != nil {
		return stepped
	}
	return reset
}

// integer returns the first column of the first row of sql; 0 if there is none.
func (c *conn) integer(sql string, args ...any) (n int64, err error) {
	err = c.while(sql, func(st *sqlite3.Stmt) bool { n = st.ColumnInt64(0); return false }, args...)
	return n, err
}

func (c *conn) close() error {
	var err error
	for _, st := range c.stmts {
		err = errors.Join(err, st.Close())
	}
	c.stmts = nil
	return errors.Join(err, c.db.Close())
}

// Bounds of the pool of reading connections: each takes about half a megabyte.
const (
	maxReaders = 4
	idleAfter  = 20 * time.Second
)

// pool keeps idle connections.
type pool struct {
	open func() (*conn, error)

	mu     sync.Mutex
	free   []*conn       // guarded by mu
	tokens chan struct{} // guarded by mu until made; one for each connection in use
	closed bool
}

func (p *pool) acquire(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	if p.tokens == nil {
		p.tokens = make(chan struct{}, maxReaders)
	}
	tokens := p.tokens
	p.mu.Unlock()
	select {
	case tokens <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-tokens
		return nil, ErrClosed
	}
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c, nil
	}
	c, err := p.open()
	if err != nil {
		<-tokens
	}
	return c, err
}

// release takes c back, or closes it if it is not to be trusted.
func (p *pool) release(c *conn, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.tokens
	c.used = time.Now()
	if broken || p.closed {
		_ = c.close() // nothing was written through it
		return
	}
	p.free = append(p.free, c)
}

// closeIdle closes connections that were not used for so long.
func (p *pool) closeIdle(since time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.free[:0]
	for _, c := range p.free {
		if time.Since(c.used) < since {
			kept = append(kept, c)
			continue
		}
		_ = c.close()
	}
	p.free = kept
}

// close closes all, after waiting for those in use.
func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	tokens := p.tokens
	p.mu.Unlock()
	for range cap(tokens) {
		tokens <- struct{}{}
	}
	for range cap(tokens) {
		<-tokens
	}
	p.closeIdle(0)
	return nil
}

// openReading opens a connection that cannot write.
func (s *sqlite) openReading() (*conn, error) {
	db, err := sqlite3.OpenFlags(s.path, sqlite3.OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	c := &conn{db: db}
	err = db.BusyTimeout(s.wait)
	if err == nil {
		err = db.Exec("PRAGMA query_only=1; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY")
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// read runs fn in one read transaction. It is short by design: a reader holds back the write-ahead log.
func (s *sqlite) read(ctx context.Context, fn func(*conn) error) error {
	c, err := s.idle.acquire(ctx)
	if err != nil {
		return err
	}
	broken := true
	defer func() { s.idle.release(c, broken) }()
	c.db.SetInterrupt(ctx)
	if err := c.run("BEGIN"); err != nil {
		return err
	}
	err = fn(c)
	c.db.SetInterrupt(context.Background())
	if end := c.run("END"); err == nil {
		err = end
	}
	broken = err != nil
	if errors.Is(err, sqlite3.INTERRUPT) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
