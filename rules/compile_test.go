package rules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// faultsOf compiles files that are not right and returns the faults, one a line.
func faultsOf(t *testing.T, opt rules.Options, texts ...string) string {
	t.Helper()
	var files []*rules.File
	for i, text := range texts {
		f, err := rules.Parse("f"+string(rune('0'+i))+".yaml", []byte(text))
		if err != nil {
			t.Fatalf("parsing:\n%v", err)
		}
		files = append(files, f)
	}
	_, err := rules.Compile(files, opt)
	if err == nil {
		return ""
	}
	var faults strict.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %T", err)
	}
	for _, f := range faults {
		if f.File == "" || f.Line == 0 {
			t.Errorf("fault without a place: %v", f)
		}
	}
	return err.Error()
}

func TestCompileFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a_host_without_class", "rules: [{id: r, match: {host: h.example.org}, then: drop}]",
			`f0.yaml:1:31: host "h.example.org" has no class; give it one under hosts: telemetry or mixed`},
		{"a_wider_class_covers", "hosts: {\"*.example.org\": mixed}\nrules: [{id: r, match: {host: h.example.org}, then: drop}]", ""},
		{"refuse_needs_no_class", "rules: [{id: r, match: {host: h.example.org}, then: refuse}]", ""},
		{"never_decrypted", "hosts: {plex.tv: mixed}\nrules: []", `f0.yaml:1:9: host "plex.tv" covers plex.tv, which is never decrypted; leave it out: sign-in, discovery and certificates of the product depend on it`},
		{"never_decrypted_by_a_wildcard", "rules: [{id: r, match: {host: \"*.plex.tv\"}, then: refuse}]", `covers pubsub.plex.tv, which is never decrypted`},
		{"never_decrypted_below", "rules: [{id: r, match: {host: a.b.plex.direct}, then: refuse}]", `covers *.plex.direct, which is never decrypted`},
		{"never_decrypted_above", "rules: [{id: r, match: {host: \"*.tv\"}, then: refuse}]", `covers plex.tv, which is never decrypted`},
		{"an_unknown_table", fields("", `$.a: {bucket: lengths}`), `bucket: no table is called "lengths"`},
		{"a_table_with_classes", fields("", `$.a: {bucket: video-rate}`), `table "video-rate" has classes`},
		{"a_table_without_classes", fields("", `$.a: {bucket: video-length, by: $.b}`), `table "video-length" has no classes`},
		{"a_unit_that_does_not_fit", fields("", `$.a: {round: 15m, unit: MB}`), `round: `},
		{"a_kind_of_another_product", "product: p\nhosts: {h.example.org: mixed}\nrules: [{id: r, kind: k, match: {host: h.example.org}, then: drop}]", `kind "k" is not one of product "p"`},
		{"a_list_that_cannot_be_read", "rules: [{id: r, match: {host: {file: hosts.txt}}, then: refuse}]", `list of hosts "hosts.txt" cannot be read here`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := faultsOf(t, rules.Options{}, c.text, shipped(t, "tables.yaml"))
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("all_at_once", func(t *testing.T) {
		got := faultsOf(t, rules.Options{}, "rules:\n  - {id: a, match: {host: a.example.org}, then: drop}\n  - {id: b, match: {host: b.example.org}, then: drop}")
		if strings.Count(got, "\n") != 1 {
			t.Errorf("got %s", got)
		}
	})
	t.Run("an_unknown_profile", func(t *testing.T) {
		if _, err := rules.Compile(nil, rules.Options{Profile: "lax"}); err == nil {
			t.Error("got no fault")
		}
	})
}

func TestOwnersClassWins(t *testing.T) {
	owner := "hosts: {h.example.org: mixed}\nrules: []"
	pack := "product: p\nhosts: {h.example.org: telemetry, \"*.example.org\": telemetry}\nrules: [{id: r, match: {host: [h.example.org, i.example.org]}, then: drop}]"
	set := load(t, rules.Options{}, owner, pack)
	if got := set.Gate(rules.Client{}, "h.example.org").Class; got != rules.Mixed {
		t.Errorf("got %s", got)
	}
	if got := set.Gate(rules.Client{}, "i.example.org").Class; got != rules.Telemetry {
		t.Errorf("got %s", got)
	}
}

func TestOwnersRulesComeFirst(t *testing.T) {
	owner := "hosts: {h.example.org: telemetry}\nrules: [{id: mine, match: {host: h.example.org, path: /a}, then: pass}]"
	pack := "product: p\nhosts: {h.example.org: telemetry}\nrules: [{id: r, match: {host: h.example.org}, then: drop}]"
	set := load(t, rules.Options{}, owner, pack)
	for path, want := range map[string]string{"/a": "mine", "/b": "r"} {
		if out := set.Apply(send(t, "GET", "https://h.example.org"+path, ""), testEnv()); out.Rule == nil || out.Rule.ID != want {
			t.Errorf("%s: got %v, want %s", path, out.Rule, want)
		}
	}
}

func TestGateOfLists(t *testing.T) {
	opt := rules.Options{Files: func(name string) ([]byte, error) {
		return []byte("# ads\nads.example.net\n\n*.track.example.net\n0.0.0.0 old.example.net\n"), nil
	}}
	set := load(t, opt, "rules: [{id: list, match: {host: {file: "+"hosts.txt}}, then: refuse}]")
	for host, want := range map[string]rules.Answer{
		"ads.example.net": rules.Block, "x.ads.example.net": rules.Tunnel, "track.example.net": rules.Tunnel,
		"a.track.example.net": rules.Block, "a.b.track.example.net": rules.Block, "old.example.net": rules.Block, "net": rules.Tunnel, "": rules.Tunnel,
	} {
		if got := set.Gate(rules.Client{}, host); got.Answer != want {
			t.Errorf("%q: got %s, want %s", host, got.Answer, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	set := load(t, rules.Options{}, `
hosts: {"*.example.org": mixed}
rules:
  - {id: wide, match: {host: "*.example.org", path: "/a/*", body: {$.e: ["x*", y]}}, then: drop}
  - {id: narrow, match: {host: h.example.org, method: POST, path: /a/b, body: {$.e: [x1, y]}}, then: drop}
  - {id: other, match: {host: h.example.org, path: /a/b/c, body: {$.e: x1}}, then: drop}
  - {id: more, match: {host: h.example.org, path: /a/b, body: {$.e: [x1, z]}}, then: drop}
  - {id: gone, match: {host: r.example.org}, then: refuse}
  - {id: never, match: {host: r.example.org}, then: drop}
`)
	var got []string
	for _, w := range set.Warnings() {
		got = append(got, w.String())
	}
	want := `file0.yaml:5:5: rule "narrow" never decides: rule "wide" holds wherever it does (see file0.yaml:4:5)|file0.yaml:9:5: rule "never" never decides: rule "gone" refuses its hosts (see file0.yaml:8:5)`
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestWarningsOfGlobs(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         int
	}{
		{"/a/**", "/a/b/*", 1}, {"/a/**", "/a/**", 1}, {"/a/*", "/a/x*", 1}, {"/**/c", "/a/*/c", 1}, {"/a/*", "/a/**", 0}, {"/a/*/**", "/a/**", 0},
		{"/a/*/c", "/a/*", 0}, {"/a/**", "/*/b", 0}, {"/a/*", "/a/*/c", 0}, {"/a/**", "/a/b/**", 1}, {"/a/**/z", "/a/**", 0},
	} {
		set := load(t, rules.Options{}, "hosts: {h.example.org: mixed}\nrules:\n  - {id: wide, match: {host: h.example.org, path: \""+c.wide+"\"}, then: drop}\n  - {id: narrow, match: {host: h.example.org, path: \""+c.narrow+"\"}, then: drop}")
		if got := len(set.Warnings()); got != c.want {
			t.Errorf("%s before %s: got %d warnings, want %d", c.wide, c.narrow, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	set := load(t, rules.Options{}, `
hosts: {h.example.org: telemetry}
rules:
  - {id: method, match: {host: h.example.org, method: [PUT, PATCH]}, then: drop}
  - {id: path, match: {host: h.example.org, path: ["/x/*"]}, then: drop}
  - {id: query, match: {host: h.example.org, query: {v: {min: 2}}}, then: drop}
  - {id: header, match: {host: h.example.org, header: {X-A: {exists: true}}}, then: drop}
  - {id: type, match: {host: h.example.org, content_type: application/json}, then: drop}
  - {id: client, match: {host: h.example.org, client: [10.0.0.0/8, tv]}, then: drop}
  - {id: body, match: {host: h.example.org, body: {$.event: ["play*", 7]}}, then: drop}
  - {id: not, match: {host: h.example.org, not: {method: POST}}, then: drop}
  - {id: this, match: {host: h.example.org}, then: drop}
  - {id: after, match: {host: h.example.org}, then: pass}
`)
	e := set.Explain(send(t, "POST", "https://h.example.org/a?v=1", `{"event":"secret"}`), testEnv())
	var got []string
	for _, tr := range e.Tried {
		got = append(got, tr.Rule.ID+": "+tr.Failed)
	}
	want := `method: method is not PUT, PATCH
path: path is not /x/*
query: query v is not 2 or more
header: header X-A is not there
type: content_type is not application/json
client: client is not 10.0.0.0/8, tv
body: body $.event is not "play*", 7
not: what stands under not holds
this: 
after: comes after the rule that decides`
	if text := strings.Join(got, "\n"); text != strings.ReplaceAll(want, "application/json", `"application/json"`) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if !e.Tried[8].Held || e.Outcome.Rule.ID != "this" || e.Gate.Answer != rules.Intercept {
		t.Errorf("got %+v", e)
	}
}

func TestExampleFaults(t *testing.T) {
	set := load(t, rules.Options{}, one(`    fields: {$.a: {round: 10}, $.id: random}
    examples:
      - name: wrong
        in: {body: {a: 14, id: abcd, c: 1}}
        out: [{body: {a: 20, id: "*", d: 1}}]
      - name: shape
        in: {body: {id: abcd}}
        out: [{body: {id: "*"}}]
      - name: number
        in: {body: {a: 14}}
        out: []
      - name: header
        in: {body: {a: 14}, headers: {User-Agent: me}}
        out: [{body: {a: 10}, headers: {User-Agent: me}}]
      - name: on_error
        in: {body: {a: x}}
        out: [{body: {}}]
`))
	var got []string
	for _, f := range set.RunExamples() {
		got = append(got, f.Error())
	}
	want := `file0.yaml:8:9: rule "r": example "wrong": what leaves is not what the example says
    $.a: got 10, want 20
    $.d: got nothing, want 1
file0.yaml:14:9: rule "r": example "number": got 1 message that leaves, want 0
file0.yaml:17:9: rule "r": example "header": what leaves is not what the example says
    header:User-Agent: got "scrim", want "me"
file0.yaml:20:9: rule "r": example "on_error": got nothing that leaves, want 1: $.a: round: found a string, expected a number`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestOwnTables is for tables that have the name of a shipped one.
func TestOwnTables(t *testing.T) {
	own := "tables: {video-length: {unit: ms, edges: [1, 10], write: [5, 15]}}\n" + fields("", `$.a: {bucket: video-length, unit: ms}`)
	for _, product := range []string{"", "product: plex\n"} {
		set := load(t, rules.Options{}, product+own, shipped(t, "plex/rules.yaml"), shipped(t, "tables.yaml"))
		if faults := set.RunExamples(); len(faults) > 0 {
			t.Errorf("%sthe pack takes the owner's numbers: %v", product, faults[0])
		}
		out := set.Apply(send(t, "POST", "https://h.example.org/", `{"a":12}`), testEnv())
		if len(out.Messages) != 1 || string(out.Messages[0].Message.Body) != `{"a":15}` {
			t.Errorf("%sgot %+v, want the owner's numbers", product, out.Messages)
		}
	}
}
