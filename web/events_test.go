package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// listening is one who watches, over real HTTP.
type listening struct {
	*testing.T
	lines *bufio.Scanner
	news  chan message
}

func (r *rig) stream(path string, set ...func(*http.Request)) *listening {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), "GET", r.url+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	for _, change := range set {
		change(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		r.Fatalf("GET %s: %s, %s", path, res.Status, res.Header.Get("Content-Type"))
	}
	r.Cleanup(func() { res.Body.Close() })
	st := &listening{r.T, bufio.NewScanner(res.Body), make(chan message, 4096)}
	st.lines.Buffer(nil, 1<<20)
	go st.read()
	return st
}

func (st *listening) read() {
	defer close(st.news)
	var m message
	for st.lines.Scan() {
		name, value, _ := strings.Cut(st.lines.Text(), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = []byte(value)
		case "":
			if m.event != "" {
				st.news <- m
			}
			m = message{}
		}
	}
}

// until collects events up to one of a name.
func (st *listening) until(event string) []message {
	st.Helper()
	var all []message
	for {
		m, ok := st.next(3 * time.Second)
		if !ok {
			st.Fatalf("%q was not told; before it came %v", event, names(all))
		}
		if all = append(all, m); m.event == event {
			return all
		}
	}
}

func names(all []message) (out []string) {
	for _, m := range all {
		out = append(out, m.event)
	}
	return out
}

func (st *listening) next(wait time.Duration) (message, bool) {
	select {
	case m, ok := <-st.news:
		return m, ok
	case <-time.After(wait):
		return message{}, false
	}
}

func entryOf(t *testing.T, all []message) Entry {
	t.Helper()
	var e Entry
	if err := json.Unmarshal(all[len(all)-1].data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNewEntriesAreToldWithinASecond(t *testing.T) {
	r := newRig(t)
	st := r.stream("/api/v1/events")
	st.until("hello")
	sent := play("live")
	begin := time.Now()
	r.append(sent)
	e := entryOf(t, st.until("entry"))
	if took := time.Since(begin); took > time.Second {
		t.Errorf("told after %v", took)
	}
	if e.Flow != "live" || e.Done || e.ClientName != "nas" || e.ProductTitle != "Plex" || e.Changed != 1 || e.HeldBack != 1 || e.Edits != 3 {
		t.Errorf("told %+v", e)
	}
	if strings.Contains(e.Target, "secret") {
		t.Errorf("a secret was told: %s", e.Target)
	}
	r.append(&ledger.Record{Type: ledger.Result, Flow: "live", Part: "play", RefSeq: sent.Seq, Status: 204, Duration: time.Second})
	e = entryOf(t, st.until("entry"))
	if !e.Update || !e.Done || e.Status != 204 || e.Flow != "live" || e.DurationMS != 1000 {
		t.Errorf("the result was told as %+v", e)
	}
}

func TestWhatLeftOfAHeldEntryUpdatesIt(t *testing.T) {
	r := newRig(t)
	hold := play("f")
	hold.Type, hold.Verdict, hold.Request = ledger.Kept, "hold", nil
	r.append(hold)
	st := r.stream("/api/v1/events?type=kept")
	st.until("hello")
	left := play("f")
	left.RefSeq = hold.Seq
	r.append(left)
	e := entryOf(t, st.until("entry"))
	if !e.Update || e.Verdict != "hold" || e.PartsLeft != 1 || !e.Done {
		t.Errorf("told %+v", e)
	}
}

func TestStreamsAreFiltered(t *testing.T) {
	r := newRig(t)
	st := r.stream("/api/v1/events?verdict=drop")
	st.until("hello")
	r.append(play("not this"), &ledger.Record{Type: ledger.Kept, Flow: "this", Host: "x.example", Verdict: "drop"})
	if e := entryOf(t, st.until("entry")); e.Flow != "this" {
		t.Errorf("told %+v", e)
	}
}

func TestWhoComesBackMissesNothing(t *testing.T) {
	r := newRig(t)
	r.append(play("before"))
	st := r.stream("/api/v1/events?after=0")
	st.until("hello")
	first := st.until("entry")
	id := first[len(first)-1].id
	for i := range 5 {
		r.append(play(fmt.Sprintf("away-%d", i)))
	}
	back := r.stream("/api/v1/events", func(req *http.Request) { req.Header.Set("Last-Event-ID", id) })
	back.until("hello")
	for i := range 5 {
		if e := entryOf(t, back.until("entry")); e.Flow != fmt.Sprintf("away-%d", i) {
			t.Fatalf("entry %d is %s", i, e.Flow)
		}
	}
	r.append(play("now"))
	if e := entryOf(t, back.until("entry")); e.Flow != "now" {
		t.Errorf("then came %s", e.Flow)
	}
}

func TestAFloodIsToldInPart(t *testing.T) {
	r := newRig(t)
	st := r.stream("/api/v1/events")
	st.until("counters")
	recs := make([]*ledger.Record, 3*hubPage)
	for i := range recs {
		recs[i] = play(fmt.Sprint(i))
	}
	r.append(recs...)
	skipped, entries := 0, 0
	for {
		m, ok := st.next(2 * time.Second)
		if !ok {
			t.Fatal("the flood never ended")
		}
		switch m.event {
		case "skipped":
			skipped++
		case "entry":
			entries++
			if e := entryOf(t, []message{m}); e.Flow == fmt.Sprint(len(recs)-1) {
				if skipped != 1 || entries > hubPage {
					t.Errorf("%d entries and %d notices of skipped ones", entries, skipped)
				}
				return
			}
		}
	}
}

func TestDriftIsToldLive(t *testing.T) {
	r := newRig(t)
	st := r.stream("/api/v1/events")
	st.until("hello")
	r.append(&ledger.Record{Type: ledger.Kept, Flow: "f", Host: "metrics.plex.tv", Verdict: "drop", Reason: "unmatched", Detail: "drift: request POST /new/*"})
	var d Drift
	all := st.until("drift")
	if err := json.Unmarshal(all[len(all)-1].data, &d); err != nil || d.What != "request" || d.Name != "POST /new/*" {
		t.Errorf("told %s, %v", all[len(all)-1].data, err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t)
	for range maxStreams {
		r.stream("/api/v1/events")
	}
	if res, _ := r.ask("GET", "/api/v1/events", nil); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more stream: %s", res.Status)
	}
}
