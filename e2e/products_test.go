package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusRules give the hosts of the corpus to the templates: what an owner writes who runs a collector of their own
// or a product that uses a hosted one.
const corpusRules = `rules:
  - {use: analytics/countly, match: {host: [countly.example.net]}, class: telemetry}
  - {use: analytics/matomo, match: {host: [matomo.example.net]}, class: telemetry}
  - {use: analytics/snowplow, match: {host: [collector.example.net]}, class: telemetry}
  - {use: otlp, match: {host: [otlp.example.net]}, class: telemetry}
  - {use: sentry, match: {host: [o000000.ingest.sentry.io]}, class: telemetry}
  - {use: analytics/segment, class: telemetry}
  - {use: analytics/mixpanel, class: telemetry}
  - {use: analytics/amplitude, class: telemetry}
  - {use: analytics/ga4, class: telemetry}
  - {use: analytics/posthog, class: telemetry}
`

// ruled reports whether an entry is one that rules must treat.
func (e *entry) ruled() bool {
	return e.Class == "telemetry" || e.Class == "crash" || e.Class == "identity-ping"
}

func corpusRulesFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "corpus-rules.yaml")
	if err := os.WriteFile(file, []byte(corpusRules), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// onlyRuled writes a HAR file with the ruled entries of one corpus file.
func onlyRuled(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../testdata/corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	var har map[string]map[string]any
	if err := json.Unmarshal(raw, &har); err != nil {
		t.Fatal(err)
	}
	var keep []any
	for _, e := range har["log"]["entries"].([]any) {
		switch e.(map[string]any)["_class"] {
		case "telemetry", "crash", "identity-ping":
			keep = append(keep, e)
		}
	}
	har["log"]["entries"] = keep
	out, err := json.Marshal(har)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// harOut reads what `scrim replay --out` says would leave.
func harOut(t *testing.T, file string) (out []arrived) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var har struct {
		Log struct {
			Entries []struct {
				Request struct {
					Method, URL string
					Headers     []struct{ Name, Value string }
					PostData    *struct{ Text, Encoding string }
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &har); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	for _, e := range har.Log.Entries {
		u, err := url.Parse(e.Request.URL)
		if err != nil {
			t.Fatal(err)
		}
		a := arrived{Method: e.Request.Method, Host: u.Host, Target: u.RequestURI(), Header: http.Header{}}
		for _, f := range e.Request.Headers {
			a.Header.Add(f.Name, f.Value)
		}
		if e.Request.PostData != nil {
			a.Body = []byte(e.Request.PostData.Text) // base64 is read by the search itself
		}
		out = append(out, a)
	}
	return out
}

func corpusFiles(t *testing.T) []string {
	t.Helper()
	seen := map[string]bool{}
	var out []string
	for _, e := range corpus(t, "") {
		if e.ruled() && !seen[e.File] {
			seen[e.File] = true
			out = append(out, e.File)
		}
	}
	return out
}

// TestNoSensitiveValueSurvivesReplay runs every ruled entry of the corpus through `scrim replay`.
func TestNoSensitiveValueSurvivesReplay(t *testing.T) {
	config := filepath.Join(t.TempDir(), "scrim.yaml")
	text := "version: 1\nstate_dir: " + t.TempDir() + "\nrule_files: [" + corpusRulesFile(t) + "]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range corpusFiles(t) {
		t.Run(name, func(t *testing.T) {
			outFile := filepath.Join(t.TempDir(), "out.har")
			stdout, stderr, code := run(t, nil, binary, "replay", onlyRuled(t, name), "--out", outFile, "--config", config, "--fail-on", "pass")
			if code != 0 {
				t.Fatalf("exit %d: %s%s", code, stdout, stderr)
			}
			left := harOut(t, outFile)
			for _, e := range corpus(t, name) {
				if !e.ruled() {
					continue
				}
				for _, s := range survivors(t, e, left) {
					t.Errorf("%s: survived: %s", e.name(), s)
				}
				for _, c := range canaries(t, e) {
					for _, v := range c.Values {
						if long(v) && strings.Contains(stdout+stderr, v) {
							t.Errorf("%s: %s %s was printed", e.name(), c.In, c.Path)
						}
					}
				}
			}
			t.Logf("%d would leave", len(left))
		})
	}
}

// TestNoSensitiveValueSurvivesTheProxy sends the same entries through the running proxy with curl.
func TestNoSensitiveValueSurvivesTheProxy(t *testing.T) {
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	hosts := map[string]string{}
	for _, e := range corpus(t, "") {
		if e.ruled() {
			hosts[e.url(t).Hostname()] = o.addr
		}
	}
	h := newHouse(t, ca, hosts, "rule_files: ["+corpusRulesFile(t)+"]\n")
	root := h.ca()
	var seen int64
	for _, name := range corpusFiles(t) {
		t.Run(name, func(t *testing.T) {
			for _, e := range corpus(t, name) {
				if !e.ruled() {
					continue
				}
				o.reset()
				out, stderr, code := h.curl(e, "--cacert", root, "-w", "\n%{http_code}")
				if code != 0 || !strings.Contains(out, "\n20") {
					t.Errorf("%s: exit %d, %q %s", e.name(), code, out, stderr)
				}
				for _, s := range survivors(t, e, o.all()) {
					t.Errorf("%s: survived: %s", e.name(), s)
				}
			}
			raw := h.ledgerSince(&seen)
			for _, e := range corpus(t, name) {
				for _, c := range canaries(t, e) {
					for _, v := range c.Values {
						if e.ruled() && len(v) >= 8 && strings.Contains(raw, v) { // shorter ones are words of rules
							t.Errorf("%s: %s %s stands in the ledger", e.name(), c.In, c.Path)
						}
					}
				}
			}
		})
	}
	h.verify()
}

// ledgerSince is what the ledger holds after the record seen, as it is exported; seen moves to its end. One file of
// the corpus is looked at by itself: its made-up keys stand for project keys in another.
func (h *house) ledgerSince(seen *int64) string {
	h.t.Helper()
	all, raw := h.ledger()
	var out strings.Builder
	for _, line := range strings.Split(raw, "\n") {
		var l logEntry
		if json.Unmarshal([]byte(line), &l) == nil && l.Seq > *seen {
			out.WriteString(line + "\n")
		}
	}
	for _, l := range all {
		*seen = max(*seen, l.Seq)
	}
	return out.String()
}
