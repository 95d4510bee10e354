package rules

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

//go:embed schema.json
var schemaJSON []byte

// Schema is the JSON Schema (draft 2020-12) of rule files: every key with what it means, and every fault
// that can be told by the shape of a file alone. The caller may change what it gets.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// SchemaRoot is the name of the definition of a rule file among SchemaDefs.
const SchemaRoot = "ruleFile"

// SchemaDefs are the definitions of Schema by name, for a schema that covers more than rule files:
// put them under its $defs, and refer to "#/$defs/" + SchemaRoot.
func SchemaDefs() map[string]json.RawMessage {
	var schema struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(schemaJSON, &schema); err != nil {
		panic("rules: the embedded schema is not JSON: " + err.Error())
	}
	return schema.Defs
}
