package rules

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
	"github.com/scrimproxy/scrim/rules/strict"
)

// selectorKinds are the beginnings of selectors. "$" stands for JSONPath (RFC 9535).
var selectorKinds = []string{"$", "xpath:", "proto:", "header:", "query:", "cookie:", "path:"}

// selectorKind is the beginning of a selector and what follows it; "" where it has none of them.
func selectorKind(selector string) (kind, rest string) {
	for _, kind := range selectorKinds {
		if rest, ok := strings.CutPrefix(selector, kind); ok {
			if kind == "$" {
				return kind, selector
			}
			return kind, rest
		}
	}
	return "", selector
}

// treeSelector reports whether a selector reads the body.
func treeSelector(selector string) bool {
	kind, _ := selectorKind(selector)
	return kind == "$" || kind == "xpath:" || kind == "proto:"
}

// protoPath is field numbers of nested messages, each with or without an index.
var protoPath = regexp.MustCompile(`^[1-9][0-9]{0,8}(\[[0-9]{1,9}\])?(\.[1-9][0-9]{0,8}(\[[0-9]{1,9}\])?)*$`)

// checkSelector faults what is no selector, and what cannot stand where a body has the form
// that the match sets ("" for none). It reports whether all is well.
func checkSelector(n *strict.Node, selector string, form body.Form) bool {
	kind, _ := selectorKind(selector)
	what, fix := selectorFault(selector)
	if what == "" {
		what, fix = formFault(kind, selector, form)
	}
	if what != "" {
		n.Fault(what, fix)
		return false
	}
	return true
}

// CheckSelector says why selector can stand in no rule; nil where it can.
func CheckSelector(selector string) error {
	what, fix := selectorFault(selector)
	switch {
	case what == "":
		return nil
	case fix == "":
		return errors.New(what)
	}
	return errors.New(what + "; " + fix)
}

// selectorFault is what is wrong with a selector by itself; "" where nothing is.
func selectorFault(selector string) (what, fix string) {
	kind, rest := selectorKind(selector)
	switch kind {
	case "":
		what, fix = strconv.Quote(selector)+" is not a selector", selectorHint(selector)
	case "$":
		what, fix = checkJSONPath(selector)
	case "xpath:":
		if _, err := path.ParseXPath(rest); err != nil || rest == "" {
			what, fix = xpathFault(selector, rest, err), "write it as in xpath:/report/@id"
		}
	case "proto:":
		if !protoPath.MatchString(rest) {
			what, fix = strconv.Quote(selector)+" is not a Protobuf path", "write field numbers, as in proto:1.2 or proto:1[0].2"
		}
	case "path:":
		if i, err := strconv.Atoi(rest); err != nil || i < 1 || strconv.Itoa(i) != rest {
			what, fix = strconv.Quote(selector)+" is not a path segment", "count segments from 1, as in path:1"
		}
	case "header:", "cookie:":
		if !isToken(rest) {
			what, fix = strconv.Quote(selector)+" has no valid name", "write it as in "+kind+"Name"
		}
	case "query:":
		if rest == "" {
			what, fix = strconv.Quote(selector)+" has no name", "write it as in query:id"
		}
	}
	return what, fix
}

func xpathFault(selector, rest string, err error) string {
	if rest == "" {
		return "an empty XPath"
	}
	return strconv.Quote(selector) + " is not an XPath that is read here: " + err.Error()
}

func selectorHint(selector string) string {
	switch {
	case strings.HasPrefix(selector, "/"):
		return "write xpath:" + selector + " for XML, or a JSONPath as in $.name"
	case strings.Contains(selector, "-") && isToken(selector):
		return "write header:" + selector + " for a header field, or a JSONPath as in $['" + selector + "']"
	case isWord(strings.ToLower(selector)):
		return "did you mean " + strconv.Quote("$."+selector) + "?"
	}
	return "selectors begin with " + strings.Join(selectorKinds, ", ")
}

func checkJSONPath(selector string) (what, fix string) {
	_, err := path.Parse(selector)
	if err == nil {
		return "", ""
	}
	var syntax *path.SyntaxError
	if errors.As(err, &syntax) {
		return strconv.Quote(selector) + " is not a JSONPath: at byte " + strconv.Itoa(syntax.Offset) + ": " + syntax.What, ""
	}
	return strconv.Quote(selector) + " is not a JSONPath: " + err.Error(), ""
}

// formFault finds a selector of a kind that bodies of form do not have.
func formFault(kind, selector string, form body.Form) (what, fix string) {
	want := "$"
	switch form {
	case "":
		return "", ""
	case body.XML:
		want = "xpath:"
	case body.Protobuf:
		want = "proto:"
	}
	if kind != "$" && kind != "xpath:" && kind != "proto:" || kind == want {
		return "", ""
	}
	return strconv.Quote(selector) + " cannot stand in a rule of form " + string(form), "selectors of " + string(form) + " begin with " + want
}
