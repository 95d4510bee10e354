package rules_test

import (
	"os"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// load compiles rule files given as name and text in turn.
func load(t testing.TB, opt rules.Options, texts ...string) *rules.Set {
	t.Helper()
	var files []*rules.File
	for i, text := range texts {
		f, err := rules.Parse("file"+string(rune('0'+i))+".yaml", []byte(text))
		if err != nil {
			t.Fatalf("parsing:\n%v", err)
		}
		files = append(files, f)
	}
	set, err := rules.Compile(files, opt)
	if err != nil {
		t.Fatalf("compiling:\n%v", err)
	}
	return set
}

// shipped is a shipped rule file as text.
func shipped(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("pack/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func plex(t testing.TB) *rules.Set {
	return load(t, rules.Options{}, shipped(t, "plex/rules.yaml"), shipped(t, "tables.yaml"))
}

func TestPlexPackHoldsItsExamples(t *testing.T) {
	set := plex(t)
	for _, f := range set.RunExamples() {
		t.Error(f.Error())
	}
	for _, w := range set.Warnings() {
		t.Error(w.String())
	}
}
