package path

import (
	"encoding/json"
	"strings"
	"testing"
)

// tree is a Tree of its own for tests, built from JSON with encoding/json's tokens.
type tree struct{ nodes []node }

type node struct {
	kind                byte
	first, next, parent int32
	name, text          string
}

func (t *tree) Kind(n int32) byte    { return t.nodes[n].kind }
func (t *tree) First(n int32) int32  { return t.nodes[n].first }
func (t *tree) Next(n int32) int32   { return t.nodes[n].next }
func (t *tree) Name(n int32) string  { return t.nodes[n].name }
func (t *tree) Text(n int32) string  { return t.nodes[n].text }
func (t *tree) parent(n int32) int32 { return t.nodes[n].parent }

// add appends a node below parent; last holds the last child of each open container.
func (t *tree) add(kind byte, name, text string, parent, before int32) int32 {
	n := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{kind: kind, first: -1, next: -1, parent: parent, name: name, text: text})
	if before >= 0 {
		t.nodes[before].next = n
	} else if parent >= 0 {
		t.nodes[parent].first = n
	}
	return n
}

func parseTree(tb testing.TB, src string) *tree {
	tb.Helper()
	t, err := readTree(src)
	if err != nil {
		tb.Fatalf("test tree %q: %v", src, err)
	}
	return t
}

func readTree(src string) (*tree, error) {
	d := json.NewDecoder(strings.NewReader(src))
	d.UseNumber()
	t := &tree{}
	parents, last := []int32{-1}, []int32{-1}
	var name *string
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, err
		}
		top := len(parents) - 1
		if delim, ok := tok.(json.Delim); ok && (delim == ']' || delim == '}') {
			parents, last = parents[:top], last[:top]
		} else {
			inObject := parents[top] >= 0 && t.nodes[parents[top]].kind == '{'
			if s, ok := tok.(string); ok && inObject && name == nil {
				name = &s
				continue
			}
			n := int32(0)
			label := ""
			if name != nil {
				label, name = *name, nil
			}
			switch v := tok.(type) {
			case json.Delim:
				n = t.add(byte(v), label, "", parents[top], last[top])
			case string:
				n = t.add('"', label, v, parents[top], last[top])
			case json.Number:
				n = t.add('0', label, string(v), parents[top], last[top])
			case bool:
				kind := byte('f')
				if v {
					kind = 't'
				}
				n = t.add(kind, label, "", parents[top], last[top])
			case nil:
				n = t.add('n', label, "", parents[top], last[top])
			}
			last[top] = n
			if _, ok := tok.(json.Delim); ok {
				parents, last = append(parents, n), append(last, -1)
			}
		}
		if len(parents) == 1 {
			return t, nil
		}
	}
}

// paths are the normalized paths that q selects, joined by blanks.
func paths(tb testing.TB, query, doc string) string {
	tb.Helper()
	q, err := Parse(query)
	if err != nil {
		tb.Fatalf("Parse(%q): %v", query, err)
	}
	t := parseTree(tb, doc)
	var out []string
	for _, n := range q.Select(nil, t, 0) {
		out = append(out, string(Normalized(nil, t, n, t.parent)))
	}
	return strings.Join(out, " ")
}
