package main

import (
	"fmt"
	"strings"
	"time"
)

func errUnknownSchema(name string) error { return fmt.Errorf("there is no schema of %q", name) }

// schemaNode is one level of a JSON Schema (2020-12).
type schemaNode map[string]any

// configSchema is the JSON Schema of the configuration, made from the table of keys.
func configSchema() schemaNode {
	root := closedObject("")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "scrim configuration"
	for _, k := range keys() {
		at := root
		words := strings.Split(k.path, ".")
		for _, word := range words[:len(words)-1] {
			properties := at["properties"].(schemaNode)
			next, ok := properties[word].(schemaNode)
			if !ok {
				next = closedObject("")
				properties[word] = next
			}
			at = next
		}
		at["properties"].(schemaNode)[words[len(words)-1]] = valueSchema(k)
	}
	return root
}

// closedObject is an object whose keys are all known. It may be null: a section without lines.
func closedObject(doc string) schemaNode {
	s := schemaNode{"type": []string{"object", "null"}, "additionalProperties": false, "properties": schemaNode{}}
	if doc != "" {
		s["description"] = doc
	}
	return s
}

func valueSchema(k key) schemaNode {
	s := schemaNode{"description": k.doc}
	switch k.field(defaults()).(type) {
	case *string:
		s["type"] = "string"
		if k.words != nil {
			s["enum"] = k.words
		}
	case *address:
		s["type"] = "string"
		s["pattern"] = `^(|off|.*:[0-9]{1,5})$`
	case *int:
		s["type"], s["minimum"] = "integer", 1
		if k.path == "version" {
			s["const"] = 1
		}
	case *size:
		s["type"], s["pattern"] = "string", `^([0-9]+(\.[0-9]+)?(B|KiB|MiB|GiB|TiB|KB|kB|MB|GB|TB))+$`
	case *time.Duration:
		s["type"], s["pattern"] = "string", `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+$`
	case *[]string:
		s["type"], s["items"] = []string{"array", "null"}, schemaNode{"type": "string"}
	case *map[string]string:
		s["type"], s["additionalProperties"] = []string{"object", "null"}, schemaNode{"type": "string"}
	case *map[string]Product:
		s["type"], s["additionalProperties"] = []string{"object", "null"}, productSchema()
	default:
		panic("scrim: the key " + k.path + " has a type that the schema does not know")
	}
	return s
}

// productSchema is the switches of one product: a verdict for each kind, and the word profile.
func productSchema() schemaNode {
	return schemaNode{
		"type":                 []string{"object", "null"},
		"properties":           schemaNode{"profile": schemaNode{"enum": []string{"generalized", "strict"}}},
		"additionalProperties": schemaNode{"enum": []string{"pass", "generalize", "drop"}},
	}
}
