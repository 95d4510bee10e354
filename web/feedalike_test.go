package web

import (
	"strconv"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// TestRecordsThatShareTheirEditsAreAllCounted sends runs of records that share one list, broken by one of another
// verdict: counting runs together must lose none.
func TestRecordsThatShareTheirEditsAreAllCounted(t *testing.T) {
	l := openLedger(t, ledger.Config{Store: "memory", Node: "nas"})
	inventory, feed, _ := fed(t, l, "")
	shared := ledger.ShareEdits([]ledger.Edit{{Selector: "$.duration", Transform: "bucket", Type: "number", Shape: "integer, 4 digits", Listed: true}})
	for i := range 50 {
		r := &ledger.Record{Type: ledger.Sent, Time: time.Now(), Flow: "f" + strconv.Itoa(i), Host: "analytics.plex.tv", Product: "plex", Kind: "playback", Rule: "plex-playback-video", Verdict: "generalize"}
		if i%20 == 19 {
			r.Verdict = "pass"
		}
		r.Share(shared)
		appendTo(t, l, r)
		feed.Note(r)
	}
	awaitHits(t, inventory, 50)
	day := inventory.Days(time.Now(), 1)[0]
	if day.Generalized != 48 || day.Passed != 2 {
		t.Errorf("%d generalized and %d passed, want 48 and 2", day.Generalized, day.Passed)
	}
	fields := inventory.Tree(time.Now(), "", "").Products[0].Hosts[0].Events[0].Fields
	if len(fields) != 1 || fields[0].Count != 50 {
		t.Errorf("fields %+v, want $.duration 50 times", fields)
	}
}
