package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

// TestManual runs every rule file that stands in docs/rules.md, with its examples.
func TestManual(t *testing.T) {
	raw, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var shipped []*rules.File
	for _, src := range pack.Files() {
		f, err := rules.Parse(src.Name, src.Data)
		if err != nil {
			t.Fatal(err)
		}
		if f.Product == "" { // tables and templates; the products have their own tests
			shipped = append(shipped, f)
		}
	}
	blocks := strings.Split(string(raw), "```yaml\n")[1:]
	if len(blocks) < 15 {
		t.Fatalf("%d blocks in the manual", len(blocks))
	}
	for i, block := range blocks {
		text, _, ok := strings.Cut(block, "```")
		if !ok {
			t.Fatalf("block %d has no end", i)
		}
		name := fmt.Sprintf("block %d", i+1)
		t.Run(name, func(t *testing.T) {
			f, err := rules.Parse(name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			set, err := rules.Compile(append([]*rules.File{f}, shipped...), rules.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range set.RunExamples() {
				t.Error(fault)
			}
		})
	}
}
