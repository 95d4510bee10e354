package pack_test

import (
	"slices"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/pack"
	"github.com/scrimproxy/scrim/rules/strict"
)

// TestVendorsListAndTheRulesOfPlexAgree holds the list against the rules: every event that Plex lists is in a rule of
// its kind, every event of a rule is listed, and the counts are those of the published answer.
func TestVendorsListAndTheRulesOfPlexAgree(t *testing.T) {
	data, err := pack.File("plex", "vendor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, faults := strict.Read("vendor.yaml", data)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	kinds, statuses := map[string]string{}, map[string]int{}
	for _, kind := range root.Fields("vendor", "dated", "field", "opt_outs", "events")["events"].Entries() {
		for _, status := range kind.Value.Entries() {
			for _, event := range status.Value.Strings() {
				if kinds[event] != "" {
					t.Errorf("%s is listed twice", event)
				}
				kinds[event] = kind.Key
				statuses[status.Key]++
			}
		}
	}
	if faults := root.Faults(); len(faults) > 0 {
		t.Fatal(faults)
	}
	if statuses["off"] != 11 || statuses["anonymous"] != 17 || statuses["identifiable"] != 90 {
		t.Errorf("statuses: got %v, want 11 off, 17 anonymous, 90 identifiable", statuses)
	}
	ruled := map[string][]string{}
	for _, source := range pack.Files() {
		if source.Product != "plex" {
			continue
		}
		file, err := rules.Parse(source.Name, source.Data)
		if err != nil {
			t.Fatal(err)
		}
		if file.Vendor != "vendor.yaml" {
			t.Errorf("the pack names %q", file.Vendor)
		}
		for _, rule := range file.Rules {
			for _, cond := range rule.Match.Body {
				for _, v := range cond.Cond.Any {
					if cond.Name == "$.event" && v.Kind == body.String {
						ruled[v.Text] = append(ruled[v.Text], rule.Kind)
					}
				}
			}
		}
	}
	for event, kind := range kinds {
		if !slices.Contains(ruled[event], kind) || len(slices.Compact(slices.Sorted(slices.Values(ruled[event])))) != 1 {
			t.Errorf("%s: listed as %s, ruled as %v", event, kind, ruled[event])
		}
	}
	for event := range ruled {
		if kinds[event] == "" {
			t.Errorf("%s has a rule and is not listed", event)
		}
	}
}
