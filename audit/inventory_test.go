package audit

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

var begin = time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)

// event is the n-th of a rule, with the fields given: "selector type effect".
func event(n int, at time.Time, fields ...string) *Fact {
	f := &Fact{Seq: int64(n), Time: at, Flow: fmt.Sprint("f", n), Product: "plex", Kind: "playback", Host: "metrics.plex.tv", Rule: "video", Verdict: "generalize"}
	for _, text := range fields {
		word := strings.Fields(text)
		s := Sighting{Selector: word[0], Type: word[1], Shape: word[1] + ", 4 digits", Transform: "bucket", Listed: true}
		switch word[2] {
		case Removed:
			s.Transform, s.Removed, s.Listed = "unlisted", true, false
		case Kept:
			s.Transform = "keep"
		}
		f.Fields = append(f.Fields, s)
	}
	return f
}

// counted is an inventory of facts, and the drift that was told.
func counted(facts ...*Fact) (*Inventory, *[]Drift) {
	var told []Drift
	v := NewInventory(time.UTC, func(d Drift) { told = append(told, d) })
	for _, f := range facts {
		v.Add(f)
	}
	return v, &told
}

func only(t *testing.T, v *Inventory) EventTree {
	t.Helper()
	tree := v.Tree(begin, "", "")
	if len(tree.Products) != 1 || len(tree.Products[0].Hosts) != 1 || len(tree.Products[0].Hosts[0].Events) != 1 {
		t.Fatalf("tree %+v", tree)
	}
	return tree.Products[0].Hosts[0].Events[0]
}

func TestFieldsAreCounted(t *testing.T) {
	v, _ := counted(event(1, begin, "$.a number changed", "$.b string removed"), event(2, begin.Add(time.Hour), "$.a number changed", "$.a number changed"))
	e := only(t, v)
	if e.Name != "video" || e.Rule != "video" || e.Kind != "playback" || e.Count != 2 || !e.First.Equal(begin) || !e.Last.Equal(begin.Add(time.Hour)) {
		t.Errorf("event %+v", e)
	}
	a, b := e.Fields[0], e.Fields[1]
	if a.Selector != "$.a" || a.Count != 2 || a.Effect != Changed || a.Treatment != "bucket" || !a.Listed || a.LooksLike != "number" || a.New {
		t.Errorf("$.a is %+v", a)
	}
	if b.Count != 1 || b.Effect != Removed || b.Treatment != "unlisted" || b.Listed || !b.Last.Equal(begin) {
		t.Errorf("$.b is %+v", b)
	}
	if got := v.Rule("video"); got.Count != 2 || !got.Last.Equal(begin.Add(time.Hour)) {
		t.Errorf("rule %+v", got)
	}
	if got := v.Kind("plex", "playback").Count; got != 2 {
		t.Errorf("kind counted %d", got)
	}
}

func TestPartsOfOneMessageCountOnce(t *testing.T) {
	play, technical := event(1, begin, "$.a number changed"), event(2, begin, "$.a number changed")
	technical.Flow = play.Flow
	later := event(3, begin, "$.a number changed")
	later.Later = true
	v, _ := counted(play, technical, later)
	if e := only(t, v); e.Count != 1 || e.Fields[0].Count != 1 {
		t.Errorf("counted %+v", e)
	}
}

func TestTheMildestTreatmentOfTwoPartsCounts(t *testing.T) {
	f := event(1, begin, "$.a number removed", "$.a number kept", "$.b number changed", "$.b number removed")
	v, _ := counted(f)
	e := only(t, v)
	if len(e.Fields) != 2 || e.Fields[0].Effect != Kept || e.Fields[1].Effect != Changed {
		t.Errorf("fields %+v", e.Fields)
	}
	if d := v.Days(begin, 1)[0]; d.HeldBack != 0 || d.Changed != 1 {
		t.Errorf("day %+v", d)
	}
}

func TestBatchesCountTheirElements(t *testing.T) {
	f := event(1, begin, "$.batch[*].a number changed")
	f.Fields[0].Count = 40
	v, _ := counted(f)
	if e := only(t, v); e.Fields[0].Count != 40 || e.Fields[0].Types[0].Count != 40 || e.Count != 1 {
		t.Errorf("counted %+v", e)
	}
}

func TestANewFieldOfAKnownEventIsDrift(t *testing.T) {
	var facts []*Fact
	for i := range knownAfter {
		facts = append(facts, event(i+1, begin, "$.a number changed"))
	}
	v, told := counted(facts...)
	if len(*told) != 0 {
		t.Fatalf("told %v while learning", *told)
	}
	v.Add(event(10, begin.Add(time.Hour), "$.a number changed", "$.new string removed"))
	v.Add(event(11, begin.Add(time.Hour), "$.a number changed", "$.new string removed"))
	want := []Drift{{Time: begin.Add(time.Hour), What: "field", Product: "plex", Host: "metrics.plex.tv", Event: "video", Name: "$.new", Detail: "string"}}
	if !reflect.DeepEqual(*told, want) || !reflect.DeepEqual(v.Drift(10), want) {
		t.Errorf("told %v, kept %v", *told, v.Drift(10))
	}
	if e := only(t, v); !e.Fields[1].New || e.Fields[0].New {
		t.Errorf("fields %+v", e.Fields)
	}
	if old := v.Tree(begin.Add(30*24*time.Hour), "", "").Products[0].Hosts[0].Events[0]; old.Fields[1].New {
		t.Error("it is new for ever")
	}
}

func TestANewTypeIsDrift(t *testing.T) {
	v, told := counted()
	for i := range knownAfter {
		v.Add(event(i+1, begin, "$.a number changed"))
	}
	v.Add(event(8, begin, "$.a null changed"))
	if len(*told) != 0 {
		t.Fatalf("null is no news: %v", *told)
	}
	v.Add(event(9, begin, "$.a string changed"))
	if len(*told) != 1 || (*told)[0].What != "type" || (*told)[0].Detail != "number before, now also string" {
		t.Errorf("told %v", *told)
	}
}

func TestRequestsThatNoRuleMatchedAreDrift(t *testing.T) {
	f := &Fact{Seq: 1, Time: begin, Host: "metrics.plex.tv", Event: "POST /new/*", Verdict: "drop"}
	v, told := counted(f, &Fact{Seq: 2, Time: begin, Host: "metrics.plex.tv", Event: "POST /new/*", Verdict: "drop", Flow: "x"})
	if len(*told) != 1 || (*told)[0].What != "request" || (*told)[0].Name != "POST /new/*" {
		t.Errorf("told %v", *told)
	}
	if e := only(t, v); e.Name != "POST /new/*" || e.Rule != "" || e.Count != 2 {
		t.Errorf("event %+v", e)
	}
}

func TestNewEventsAndHostsAreDriftOnceAProductIsKnown(t *testing.T) {
	other := event(2, begin.Add(time.Hour))
	other.Rule, other.Host = "audio", "analytics.plex.tv"
	_, told := counted(event(1, begin), other)
	if len(*told) != 0 {
		t.Errorf("told %v on the first day", *told)
	}
	other = event(3, begin.Add(2*settledAfter))
	other.Rule, other.Host = "pictures", "new.plex.tv"
	v, told := counted(event(1, begin), other)
	if all, week := v.DriftSince(begin); len(*told) != 2 || (*told)[0].What != "host" || (*told)[1].What != "event" || all != 2 || week != 2 {
		t.Errorf("told %v", *told)
	}
}

func TestNamesHaveAnEnd(t *testing.T) {
	v, _ := counted()
	flood := event(1, begin)
	for i := range 2 * maxFields {
		flood.Fields = append(flood.Fields, Sighting{Selector: fmt.Sprint("$.f", i, strings.Repeat("x", 2*maxName)), Type: "string", Transform: "unlisted", Removed: true})
	}
	v.Add(flood)
	e := only(t, v)
	if len(e.Fields) != maxFields || len(e.Fields[0].Selector) > maxName+4 {
		t.Errorf("%d fields, names of %d bytes", len(e.Fields), len(e.Fields[0].Selector))
	}
	for i := range maxEvents + 100 {
		v.Add(&Fact{Seq: int64(i + 2), Time: begin, Host: "h", Event: fmt.Sprint("POST /", i), Verdict: "drop"})
	}
	tree := v.Tree(begin, "", "")
	n := 0
	for _, p := range tree.Products {
		for _, h := range p.Hosts {
			n += len(h.Events)
		}
	}
	if n > maxEvents+1 || !tree.Full || len(v.Drift(10*maxDrift)) > maxDrift {
		t.Errorf("%d events, full %v, %d drift", n, tree.Full, len(v.Drift(10*maxDrift)))
	}
}

func TestDaysAreThoseOfTheHouse(t *testing.T) {
	zone := time.FixedZone("house", 5*3600)
	v := NewInventory(zone, nil)
	v.Add(event(1, begin, "$.a string removed")) // 20:00 UTC is the next day there
	dropped := event(2, begin.Add(-12*time.Hour))
	dropped.Verdict = "drop"
	v.Add(dropped)
	days := v.Days(begin, 3)
	if len(days) != 3 || days[0].Name != "2026-02-28" || days[1].Name != "2026-03-01" || days[2].Name != "2026-03-02" {
		t.Fatalf("days %+v", days)
	}
	if days[1].Dropped != 1 || days[2].Generalized != 1 || days[2].HeldBack != 1 {
		t.Errorf("days %+v", days)
	}
}

func TestInventoryIsKeptWhole(t *testing.T) {
	v, _ := counted()
	for i := range 5 {
		v.Add(event(i+1, begin, "$.a number changed", "$.b string removed"))
	}
	v.Add(event(6, begin, "$.a number changed", "$.c string removed"))
	v.SetCursor("41")
	data, err := v.Save()
	if err != nil {
		t.Fatal(err)
	}
	w, _ := counted()
	if err := w.Load(data); err != nil {
		t.Fatal(err)
	}
	if a, b := v.Tree(begin, "", ""), w.Tree(begin, "", ""); !reflect.DeepEqual(a, b) {
		t.Errorf("got %+v, want %+v", b, a)
	}
	if seq, cursor := w.Place(); seq != 6 || cursor != "41" {
		t.Errorf("place %d %q", seq, cursor)
	}
	if !reflect.DeepEqual(v.Drift(10), w.Drift(10)) || len(w.Drift(10)) != 1 || !reflect.DeepEqual(v.Days(begin, 2), w.Days(begin, 2)) {
		t.Error("drift or days were lost")
	}
	w.Add(event(7, begin, "$.a number changed"))
	if e := only(t, w); e.Fields[0].Count != 7 {
		t.Errorf("it does not go on: %+v", e)
	}
	for _, bad := range []string{"", "{", `{"version":2}`, "null"} {
		if err := w.Load([]byte(bad)); err == nil {
			t.Errorf("took %q", bad)
		}
	}
}

func TestTelemetryIsGuessed(t *testing.T) {
	for _, c := range []struct {
		host  string
		shape Shape
		want  bool
	}{
		{"telemetry.example.com", Shape{}, true},
		{"eu-metrics.example.com", Shape{}, true},
		{"o12.ingest.sentry.io", Shape{}, true},
		{"collect-prod.example.com", Shape{}, true},
		{"www.example.com", Shape{}, false},
		{"statsbomb.example", Shape{}, false},
		{"pixelart.example", Shape{}, false},
		{"a.example", Shape{Count: 100, BytesOut: 100 << 10, BytesIn: 20 << 10}, true},
		{"backup.example", Shape{Count: 100, BytesOut: 100 << 30, BytesIn: 20 << 10}, false},
		{"video.example", Shape{Count: 100, BytesOut: 1 << 20, BytesIn: 1 << 30}, false},
	} {
		if why := TelemetryLike(c.host, c.shape); (why != "") != c.want {
			t.Errorf("%s: %q", c.host, why)
		}
	}
}
