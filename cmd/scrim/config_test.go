package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const exampleFile = "../../config.example.yaml"

func TestExampleConfigEqualsTheDefaults(t *testing.T) {
	cfg, err := readConfig(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.faults.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cfg.Settings, defaults()); diff != "" {
		t.Errorf("config.example.yaml and the defaults differ (got example, want defaults):\n%s", diff)
	}
}

func TestExampleConfigHasEveryKeyWithItsMeaning(t *testing.T) {
	cfg, err := readConfig(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for _, k := range keys() {
		at := cfg.origin(k.path)
		if at.file == "" {
			t.Errorf("config.example.yaml has no line for %s", k.path)
			continue
		}
		if _, meaning, ok := strings.Cut(lines[at.line-1], " # "); !ok || strings.TrimSpace(meaning) == "" {
			t.Errorf("%s:%d: %s has no line of meaning", exampleFile, at.line, k.path)
		}
	}
}

// Every field of Settings is reached by exactly one key: what is set to a value of its own through the keys
// must differ from the defaults everywhere.
func TestEveryFieldHasAKey(t *testing.T) {
	seen := map[any]string{}
	s := defaults()
	for _, k := range keys() {
		field := k.field(s)
		if other, twice := seen[field]; twice {
			t.Errorf("%s and %s are the same field", k.path, other)
		}
		seen[field] = k.path
		change(t, k.path, field)
	}
	unchanged := cmp.Diff(s, defaults())
	if got, want := strings.Count(unchanged, "\n-"), countLeaves(); got < want {
		t.Errorf("%d fields changed through the keys, want %d", got, want)
	}
}

func countLeaves() int { return len(keys()) }

func change(t *testing.T, path string, field any) {
	t.Helper()
	switch f := field.(type) {
	case *string:
		*f += "x"
	case *address:
		*f += "x"
	case *int:
		*f++
	case *size:
		*f++
	case *time.Duration:
		*f++
	case *[]string:
		*f = append(*f, "x")
	case *map[string]string:
		*f = map[string]string{"x": "x"}
	case *map[string]Product:
		*f = map[string]Product{"x": {}}
	default:
		t.Errorf("%s has a type that this test does not know", path)
	}
}

func TestSizesAndDurationsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{size(64 << 10).String(), "64KiB"}, {size(256 << 20).String(), "256MiB"}, {size(1000).String(), "1000B"}, {size(0).String(), "0B"},
		{durationText(90 * 24 * time.Hour), "90d"}, {durationText(24 * time.Hour), "24h"}, {durationText(5 * time.Minute), "5m"},
		{durationText(1500 * time.Millisecond), "1500ms"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
