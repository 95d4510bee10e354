package transform

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// MapEntry is one line of a map: From is a glob in which * stands for any characters; "*" alone is for the rest.
type MapEntry struct {
	From string
	To   body.Value
}

// Map replaces categories by coarser ones (ISO/IEC 20889, generalization). Keys are compared with the text of a string,
// with a number as it is written, and with true and false; case matters. The first that matches decides, "*" after all
// others wherever it stands. What the map writes maps to itself. A value that no key matches yields an error matching
// ErrRange; one of another kind, or a target that cannot be written in the type of the value, an error matching
// ErrKind.
//
// What remains inferable: the category that is written. A rare one is no protection.
type Map struct {
	exact  map[string]int // key without * to its entry
	globs  []int          // entries with *, in order
	rest   int            // entry of "*", or -1
	wrote  map[string]bool
	lines  []MapEntry
	detail string
}

// NewMap makes a Map. It refuses chains: a key that matches what another line writes, and writes something else.
func NewMap(entries []MapEntry) (*Map, error) {
	if len(entries) == 0 {
		return nil, &Fault{"a map without lines", "write map: {from: to}"}
	}
	t := &Map{exact: map[string]int{}, rest: -1, wrote: map[string]bool{}, lines: entries}
	for i, e := range entries {
		if _, ok := scalarText(e.To); !ok {
			return nil, &Fault{"map " + quote(e.From) + " writes " + KindName(e.To.Kind), "write a string, a number, true or false"}
		}
		switch _, twice := t.exact[e.From]; {
		case twice:
			return nil, &Fault{"map has " + quote(e.From) + " twice", "leave one of them"}
		case e.From == "*":
			t.rest = i
		case strings.Contains(e.From, "*"):
			t.globs = append(t.globs, i)
		default:
			t.exact[e.From] = i
		}
	}
	for _, e := range entries {
		text, _ := scalarText(e.To)
		if i := t.line(text); i >= 0 && !sameText(entries[i].To, e.To) {
			return nil, &Fault{"a chain: " + quote(text) + ", which the map writes, is itself mapped by " + quote(entries[i].From), "write the last value at once"}
		}
		t.wrote[text] = true
	}
	t.detail = "to " + categories(len(t.wrote))
	return t, nil
}

func categories(n int) string {
	if n == 1 {
		return "1 category"
	}
	return strconv.Itoa(n) + " categories"
}

func sameText(a, b body.Value) bool {
	x, _ := scalarText(a)
	y, _ := scalarText(b)
	return x == y
}

// scalarText is what keys are compared with.
func scalarText(v body.Value) (string, bool) {
	switch v.Kind {
	case body.String, body.Number:
		return v.Text, true
	case body.True:
		return "true", true
	case body.False:
		return "false", true
	}
	return "", false
}

// Name is "map".
func (t *Map) Name() string { return "map" }

// Detail is "to 3 categories".
func (t *Map) Detail() string { return t.detail }

// line is the entry that matches, "*" left aside, or -1.
func (t *Map) line(text string) int {
	found, ok := t.exact[text]
	if !ok {
		found = -1
	}
	for _, i := range t.globs {
		if found >= 0 && found < i {
			break
		}
		if glob(t.lines[i].From, text) {
			return i
		}
	}
	return found
}

// Apply maps.
func (t *Map) Apply(in body.Value, _ *Env) (body.Value, error) {
	text, ok := scalarText(in)
	if !ok {
		return body.Value{}, &KindError{Got: in.Kind, Want: "a category: a string, a number, true or false"}
	}
	i := t.line(text)
	switch {
	case i >= 0:
	case t.wrote[text]:
		return in, nil
	case t.rest >= 0:
		i = t.rest
	default:
		return body.Value{}, &RangeError{"the map has no line for this value"}
	}
	return inTypeOf(in, t.lines[i].To)
}

// inTypeOf is to in the type of in.
func inTypeOf(in, to body.Value) (body.Value, error) {
	if in.Kind == to.Kind {
		return to, nil
	}
	text, _ := scalarText(to)
	switch in.Kind {
	case body.String:
		return body.Value{Kind: body.String, Text: text}, nil
	case body.Number:
		if _, ok := scan(text); ok && to.Kind == body.String {
			return body.Value{Kind: body.Number, Text: text}, nil
		}
	case body.True, body.False:
		switch text {
		case "true":
			return body.Value{Kind: body.True}, nil
		case "false":
			return body.Value{Kind: body.False}, nil
		}
	}
	return body.Value{}, &KindError{Got: in.Kind, Want: "a value in whose type the map can write " + KindName(to.Kind)}
}

// glob reports whether pattern, in which * stands for any characters, matches the whole of s. It takes time in
// proportion to both lengths multiplied, at most.
func glob(pattern, s string) bool {
	star, mark, p, i := -1, 0, 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
