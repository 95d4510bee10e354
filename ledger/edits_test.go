package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// someEdits are n edits with much in common.
func someEdits(n int) []Edit {
	list := make([]Edit, n)
	for i := range list {
		list[i] = Edit{Selector: fmt.Sprintf("$.more%04d", i), Transform: "unlisted", Type: "string", Shape: "text, 12 characters", Removed: true}
	}
	return list
}

// Records that share their edits are the same bytes as records that have them of their own, in every store.
func TestSharedEditsAreEncodedAsOwn(t *testing.T) {
	for _, n := range []int{0, 1, 5, 300, 2000} {
		own := &Record{Flow: "f", Detail: "d", Edits: someEdits(n), Request: &Request{Method: "POST", Target: "/x", Header: []Field{{"Host", "a.example"}}}}
		shared := &Record{Flow: "f", Detail: "d", Request: own.Request}
		shared.Share(ShareEdits(someEdits(n)))
		want, _ := own.appendRest(nil)
		rest, at := shared.appendRest(nil)
		row := Row{Rest: rest, shared: shared.sharedEdits(), at: at}
		if got := row.Whole(); !bytes.Equal(got, want) || row.wholeLen() != len(want) {
			t.Fatalf("%d edits: got %.200s, want %.200s", n, got, want)
		}
		got, err := unpack(row.pack(nil))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d edits, packed: got %.200s (%v), want %.200s", n, got, err, want)
		}
		shared.Edits = someEdits(1) // no longer the shared ones
		if rest, _ := shared.appendRest(nil); !bytes.Contains(rest, []byte("more0000")) {
			t.Fatalf("%d edits: edits of its own are missing in %.200s", n, rest)
		}
	}
}

func TestLiteralsOfEveryLength(t *testing.T) {
	e := ShareEdits(someEdits(40))
	for _, n := range []int{0, 1, 59, 60, 61, 255, 256, 257, 65535, 65536, 65537, 1 << 17} {
		row := Row{Rest: bytes.Repeat([]byte{'x'}, n), shared: e, at: n / 3}
		got, err := unpack(row.pack(nil))
		if err != nil || !bytes.Equal(got, row.Whole()) {
			t.Fatalf("%d bytes beside the edits: %v, %d bytes came back, want %d", n, err, len(got), row.wholeLen())
		}
	}
}

// The chain holds over records with shared edits, and readers see them whole.
func TestChainOverSharedEdits(t *testing.T) {
	ctx := t.Context()
	for _, store := range []string{"memory", "sqlite"} {
		l, err := Open(ctx, Config{Store: store, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		e := ShareEdits(someEdits(300))
		for range 3 {
			rec := &Record{Type: Kept, Host: "a.example", Verdict: "drop"}
			rec.Share(e)
			if err := l.Append(ctx, rec); err != nil {
				t.Fatal(err)
			}
		}
		if report, err := l.Verify(ctx); err != nil || !report.Good {
			t.Errorf("%s: got %+v (%v), want a chain that verifies", store, report, err)
		}
		page, err := l.List(ctx, Filter{})
		if err != nil || len(page.Entries) != 3 {
			t.Fatalf("%s: got %d entries (%v), want 3", store, len(page.Entries), err)
		}
		for _, entry := range page.Entries {
			if !slices.Equal(entry.Edits, someEdits(300)) {
				t.Errorf("%s: entry %s has %d edits, want the 300 it was given", store, entry.ID, len(entry.Edits))
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
