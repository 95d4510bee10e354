package audit

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

func TestDifferentValuesAreEstimated(t *testing.T) {
	v, _ := counted(event(1, begin, "$.id string removed", "$.word string kept", "$.batch[*].n number changed", "$['odd name'] string kept", "header:User-Agent string removed", "query:v string kept"))
	seed := maphash.MakeSeed()
	for i := range 1000 {
		text := fmt.Sprintf(`{"id":"user-%d","word":"same","batch":[{"n":%d},{"n":%d}],"odd name":"%d","unknown":"x"}`, i, i%50, 50+i%50, i%7)
		s := &Sample{Product: "plex", Rule: "video", Message: rules.Message{To: rules.Destination{Host: "metrics.plex.tv"}, Query: fmt.Sprintf("v=%d", i%20),
			Header: []rules.Field{{Name: "User-Agent", Value: "one"}}, Body: []byte(text)}}
		v.Measure(s, seed)
	}
	want := map[string]int64{"$.id": 1000, "$.word": 1, "$.batch[*].n": 100, "$['odd name']": 7, "header:User-Agent": 1, "query:v": 20}
	e := only(t, v)
	for _, f := range e.Fields {
		if w := want[f.Selector]; f.Distinct < w-w/8 || f.Distinct > w+w/8 {
			t.Errorf("%s: %d different values, want about %d", f.Selector, f.Distinct, w)
		}
	}
	data, err := v.Save()
	if err != nil || strings.Contains(string(data), "user-1") || strings.Contains(string(data), "same") {
		t.Errorf("a value was kept (%v)", err)
	}
	w, _ := counted()
	if err := w.Load(data); err != nil {
		t.Fatal(err)
	}
	if got := only(t, w).Fields[0].Distinct; got != e.Fields[0].Distinct {
		t.Errorf("after a restart %d, before %d", got, e.Fields[0].Distinct)
	}
}

func TestWhatWasNotCountedIsNotMeasured(t *testing.T) {
	v, _ := counted(event(1, begin, "$.a number changed"))
	s := &Sample{Product: "plex", Rule: "other", Message: rules.Message{To: rules.Destination{Host: "metrics.plex.tv"}, Body: []byte(`{"a":1}`)}}
	v.Measure(s, maphash.MakeSeed())
	s.Rule, s.Message.Body = "video", []byte("\x00\x01 no tree")
	v.Measure(s, maphash.MakeSeed())
	if f := only(t, v).Fields[0]; f.Distinct != 0 {
		t.Errorf("measured %d", f.Distinct)
	}
}
