package proxy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
)

// inParts is the rule "play" with two parts, the second held where release says so.
func inParts(release string) string {
	return strings.Replace(testRules, `    fields:
      $.event: keep
      $.duration: {round: 15m, unit: s}
    unlisted: remove
    on_error: drop`, `    parts:
      - name: play
        fields: {$.event: keep, $.duration: {round: 15m, unit: s}}
      - name: technical
        fields: {$.event: keep}
`+release+`    unlisted: remove
    on_error: drop`, 1)
}

func TestPartsLeaveAsRequestsOfTheirOwn(t *testing.T) {
	r := newRig(t)
	r.setRules(inParts(""))
	resp, text := r.do(r.client(false), "POST", "https://analytics.example/collect", play)
	if resp.StatusCode != 202 || text != `{"ok":true}` {
		t.Errorf("client got %d %q, want the rule's reply", resp.StatusCode, text)
	}
	var bodies []string
	for range 200 {
		if bodies = bodies[:0]; len(r.origin.received()) == 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, got := range r.origin.received() {
		bodies = append(bodies, got.Body)
	}
	slices.Sort(bodies)
	if want := []string{`{"event":"end","duration":5400}`, `{"event":"end"}`}; !slices.Equal(bodies, want) {
		t.Errorf("got %q, want %q", bodies, want)
	}
	if c := r.counters(1); c.Generalized != 1 || c.Seen != 1 {
		t.Errorf("counters %+v", c)
	}
	e := r.entries(ledger.Sent)
	if len(e) != 2 || e[0].Flow != e[1].Flow || e[0].Part == e[1].Part {
		t.Errorf("entries %+v", e)
	}
}

func TestPartWithReleaseIsHeld(t *testing.T) {
	const release = "        release: {at: \"04:00\", max_age: 7d}\n"
	t.Run("by_the_outbox", func(t *testing.T) {
		var held []Held
		r := newRig(t, func(c *Config) {
			c.Hold = func(_ context.Context, h []Held) error { held = h; return nil }
		})
		r.setRules(inParts(release))
		r.do(r.client(false), "POST", "https://analytics.example/collect", play)
		if c := r.counters(1); c.Held != 1 {
			t.Errorf("counters %+v", c)
		}
		if len(held) != 1 || held[0].Out.Part != "technical" || held[0].Record.Seq == 0 || held[0].Record.Verdict != "hold" {
			t.Fatalf("held %+v", held)
		}
		r.p.Settle(rules.Generalize)
		if c := r.counters(1); c.Held != 0 || c.Generalized != 1 {
			t.Errorf("counters %+v", c)
		}
	})
	t.Run("dropped_without_one", func(t *testing.T) {
		r := newRig(t)
		r.setRules(inParts(release))
		r.do(r.client(false), "POST", "https://analytics.example/collect", play)
		r.counters(1)
		for range 100 {
			if len(r.origin.received()) == 1 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := r.origin.only(); got.Body != `{"event":"end","duration":5400}` {
			t.Errorf("origin %+v", got)
		}
		if e := r.entries(ledger.Kept); len(e) != 1 || e[0].Verdict != "drop" || e[0].Part != "technical" {
			t.Errorf("entries %+v", e)
		}
	})
}
