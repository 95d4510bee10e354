package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
)

func newSelectCommand(a *app) *cobra.Command {
	var contentType, form string
	c := &cobra.Command{
		Use:   "select SELECTOR [FILE]",
		Short: "print what a selector finds in a body, or whether it is valid",
		Long: `select prints each hit of a selector in a body as its normalized path, a tab and its value.
Without a file it only says whether the selector is valid. Exit code 2: it is not.`,
		Example: `  scrim rules select '$.events[?@.type == "movie"].duration' body.json
  scrim rules select '$..userId'
  curl -s https://origin.example/x.json | scrim rules select '$.a' - --json`,
		Args: rangeArgs(1, 2, "SELECTOR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.validSelector(args[0])
			}
			return a.selectFrom(args[0], args[1], body.Form(form), contentType)
		},
	}
	c.Flags().StringVar(&form, "form", "", "form of the body: json, ndjson, form, query, envelope, multipart, xml, protobuf, text (default: by looking)")
	c.Flags().StringVar(&contentType, "content-type", "", "the body's Content-Type")
	addJSON(a, c)
	return c
}

// finder selects nodes of a tree: a JSONPath, an XPath, a path of field numbers.
type finder func(t *body.Tree) []int32

func (a *app) validSelector(selector string) error {
	if _, err := parseSelector(selector); err != nil {
		return err
	}
	if a.json {
		return a.ui.json(map[string]any{"selector": selector, "valid": true})
	}
	a.ui.line("valid")
	return nil
}

// parseSelector compiles a selector of a tree. Its error is a misuse that names the place.
func parseSelector(selector string) (finder, error) {
	find, err := compileSelector(selector)
	if err == nil {
		return find, nil
	}
	var syntax *path.SyntaxError
	if errors.As(err, &syntax) {
		err = fmt.Errorf("selector %q: %w", selector, err)
	}
	return nil, misused(err, "")
}

// compileSelector compiles by the beginning of the selector, as rules do. Selectors that read the head of
// a request are valid, but find nothing in a body.
func compileSelector(selector string) (finder, error) {
	kind, rest, found := strings.Cut(selector, ":")
	switch {
	case strings.HasPrefix(selector, "$"):
		q, err := path.Parse(selector)
		if err != nil {
			return nil, err
		}
		return func(t *body.Tree) []int32 { return q.Select(nil, t, 0) }, nil
	case found && kind == "xpath":
		q, err := path.ParseXPath(rest)
		if err != nil {
			return nil, err
		}
		return func(t *body.Tree) []int32 { return q.Select(nil, t, 0) }, nil
	case found && kind == "proto":
		q, err := path.ParseProto(rest)
		if err != nil {
			return nil, err
		}
		return func(t *body.Tree) []int32 { return q.Select(nil, t, 0) }, nil
	case found && rest != "" && slices.Contains([]string{"header", "query", "cookie", "path"}, kind):
		if err := rules.CheckSelector(selector); err != nil {
			return nil, fmt.Errorf("selector %w", err)
		}
		return func(*body.Tree) []int32 { return nil }, nil
	}
	return nil, fmt.Errorf("selector %q: at byte 0: selectors begin with $, xpath:, proto:, header:, query:, cookie: or path:", selector)
}

// hit is one node that a selector found.
type hit struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

func (a *app) selectFrom(selector, file string, form body.Form, contentType string) error {
	find, err := parseSelector(selector)
	if err != nil {
		return err
	}
	raw, err := a.readFile(file)
	if err != nil {
		return err
	}
	tree, err := decodeBody(form, contentType, raw)
	if err != nil {
		return fmt.Errorf("decoding %q: %w", file, err)
	}
	hits := []hit{}
	for _, n := range find(tree) {
		where := string(path.Normalized(nil, tree, n, tree.Parent))
		hits = append(hits, hit{where, json.RawMessage(valueJSON(tree.Value(n)))})
	}
	if a.json {
		return a.ui.json(hits)
	}
	for _, h := range hits {
		a.ui.exact(h.Path + "\t" + string(h.Value) + "\n")
	}
	return nil
}

// decodeBody undoes content codings by looking and finds the form. What is JSON is taken as JSON first: a
// lone string or number is no body that a client sends, but it is a document that people try selectors on.
func decodeBody(form body.Form, contentType string, raw []byte) (*body.Tree, error) {
	text, _, err := body.Plain("", raw, body.Limits{})
	if err != nil {
		return nil, err
	}
	if form == "" && jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		form = "json"
	}
	return body.Decode(form, contentType, text, body.Limits{})
}

// valueJSON is a value as compact JSON; bytes as a string, as far as they are text.
func valueJSON(v body.Value) []byte {
	switch v.Kind {
	case body.Null:
		return []byte("null")
	case body.True:
		return []byte("true")
	case body.False:
		return []byte("false")
	case body.Number, body.Object, body.Array:
		return []byte(v.Text)
	}
	quoted, err := jsontext.AppendQuote(nil, v.Text)
	if err != nil { // invalid UTF-8: replaced, and said so by an error that we expect
		return quoted
	}
	return quoted
}
