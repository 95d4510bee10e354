package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// heldRules is an owner's rule whose plays leave at the given minutes, and whose technical part waits for a pool.
func heldRules(at []string) string {
	return fmt.Sprintf(`hosts: {analytics.plex.tv: telemetry}
rules:
  - id: plays-later
    why: The test watches a release.
    match: {host: analytics.plex.tv, method: POST, path: /collect/event}
    then: generalize
    parts:
      - name: play
        fields:
          $.properties.duration: {bucket: video-length, unit: s, on_error: remove}
          $.deviceIdentifier: random
        release: {at: [%[1]s], max_age: 7d, pad: 512}
      - name: technical
        fields: {$.properties.bitrate: {bucket: [0, 4000]}}
        release: {at: [%[1]s], pool: 50, max_age: 7d, pad: 512}
    reply: {status: 202, type: application/json, body: '{"later":true}'}
`, `"`+strings.Join(at, `", "`)+`"`)
}

// minutes are the next n full minutes of the local clock, the first at least 20 s away.
func minutes(n int) (at []string, first time.Time) {
	first = time.Now().Add(20 * time.Second).Truncate(time.Minute).Add(time.Minute)
	for i := range n {
		at = append(at, first.Add(time.Duration(i)*time.Minute).Format("15:04"))
	}
	return at, first
}

// heldHouse starts scrim with a release at each of the times.
func heldHouse(t *testing.T, ca *authority, o *origin, at []string, extra string) *house {
	t.Helper()
	file := filepath.Join(t.TempDir(), "held.yaml")
	if err := os.WriteFile(file, []byte(heldRules(at)), 0o600); err != nil {
		t.Fatal(err)
	}
	return newHouse(t, ca, plexHosts(o.addr), "rule_files: ["+file+"]\n"+extra)
}

// plays posts n plays and demands the reply of the rule at once.
func (h *house) plays(client *http.Client, n int) {
	h.t.Helper()
	for i := range n {
		body := fmt.Sprintf(`{"event":"playback:itemend","deviceIdentifier":"raw%09d","properties":{"type":"movie","duration":%d,"bitrate":2000}}`, i, 300+60*i)
		res, err := client.Post("https://analytics.plex.tv/collect/event", "text/plain", strings.NewReader(body))
		if err != nil {
			h.t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 202 || string(text) != `{"later":true}` {
			h.t.Fatalf("the client was told %d %q, want the reply of the rule", res.StatusCode, text)
		}
	}
}

// outboxStatus is what healthcheck says of the outbox and the counters.
type outboxStatus struct {
	Outbox struct {
		Records int
		Lines   map[string]int
		Next    time.Time `json:"next_release"`
	}
	Proxy struct{ Seen, Held, Generalized, Dropped int }
}

func (h *house) status() (s outboxStatus) {
	h.t.Helper()
	out, stderr, code := h.scrim("healthcheck", "--json")
	if code != 0 {
		h.t.Fatalf("healthcheck: exit %d: %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		h.t.Fatalf("healthcheck: %v in %s", err, out)
	}
	return s
}

func TestHeldPartLeavesOnceAfterARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("a release comes by the minute")
	}
	t.Parallel()
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	at, first := minutes(1)
	h := heldHouse(t, ca, o, at, "")
	h.plays(h.client(h.ca()), 3)
	if s := h.status(); s.Proxy.Held != 3 || s.Outbox.Records != 6 || s.Outbox.Lines["plays-later/play"] != 3 || !s.Outbox.Next.Equal(first) {
		t.Errorf("status %+v, want 3 requests held in 6 records until %v", s, first)
	}
	h.stop()
	journal := filepath.Join(h.dir, "state", "outbox.journal")
	raw, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("raw0")) {
		t.Error("a raw identifier waits in the journal")
	}
	if info, err := os.Stat(journal); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("journal: %v, %v; want mode 0600", info, err)
	}
	h.start()
	if got := o.all(); len(got) != 0 {
		t.Fatalf("%d records left at start-up", len(got))
	}
	time.Sleep(time.Until(first.Add(10 * time.Second)))
	got := o.all()
	if len(got) != 3 {
		t.Fatalf("%d records arrived, want 3", len(got))
	}
	for _, g := range got {
		if len(g.Body) != 512 || !json.Valid(g.Body) || bytes.Contains(g.Body, []byte("bitrate")) || g.Header.Get("User-Agent") != "scrim" {
			t.Errorf("arrived %q with %v", g.Body, g.Header)
		}
	}
	all, _ := h.ledger()
	sameAsLedger(t, got, sent(all))
	h.verify()
	if s := h.status(); s.Outbox.Records != 3 || s.Outbox.Lines["plays-later/technical"] != 3 {
		t.Errorf("status %+v, want the pool alone to wait", s)
	}
}

// TestSwitchHoldsBackWhatWaits switches the data off while it waits: nothing of it leaves, and the ledger says why.
func TestSwitchHoldsBackWhatWaits(t *testing.T) {
	if testing.Short() {
		t.Skip("a release comes by the minute")
	}
	t.Parallel()
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	at, first := minutes(1)
	file := filepath.Join(t.TempDir(), "held.yaml")
	text := strings.Replace(heldRules(at), "hosts:", "product: home\ntitle: Home\nkinds: {plays: {title: Plays, default: generalize}}\nhosts:", 1)
	text = strings.Replace(text, "  - id: plays-later\n", "  - id: plays-later\n    kind: plays\n", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, ca, plexHosts(o.addr), "rule_files: ["+file+"]\n")
	h.plays(h.client(h.ca()), 2)
	choices := filepath.Join(h.dir, "state", "choices.yaml")
	if err := os.WriteFile(choices, []byte("version: 1\nproducts: {home: {plays: drop}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(first.Add(10 * time.Second)))
	if got := o.all(); len(got) != 0 {
		t.Errorf("%d records left after their kind was switched to drop", len(got))
	}
	all, _ := h.ledger()
	dropped := 0
	for _, l := range all {
		if l.Type == "kept" && l.Verdict == "drop" && l.Part == "play" && l.Reason == "switch" {
			dropped++
		}
	}
	if dropped != 2 {
		t.Errorf("%d entries say that a record was dropped by the switch, want 2", dropped)
	}
}

// TestCrashDuringARelease kills scrim at random moments of two releases and lets a third go through: no record arrives
// twice, each arrives or is entered as unknown, and what arrived is in the ledger.
func TestCrashDuringARelease(t *testing.T) {
	if testing.Short() {
		t.Skip("a release comes by the minute")
	}
	t.Parallel()
	const plays = 30
	ca := newAuthority(t)
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(40 * time.Millisecond) // so that a release lasts
		io.WriteString(w, "{}")
	})
	o := newOrigin(t, ca, slow)
	at, first := minutes(3)
	h := heldHouse(t, ca, o, at, "")
	h.plays(h.client(h.ca()), plays)
	for round := range 2 {
		release := first.Add(time.Duration(round) * time.Minute)
		time.Sleep(time.Until(release))
		begun := len(o.all())
		for len(o.all()) == begun && time.Since(release) < 20*time.Second {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		h.kill()
		h.start()
	}
	time.Sleep(time.Until(first.Add(2*time.Minute + 15*time.Second)))

	all, _ := h.ledger()
	h.verify()
	bodies := map[string]int{}
	for _, g := range o.all() {
		if len(g.Body) == 512 { // else it was on its way when scrim was killed
			bodies[string(g.Body)]++
		}
	}
	for body, n := range bodies {
		if n > 1 {
			t.Errorf("%d times arrived %q", n, strings.TrimSpace(body))
		}
	}
	recorded := map[string]bool{}
	for _, r := range sent(all) {
		recorded[r.body()] = true
	}
	for body := range bodies {
		if !recorded[body] {
			t.Errorf("arrived and not in the ledger: %q", strings.TrimSpace(body))
		}
	}
	unknown := slices.DeleteFunc(slices.Clone(all), func(l logEntry) bool {
		return l.Verdict != "unknown" && (l.Result == nil || l.Result.Verdict != "unknown")
	})
	if len(unknown) == 0 || len(unknown) > 2 {
		t.Errorf("%d records are entered as unknown, want 1 or 2 for two kills", len(unknown))
	}
	if n := len(bodies); n > plays || n+len(unknown) < plays {
		t.Errorf("%d of %d records arrived and %d are unknown", n, plays, len(unknown))
	}
	if s := h.status(); s.Outbox.Lines["plays-later/play"] != 0 {
		t.Errorf("%+v still waits", s.Outbox)
	}
	t.Logf("%d of %d arrived, %d unknown", len(bodies), plays, len(unknown))
}
