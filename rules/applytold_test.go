package rules_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// manyFields is an event with n fields that no rule lists.
func manyFields(event *rules.Message, n int, value string) *rules.Message {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"more%04d":"%s%d",`, i, value, i%10)
	}
	m := *event
	m.Body = []byte("{" + b.String() + strings.TrimPrefix(string(event.Body), "{"))
	return &m
}

// A list that is shared says the same as one made for its message alone, also where there are more fields than are listed.
func TestSharedEditsSayTheSame(t *testing.T) {
	var event *rules.Message
	for _, m := range corpus(t, "plex-web.har") {
		if strings.Contains(string(m.Body), `"playback:itemend"`) {
			event = m
		}
	}
	for _, n := range []int{0, 40, 255, 256, 257, 320} {
		set := load(t, rules.Options{}, eventRules, shipped(t, "tables.yaml"))
		first := set.Apply(manyFields(event, n, "value "), testEnv()) // nothing is remembered yet
		var last *rules.Outcome
		for range 3 {
			last = set.Apply(manyFields(event, n, "other "), testEnv())
		}
		if first.Verdict != rules.Generalize || first.Told != nil || last.Told == nil {
			t.Fatalf("%d fields: got %v, %v and %v, want a generalized event that is remembered", n, first.Verdict, first.Told, last.Told)
		}
		if !reflect.DeepEqual(first.Edits, last.Edits) || !reflect.DeepEqual(first.Drift, last.Drift) {
			t.Errorf("%d fields: the shared list differs from the first\ngot  %d edits, %d drift\nwant %d edits, %d drift", n, len(last.Edits), len(last.Drift), len(first.Edits), len(first.Drift))
		}
		longer := set.Apply(manyFields(event, n, "a longer value "), testEnv())
		if n > 0 && reflect.DeepEqual(longer.Edits, first.Edits) {
			t.Errorf("%d fields: values of another shape are listed with the shapes of earlier ones", n)
		}
	}
}
