package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/ledger"
)

// fakeHouse is a running program of a few facts.
type fakeHouse struct {
	mu       sync.Mutex
	switches map[string]string
	profile  string
	pause    time.Time
	chosen   []Choice
	who      []string
	reload   Reload
	original *Original
	notReady bool
}

func newFakeHouse() *fakeHouse {
	return &fakeHouse{switches: map[string]string{"playback": "generalize", "crash": "drop"}, profile: "generalized",
		reload: Reload{Time: time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC), Good: true}}
}

func (f *fakeHouse) Products() Products {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := Product{Name: "plex", Title: "Plex", Profile: f.profile, ProfileOrigin: "default"}
	if !f.pause.IsZero() {
		p.PauseUntil = &f.pause
	}
	for _, kind := range []string{"playback", "crash"} {
		p.Kinds = append(p.Kinds, Kind{Name: kind, Title: "The " + kind, Default: "generalize", Switch: f.switches[kind], Origin: "default"})
	}
	return Products{Profile: f.profile, ProfileOrigin: "default", Products: []Product{p, {Name: "kodi", Title: "Kodi", Profile: f.profile, ProfileOrigin: "default"}}}
}

func (f *fakeHouse) Hosts() []RuledHost {
	return []RuledHost{{Name: "metrics.plex.tv", Class: "telemetry", Product: "plex"}, {Name: "*.ads.example", Refused: true}}
}

func (f *fakeHouse) Rules() ([]Rule, []string) {
	return []Rule{
		{ID: "plex-playback-video", Product: "plex", ProductTitle: "Plex", Kind: "playback", Why: "a length names a film", Then: "generalize", File: "plex/rules.yaml", Line: 7},
		{ID: "own", Then: "drop", File: "own.yaml", Line: 3},
	}, []string{"own.yaml:3:5: never decides"}
}

func (f *fakeHouse) Explain(q Question) (*Explanation, error) {
	if !strings.HasPrefix(q.URL, "http") {
		return nil, ErrQuestion
	}
	return &Explanation{URL: q.URL, Gate: "intercept", Class: "telemetry", Verdict: "generalize", Rule: "plex-playback-video",
		Tried:  []Tried{{Rule: "own", Failed: "host is not x"}, {Rule: "plex-playback-video", Held: true}},
		Edits:  []Edit{{Selector: "$.a", Transform: "bucket", Type: "number", Listed: true}},
		Leaves: []Leaf{{Part: "play", Held: true, Request: Request{Method: q.Method, Target: "/collect", Length: 3, Body: &Body{Form: "json", Text: "{}", Bytes: 2}}}}}, nil
}

func (f *fakeHouse) Choose(who string, c Choice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chosen, f.who = append(f.chosen, c), append(f.who, who)
	switch {
	case c.Kind != "":
		f.switches[c.Kind] = c.Switch
	case c.Profile != "":
		f.profile = c.Profile
	case c.Resume:
		f.pause = time.Time{}
	default:
		f.pause = c.Pause
	}
	return nil
}

func (f *fakeHouse) Reload(string) Reload { return f.reload }

func (f *fakeHouse) State() State {
	next := time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)
	return State{
		Doors:     []Door{{Name: "proxy", Address: "127.0.0.1:3128", Use: "http://192.168.1.2:3128"}, {Name: "collector", Address: "127.0.0.1:3130", Use: "http://192.168.1.2:3130"}},
		Authority: Authority{Fingerprint: "AA:BB", Subject: "scrim", NotBefore: next, NotAfter: next.AddDate(10, 0, 0), Hosts: 2, PEM: []byte("-----BEGIN"), DER: []byte{0x30, 0x82}},
		Pinned:    []Pinned{{Client: "192.168.1.31", ClientName: "tv", Host: "metrics.plex.tv", How: "bad certificate", Time: next, Tries: 1, Next: "refuse"}},
		Waiting:   []Waiting{{Product: "plex", Kind: "playback", Rule: "plex-playback-video", Part: "play", Count: 3, Next: &next}},
		Proxy:     ProxyCounters{Counters: Counters{Seen: 2, Passed: 1, Dropped: 1}, Connections: 4},
		Reload:    &f.reload, Ready: !f.notReady,
	}
}

func (f *fakeHouse) Settings() Settings {
	return Settings{File: "config.yaml", Choices: "choices.yaml", Settings: []Setting{{Key: "listen.proxy", Value: ":3128", Origin: "default"}, {Key: "rule_files", Value: []string{"a"}, Origin: "config.yaml:3:1"}}}
}

func (f *fakeHouse) Coverage() Coverage {
	var c ledger.Coverage
	now := time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
	c.Came(now, "192.168.1.20", "metrics.plex.tv", "proxy", "plex", "dropped")
	asked := []ledger.Asked{{Client: "192.168.1.20", Name: "analytics.plex.tv", Product: "plex", Ruled: true, First: now.Add(-time.Hour), Last: now.Add(-time.Hour), Count: 2}}
	return Coverage{Since: now, DNSDoor: true, Clients: c.Report(now, asked, map[string]int64{"192.168.1.20": 3}, nil, nil)}
}

func (f *fakeHouse) ClientName(addr string) string {
	return map[string]string{"192.168.1.20": "nas"}[addr]
}
func (f *fakeHouse) Original(string) *Original  { return f.original }
func (f *fakeHouse) Vendor(_, sel string) *bool { listed := sel == "$.event"; return &listed }

// rig is a Server that runs on loopback, with a ledger and an inventory that are real.
type rig struct {
	*testing.T
	house  *fakeHouse
	ledger *ledger.Ledger
	feed   *Feed
	server *Server
	dir    string
	url    string
}

func newRig(t *testing.T) *rig { return newRigOn(t, ledger.Config{}, "127.0.0.1:0") }

func newRigOn(t *testing.T, cfg ledger.Config, listen string) *rig {
	t.Helper()
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, house: newFakeHouse(), ledger: l, dir: t.TempDir()}
	inventory := audit.NewInventory(time.UTC, func(d audit.Drift) { r.server.Drift(d) })
	r.server, err = New(Config{Listen: listen, Dir: r.dir, Hosts: []string{"box"}, Version: "1.2.3", Store: "memory", House: r.house, Book: l, Inventory: inventory})
	if err != nil {
		t.Fatal(err)
	}
	r.server.access.cost = bcrypt.MinCost // so that tests need not wait
	r.feed = NewFeed(inventory, l, InventoryFile(r.dir), nil)
	r.url = "http://" + r.server.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 2)
	go func() { done <- r.server.Run(ctx) }()
	go func() { done <- r.feed.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// play is the sent record of a playback event.
func play(flow string) *ledger.Record {
	return &ledger.Record{Type: ledger.Sent, Flow: flow, Door: "proxy", Client: "192.168.1.20", Scheme: "https", Host: "metrics.plex.tv", Port: 443,
		Product: "plex", Kind: "playback", Rule: "plex-playback-video", Part: "play", Verdict: "generalize",
		Request: &ledger.Request{Method: "POST", Target: "/collect/event?X-Plex-Token=secret", Header: []ledger.Field{{Name: "Host", Value: "metrics.plex.tv"}}, Body: []byte(`{"event":"<script>"}`), Length: 20},
		Edits: []ledger.Edit{
			{Selector: "$.event", Transform: "keep", Type: "string", Shape: "text", Listed: true},
			{Selector: "$.duration", Transform: "bucket", Detail: "to 8 lengths", Type: "number", Shape: "integer, 4 digits", Listed: true},
			{Selector: "$.userId", Transform: "unlisted", Type: "string", Shape: "uuid", Removed: true},
		}}
}

// append commits records as the proxy would: the inventory is told.
func (r *rig) append(recs ...*ledger.Record) {
	r.Helper()
	if err := r.ledger.Append(r.Context(), recs...); err != nil {
		r.Fatal(err)
	}
	r.feed.Note(recs...)
}

// fill gives the ledger one of everything.
func (r *rig) fill() {
	r.Helper()
	sent := play("f1")
	r.append(sent)
	r.append(&ledger.Record{Type: ledger.Result, Flow: "f1", Part: "play", RefSeq: sent.Seq, Status: 200, BytesIn: 2, BytesOut: 20, Duration: 48 * time.Millisecond})
	hold := play("f2")
	hold.Type, hold.Verdict, hold.Request, hold.Part = ledger.Kept, "hold", nil, "technical"
	r.append(hold)
	left := play("f2")
	left.RefSeq, left.Part = hold.Seq, "technical"
	r.append(left)
	r.append(&ledger.Record{Type: ledger.Kept, Flow: "f3", Host: "metrics.plex.tv", Verdict: "drop", Reason: "unmatched", Detail: "drift: request POST /new/*", Client: "192.168.1.9"})
	r.append(&ledger.Record{Type: ledger.Event, Reason: "pinned", Detail: "bad certificate", Host: "metrics.plex.tv", Client: "192.168.1.31"})
	r.append(&ledger.Record{Type: ledger.Tunnel, Verdict: "tunnel", Host: "telemetry.example.com", Client: "192.168.1.20", Count: 3, BytesIn: 10, BytesOut: 900})
	r.await("the inventory", func() bool { return r.server.cfg.Inventory.Rule("plex-playback-video").Count == 2 })
}

func (r *rig) await(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("waited for %s", what)
		}
	}
}

// ask sends a request and returns status and body. set changes it before it leaves.
func (r *rig) ask(method, path string, body any, set ...func(*http.Request)) (*http.Response, []byte) {
	r.Helper()
	var content io.Reader
	if body != nil {
		text, ok := body.(string)
		if !ok {
			data, err := json.Marshal(body)
			if err != nil {
				r.Fatal(err)
			}
			text = string(data)
		}
		content = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, content)
	if err != nil {
		r.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, change := range set {
		change(req)
	}
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res, data
}

// get decodes an answer.
func (r *rig) get(path string, into any) {
	r.Helper()
	res, data := r.ask("GET", path, nil)
	if res.StatusCode != http.StatusOK {
		r.Fatalf("GET %s: %d %s", path, res.StatusCode, data)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		r.Fatalf("GET %s: %v", path, err)
	}
}
