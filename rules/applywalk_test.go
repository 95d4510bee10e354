package rules_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

func TestVerdictsAndSwitches(t *testing.T) {
	set := load(t, rules.Options{}, `
product: p
hosts: {h.example.org: telemetry, m.example.org: mixed}
kinds: {a: {title: A}, b: {title: B, default: drop}, c: {title: C}}
rules:
  - {id: a, kind: a, match: {host: h.example.org, path: /a}, then: generalize, fields: {$.a: keep}}
  - {id: b, kind: b, match: {host: h.example.org, path: /b}, then: generalize, fields: {$.a: keep}}
  - {id: d, match: {host: h.example.org, path: /d}, then: drop, reply: {status: 204}}
  - {id: p, match: {host: h.example.org, path: /p}, then: pass}
  - {id: x, kind: c, match: {host: r.example.org}, then: refuse}
`)
	try := func(set *rules.Set, url string) string {
		m := send(t, "POST", url, `{"a":1,"b":2}`)
		out := set.Apply(m, testEnv())
		if out.Verdict == rules.Pass && len(out.Messages) > 0 {
			t.Error("pass has messages")
		}
		return string(out.Verdict) + " " + string(out.Reason)
	}
	gate := func(set *rules.Set, host string) string {
		g := set.Gate(rules.Client{Now: noon()}, host)
		return string(g.Answer) + " " + string(g.Class)
	}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect(try(set, "https://h.example.org/a"), "generalize ")
	expect(try(set, "https://h.example.org/b"), "drop switch")
	expect(try(set, "https://h.example.org/d"), "drop ")
	expect(try(set, "https://h.example.org/p"), "pass ")
	expect(try(set, "https://h.example.org/z"), "drop unmatched")
	expect(try(set, "https://m.example.org/z"), "pass unmatched")
	expect(gate(set, "h.example.org"), "intercept telemetry")
	expect(gate(set, "m.example.org"), "intercept mixed")
	expect(gate(set, "r.example.org"), "refuse ")
	expect(gate(set, "other.example.org"), "tunnel ")

	on := set.With(rules.Choices{Switch: map[string]map[string]rules.Verdict{"p": {"a": rules.Pass, "b": rules.Generalize, "c": rules.Pass}}})
	expect(try(on, "https://h.example.org/a"), "pass switch")
	expect(try(on, "https://h.example.org/b"), "generalize ")
	expect(gate(on, "r.example.org"), "tunnel ")
	expect(try(set, "https://h.example.org/a"), "generalize ")

	paused := set.With(rules.Choices{Pause: map[string]time.Time{"p": noon().Add(time.Minute)}})
	expect(try(paused, "https://h.example.org/a"), "pass pause")
	expect(try(paused, "https://h.example.org/d"), "pass pause")
	expect(try(paused, "https://h.example.org/z"), "pass pause")
	expect(gate(paused, "r.example.org"), "tunnel ")
	over := set.With(rules.Choices{Pause: map[string]time.Time{"p": noon()}})
	expect(try(over, "https://h.example.org/a"), "generalize ")
	expect(gate(over, "r.example.org"), "refuse ")
}

func TestUnmatchedIsDrift(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: keep`))
	m := send(t, "POST", "https://h.example.org/", `{"a":1,"new":{"x":2}}`, "User-Agent: x", "Cookie: q=1")
	m.Query, m.HasQuery = "who=me", true
	out := set.Apply(m, testEnv())
	var got []string
	for _, d := range out.Drift {
		got = append(got, d.What+" "+d.Name)
	}
	if text := strings.Join(got, "|"); text != "field $.new.x|field query:who|field cookie:q" {
		t.Errorf("got %s", text)
	}
	other := load(t, rules.Options{}, "hosts: {h.example.org: telemetry}\nrules: [{id: r, match: {host: h.example.org, path: /x}, then: drop}]")
	m = send(t, "GET", "https://h.example.org/users/12345/a", "")
	if out = other.Apply(m, testEnv()); len(out.Drift) != 1 || out.Drift[0].Name != "GET /users/*/a" {
		t.Errorf("got %+v", out.Drift)
	}
}

func TestPreflight(t *testing.T) {
	set := load(t, rules.Options{}, fields("", `$.a: keep`))
	m := send(t, "OPTIONS", "https://h.example.org/", "", "Origin: https://nas.home", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
	out := set.Apply(m, testEnv())
	if out.Verdict != rules.Drop || out.Reason != rules.BuiltIn || out.Reply.Status != 204 || len(out.Drift) > 0 {
		t.Fatalf("got %+v", out)
	}
	var got []string
	for _, h := range out.Reply.Header[:3] {
		got = append(got, h.Value)
	}
	if strings.Join(got, "|") != "https://nas.home|POST|content-type" {
		t.Errorf("got %v", got)
	}
}

func TestClients(t *testing.T) {
	set := load(t, rules.Options{}, `
hosts: {h.example.org: telemetry, m.example.org: mixed}
rules:
  - {id: r, match: {host: h.example.org, client: [192.168.1.0/24, tv]}, then: drop}
  - {id: m, match: {host: m.example.org, client: tv}, then: drop}
  - {id: x, match: {host: x.example.org, client: 10.0.0.1}, then: refuse}
`)
	for _, c := range []struct {
		addr, name, host string
		want             rules.Answer
	}{
		{"192.168.1.7", "", "h.example.org", rules.Intercept},
		{"::ffff:192.168.1.7", "", "h.example.org", rules.Intercept},
		{"192.168.2.7", "", "h.example.org", rules.Intercept}, // what no rule matches on a telemetry host is dropped, whoever sends it
		{"192.168.2.7", "tv", "m.example.org", rules.Intercept},
		{"192.168.2.7", "", "m.example.org", rules.Tunnel},
		{"192.168.2.7", "tv", "h.example.org", rules.Intercept},
		{"10.0.0.1", "", "x.example.org", rules.Block},
		{"10.0.0.2", "", "x.example.org", rules.Tunnel},
	} {
		if got := set.Gate(rules.Client{Addr: netip.MustParseAddr(c.addr), Name: c.name}, c.host); got.Answer != c.want {
			t.Errorf("%s %s %s: got %s, want %s", c.addr, c.name, c.host, got.Answer, c.want)
		}
	}
}

// TestManyElements is for what would take time with the square of the elements.
func TestManyElements(t *testing.T) {
	set := load(t, rules.Options{}, fields("",
		`$.l[*].d: {round: 100}`, `$.l[*].p: {derive: {share_of: "$.l[*].d", edges: [0.5], factors: [0.25, 1]}}`,
		`$.l[*].s: {inside: json, fields: {$.x: keep}}`, `$.l[*].h: {frame: {width: "$.l[*].w"}}`))
	const elements = 20000
	content := `{"l":[` + strings.TrimSuffix(strings.Repeat(`{"d":149,"p":140,"s":"{\"x\":1,\"y\":2}","w":1920,"h":800},`, elements), ",") + `]}`
	out := set.Apply(send(t, "POST", "https://h.example.org/", content), testEnv())
	if len(out.Messages) != 1 {
		t.Fatal(out.Detail)
	}
	if got := strings.Count(string(out.Messages[0].Message.Body), `{"d":100,"p":100,"s":"{\"x\":1}","h":1080}`); got != elements {
		t.Errorf("got %d elements, want %d", got, elements)
	}
	if len(out.Edits) > 20 {
		t.Errorf("got %d edits", len(out.Edits))
	}
}

func TestUnknownElementsAreNotedOnce(t *testing.T) {
	set := load(t, rules.Options{}, batchText)
	content := `{"batch":[{"type":"click"}` + strings.Repeat(`,{"type":"new"}`, 1000) + `]}`
	out := set.Apply(send(t, "POST", "https://h.example.org/", content), testEnv())
	if len(out.Drift) != 1 || out.Drift[0].What != "element" || out.Drift[0].Name != "$.batch[*]" {
		t.Errorf("got %+v", out.Drift)
	}
}
