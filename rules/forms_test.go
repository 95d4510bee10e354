package rules_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

func TestForms(t *testing.T) {
	formed := func(form string, lines ...string) string {
		return strings.Replace(fields("", lines...), "match: {host: h.example.org}", "match: {host: h.example.org, form: "+form+"}", 1)
	}
	for _, c := range []struct{ name, rules, in, want string }{
		{"xml_text_of_an_element", fields("", `"xpath:/report/id": {replace: "0"}`, `"xpath:/report/item/@n": {round: 10}`),
			`<report><id>77</id><item n="14" who="ann">x</item></report>`, `<report><id>0</id><item n="10"></item></report>`},
		{"xml_keep", fields("", `"xpath:/report/id": keep`), `<report><id>77</id><b>1</b></report>`, `<report><id>77</id></report>`},
		{"xml_keep_of_elements_is_on_error", fields("", `"xpath:/report": keep`), `<report><id>77</id></report>`, "drop"},
		{"jsonpath_does_not_read_xml", fields("", `$.report: keep`), `<report><id>77</id></report>`, "drop"},
		{"xpath_does_not_read_json", fields("", `"xpath:/report": keep`), `{"report":1}`, "drop"},
		{"protobuf", formed("protobuf", `"proto:1": keep`, `"proto:2": {round: 10}`, `"proto:3.1": {as: string, replace: x}`),
			"\x08\x07\x10\x0e\x1a\x05\x0a\x03ann\x22\x02hi", "\x08\x07\x10\x0a\x1a\x03\x0a\x01x"},
		{"protobuf_signed", formed("protobuf", `"proto:1": {as: sint, round: 10}`), "\x08\x1b", "\x08\x13"},
		{"protobuf_string_that_reads_as_a_message", formed("protobuf", `"proto:1": {as: string, keep: all}`), "\x0a\x02\x08\x07", "\x0a\x02\x08\x07"},
		{"ndjson", formed("ndjson", `"$[*].a": keep`), "{\"a\":1,\"b\":2}\n{\"b\":1,\"a\":3}\n", "{\"a\":1}\n{\"a\":3}\n"},
		{"text", formed("text", `$: {shorten: 2}`), "hello", "he"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, c.rules)
			m := send(t, "POST", "https://h.example.org/", c.in)
			out := set.Apply(m, testEnv())
			check(t, m, out, c.want)
		})
	}
	t.Run("a_selector_of_another_kind_than_the_form_is_a_fault", func(t *testing.T) {
		for _, text := range []string{formed("xml", `$.a: keep`), formed("json", `"proto:1": keep`)} {
			if _, err := rules.Parse("x.yaml", []byte(text)); err == nil && faultsOf(t, rules.Options{}, text) == "" {
				t.Error("no fault")
			}
		}
	})
}

func TestEdits(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: keep`, `$.list[*].n: {round: 10}`, `$.gone: remove`, `$.bad: {bucket: [10, 20], on_error: remove}`))
	m := send(t, "POST", "https://h.example.org/?q=1", `{"a":"x","list":[{"n":1,"o":true},{"o":null,"n":2}],"gone":{"x":1},"bad":3,"odd name":[1,2]}`, "User-Agent: me")
	out := set.Apply(m, testEnv())
	var got []string
	for _, e := range out.Edits {
		got = append(got, fmt.Sprintf("%s %s %q %c %d listed=%v unwritten=%v %s", e.Selector, e.Transform, e.Shape, e.Kind, e.Count, e.Listed, e.Unwritten, e.Error))
	}
	want := []string{
		`query:q unlisted "integer, 1 digit" " 0 listed=false unwritten=true `,
		`header:User-Agent replace "text, 2 characters" " 0 listed=false unwritten=false `,
		`$.a keep "text, 1 character" " 0 listed=true unwritten=false `,
		`$.list[*].n round "integer, 1 digit" 0 2 listed=true unwritten=false `,
		`$.list[*].o unlisted "boolean" t 2 listed=false unwritten=true `,
		`$.gone.x remove "integer, 1 digit" 0 0 listed=true unwritten=true `,
		`$.bad bucket "integer, 1 digit" 0 0 listed=true unwritten=true the value is below the first edge`,
		`$['odd name'][*] unlisted "integer, 1 digit" 0 2 listed=false unwritten=true `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDroppedFieldsAreListed(t *testing.T) {
	set := load(t, rules.Options{}, "hosts: {h.example.org: telemetry}\nrules: [{id: r, match: {host: h.example.org}, then: drop}]")
	out := set.Apply(send(t, "POST", "https://h.example.org/?q=1", `{"a":{"b":1}}`, "X-A: b"), testEnv())
	var got []string
	for _, e := range out.Edits {
		got = append(got, e.Selector+" "+e.Transform)
	}
	if text := strings.Join(got, "|"); text != "query:q drop|header:X-A drop|$.a.b drop" {
		t.Errorf("got %s", text)
	}
}

func TestEditsAreBounded(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: keep`))
	wide := map[string]any{"a": 1}
	for i := range 5000 {
		wide[fmt.Sprintf("k%d", i)] = map[string]any{fmt.Sprintf("m%d", i): i, "n": []any{i}}
	}
	content, _ := json.Marshal(wide)
	out := set.Apply(send(t, "POST", "https://h.example.org/", string(content)), testEnv())
	if len(out.Edits) > 1100 || len(out.Edits) < 100 {
		t.Errorf("got %d edits", len(out.Edits))
	}
	if last := out.Edits[len(out.Edits)-1]; last.Transform != "note" || last.Count == 0 {
		t.Errorf("got %+v", last)
	}
	if string(out.Messages[0].Message.Body) != `{"a":1}` {
		t.Errorf("got %s", out.Messages[0].Message.Body)
	}
}

// broken is chance that panics.
type broken struct{}

func (broken) Read([]byte) (int, error) { panic("canary") }

func TestAPanicDropsTheMessage(t *testing.T) {
	set := load(t, rules.Options{}, fields("    reply: {status: 204}\n", `$.a: random`))
	env := testEnv()
	env.Random = broken{}
	out := set.Apply(send(t, "POST", "https://h.example.org/", `{"a":"x"}`), env)
	if out.Verdict != rules.Drop || out.Reason != rules.OnFault || len(out.Messages) > 0 || strings.Contains(out.Detail, "canary") || out.Reply == nil || out.Rule == nil {
		t.Errorf("got %+v", out)
	}
}

func TestWithoutChanceRandomIsOnError(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: random`))
	env := testEnv()
	env.Random = nil
	check(t, nil, set.Apply(send(t, "POST", "https://h.example.org/", `{"a":"x"}`), env), "drop")
}

func TestApplyLeavesTheMessageAlone(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: {round: 10}`, `header:X-A: {replace: b}`, `query:q: {replace: r}`))
	m := send(t, "POST", "https://h.example.org/?q=1", `{"a":14,"b":2}`, "X-A: a")
	before := fmt.Sprintf("%+v", *m)
	out := set.Apply(m, testEnv())
	for i := range out.Messages[0].Message.Body {
		out.Messages[0].Message.Body[i] = 'x'
	}
	if after := fmt.Sprintf("%+v", *m); after != before {
		t.Errorf("got  %s\nwant %s", after, before)
	}
}

// TestConcurrentUse is for the race detector, and holds that room that is used again keeps nothing.
func TestConcurrentUse(t *testing.T) {
	set := load(t, rules.Options{}, batchText)
	one := send(t, "POST", "https://h.example.org/", `{"batch":[{"type":"play","len":12,"x":1},{"type":"other"}],"sent":"2025-01-02T03:04:05Z"}`)
	two := send(t, "POST", "https://h.example.org/?z=1", `{"batch":[{"type":"click","y":[1,2]}]}`, "Cookie: a=b")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				if got := string(set.Apply(one, testEnv()).Messages[0].Message.Body); got != `{"batch":[{"type":"play","len":10}],"sent":"2025-01-02T00:00:00Z"}` {
					t.Errorf("got %s", got)
				}
				out := set.Apply(two, testEnv())
				if got := string(out.Messages[0].Message.Body); got != `{"batch":[{"type":"click","y":[1,2]}]}` || len(out.Edits) != 4 {
					t.Errorf("got %s %+v", got, out.Edits)
				}
			}
		})
	}
	wait.Wait()
}
