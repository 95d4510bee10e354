package ledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

func TestFullDiskRefusesSoonAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("scrim-test", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	l := open(t, ledger.Config{Store: "sqlite", Dir: dir})
	if err := l.Append(t.Context(), sentRecord(0)); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, bytes.Repeat([]byte("x"), 4<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	var fault error
	began := time.Now()
	for i := 0; i < 500 && fault == nil; i++ {
		began = time.Now()
		fault = l.Append(t.Context(), sentRecord(i))
	}
	if fault == nil || time.Since(began) > 2500*time.Millisecond {
		t.Fatalf("a full disk gives %v after %v", fault, time.Since(began))
	}
	t.Log(fault)
	l.Post(&ledger.Record{Type: ledger.Result, RefSeq: 1, Status: 200})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := l.Append(t.Context(), sentRecord(i)); err != nil {
			t.Fatalf("the disk is back, and: %v", err)
		}
	}
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := l.Verify(t.Context())
	if err != nil || !report.Good {
		t.Errorf("%+v, %v", report, err)
	}
	if e, err := l.Get(t.Context(), "1"); err != nil || e.Result == nil {
		t.Errorf("the result that was posted meanwhile is lost: %v", err)
	}
}
