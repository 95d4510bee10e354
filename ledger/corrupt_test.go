package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/scrimproxy/scrim/ledger"
)

func TestFileThatTurnsCorruptIsSetAsideAtWork(t *testing.T) {
	dir := t.TempDir()
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir})
	for i := range 50 {
		if err := l.Append(t.Context(), sentRecord(i)); err != nil {
			t.Fatal(err)
		}
	}
	// Another hand folds the log in and writes, so that the ledger must read the file again; then the file is harmed.
	db := raw(t, dir)
	if err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version=1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "ledger.db")
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0x55}, int(info.Size())-4096), 4096); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	r := sentRecord(99)
	if err := l.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(file + ".corrupt-*")
	if err != nil || len(aside) == 0 {
		t.Fatalf("set aside: %q, %v", aside, err)
	}
	report, err := l.Verify(t.Context())
	if err != nil || !report.Good || r.Seq != 2 {
		t.Errorf("the new ledger: entry %d, %+v, %v", r.Seq, report, err)
	}
	if anchor, err := l.Get(t.Context(), "1"); err != nil || !strings.Contains(anchor.Detail, "set aside") {
		t.Errorf("it begins with %+v, %v", anchor, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the new file: %v, %v", info.Mode(), err)
	}
}

func TestReaderWorksWhereNothingWrites(t *testing.T) {
	dir := filled(t, 0)
	r, err := ledger.OpenReader(t.Context(), ledger.Config{Store: "sqlite", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.List(t.Context(), ledger.Filter{})
	if err != nil || len(page.Entries) != 20 {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
	if n, err := r.Counters(t.Context()); err != nil || n.Generalized != 20 {
		t.Errorf("counters %+v, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadConfigurationsAreRefusedInWords(t *testing.T) {
	for want, cfg := range map[string]ledger.Config{
		`unknown store "mysql"; there are sqlite, memory and postgres://…`: {Store: "mysql"},
		"no PostgreSQL":                 {Store: "postgres://db/scrim"},
		"a size cap of 1000 bytes":      {KeepSize: 1000},
		`node name "a b" holds a space`: {Node: "a b"},
		"is negative":                   {KeepAge: -1},
	} {
		if _, err := ledger.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v; want %q", cfg, err, want)
		}
	}
	if _, err := ledger.OpenReader(t.Context(), ledger.Config{Store: "memory"}); err == nil || !strings.Contains(err.Error(), "memory ledger") {
		t.Errorf("reading a memory ledger from outside gives %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(t.Context(), ledger.Config{Store: "sqlite", Dir: file}); err == nil || !strings.Contains(err.Error(), "state directory") {
		t.Errorf("a file for a directory gives %v", err)
	}
}
