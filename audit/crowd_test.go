package audit_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

// cellsOf compiles the shipped packs, with own rules before them, and lists their cells.
func cellsOf(t *testing.T, own, profile string) []rules.Cells {
	t.Helper()
	var files []*rules.File
	add := func(name string, data []byte) {
		file, err := rules.Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if own != "" {
		add("own.yaml", []byte(own))
	}
	for _, source := range pack.Files() {
		add(source.Name, source.Data)
	}
	set, err := rules.Compile(files, rules.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	return set.Cells()
}

// titles counts the listing itself: films and ten episodes a season, from a minute up to another.
func titles(t *testing.T, from, to int) int64 {
	t.Helper()
	file, err := os.Open("../testdata/reference/video-minutes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, row := range rows[1:] {
		minutes, _ := strconv.Atoi(row[0])
		films, _ := strconv.ParseInt(row[1], 10, 64)
		seasons, _ := strconv.ParseInt(row[3], 10, 64)
		if minutes >= from && minutes < to {
			n += films + 10*seasons
		}
	}
	return n
}

var evening = time.Date(2026, 3, 3, 4, 0, 20, 0, time.UTC)

// play is a play record as it leaves.
func play(id string, at time.Time, duration, played int) audit.Event {
	return audit.Event{
		ID: id, Time: at, Product: "plex", Kind: "playback", Host: "analytics.plex.tv", Rule: "plex-playback-video", Part: "play", Verdict: "generalize",
		Header: []rules.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "scrim"}}, Target: "/collect/event",
		Body: fmt.Appendf(nil, `{"event":"playback:itemend","deviceIdentifier":"k%07d","properties":{"type":"video","duration":%d,"playbackTime":%d}}   `, at.UnixNano()%9999999, duration, played),
	}
}

func TestShippedReferencesAreTheListings(t *testing.T) {
	refs := audit.Shipped()
	if got, want := refs["video-length"].Titles, titles(t, 0, math.MaxInt); got != want || want < 67000 {
		t.Errorf("videos: got %d, want %d", got, want)
	}
	if got := refs["audio-length"].Titles; got != 3231 {
		t.Errorf("tracks: got %d, want 3231", got)
	}
	for table, h := range refs {
		if h.Source == "" || h.Without == "" || h.Own {
			t.Errorf("%s does not say where it comes from and what it leaves out", table)
		}
	}
}

func TestCrowdOfEachLengthIsThatOfItsBucket(t *testing.T) {
	edges := []int{0, 15, 25, 35, 50, 75, 95, 115, math.MaxInt}
	writes := []int{480, 1320, 1680, 2640, 3660, 5220, 6180, 8280}
	var events []audit.Event
	for i, w := range writes {
		events = append(events, play(strconv.Itoa(i), evening.AddDate(0, 0, i), w, w))
	}
	r := audit.Measure(cellsOf(t, "", ""), events, audit.Options{References: audit.Shipped(), Now: evening.AddDate(0, 0, 8)})
	for i, e := range r.List {
		want := titles(t, edges[i], edges[i+1])
		if e.Crowd == nil || *e.Crowd != want || e.Of != 67468 {
			t.Errorf("written %d: got %+v, want %d", writes[i], e, want)
			continue
		}
		if bits := math.Log2(67468 / float64(want)); math.Abs(*e.Bits-bits) > 1e-9 || math.Abs(*e.Timing) > 1e-9 {
			t.Errorf("written %d: got %v bits and %v of timing, want %v and 0", writes[i], *e.Bits, *e.Timing, bits)
		}
	}
	if r.Measured != len(events) || r.Smallest == nil || *r.Smallest.Crowd < 2300 {
		t.Errorf("smallest: got %+v", r.Smallest)
	}
	if len(r.Links) != 0 {
		t.Errorf("links: got %+v, want none", r.Links)
	}
	if r.Timing.Held != len(events) || r.Timing.OffSchedule != 0 || r.Timing.AtOnce != 0 {
		t.Errorf("timing: got %+v", r.Timing)
	}
}

func TestWhatLeftAsItCameIsMeasuredExactly(t *testing.T) {
	e := play("1", evening, 5640, 5600)
	e.Verdict, e.Part = "pass", ""
	r := audit.Measure(cellsOf(t, "", ""), []audit.Event{e}, audit.Options{References: audit.Shipped(), Now: evening})
	if want := titles(t, 94, 95); r.List[0].Crowd == nil || *r.List[0].Crowd != want || !strings.Contains(r.List[0].Note, "as it came") {
		t.Errorf("got %+v, want a crowd of %d", r.List[0], want)
	}
}

func TestAStrangeLengthIsNotTakenForABucket(t *testing.T) {
	r := audit.Measure(cellsOf(t, "", ""), []audit.Event{play("1", evening, 5640, 5640)}, audit.Options{References: audit.Shipped(), Now: evening})
	if want := titles(t, 94, 95); r.List[0].Crowd == nil || *r.List[0].Crowd != want {
		t.Errorf("got %+v, want %d", r.List[0], want)
	}
}

func TestRecordsOfTheOtherProfileAreMeasuredToo(t *testing.T) {
	r := audit.Measure(cellsOf(t, "", "strict"), []audit.Event{play("1", evening, 5220, 5220), play("2", evening, 5880, 5880)}, audit.Options{References: audit.Shipped(), Now: evening})
	if want := titles(t, 75, 95); *r.List[0].Crowd != want {
		t.Errorf("generalized: got %d, want %d", *r.List[0].Crowd, want)
	}
	if want := titles(t, 70, math.MaxInt); *r.List[1].Crowd != want {
		t.Errorf("strict: got %d, want %d", *r.List[1].Crowd, want)
	}
}

func TestWhatCannotBeMeasuredHasNoNumber(t *testing.T) {
	technical := play("1", evening, 0, 0)
	technical.Part, technical.Body = "technical", []byte(`{"event":"playback:itemend","properties":{"bitrate":11200}}`)
	gone := play("2", evening, 5220, 5220)
	gone.Rule = "a-rule-of-old"
	cut := play("3", evening, 5220, 5220)
	cut.Cut = true
	opaque := play("4", evening, 5220, 5220)
	opaque.Body = []byte{0xff, 0x00, 0xfe}
	r := audit.Measure(cellsOf(t, "", ""), []audit.Event{technical, gone, cut, opaque}, audit.Options{References: audit.Shipped(), Now: evening})
	for i, want := range []string{"no reference for video-rate", "not in force", "not kept", "cannot be read"} {
		if e := r.List[i]; e.Crowd != nil || e.Bits != nil || e.Timing != nil || !strings.Contains(e.Note, want) {
			t.Errorf("event %s: got %+v, want no number and a note with %q", e.ID, e, want)
		}
	}
	if r.Measured != 0 || r.Smallest != nil || r.Timing.Bits != nil {
		t.Errorf("got %+v", r)
	}
	none := audit.Measure(cellsOf(t, "", ""), nil, audit.Options{References: audit.Shipped(), Now: evening})
	if none.Events != 0 || none.Smallest != nil || none.Timing.Bits != nil || len(none.Links) != 0 {
		t.Errorf("no events: got %+v", none)
	}
}

func TestASmallCatalogueSaysNothing(t *testing.T) {
	small, err := audit.ReadHistogram("video-length", []byte("minutes,titles\n90,999\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := audit.Measure(cellsOf(t, "", ""), []audit.Event{play("1", evening, 5220, 5220)}, audit.Options{References: audit.References{"video-length": small}, Now: evening})
	if r.List[0].Crowd != nil || !strings.Contains(r.List[0].Note, "too small") {
		t.Errorf("got %+v", r.List[0])
	}
	empty, err := audit.ReadHistogram("video-length", []byte("minutes,titles\n200,5000\n"))
	if err != nil {
		t.Fatal(err)
	}
	r = audit.Measure(cellsOf(t, "", ""), []audit.Event{play("1", evening, 5220, 5220)}, audit.Options{References: audit.References{"video-length": empty}, Now: evening})
	if r.List[0].Crowd != nil || !strings.Contains(r.List[0].Note, "no title of the reference") {
		t.Errorf("an empty cell: got %+v", r.List[0])
	}
}

const immediate = `
rules:
  - id: own-play
    match: {host: analytics.plex.tv, path: /collect/event}
    then: generalize
    fields:
      $.event: keep
      $.length: {bucket: video-length, unit: s}
      $.played: {derive: {share_of: $.length, edges: [0.1, 0.5, 0.9], factors: [0.05, 0.3, 0.7, 1]}}
`

func TestArrivalTimesTellARuntime(t *testing.T) {
	event := func(id string, at time.Time, body string) audit.Event {
		return audit.Event{ID: id, Time: at, Product: "plex", Host: "analytics.plex.tv", Rule: "own-play", Verdict: "generalize", Body: []byte(body)}
	}
	events := []audit.Event{
		event("start", evening, `{"event":"start"}`),
		event("end", evening.Add(94*time.Minute), `{"event":"end","length":5220,"played":5220}`),
	}
	r := audit.Measure(cellsOf(t, immediate, ""), events, audit.Options{References: audit.Shipped(), Now: evening})
	want := math.Log2(float64(titles(t, 75, 95)) / float64(titles(t, 93, 95)))
	if got := r.List[1].Timing; got == nil || math.Abs(*got-want) > 1e-9 || want < 2 {
		t.Errorf("a whole film between two requests: got %v, want %v bits", got, want)
	}
	events[1].Body = []byte(`{"event":"end","length":5220,"played":1566}`)
	r = audit.Measure(cellsOf(t, immediate, ""), events, audit.Options{References: audit.Shipped(), Now: evening})
	if got := r.List[1].Timing; got == nil || *got != 0 {
		t.Errorf("half a film: got %v, want 0", got)
	}
}

func TestADayThatIsFullRulesLongTitlesOut(t *testing.T) {
	var events []audit.Event
	for i := range 8 {
		events = append(events, play(strconv.Itoa(i), evening.Add(time.Duration(i)*time.Second), 8280, 8280))
	}
	r := audit.Measure(cellsOf(t, "", ""), events, audit.Options{References: audit.Shipped(), Now: evening})
	left := 86400 - 7*6900*0.9 // what the other seven leave of the day
	want := math.Log2(float64(titles(t, 115, math.MaxInt)) / float64(titles(t, 115, int(left/0.9/60)+1)))
	if got := r.List[0].Timing; got == nil || math.Abs(*got-want) > 1e-9 {
		t.Errorf("got %v, want %v", *got, want)
	}
	if r.Timing.Releases != 1 || r.Timing.MostInOne != 8 {
		t.Errorf("got %+v", r.Timing)
	}
}

func TestValuesThatStayAreFound(t *testing.T) {
	var events []audit.Event
	for i := range 3 {
		e := play(strconv.Itoa(i), evening.AddDate(0, 0, i), 5220, 5220)
		e.Verdict = "pass"
		e.Body = fmt.Appendf(nil, `{"event":"playback:itemend","userId":271828182,"sessionIdentifier":"5b1d2c3e-4f60-4a7b-8c9d-0e1f2a3b4c5%d","properties":{"row":0}}`, i)
		e.Target = "/collect/event?X-Plex-Client-Identifier=k3v9q0t7m2w8x1c5b6n4r8ya"
		events = append(events, e)
	}
	r := audit.Measure(cellsOf(t, "", ""), events, audit.Options{References: audit.Shipped(), Now: evening})
	found := map[string]bool{}
	for _, l := range r.Links {
		found[l.Selector] = l.Records == 3 && l.Longest == 48*time.Hour
	}
	for _, want := range []string{"$.userId", "query:X-Plex-Client-Identifier"} {
		if !found[want] {
			t.Errorf("%s is not found: %+v", want, r.Links)
		}
	}
	if _, listed := found["$.sessionIdentifier"]; listed || len(found) != 3 { // and the event's name, which nothing closes where it passes
		t.Errorf("got %+v", r.Links)
	}
	same := audit.Measure(cellsOf(t, "", ""), events[:1], audit.Options{References: audit.Shipped(), Now: evening})
	if len(same.Links) != 0 {
		t.Errorf("one record: got %+v", same.Links)
	}
}
