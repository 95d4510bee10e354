package audit_test

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/audit"
)

func TestOwnTitlesThatFit(t *testing.T) {
	lib, err := audit.ReadLibrary([]byte("title,type,minutes\nA,movie,94\nB,movie,80\nC,episode,22\nD,movie,\nE,track,3\nF,movie,0\n"))
	if err != nil {
		t.Fatal(err)
	}
	if lib.Titles != 4 || lib.Without != 2 {
		t.Errorf("got %d titles and %d without a length, want 4 and 2", lib.Titles, lib.Without)
	}
	events := []audit.Event{play("1", evening, 5220, 5220), play("2", evening, 1320, 1320), play("3", evening, 8280, 8280)}
	r := audit.Measure(cellsOf(t, "", ""), events, audit.Options{References: audit.Shipped(), Library: lib, Now: evening})
	for i, want := range []int64{2, 1, 0} {
		if got := r.List[i].Own; got == nil || *got != want {
			t.Errorf("event %d: got %v, want %d", i, got, want)
		}
	}
	if r.Library.Alone != 1 || r.Library.None != 1 || *r.Library.Smallest != 1 || r.Library.Measured != 3 {
		t.Errorf("got %+v", r.Library)
	}
}

func TestLibraryTimesAndUnits(t *testing.T) {
	for _, text := range []string{"duration\n1:34:00\n", "ms\n5640000\n", "Seconds;Title\n5640;x\n", "\ufeffminutes,x\n94,1\n"} {
		lib, err := audit.ReadLibrary([]byte(text))
		if err != nil || lib.Titles != 1 {
			t.Errorf("%q: got %v, %v", text, lib, err)
		}
	}
}

func TestBadLibraries(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "no rows",
		"minutes\n":                  "no rows",
		"title,year\nA,1999\n":       "no column holds lengths",
		"duration\n5640\n":           "does not say the unit",
		"minutes\nlong\n":            "row 2: the length is not a number",
		"minutes\n\"\"\n\"\"\n":      "none of its 2 rows has a length",
		"duration\n1:x\n":            "not a time",
		"minutes,title\n94\n":        "line 2 is not CSV",
		"minutes,title\n94,\"open\n": "is not CSV",
	} {
		if _, err := audit.ReadLibrary([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestBadHistograms(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "no rows",
		"length,titles\n1,2\n":    "no column says a unit",
		"minutes\n1\n":            "no column counts titles",
		"minutes,titles\nx,2\n":   "row 2: the value",
		"minutes,titles\n1,-2\n":  "row 2: column \"titles\"",
		"minutes,titles\n1,0\n":   "counts no titles",
		"minutes,titles\n1,1.5\n": "row 2: column \"titles\"",
	} {
		if _, err := audit.ReadHistogram("video-length", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	h, err := audit.ReadHistogram("video-length", []byte("minutes,films,series,seasons\n30,2,1,3\n,5,0,0\n"))
	if err != nil || h.Titles != 32 || h.Skipped != 1 {
		t.Errorf("the columns of the listing: got %+v, %v", h, err)
	}
}

func TestDoubts(t *testing.T) {
	if found := audit.Doubts(cellsOf(t, "", ""), audit.Shipped()); len(found) != 0 {
		t.Errorf("the shipped packs: got %v, want none", found)
	}
	const rule = `
tables:
  fine: {unit: ms, edges: [1, 5640000, 5700000], write: [480000, 5640000, 6180000]}
rules:
  - id: own
    match: {host: analytics.plex.tv, path: /collect/event}
    then: generalize
    parts:
      - name: play
        crowd: 2300
        fields:
          FIELD
`
	for field, want := range map[string]string{
		"$.duration: {round: 10m, unit: s}":                                   "only 1 of 67468 titles",
		"$.duration: {bucket: video-length, unit: s}\n          $.c: keep":    "$.c leaves as it came",
		"$.rate: {bucket: video-rate, unit: kbps, by: $.class}":               "there is no reference for video-rate: not measured",
		"$.event: {replace: x}":                                               "no field of it has a reference: not measured",
		"$.duration: {bucket: video-length, unit: s}\n        unlisted: keep": "fields that it does not name leave too",
	} {
		found := audit.Doubts(cellsOf(t, strings.Replace(rule, "FIELD", field, 1), ""), audit.Shipped())
		if len(found) == 0 || !strings.Contains(found[0].What, want) || found[0].Pos.Line == 0 {
			t.Errorf("%s: got %v, want %q", field, found, want)
		}
	}
	sparse, err := audit.ReadHistogram("video-length", []byte("minutes,titles\n10,5000\n90,5000\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := audit.Doubts(cellsOf(t, strings.Replace(rule, "FIELD", "$.duration: {bucket: video-length, unit: s}", 1), ""), audit.References{"video-length": sparse})
	if len(found) == 0 || !strings.Contains(found[0].What, "no title of the reference is in the cell") || !strings.Contains(found[0].What, "not measured") {
		t.Errorf("an empty cell: got %v", found)
	}
}
