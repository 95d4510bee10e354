package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const configPage = "../../docs/config.md"

// The page about the configuration is made from the table of keys: go test ./cmd/scrim -run ConfigPage -update
func TestConfigPageEqualsTheTableOfKeys(t *testing.T) {
	page, err := os.ReadFile(configPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- keys -->\n", "<!-- /keys -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table of keys", configPage)
	}
	want := before + begin + keyTable() + end + after
	if *update {
		if err := os.WriteFile(configPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s is not what the table of keys says; run this test with -update", configPage)
	}
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n| --- | --- | --- |\n")
	s := defaults()
	for _, k := range keys() {
		value := "{}"
		switch field := k.field(s).(type) {
		case *map[string]Product, *map[string]string:
		default:
			value = shown(written(field))
		}
		doc := k.doc
		if k.words != nil {
			doc += " (" + strings.Join(k.words, " or ") + ")"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", k.path, value, doc)
	}
	return b.String()
}
