package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

// packFiles are the packs, parsed.
func packFiles(t *testing.T) []*rules.File {
	t.Helper()
	var files []*rules.File
	for _, source := range pack.Files() {
		f, err := rules.Parse(source.Name, source.Data)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// TestBadSets holds the faults that take other files to be seen to their exact message.
func TestBadSets(t *testing.T) {
	names, err := filepath.Glob("testdata/badset/*.bad.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no bad files (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".bad.yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := rules.Parse(filepath.Base(name), data)
			if err != nil {
				t.Fatalf("Parse finds it already: %v", err)
			}
			_, err = rules.Compile(append([]*rules.File{f}, packFiles(t)...), rules.Options{})
			if err == nil {
				t.Fatal("no fault was found")
			}
			checkWant(t, strings.TrimSuffix(name, ".bad.yaml")+".want", err.Error()+"\n")
		})
	}
}

// checkWant compares got with a file, or writes it.
func checkWant(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
