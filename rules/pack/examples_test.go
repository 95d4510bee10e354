package pack_test

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// household uses every template, each on a host of its own where it has none.
const household = `
rules:
  - {use: sentry, match: {host: ["*.ingest.sentry.io", sentry.example.net]}, class: telemetry}
  - {use: otlp, match: {host: [otlp.example.net]}, class: telemetry}
  - {use: analytics/segment}
  - {use: analytics/mixpanel}
  - {use: analytics/amplitude}
  - {use: analytics/ga4}
  - {use: analytics/snowplow, match: {host: [collector.example.net]}, class: telemetry}
  - {use: analytics/posthog}
  - {use: analytics/matomo, match: {host: [matomo.example.net]}, class: telemetry}
  - {use: analytics/countly, match: {host: [countly.example.net]}, class: telemetry}
`

func compileAll(t *testing.T, own string) *rules.Set {
	t.Helper()
	var files []*rules.File
	if own != "" {
		f, err := rules.Parse("household.yaml", []byte(own))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	set, err := rules.Compile(append(files, parseAll(t)...), rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestExamples(t *testing.T) {
	for name, own := range map[string]string{"as shipped": "", "with every template": household} {
		t.Run(name, func(t *testing.T) {
			for _, fault := range compileAll(t, own).RunExamples() {
				t.Errorf("%s:%d: rule %s, example %q: %s", fault.Pos.File, fault.Pos.Line, fault.Rule, fault.Example, fault.Error())
				for _, line := range fault.Diff {
					t.Log("   ", line)
				}
			}
		})
	}
}

// TestEveryRuleCanDecide holds the packs, and the packs with every template, to rules that do not hide each other. An
// owner who takes the template for all of hosted Sentry decides over the project of Plex there too.
func TestEveryRuleCanDecide(t *testing.T) {
	for _, own := range []string{"", household} {
		for _, warning := range compileAll(t, own).Warnings() {
			if text := warning.String(); own == "" || !strings.Contains(text, `rule "plex-sentry" never decides: rule "sentry/other"`) {
				t.Error(text)
			}
		}
	}
}
