package proxy

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/ledger"
)

// An address that scrim does not connect to is a refusal, not a failure: counted so, and in the ledger with its reason.
func TestRefusedAddressesAreInTheLedger(t *testing.T) {
	r := newRig(t)
	for i, request := range []string{
		"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://[::1]:9/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	} {
		if got := r.raw(request); !strings.HasPrefix(got, "HTTP/1.1 403") {
			t.Errorf("answer %q, want 403", got)
		}
		if c := r.counters(int64(i + 1)); c.Refused != int64(i+1) {
			t.Errorf("counters %+v", c)
		}
	}
	kept := r.entries(ledger.Kept)
	if len(kept) != 2 {
		t.Fatalf("%d entries, want 2", len(kept))
	}
	for _, e := range kept {
		if e.Verdict != "refuse" || !strings.Contains(e.Detail, "a loopback address") {
			t.Errorf("entry %+v", e.Record)
		}
	}
}
