package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
)

// shownEdit is an edit in words. It has no place for a value.
type shownEdit struct {
	Part      string `json:"part,omitempty"`
	Selector  string `json:"selector"`
	Transform string `json:"transform"`
	Detail    string `json:"detail,omitempty"`
	Type      string `json:"type,omitempty"`
	Shape     string `json:"shape,omitempty"`
	Count     int    `json:"count,omitempty"`
	Error     string `json:"error,omitempty"`
	Listed    bool   `json:"listed,omitempty"`
	Removed   bool   `json:"removed,omitempty"`
}

func shownEdits(edits []rules.Edit) []shownEdit {
	shown := make([]shownEdit, len(edits))
	for i, e := range edits {
		shown[i] = shownEdit{e.Part, e.Selector, e.Transform, e.Detail, typeName(e.Kind), e.Shape, e.Count, e.Error, e.Listed, e.Unwritten}
	}
	return shown
}

// typeName is the type of a value in words.
func typeName(k body.Kind) string {
	switch k {
	case body.Null:
		return "null"
	case body.True, body.False:
		return "boolean"
	case body.Number:
		return "number"
	case body.String:
		return "string"
	case body.Object:
		return "object"
	case body.Array:
		return "array"
	case body.Bytes:
		return "bytes"
	}
	return ""
}

func shownDrift(drift []rules.Drift) []string {
	var shown []string
	for _, d := range drift {
		shown = append(shown, d.What+" "+d.Name)
	}
	return shown
}

func (a *app) showEdits(edits []shownEdit, drift []string) {
	var rows [][]cell
	for _, e := range edits {
		mark := green
		if e.Transform == "remove" || e.Transform == "unlisted" {
			mark = red
		}
		if e.Transform == "keep" {
			mark = plain
		}
		what := e.Transform
		if e.Detail != "" {
			what += " " + e.Detail
		}
		if e.Error != "" {
			what, mark = what+": "+e.Error, red
		}
		rows = append(rows, []cell{{"  " + e.Part, dim}, {e.Selector, plain}, {what, mark}, {was(e), dim}})
	}
	a.ui.table([]string{"  PART", "FIELD", "DONE", "WAS"}, rows)
	for _, d := range drift {
		a.ui.line("  ", a.ui.paint(yellow, "new"), " ", d)
	}
}

// was is the type and the shape of what was there.
func was(e shownEdit) string {
	text := e.Shape
	if text == "" {
		text = e.Type
	}
	if e.Count > 1 {
		text += fmt.Sprintf(" (%d times)", e.Count)
	}
	return text
}

// because is the rest of a verdict's line: the rule and why its own verdict did not simply hold.
func because(rule, reason, detail string) string {
	text := ""
	if rule != "" {
		text = " by rule " + rule
	}
	var why []string
	for _, w := range []string{reason, detail} {
		if w != "" {
			why = append(why, w)
		}
	}
	if len(why) > 0 {
		text += " (" + strings.Join(why, ": ") + ")"
	}
	return text
}

// readableBody is the content of a message with its codings undone, or a word about it.
func readableBody(m *rules.Message) string {
	if len(m.Body) == 0 {
		return ""
	}
	text := m.Body
	if plainText, _, err := body.Plain(m.Get("Content-Encoding"), m.Body, body.Limits{}); err == nil {
		text = plainText
	}
	if !utf8.Valid(text) {
		return fmt.Sprintf("[%d bytes that are not text]", len(text))
	}
	return string(text)
}
