package rules_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
	"github.com/scrimproxy/scrim/rules/strict"
	"github.com/scrimproxy/scrim/rules/transform"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(rules.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is a YAML file as an editor hands it to a schema; ok is false where it is no strict YAML.
func asJSON(t *testing.T, data []byte) (doc any, ok bool) {
	t.Helper()
	n, faults := strict.Read("f", data)
	if len(faults) > 0 {
		return nil, false
	}
	text, ok := n.JSON()
	if !ok {
		return nil, false
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc, true
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	schema := compileSchema(t)
	good, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := pack.Files()
	for _, name := range good {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, pack.Source{Name: name, Data: data})
	}
	for _, f := range files {
		doc, ok := asJSON(t, f.Data)
		if !ok {
			t.Errorf("%s is no strict YAML", f.Name)
			continue
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// notByShape are the bad files whose fault the shape of one file cannot show, and why.
var notByShape = map[string]string{
	"bucket-overlap":       "order of numbers: its other faults are by shape",
	"derive-cycle":         "fields name each other",
	"derive-partner":       "a field names another",
	"derive-self":          "a field names itself",
	"host-idn":             "the table of IDNA",
	"host-missing":         "the hosts may stand in the file",
	"host-twice":           "names that differ in case",
	"kind-unknown":         "a word of the file's own",
	"kind-without-product": "a key elsewhere",
	"match-client":         "arithmetic on addresses",
	"release-pool":         "how long a duration is",
	"rule-id-twice":        "two rules",
	"table-count":          "two lists",
	"table-outside":        "one number against another",
	"table-overlap":        "order of numbers",
	"use-in-template":      "a key elsewhere",
	"selector-jsonpath":    "the grammar of RFC 9535",
}

func TestSchemaRefusesBadShapes(t *testing.T) {
	schema := compileSchema(t)
	names, err := filepath.Glob("testdata/bad/*.bad.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no bad files (%v)", err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(filepath.Base(name), ".bad.yaml")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, ok := asJSON(t, data)
		if !ok {
			continue // a fault of YAML, not of rules
		}
		if err := schema.Validate(doc); err == nil && notByShape[base] == "" {
			t.Errorf("%s: the schema takes it", base)
		}
	}
}

// TestSchemaKnowsTheUnits holds the words of the schema to those of the code.
func TestSchemaKnowsTheUnits(t *testing.T) {
	var unit struct{ Enum []string }
	if err := json.Unmarshal(rules.SchemaDefs()["unit"], &unit); err != nil {
		t.Fatal(err)
	}
	want := transform.Units()
	slices.Sort(want)
	slices.Sort(unit.Enum)
	if !slices.Equal(unit.Enum, want) {
		t.Errorf("units in the schema %v, in the code %v", unit.Enum, want)
	}
	if rules.SchemaDefs()[rules.SchemaRoot] == nil {
		t.Errorf("no definition %q", rules.SchemaRoot)
	}
}
