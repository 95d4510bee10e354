package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"
)

const insertRecord = "INSERT INTO record(seq, time, facet, ref, hash, rest, body) VALUES(?,?,?,?,?,?,?)"

// Append writes b in one transaction. It waits no longer than Config.Wait for a lock.
func (s *sqlite) Append(ctx context.Context, b *Batch) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.w == nil {
		return ErrClosed
	}
	if err := s.foldIn(); err != nil {
		return err
	}
	if err := s.w.run("BEGIN IMMEDIATE"); err != nil {
		return s.told(err)
	}
	fresh, sp, err := s.write(b)
	if err == nil {
		err = s.w.run("COMMIT")
	}
	if err != nil {
		for _, key := range fresh {
			delete(s.facets, key)
		}
		if !s.w.db.GetAutocommit() {
			_ = s.w.run("ROLLBACK") // the error before it is the one to tell
		}
		return s.told(err)
	}
	s.span = sp
	s.pruned = s.pruned || b.DropTo != 0
	s.foldBeside()
	return nil
}

// told turns an error of SQLite into one that a caller can act on.
func (s *sqlite) told(err error) error {
	switch {
	case errors.Is(err, sqlite3.FULL):
		pages, err2 := s.w.integer("PRAGMA page_count")
		if free, err3 := s.w.integer("PRAGMA freelist_count"); err2 == nil && err3 == nil && (pages-free+64)*pageSize*10 > s.fileLimit()*9 {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		return fmt.Errorf("the disk is full: %w", err)
	case errors.Is(err, sqlite3.BUSY):
		return fmt.Errorf("%w within %v: another process holds it: %w", ErrBusy, s.wait, err)
	}
	return err
}

// write does the work of Append. fresh are the keys it gave an id, sp is the open span after it.
func (s *sqlite) write(b *Batch) (fresh []Key, sp span, err error) {
	sp = s.span
	insert, err := s.w.stmt(insertRecord)
	if err != nil {
		return nil, sp, err
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		facet, known := s.facets[row.Key]
		if !known {
			if facet, err = s.addFacet(&row.Key); err != nil {
				return fresh, sp, err
			}
			fresh = append(fresh, row.Key)
		}
		if err := s.insertRow(insert, row, facet); err != nil {
			return fresh, sp, err
		}
		row.Pos = row.Seq
		sp.add(row.Seq, row.Time)
		if sp.last-sp.first+1 >= spanRows {
			if err := s.w.run("INSERT INTO span VALUES(?,?,?,?)", sp.first, sp.last, sp.oldest, sp.newest); err != nil {
				return fresh, sp, err
			}
			sp = span{}
		}
	}
	if b.DropTo != 0 {
		if err := s.w.run("DELETE FROM record WHERE seq <= ?", b.DropTo); err != nil {
			return fresh, sp, err
		}
		if err := s.w.run("DELETE FROM span WHERE last <= ?", b.DropTo); err != nil {
			return fresh, sp, err
		}
	}
	last := &b.Rows[len(b.Rows)-1]
	return fresh, sp, s.w.run("UPDATE chain SET last=?, hash=?, state=?", last.Seq, last.Hash[:], b.State)
}

func (s *sqlite) insertRow(st *sqlite3.Stmt, row *Row, facet int64) error {
	err := st.BindInt64(1, row.Seq)
	err = errors.Join(err, st.BindInt64(2, row.Time))
	err = errors.Join(err, st.BindInt64(3, facet))
	if row.Ref != 0 {
		err = errors.Join(err, st.BindInt64(4, row.Ref))
	} else {
		err = errors.Join(err, st.BindNull(4))
	}
	packed := row.pack(s.packed)
	if row.wholeLen() >= packFrom {
		s.packed = packed
	}
	err = errors.Join(err, st.BindBlob(5, row.Hash[:]), st.BindBlob(6, packed))
	if len(row.Body) > 0 {
		err = errors.Join(err, st.BindBlob(7, row.Body))
	} else {
		err = errors.Join(err, st.BindNull(7))
	}
	if err != nil {
		return err
	}
	return st.Exec()
}

// addFacet gives k an id.
func (s *sqlite) addFacet(k *Key) (int64, error) {
	err := s.w.run("INSERT INTO facet("+facetColumns+") VALUES(?,?,?,?,?,?,?,?,?,?,?)", string(k.Type), k.Door, k.Client, k.Scheme, k.Host,
		int64(k.Port), k.Product, k.Kind, k.Rule, k.Part, k.Verdict)
	if err != nil {
		return 0, err
	}
	id := s.w.db.LastInsertRowID()
	s.facets[*k] = id
	return id, nil
}

// foldIn copies the write-ahead log into the file where it has grown so far that the next commit could exceed its
// budget; the log then starts over. wmu is held.
func (s *sqlite) foldIn() error {
	if s.log <= s.logBudget()/2 {
		return nil
	}
	s.folding.Wait()
	_, _, err := s.w.db.WALCheckpoint("main", sqlite3.CHECKPOINT_RESTART)
	if err == nil {
		s.log, s.folded = 0, 0
		return nil
	}
	if errors.Is(err, sqlite3.BUSY) && s.log <= s.logBudget()*3/4 {
		return nil // a reader holds it; the next commit tries again
	}
	return s.told(fmt.Errorf("folding in the write-ahead log: %w", err))
}

// foldBeside copies the log into the file by another connection, so that commits go on meanwhile, once it has grown
// by an eighth of its budget. If nothing was written meanwhile, the next commit starts the log over. wmu is held.
func (s *sqlite) foldBeside() {
	if s.log < s.folded { // it started over
		s.folded = 0
	}
	if s.log-s.folded < s.logBudget()/8 {
		return
	}
	select {
	case s.fold <- struct{}{}:
	default:
		return // one is under way
	}
	s.folded = s.log
	s.folding.Go(func() {
		defer func() { <-s.fold }()
		if s.folder == nil {
			db, err := sqlite3.OpenFlags(s.path, sqlite3.OPEN_READWRITE)
			if err != nil {
				return // foldIn will say it
			}
			s.folder = db
		}
		_, _, _ = s.folder.WALCheckpoint("main", sqlite3.CHECKPOINT_PASSIVE) // likewise
	})
}

// closeFolder closes the connection of foldBeside.
func (s *sqlite) closeFolder() error {
	s.fold <- struct{}{}
	defer func() { <-s.fold }()
	db := s.folder
	s.folder = nil
	return db.Close()
}

// vacuumPages is how many free pages one step of Maintain gives back to the file system.
const vacuumPages = 512

// Maintain closes idle connections, removes facets that no record has any more, gives free pages back where there
// are many, and folds in the log once it is quiet.
func (s *sqlite) Maintain(ctx context.Context) error {
	s.idle.closeIdle(idleAfter)
	if err := s.removeFacets(); err != nil {
		return s.told(err)
	}
	for ctx.Err() == nil {
		more, err := s.vacuumStep()
		if err != nil {
			return s.told(err)
		}
		if !more {
			break
		}
		time.Sleep(time.Millisecond) // a commit may come in between
	}
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.w == nil || s.log >= s.logBudget()/8 {
		return nil
	}
	return s.closeFolder()
}

func (s *sqlite) vacuumStep() (more bool, err error) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if s.w == nil {
		return false, nil
	}
	pages, err := s.w.integer("PRAGMA page_count")
	if err != nil {
		return false, err
	}
	free, err := s.w.integer("PRAGMA freelist_count")
	if err != nil || free == 0 {
		return false, err
	}
	if limit := s.fileLimit() / pageSize; pages <= limit && free < max(2*vacuumPages, pages/8) {
		return false, nil
	}
	if err := s.foldIn(); err != nil {
		return false, err
	}
	if err := s.w.db.Exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages)); err != nil {
		return false, err
	}
	return true, s.w.db.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", s.fileLimit()/pageSize))
}

// removeFacets forgets the facets of records that retention removed.
func (s *sqlite) removeFacets() error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if !s.pruned || s.w == nil {
		return nil
	}
	var ids []int64
	err := s.w.each("DELETE FROM facet WHERE NOT EXISTS(SELECT 1 FROM record WHERE record.facet = facet.id) RETURNING id", func(st *sqlite3.Stmt) {
		ids = append(ids, st.ColumnInt64(0))
	})
	if err != nil {
		return err
	}
	gone := make(map[int64]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	for key, id := range s.facets {
		if gone[id] {
			delete(s.facets, key)
		}
	}
	if len(ids) > 0 {
		s.names.reset()
	}
	s.pruned = false
	return nil
}
