package rules_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// FuzzUnlistedRemove holds that what leaves under unlisted: remove has listed fields alone, whatever came in, and that a
// text which only unlisted places had is nowhere in it.
func FuzzUnlistedRemove(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":"x","canary":"canary"},"d":[{"e":1,"f":"canary"}]}`))
	f.Add([]byte(`{"a":1,"a":{"b":"canary"},"dur\u0061":"canary"}`))
	f.Add([]byte(`a=1&canary=2&b=canary`))
	f.Add([]byte("{\"a\":1}\n{\"canary\":2}\n"))
	f.Add([]byte(`<a><b>canary</b></a>`))
	set := load(f, rules.Options{}, fields("", `$.a: {bucket: [0, 10]}`, `$.b.c: {shorten: 1}`, `$.d[*].e: {round: 5}`, `$..g: {truncate: day}`))
	names := map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true, "g": true}
	f.Fuzz(func(t *testing.T, content []byte) {
		m := send(t, "POST", "https://h.example.org/x?canary=1", string(content))
		out := set.Apply(m, testEnv())
		for _, o := range out.Messages {
			if bytes.Contains(o.Message.Body, []byte("canary")) || o.Message.Query != "" {
				t.Fatalf("canary in %q", o.Message.Body)
			}
			dec := json.NewDecoder(bytes.NewReader(o.Message.Body))
			for dec.More() {
				var v any
				if err := dec.Decode(&v); err != nil {
					break // a form
				}
				checkNames(t, v, names)
			}
		}
		for _, e := range out.Edits {
			if strings.Contains(e.Error+e.Detail+e.Shape, "canary") {
				t.Fatalf("canary in %+v", e)
			}
		}
		if strings.Contains(out.Detail, "canary") && !strings.Contains(out.Detail, "$") {
			t.Fatalf("canary in %q", out.Detail)
		}
	})
}

// checkNames holds names to the listed ones; below g (any depth) its ancestors stay, whatever they are called.
func checkNames(t *testing.T, v any, names map[string]bool) bool {
	hasG := false
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			below := checkNames(t, child, names)
			if !names[name] && !below {
				t.Fatalf("name %q is not listed", name)
			}
			hasG = hasG || name == "g" || below
		}
	case []any:
		for _, child := range v {
			hasG = checkNames(t, child, names) || hasG
		}
	}
	return hasG
}

// FuzzBatch holds that no body makes batches, nested values or the inventory fail.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"batch":[{"type":"play","len":12},{"type":"group","items":[{"ok":true}]}],"sent":"2025-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"batch":[[[]],{},{"type":"free","a":{"b":[1]}}]}`))
	set := load(f, rules.Options{}, batchText)
	f.Fuzz(func(t *testing.T, content []byte) {
		out := set.Apply(send(t, "POST", "https://h.example.org/", string(content)), testEnv())
		if out.Detail == "a fault of scrim itself" {
			t.Fatal("a panic")
		}
		for _, o := range out.Messages {
			if len(content) > 0 && bytes.Contains(o.Message.Body, []byte(`"secret"`)) {
				t.Fatalf("a dropped element in %q", o.Message.Body)
			}
		}
	})
}
