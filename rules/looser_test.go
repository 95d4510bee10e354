package rules_test

import (
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

// packSet compiles the shipped packs with one file changed.
func packSet(t *testing.T, name string, change func(string) string) *rules.Set {
	t.Helper()
	var files []*rules.File
	for _, source := range pack.Files() {
		text := string(source.Data)
		if source.Name == name {
			changed := change(text)
			if changed == text {
				t.Fatalf("%s does not hold what was to be changed", name)
			}
			text = changed
		}
		file, err := rules.Parse(source.Name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	set, err := rules.Compile(files, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestLooser(t *testing.T) {
	shipped := packSet(t, "", nil)
	if found := shipped.Looser(shipped); len(found) != 0 {
		t.Errorf("the same rules: got %q", found)
	}
	for name, c := range map[string]struct{ file, from, to, want string }{
		"a_default_switch":     {"plex/rules.yaml", "interaction: {title: Clicks and pages, default: drop}", "interaction: {title: Clicks and pages, default: generalize}", "the switch is generalize where it was drop"},
		"a_field_kept":         {"plex/rules.yaml", "          $.properties.duration: {bucket: video-length, unit: s, on_error: remove}", "          $.properties.duration: keep", "$.properties.duration leaves as it came"},
		"a_field_more":         {"plex/rules.yaml", "          $.deviceIdentifier: random\n        release: {at: \"04:00\", pool: 5", "          $.deviceIdentifier: random\n          $.properties.videoCodec: keep\n        release: {at: \"04:00\", pool: 5", "$.properties.videoCodec leaves"},
		"an_identifier":        {"plex/rules.yaml", "          $.deviceIdentifier: random\n        release: {at: \"04:00\", cap: 8", "          $.deviceIdentifier: {pseudonym: {rotate: 24h}}\n        release: {at: \"04:00\", cap: 8", "leaves as stand-in, and was nothing"},
		"a_finer_table":        {"tables.yaml", "    edges: [1, 150000, 210000, 270000, 330000]\n    write: [123000, 187000, 235000, 294000, 382000]", "    edges: [1, 150000, 210000, 270000, 330000, 600000]\n    write: [123000, 187000, 235000, 294000, 382000, 700000]", "is cut otherwise than it was"},
		"a_smaller_pool":       {"plex/rules.yaml", "pool: 5", "pool: 1", "it waits for 1 of its kind, not for 5"},
		"no_release":           {"plex/rules.yaml", "        release: {at: \"04:00\", cap: 64, max_age: 7d, pad: 512}\n    unlisted: remove\n    on_error: drop\n    reply: {status: 200, type: application/json, body: \"{}\"}\n    examples:\n      - name: a track", "    unlisted: remove\n    on_error: drop\n    reply: {status: 200, type: application/json, body: \"{}\"}\n    examples:\n      - name: a track", "it leaves at once, and was held"},
		"a_rule_that_dropped":  {"plex/rules.yaml", "          - \"sync:complete\"\n    then: drop\n    reply: {status: 200, type: application/json, body: \"{}\"}\n", "          - \"sync:complete\"\n    then: pass\n", "it passes as it came"},
		"unlisted_fields_stay": {"navidrome/rules.yaml", "    unlisted: remove", "    unlisted: keep", "fields that it does not name leave"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := packSet(t, c.file, func(text string) string { return strings.Replace(text, c.from, c.to, 1) })
			if found := changed.Looser(shipped); !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("got %q, want %q", found, c.want)
			}
			if found := shipped.Looser(changed); name != "a_rule_that_dropped" && name != "a_finer_table" && len(found) != 0 {
				t.Errorf("the other way it is tighter: got %q", found)
			}
		})
	}
}
