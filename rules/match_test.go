package rules_test

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// matching is a rule with a match on h.example.org and h.mixed.example, of class telemetry and mixed.
func matching(match string) string {
	return "hosts: {h.example.org: telemetry, h.mixed.example: mixed}\nrules:\n  - id: r\n    match: {host: [h.example.org, h.mixed.example], " + match + "}\n    then: pass\n"
}

func TestConditions(t *testing.T) {
	const (
		holds   = "pass "
		fails   = "drop unmatched"
		unclear = "drop on_error"
	)
	for _, c := range []struct{ name, match, target, body, header, want string }{
		{"a_value", `query: {a: x}`, "/?a=x", "", "", holds},
		{"another_value", `query: {a: x}`, "/?a=y", "", "", fails},
		{"a_list_of_values", `query: {a: [x, y]}`, "/?a=y", "", "", holds},
		{"a_number_in_text", `query: {a: 7}`, "/?a=7", "", "", holds},
		{"a_glob", `query: {a: "pre*"}`, "/?a=prefix", "", "", holds},
		{"min_and_max", `query: {a: {min: 2, max: 3.5}}`, "/?a=3.50", "", "", holds},
		{"below_min", `query: {a: {min: 2, max: 3}}`, "/?a=1", "", "", fails},
		{"not_a_number", `query: {a: {min: 2, max: 3}}`, "/?a=x", "", "", fails},
		{"absent", `query: {a: {exists: false}}`, "/?b=1", "", "", holds},
		{"absent_and_there", `query: {a: {exists: false}}`, "/?a", "", "", fails},
		{"decoded_names_and_values", `query: {"a b": "ü"}`, "/?a+b=%C3%BC", "", "", holds},
		{"a_parameter_twice", `query: {a: x}`, "/?a=x&a=y", "", "", unclear},
		{"twice_but_all_else_fails", `query: {a: x}, path: /p`, "/?a=x&a=y", "", "", fails},
		{"a_header_field", `header: {x-app: 7}`, "/", "", "X-App: 7", holds},
		{"a_header_field_twice", `header: {x-app: 7}`, "/", "", "X-App: 7|x-app: 8", unclear},
		{"content_type_without_parameters", `content_type: application/json`, "/", "", "Content-Type: Application/JSON; charset=utf-8", holds},
		{"content_type_with_them", `content_type: "text/plain;*"`, "/", "", "Content-Type: text/plain;charset=UTF-8", holds},
		{"path_glob", `path: "/a/*/c"`, "/a/b/c", "", "", holds},
		{"star_stays_in_a_segment", `path: "/a/*"`, "/a/b/c", "", "", fails},
		{"two_stars_do_not", `path: "/a/**"`, "/a/b/c", "", "", holds},
		{"path_is_decoded", `path: /collect/event`, "/c%6Fllect/event", "", "", holds},
		{"dot_segments_are_resolved", `path: /collect/event`, "/x/../collect/./event", "", "", holds},
		{"encoded_dot_segments_too", `path: /collect/event`, "/x/%2e%2E/collect/event", "", "", holds},
		{"an_encoded_slash_is_no_border", `path: "/a/*"`, "/a/b%2Fc", "", "", holds},
		{"method", `method: [PUT, PATCH]`, "/", "", "", fails},
		{"not", `not: {path: /a}`, "/b", "", "", holds},
		{"not_holds", `not: {path: /a}`, "/a", "", "", fails},
		{"not_of_a_host", `not: {host: h.example.org}`, "/", "", "", fails},
		{"body_value", `body: {$.a: x}`, "/", `{"a":"x"}`, "", holds},
		{"body_number", `body: {$.a: 100}`, "/", `{"a":1e2}`, "", holds},
		{"body_string_is_no_number", `body: {$.a: 1}`, "/", `{"a":"1"}`, "", fails},
		{"body_boolean_and_null", `body: {$.a: true, $.b: null}`, "/", `{"a":true,"b":null}`, "", holds},
		{"body_any_of_several", `body: {"$.a[*]": x}`, "/", `{"a":["y","x"]}`, "", holds},
		{"body_of_a_form", `body: {$.a: 1}`, "/", `a=1&b=2`, "", holds},
		{"body_name_twice", `body: {$.a: x}`, "/", `{"a":"x","a":"y"}`, "", unclear},
		{"body_name_twice_escaped", `body: {$.a: x}`, "/", `{"a":"x","\u0061":"y"}`, "", unclear},
		{"body_name_twice_above", `body: {$.o.a: x}`, "/", `{"o":{"a":"x"},"o":{}}`, "", unclear},
		{"another_name_twice", `body: {$.a: x}`, "/", `{"a":"x","b":1,"b":2}`, "", holds},
		{"no_tree", `body: {$.a: x}`, "/", "\x00\xff\xfe\x01", "", unclear},
		{"no_tree_but_all_else_fails", `body: {$.a: x}, path: /p`, "/", "\x00\xff\xfe\x01", "", fails},
		{"an_empty_body_has_nothing", `body: {$.a: x}`, "/", "", "", fails},
		{"an_empty_body_has_nothing_2", `body: {$.a: {exists: false}}`, "/", "", "", holds},
		{"form_says_how_to_read", `form: ndjson, body: {"$[1].a": x}`, "/", "{\"a\":1}\n{\"a\":\"x\"}\n", "", holds},
		{"not_in_the_form", `form: json, body: {$.a: x}`, "/", "a=x", "", unclear},
		{"not_of_a_body", `not: {body: {$.a: x}}`, "/", `{"a":"y"}`, "", holds},
		{"huge_exponents_cost_nothing", `body: {$.a: {min: 1}}`, "/", `{"a":1e999999999}`, "", holds},
		{"beyond_floats", `body: {$.a: {min: 1}}`, "/", `{"a":1e400}`, "", holds},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, matching(c.match))
			m := send(t, "POST", "https://h.example.org/", c.body)
			m.Path, m.Query, m.HasQuery = strings.Cut(c.target, "?")
			if c.header != "" {
				for h := range strings.SplitSeq(c.header, "|") {
					name, value, _ := strings.Cut(h, ": ")
					m.Header = append(m.Header, rules.Field{Name: name, Value: value})
				}
			}
			out := set.Apply(m, testEnv())
			if got := string(out.Verdict) + " " + string(out.Reason); got != c.want {
				t.Errorf("got %q, want %q (%s)", got, c.want, out.Detail)
			}
			if m.To.Host = "h.mixed.example"; c.want == fails {
				if out := set.Apply(m, testEnv()); out.Verdict != rules.Pass && c.name != "not_of_a_host" {
					t.Errorf("on a mixed host: got %s", out.Verdict)
				}
			}
		})
	}
}

func TestAnAddressMatchesNoRule(t *testing.T) {
	set := load(t, rules.Options{}, matching("path: /"))
	m := send(t, "POST", "https://h.example.org/", "")
	m.To.Evidence = rules.FromAddress
	if out := set.Apply(m, testEnv()); out.Rule != nil {
		t.Errorf("got %v", out.Rule)
	}
}

func TestRoute(t *testing.T) {
	set := load(t, rules.Options{}, `
product: p
hosts: {h.example.org: telemetry, m.example.org: mixed}
kinds: {a: {title: A}}
rules:
  - {id: pass, match: {host: h.example.org, path: /pass}, then: pass}
  - {id: small, match: {host: h.example.org, path: /body, body: {$.a: x}}, then: pass, max_body: 1KiB}
  - {id: large, match: {host: h.example.org, path: /body}, then: drop, max_body: 2MiB}
  - {id: hidden, match: {host: h.example.org, path: /body}, then: drop, max_body: 4MiB}
  - {id: switched, kind: a, match: {host: h.example.org, path: /s}, then: generalize, fields: {$.a: keep}}
`)
	for _, c := range []struct {
		target string
		need   bool
		most   int64
		rules  int
	}{
		{"/pass", false, 0, 1}, {"/body", true, 2 << 20, 2}, {"/none", false, 0, 0}, {"/s", true, 16 << 20, 1},
	} {
		m := send(t, "POST", "https://h.example.org"+c.target, "")
		if r := set.Route(m); r.NeedBody != c.need || r.MaxBody != c.most || len(r.Rules) != c.rules || r.Class != rules.Telemetry {
			t.Errorf("%s: got %+v", c.target, r)
		}
	}
	on := set.With(rules.Choices{Switch: map[string]map[string]rules.Verdict{"p": {"a": rules.Pass}}})
	if r := on.Route(send(t, "POST", "https://h.example.org/s", "")); r.NeedBody {
		t.Errorf("a switch at pass needs no body: got %+v", r)
	}
}

func TestMaxBodyOfARule(t *testing.T) {
	set := load(t, rules.Options{}, `
hosts: {h.example.org: telemetry}
rules:
  - {id: small, match: {host: h.example.org, path: /}, then: generalize, fields: {$.a: keep}, max_body: 1KiB}
  - {id: large, match: {host: h.example.org}, then: drop, max_body: 2MiB}
`)
	m := send(t, "POST", "https://h.example.org/", `{"a":"`+strings.Repeat("x", 2000)+`"}`)
	if out := set.Apply(m, testEnv()); out.Verdict != rules.Drop || out.Reason != rules.OnFault {
		t.Errorf("got %s %s", out.Verdict, out.Reason)
	}
}
