package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

func parse(t *testing.T, name, text string) *rules.File {
	t.Helper()
	f, err := rules.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const hosted = `
template: analytics/hosted
title: Hosted
hosts: {a.example.com: telemetry, "*.b.example.com": mixed}
kinds: {analytics: {title: Analytics, default: drop}}
tables: {sizes: {edges: [0, 10], write: [0, 10]}}
rules:
  - id: one
    kind: analytics
    match: {path: /one, client: tv}
    then: generalize
    fields: {$.n: {bucket: sizes}}
  - id: two
    kind: analytics
    match: {path: /two}
    then: drop
`

func hosts(r rules.Rule) string {
	var names []string
	for _, h := range r.Match.Hosts {
		names = append(names, h.String())
	}
	return strings.Join(names, " ")
}

func TestExpandTakesTheTemplatesOwnHosts(t *testing.T) {
	own := parse(t, "own.yaml", "rules:\n  - {use: analytics/hosted}\n")
	files, faults := rules.Expand([]*rules.File{own, parse(t, "t.yaml", hosted)})
	if len(faults) > 0 || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), faults)
	}
	f := files[0]
	if len(f.Rules) != 2 || f.Rules[0].ID != "analytics/hosted/one" || f.Rules[1].ID != "analytics/hosted/two" {
		t.Fatalf("rules %+v", f.Rules)
	}
	if got := hosts(f.Rules[0]); got != "a.example.com *.b.example.com" {
		t.Errorf("hosts %q", got)
	}
	if f.Rules[0].Product != "analytics/hosted" || f.Rules[0].Kind != "analytics" {
		t.Errorf("product %q, kind %q", f.Rules[0].Product, f.Rules[0].Kind)
	}
	if len(f.Kinds) != 1 || f.Kinds[0].Product != "analytics/hosted" || f.Kinds[0].Default != rules.Drop {
		t.Errorf("kinds %+v", f.Kinds)
	}
	if len(f.Hosts) != 2 || f.Hosts[1].Class != rules.Mixed || len(f.Tables) != 1 {
		t.Errorf("hosts %+v, tables %+v", f.Hosts, f.Tables)
	}
	if len(own.Rules) != 1 || own.Hosts != nil || own.Kinds != nil {
		t.Error("the file that was given has changed")
	}
}

func TestExpandStandsInPlace(t *testing.T) {
	own := parse(t, "own.yaml", `
product: house
kinds: {mine: {title: Mine}}
hosts: {x.example.org: mixed}
rules:
  - {id: first, match: {path: /}, then: pass}
  - {use: analytics/hosted, match: {host: [x.example.org, y.example.org], client: 192.0.2.7}, class: telemetry, kind: mine}
  - {use: analytics/hosted, match: {host: z.example.org}, class: telemetry}
  - {id: last, match: {path: /}, then: drop}
`)
	files, faults := rules.Expand([]*rules.File{parse(t, "t.yaml", hosted), own})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	f := files[0]
	var ids []string
	for _, r := range f.Rules {
		ids = append(ids, r.ID)
		if r.Product != "house" {
			t.Errorf("rule %s is of product %q", r.ID, r.Product)
		}
	}
	want := []string{"first", "analytics/hosted/one", "analytics/hosted/two", "analytics/hosted/one#2", "analytics/hosted/two#2", "last"}
	if !slices.Equal(ids, want) {
		t.Fatalf("ids %v", ids)
	}
	if got := hosts(f.Rules[1]); got != "x.example.org y.example.org" {
		t.Errorf("hosts %q", got)
	}
	if f.Rules[1].Kind != "mine" || f.Rules[3].Kind != "analytics" {
		t.Errorf("kinds %q and %q", f.Rules[1].Kind, f.Rules[3].Kind)
	}
	if len(f.Rules[1].Match.Client) != 2 || len(f.Rules[3].Match.Client) != 1 {
		t.Errorf("clients %v and %v", f.Rules[1].Match.Client, f.Rules[3].Match.Client)
	}
	classes := map[string]rules.Class{}
	for _, h := range f.Hosts {
		classes[h.Name] = h.Class
	}
	if classes["x.example.org"] != rules.Mixed || classes["y.example.org"] != rules.Telemetry || len(classes) != 3 {
		t.Errorf("classes %v: the file's own word comes first", classes)
	}
	if len(f.Kinds) != 2 || f.Kinds[1].Product != "" {
		t.Errorf("kinds %+v", f.Kinds)
	}
}

func TestParseHosts(t *testing.T) {
	patterns, err := rules.ParseHosts("hosts.txt", []byte("# a list\n ads.example.org  # inline\n*.Track.example.org\r\n0.0.0.0 old.example.org\n\nbücher.example\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range patterns {
		got = append(got, p.String())
	}
	want := []string{"ads.example.org", "*.track.example.org", "old.example.org", "xn--bcher-kva.example"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err = rules.ParseHosts("hosts.txt", []byte("a.example.org\n*\nhttp://x/\n"))
	wantErr := "hosts.txt:2:1: a lone * would cover every host there is; name the hosts\n" +
		`hosts.txt:3:1: "http://x/" is not a host name; write the name alone, without scheme and path`
	if err == nil || err.Error() != wantErr {
		t.Errorf("got %v, want %s", err, wantErr)
	}
}
