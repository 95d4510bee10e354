package rules_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

var update = flag.Bool("update", false, "write what is got as what is wanted")

// TestBadFiles holds every fault a user can make to its exact message.
func TestBadFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.bad.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no bad files (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".bad.yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = rules.Parse(filepath.Base(name), data)
			if err == nil {
				t.Fatal("no fault was found")
			}
			checkWant(t, strings.TrimSuffix(name, ".bad.yaml")+".want", err.Error()+"\n")
		})
	}
}

// TestGoodFiles holds files that use every key to being read without a fault.
func TestGoodFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no good files (%v)", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rules.Parse(filepath.Base(name), data); err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
	}
}

// FuzzParse holds Parse and Compile to an answer for any file: a file, or faults with a place.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.bad.yaml", "pack/*/rules.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := rules.Parse("f.yaml", data)
		if err == nil {
			_, err = rules.Compile([]*rules.File{file}, rules.Options{})
		}
		faults, ok := err.(strict.Faults)
		if err != nil && (!ok || len(faults) == 0) {
			t.Fatalf("an error that is no list of faults: %v", err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.What == "" {
				t.Errorf("a fault without a place or a sentence: %+v", fault)
			}
		}
	})
}
