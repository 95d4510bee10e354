package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// canariesUnder runs the canaries under a rule file of the owner's.
func canariesUnder(t *testing.T, own string) *canaryReport {
	t.Helper()
	dir := t.TempDir()
	text := "state_dir: state\n"
	if own != "" {
		text += "rule_files: [home.yaml]\n"
		if err := os.WriteFile(filepath.Join(dir, "home.yaml"), []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "scrim.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{ui: newUI(io.Discard, io.Discard), configFile: file}
	cfg, err := a.loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := cfg.loadProven()
	if err != nil {
		t.Fatal(err)
	}
	report, err := cfg.canaries(context.Background(), loaded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "state", "ca")); err == nil {
		t.Error("the canaries left something in the state directory")
	}
	return report
}

const templates = `
hosts: {}
rules:
  - {use: analytics/matomo, match: {host: [matomo.home.example]}, class: telemetry}
  - {use: analytics/segment}
  - {use: analytics/mixpanel}
  - {use: analytics/amplitude}
  - {use: analytics/ga4}
  - {use: analytics/posthog}
  - {use: analytics/snowplow, match: {host: [snowplow.home.example]}, class: telemetry}
  - {use: analytics/countly, match: {host: [countly.home.example]}, class: telemetry}
  - {use: otlp, match: {host: [otlp.home.example]}, class: telemetry}
  - {use: sentry, match: {host: [sentry.home.example]}, class: telemetry}
`

func TestNoCanaryLeavesInAnyProductsShape(t *testing.T) {
	if testing.Short() {
		t.Skip("every example of every pack goes through the proxy twice")
	}
	report := canariesUnder(t, templates)
	for _, l := range report.Leaks {
		t.Errorf("found: %+v", l)
	}
	for _, f := range report.Failed {
		t.Errorf("not tried: %+v", f)
	}
	if report.Messages < 100 || report.Canaries < 5*report.Messages || report.Left < 30 {
		t.Errorf("too little was tried: %+v", report)
	}
	t.Logf("%d messages, %d canaries, %d requests out, %d fields kept by name", report.Messages, report.Canaries, report.Left, report.Kept)
}

func TestACanaryThatLeavesIsFound(t *testing.T) {
	report := canariesUnder(t, `
hosts: {stats.home.example: telemetry}
rules:
  - id: careless
    match: {host: stats.home.example}
    then: generalize
    fields: {$.event: keep}
    unlisted: keep
    examples:
      - name: a report
        in: {body: {event: stop, file: /srv/films/a.mkv}}
        out: [{body: {event: stop, file: /srv/films/a.mkv}}]
`)
	found := map[string]bool{}
	for _, l := range report.Leaks {
		if l.Rule != "careless" || l.Where != "request" {
			t.Errorf("found elsewhere: %+v", l)
		}
		found[l.What] = true
	}
	for _, what := range []string{"title", "token", "path", "id", "length"} {
		if !found[what] {
			t.Errorf("a %s that left was not found: %+v", what, report.Leaks)
		}
	}
	if report.Good {
		t.Error("the report says good")
	}
}

func TestCanariesAreFoundInEveryEncoding(t *testing.T) {
	c := canary{text: "Zyzx Canary 70001"}
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	fmt.Fprintf(w, `{"a":"%s"}`, c.text)
	w.Close()
	for name, raw := range map[string][]byte{
		"plain":            []byte("a" + c.text),
		"percent":          []byte("a=Zyzx%20Canary%2070001"),
		"form":             []byte("a=Zyzx+Canary+70001"),
		"base64":           []byte(base64.StdEncoding.EncodeToString([]byte("x" + c.text))),
		"base64url":        []byte(base64.RawURLEncoding.EncodeToString([]byte("?>" + c.text))),
		"gzip":             gz.Bytes(),
		"json_escape":      []byte(`"\u005ayzx Canary 70001"`),
		"gzip_in_base64":   []byte(base64.StdEncoding.EncodeToString(gz.Bytes())),
		"base64_in_a_form": []byte("data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(`{"t":"`+c.text+`"}`)))),
	} {
		if !c.in(readings(raw)) {
			t.Errorf("%s: not found", name)
		}
	}
	number := canary{text: "5647", number: true}
	if number.in(readings([]byte("a15647b"))) || !number.in(readings([]byte(`{"d":5647}`))) {
		t.Error("a number counts where it stands alone")
	}
}
