package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/scrimproxy/scrim/ledger"
)

// raw opens the file of a ledger as an attacker or an accident would: past the ledger.
func raw(t *testing.T, dir string) *sqlite3.Conn {
	t.Helper()
	db, err := sqlite3.Open(filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func change(t *testing.T, dir, sql string) {
	t.Helper()
	db := raw(t, dir)
	if err := db.Exec(sql); err != nil {
		t.Fatal(err)
	}
	if db.TotalChanges() == 0 {
		t.Fatalf("%q changed nothing", sql)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// filled makes a ledger of 20 entries, of which retention has removed the first so many.
func filled(t *testing.T, removed int) string {
	t.Helper()
	dir := t.TempDir()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepAge: time.Hour, Now: func() time.Time { return now }})
	for i := range 20 {
		if i == removed {
			now = now.Add(2 * time.Hour)
		}
		r := sentRecord(i)
		if i != 12 { // short enough not to be packed
			r.Edits = r.Edits[:2]
		}
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerifyFindsWhatWasChanged(t *testing.T) {
	tests := map[string]struct {
		sql     string
		removed int
		bad     int64
		fault   string
	}{
		"edit":           {"UPDATE record SET rest = CAST(replace(CAST(rest AS TEXT), 'bucket', 'remove') AS BLOB) WHERE seq = 8", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
		"body":           {"UPDATE record SET body = x'00' WHERE seq = 8", 0, 8, "entry 8: its body does not have its digest; entries up to 7 verify"},
		"body_removed":   {"UPDATE record SET body = NULL WHERE seq = 8", 0, 8, "entry 8: its body does not have its digest; entries up to 7 verify"},
		"time":           {"UPDATE record SET time = time + 1 WHERE seq = 8", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
		"hash":           {"UPDATE record SET hash = zeroblob(32) WHERE seq = 8", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
		"host_of_all":    {"UPDATE facet SET host = 'elsewhere.example'", 0, 1, "entry 1: its content does not have its hash; no entry before it verifies"},
		"facet_removed":  {"DELETE FROM facet", 0, 1, "entry 1: its content does not have its hash; no entry before it verifies"},
		"row_deleted":    {"DELETE FROM record WHERE seq = 8", 0, 9, "entry 9: entry 8 before it is missing; entries up to 7 verify"},
		"rows_deleted":   {"DELETE FROM record WHERE seq BETWEEN 8 AND 10", 0, 11, "entry 11: entries 8 to 10 before it are missing; entries up to 7 verify"},
		"oldest_deleted": {"DELETE FROM record WHERE seq <= 3", 0, 4, "entry 4: entries 1 to 3 before it are missing; no entry before it verifies"},
		"reordered":      {"UPDATE record SET seq = 1008 - seq WHERE seq IN (8, 9); UPDATE record SET seq = seq - 991 WHERE seq > 900", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
		"end_cut":        {"DELETE FROM record WHERE seq > 15", 0, 16, "entry 16: missing, as are all up to 20, which the ledger once held; entries up to 15 verify"},
		"all_deleted":    {"DELETE FROM record", 0, 1, "entry 1: missing, as are all up to 20, which the ledger once held; no entry before it verifies"},
		"verdict_hidden": {`INSERT INTO facet SELECT 99, type, door, client, scheme, host, port, product, kind, rule, part, '' FROM facet WHERE id = 1;
			UPDATE record SET facet = 99, rest = CAST(',"verdict":"generalize"' || CAST(rest AS TEXT) AS BLOB) WHERE seq = 8`, 0, 8, "entry 8: what it is filed under was moved out of sight; entries up to 7 verify"},
		"packed":                 {"UPDATE record SET rest = x'01ff00' WHERE seq = 13", 0, 13, "entry 13: hash does not continue from entry 12; entries up to 12 verify"},
		"link":                   {"UPDATE record SET ref = 3 WHERE seq = 8", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
		"anchor":                 {"UPDATE record SET rest = CAST(replace(CAST(rest AS TEXT), '\"anchor\":\"', '\"anchor\":\"00') AS BLOB) WHERE seq = 21", 5, 6, "entry 6: entries 1 to 5 before it are missing; no entry before it verifies"},
		"anchor_moved":           {"UPDATE record SET ref = 7 WHERE seq = 21; DELETE FROM record WHERE seq < 8", 5, 8, "entry 8: hash does not continue from entry 7; no entry before it verifies"},
		"behind_the_anchor":      {"DELETE FROM record WHERE seq < 10", 5, 10, "entry 10: entries 6 to 9 before it are missing; no entry before it verifies"},
		"text_that_is_no_longer": {"UPDATE record SET rest = x'ff' WHERE seq = 8", 0, 8, "entry 8: hash does not continue from entry 7; entries up to 7 verify"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, test.removed)
			change(t, dir, test.sql)
			r, err := ledger.OpenReader(t.Context(), ledger.Config{Store: "sqlite", Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			report, err := r.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			chain := report.Chains[0]
			if report.Good || chain.Bad != test.bad || chain.Fault != test.fault {
				t.Errorf("verify says %d, %q\n          want %d, %q", chain.Bad, chain.Fault, test.bad, test.fault)
			}
			if page, err := r.List(t.Context(), ledger.Filter{}); err != nil || len(page.Entries) == 0 && !strings.Contains(test.sql, "DELETE FROM") {
				t.Errorf("the others cannot be listed: %d, %v", len(page.Entries), err)
			}
			// The writer says it too, and goes on.
			l := open(t, ledger.Config{Store: "sqlite", Dir: dir})
			if len(l.Notes()) == 0 {
				t.Error("Open has nothing to say about it")
			}
			if err := l.Append(t.Context(), sentRecord(99)); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a chain without a key cannot show, docs/ledger.md says in words; this keeps the words true.
func TestVerifyCannotSeeAnEndThatWasCutWithItsNote(t *testing.T) {
	dir := filled(t, 0)
	change(t, dir, "DELETE FROM record WHERE seq > 15; UPDATE chain SET last = 15, hash = (SELECT hash FROM record WHERE seq = 15)")
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir})
	report, err := l.Verify(t.Context())
	if err != nil || !report.Good || report.Chains[0].To != 15 {
		t.Errorf("verify reports %+v, %v", report, err)
	}
}

func TestCorruptFileIsSetAside(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"garbage":        func([]byte) []byte { return bytes.Repeat([]byte("not a database\n"), 1000) },
		"header":         func(b []byte) []byte { copy(b, "XXXXXXXX"); return b },
		"everything_but": func(b []byte) []byte { clear(b[4096:]); return b },
		"half":           func(b []byte) []byte { return b[:len(b)/2+100] },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			dir := filled(t, 0)
			file := filepath.Join(dir, "ledger.db")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			content = harm(content)
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, ledger.Config{Store: "sqlite", Dir: dir})
			r := sentRecord(1)
			if err := l.Append(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			aside, err := filepath.Glob(file + ".corrupt-*")
			if err != nil || len(aside) != 1 {
				t.Fatalf("set aside: %q, %v; notes %q", aside, err, l.Notes())
			}
			if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(kept, content) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
			report, err := l.Verify(t.Context())
			if err != nil || !report.Good || r.Seq != 2 {
				t.Errorf("the new ledger: entry %d, %+v, %v", r.Seq, report, err)
			}
			anchor, err := l.Get(t.Context(), "1")
			if err != nil || anchor.Type != ledger.Anchor || !strings.Contains(anchor.Detail, filepath.Base(aside[0])) {
				t.Errorf("the new ledger begins with %+v, %v", anchor, err)
			}
		})
	}
}

func TestForeignAndNewerFilesAreLeftAlone(t *testing.T) {
	dir := filled(t, 0)
	db := raw(t, dir)
	if err := db.Exec("PRAGMA user_version=9"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), ledger.Config{Store: "sqlite", Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "newer scrim (format 9, this one knows 1)") {
		t.Errorf("a newer file gives %v", err)
	}
}

func TestSecondWriterIsRefusedAndReadersAreNot(t *testing.T) {
	dir := t.TempDir()
	cfg := ledger.Config{Store: "sqlite", Dir: dir}
	if _, err := ledger.OpenReader(t.Context(), cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading where nothing is gives %v", err)
	}
	l := open(t, cfg)
	_, err := ledger.Open(t.Context(), cfg)
	if !errors.Is(err, ledger.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid(), " ")) {
		t.Errorf("a second writer gets %v", err)
	}
	r, err := ledger.OpenReader(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := errors.New("done")
	go func() {
		time.Sleep(20 * time.Millisecond)
		if err := l.Append(t.Context(), sentRecord(1)); err != nil {
			t.Error(err)
		}
	}()
	err = r.Follow(t.Context(), ledger.Filter{After: "0"}, func(e ledger.Entry) error { return done })
	if !errors.Is(err, done) {
		t.Error(err)
	}
	if e, err := r.Get(t.Context(), "last"); err != nil || e.Seq != 1 {
		t.Errorf("the reader sees %v, %v", e, err)
	}
}

func TestLockedStoreRefusesSoonAndRecovers(t *testing.T) {
	dir := t.TempDir()
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir, Wait: 150 * time.Millisecond})
	if err := l.Append(t.Context(), sentRecord(0)); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	l.Post(&ledger.Record{Type: ledger.Result, RefSeq: 1, Status: 200})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			began := time.Now()
			err := l.Append(t.Context(), sentRecord(i))
			if !errors.Is(err, ledger.ErrBusy) || time.Since(began) > 2*time.Second {
				t.Errorf("a locked store gives %v after %v", err, time.Since(began))
			}
		})
	}
	wg.Wait()
	if l.Fault() == nil {
		t.Error("no fault is shown")
	}
	if err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), sentRecord(9)); err != nil {
		t.Fatal(err)
	}
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, err := l.Get(t.Context(), "1")
	if err != nil || e.Result == nil {
		t.Errorf("the result that was posted meanwhile is lost: %+v, %v", e, err)
	}
	if report, err := l.Verify(t.Context()); err != nil || !report.Good || l.Fault() != nil {
		t.Errorf("after it: %+v, %v, %v", report, err, l.Fault())
	}
}

// onDisk is what all files of a ledger take.
func onDisk(t *testing.T, dir string) (size int64) {
	t.Helper()
	for _, name := range []string{"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			size += info.Size()
		}
	}
	return size
}

func TestFloodStaysUnderTheCap(t *testing.T) {
	dir := t.TempDir()
	const keep = 4 << 20
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepSize: keep})
	stop := make(chan struct{})
	var flood, watch sync.WaitGroup
	for g := range 8 {
		flood.Go(func() {
			for i := range 1200 {
				r := sentRecord(i)
				if i%100 == g {
					r.Request.Body = bytes.Repeat([]byte("z"), 1<<20) // beyond what one record may take
				}
				if err := l.Append(t.Context(), r); err != nil {
					t.Error(err)
					return
				}
				l.Post(&ledger.Record{Type: ledger.Result, RefSeq: r.Seq, Status: 200})
			}
		})
	}
	var most int64
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				most = max(most, onDisk(t, dir))
			}
		}
	})
	flood.Wait()
	close(stop)
	watch.Wait()
	if most > keep {
		t.Errorf("the ledger took %d bytes of %d", most, keep)
	}
	t.Logf("at most %d bytes of %d", most, keep)
	report, err := l.Verify(t.Context())
	if err != nil || !report.Good || report.Chains[0].Removed == 0 {
		t.Errorf("after the flood: %+v, %v", report, err)
	}
}

func TestReaderThatNeverEndsCannotBreakTheCap(t *testing.T) {
	dir := t.TempDir()
	const keep = 4 << 20
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepSize: keep, Wait: 100 * time.Millisecond})
	if err := l.Append(t.Context(), sentRecord(0)); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	if err := db.Exec("BEGIN; SELECT count(*) FROM record"); err != nil {
		t.Fatal(err)
	}
	var fault error
	for i := 0; i < 4000 && fault == nil; i++ {
		fault = l.Append(t.Context(), sentRecord(i))
	}
	if !errors.Is(fault, ledger.ErrBusy) {
		t.Fatalf("the log grows without end, or: %v", fault)
	}
	if size := onDisk(t, dir); size > keep {
		t.Errorf("the ledger takes %d bytes of %d", size, keep)
	}
	if err := db.Exec("END"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), sentRecord(1)); err != nil {
		t.Error(err)
	}
	if report, err := l.Verify(t.Context()); err != nil || !report.Good {
		t.Errorf("after it: %+v, %v", report, err)
	}
}

func TestSmallerCapTakesHold(t *testing.T) {
	dir := t.TempDir()
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepSize: 16 << 20})
	for i := range 3000 {
		r := sentRecord(i)
		r.Request.Body = bytes.Repeat([]byte("b"), 2000)
		if err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	before := onDisk(t, dir)
	l = open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepSize: 4 << 20})
	for range 3 {
		if err := l.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if after := onDisk(t, dir); before < 5<<20 || after > 4<<20 {
		t.Errorf("from %d to %d bytes; the cap is %d", before, after, 4<<20)
	}
	l = open(t, ledger.Config{Store: "sqlite", Dir: dir, KeepSize: 4 << 20})
	if report, err := l.Verify(t.Context()); err != nil || !report.Good {
		t.Errorf("%+v, %v", report, err)
	}
}
