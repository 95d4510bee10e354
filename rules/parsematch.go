package rules

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

var matchKeys = []string{"host", "method", "path", "query", "header", "content_type", "client", "form", "body", "not"}

var forms = []string{
	string(body.JSON), string(body.NDJSON), string(body.FormData), string(body.Query), string(body.Envelope),
	string(body.Multipart), string(body.XML), string(body.Protobuf), string(body.Text),
}

// readMatch reads a match, or what stands under not, where form is that of the match around it.
func readMatch(n *strict.Node, form body.Form) Match {
	f := n.Fields(matchKeys...)
	m := Match{Pos: posOf(n)}
	m.Form = body.Form(f["form"].Word(forms...))
	if m.Form != "" {
		form = m.Form
	}
	m.Hosts, m.HostFile = readHostMatch(f["host"])
	m.Methods = readMethods(f["method"])
	m.Paths = readPaths(f["path"])
	m.Query = readNamed(f["query"], nil)
	m.Header = readNamed(f["header"], checkFieldName)
	if f["content_type"] != nil {
		cond := readCondition(f["content_type"])
		m.ContentType = &cond
	}
	for _, item := range f["client"].OneOrMore() {
		m.Client = append(m.Client, readClient(item))
	}
	m.Body = readBodyMatch(f["body"], form)
	if f["not"] != nil {
		not := readMatch(f["not"], form)
		m.Not = &not
	}
	if n.IsMap() && m.IsZero() && len(f) == 0 {
		n.Fault("an empty match", "give at least one condition")
	}
	return m
}

func readHostMatch(n *strict.Node) (hosts []HostPattern, file string) {
	if n.IsMap() {
		f := n.Fields("file")
		if f["file"] == nil {
			n.Fault("a host map without file", "write a name, a list of names, or {file: hosts.txt}")
		}
		return nil, f["file"].Str()
	}
	for _, item := range n.OneOrMore() {
		text := item.Str()
		if text == "" && (!item.IsScalar() || item.IsNumber() || item.IsBool()) {
			continue
		}
		if p, ok := readHostPattern(item, text); ok {
			hosts = append(hosts, p)
		}
	}
	return hosts, ""
}

func readMethods(n *strict.Node) []string {
	all := n.Strings()
	for i, item := range n.OneOrMore() {
		if m := all[i]; m != "" && (m != strings.ToUpper(m) || !isToken(m)) {
			item.Fault(strconv.Quote(m)+" is not a method", "methods are written in capitals, as in GET or POST")
		}
	}
	return all
}

func readPaths(n *strict.Node) []string {
	all := n.Strings()
	for i, item := range n.OneOrMore() {
		p := all[i]
		switch {
		case p == "":
		case p[0] != '/' && p[0] != '*':
			item.Fault("path "+strconv.Quote(p)+" does not begin with /", "write "+strconv.Quote("/"+p)+", or ** for any path")
		case strings.Contains(p, "?"):
			item.Fault("path "+strconv.Quote(p)+" has a query", "put its parameters under query")
		}
	}
	return all
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2), as methods and field names are.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func checkFieldName(n *strict.Node, name string) {
	if !isToken(name) {
		n.Fault(strconv.Quote(name)+" is not the name of a header field", "")
	}
}

func readNamed(n *strict.Node, check func(n *strict.Node, name string)) []Named {
	var all []Named
	for _, e := range n.Entries() {
		if check != nil {
			check(e.KeyNode, e.Key)
		}
		all = append(all, Named{Name: e.Key, Cond: readCondition(e.Value), Pos: posOf(e.KeyNode)})
	}
	return all
}

func readBodyMatch(n *strict.Node, form body.Form) []Named {
	return readNamed(n, func(key *strict.Node, selector string) {
		if checkSelector(key, selector, form) && !treeSelector(selector) {
			key.Fault(strconv.Quote(selector)+" is not in the body", "use match.header, match.query or match.path")
		}
	})
}

// readCondition reads a value, a list of values, {min, max} or {exists: …}.
func readCondition(n *strict.Node) Condition {
	c := Condition{Pos: posOf(n)}
	if !n.IsMap() {
		for _, item := range n.OneOrMore() {
			if v, ok := readScalar(item); ok {
				c.Any = append(c.Any, v)
			}
		}
		return c
	}
	f := n.Fields("min", "max", "exists")
	if f["exists"] != nil {
		exists := f["exists"].Bool()
		c.Exists = &exists
	}
	c.Min, c.Max = f["min"].Number(), f["max"].Number()
	switch {
	case len(f) == 0:
		n.Fault("an empty condition", "write a value, a list of values, {min, max} or {exists: false}")
	case f["exists"] != nil && len(f) > 1:
		n.Fault("exists beside min or max", "a condition has one form")
	case c.Min != "" && c.Max != "" && lessNumber(c.Max, c.Min):
		n.Fault("max "+c.Max+" is below min "+c.Min, "no value can be both")
	}
	return c
}

func lessNumber(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) < 0
}

// readScalar reads a single value; null has to be written out.
func readScalar(n *strict.Node) (body.Value, bool) {
	switch {
	case n.IsNull() && !n.IsEmpty():
		return body.Value{Kind: body.Null}, true
	case !n.IsScalar():
		n.Text() // faults the kind
		return body.Value{}, false
	case n.IsBool():
		if n.Bool() {
			return body.Value{Kind: body.True}, true
		}
		return body.Value{Kind: body.False}, true
	case n.IsNumber():
		number := n.Number()
		return body.Value{Kind: body.Number, Text: number}, number != ""
	}
	return body.Value{Kind: body.String, Text: n.Text()}, true
}

// readEventMatch reads the match of an element of a batch: {body: {SELECTOR: cond}, not}, or the selectors without body.
func readEventMatch(n *strict.Node, form body.Form) ([]Named, *Match) {
	var named []Named
	var not *Match
	for _, e := range n.Entries() {
		switch {
		case e.Key == "body":
			named = append(named, readBodyMatch(e.Value, form)...)
		case e.Key == "not":
			m := readMatch(e.Value, form)
			if len(m.Hosts) > 0 || m.HostFile != "" || len(m.Client) > 0 || len(m.Methods) > 0 || len(m.Paths) > 0 || len(m.Query) > 0 || len(m.Header) > 0 || m.ContentType != nil || m.Form != "" {
				e.Value.Fault("an element has a body alone", "leave only body under not")
			}
			not = &m
		case slices.Contains(matchKeys, e.Key) || !strings.ContainsAny(e.Key, "$:"):
			e.KeyNode.Fault("unknown key "+strconv.Quote(e.Key), "an element is matched by body and not: its selectors begin at the element")
		case checkSelector(e.KeyNode, e.Key, form):
			named = append(named, Named{Name: e.Key, Cond: readCondition(e.Value), Pos: posOf(e.KeyNode)})
		}
	}
	return named, not
}
