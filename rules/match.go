package rules

import (
	"math/big"
	"slices"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// answer is what a condition says of a message.
type answer uint8

const (
	no answer = iota
	yes
	unclear // the condition cannot be read: on_error decides, if all else holds
)

func answerOf(ok bool) answer {
	if ok {
		return yes
	}
	return no
}

// failure is the condition that did not hold, or could not be read. It becomes words only where someone asks.
type failure struct {
	what   string // "method", "path", "query", …
	name   string
	cond   *condition
	faults string // where unclear: why
}

// verdictOf is the answer of all conditions of a rule but those of its hosts. With early, conditions on the body are
// left out: Route asks before the body is there.
func (x *exchange) holds(m *match, early bool) (answer, failure) {
	all, why := x.outside(m)
	if all == no {
		return no, why
	}
	if len(m.body) > 0 && !early {
		a, w := x.bodyHolds(m)
		if a == no {
			return no, w
		}
		if a == unclear {
			all, why = a, w
		}
	}
	if m.not == nil || early && m.not.readsBodyOrForm() {
		return all, why
	}
	switch a, w := x.notHolds(m.not, m.form); {
	case a == yes:
		return no, failure{what: "not"}
	case a == unclear:
		return unclear, w
	}
	return all, why
}

// outside holds the conditions on all but the body.
func (x *exchange) outside(m *match) (answer, failure) {
	if len(m.methods) > 0 && !slices.Contains(m.methods, x.m.Method) {
		return no, failure{what: "method"}
	}
	if len(m.clients) > 0 && !clientHolds(m.clients, Client{Addr: x.m.Client, Name: x.m.ClientName}) {
		return no, failure{what: "client"}
	}
	if len(m.paths) > 0 && !x.pathHolds(m.paths) {
		return no, failure{what: "path"}
	}
	all, why := yes, failure{}
	note := func(a answer, what, name string, cond *condition) bool {
		if a == unclear && all == yes {
			all, why = a, failure{what, name, cond, "is there twice"}
		}
		if a == no {
			all, why = a, failure{what: what, name: name, cond: cond}
		}
		return a != no
	}
	for i := range m.query {
		if !note(x.queryHolds(&m.query[i]), "query", m.query[i].name, m.query[i].cond) {
			return all, why
		}
	}
	for i := range m.header {
		if !note(x.headerHolds(&m.header[i]), "header", m.header[i].name, m.header[i].cond) {
			return all, why
		}
	}
	if m.contentType != nil {
		note(x.typeHolds(m.contentType), "content_type", "", m.contentType)
	}
	return all, why
}

// notHolds holds what stands under not: there hosts and form are conditions as well.
func (x *exchange) notHolds(m *match, form body.Form) (answer, failure) {
	if len(m.hosts) > 0 && !slices.ContainsFunc(m.hosts, func(p HostPattern) bool { return p.holds(x.m.To.Host) }) {
		return no, failure{}
	}
	if m.form != "" {
		t, err := x.tree("")
		if err != nil || t.Form() != m.form {
			return no, failure{}
		}
		form = m.form
	}
	if len(m.body) > 0 && m.form == "" {
		own := *m
		own.form = form
		m = &own
	}
	return x.holds(m, false)
}

func clientHolds(patterns []ClientPattern, c Client) bool {
	addr := c.Addr.Unmap().WithZone("")
	for i := range patterns {
		p := &patterns[i]
		if p.Name != "" && p.Name == c.Name || p.Name == "" && addr.IsValid() && p.Prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func (x *exchange) pathHolds(globs []pathGlob) bool {
	path := x.path()
	for i := range globs {
		if globs[i].match(path) {
			return true
		}
	}
	return false
}

func (x *exchange) queryHolds(c *namedCond) answer {
	found, text := 0, ""
	for i := range x.params() {
		if x.query[i].name == c.name {
			found++
			text = x.query[i].value
		}
	}
	return c.cond.one(found, text)
}

func (x *exchange) headerHolds(c *namedCond) answer {
	found, text := 0, ""
	for i := range x.m.Header {
		if equalFold(x.m.Header[i].Name, c.name) {
			found++
			text = x.m.Header[i].Value
		}
	}
	return c.cond.one(found, text)
}

// typeHolds holds content_type: the media type alone, or all of the field value. Case does not matter in the type.
func (x *exchange) typeHolds(cond *condition) answer {
	found, text := 0, ""
	for i := range x.m.Header {
		if equalFold(x.m.Header[i].Name, "Content-Type") {
			found++
			text = x.m.Header[i].Value
		}
	}
	if found != 1 {
		return cond.one(found, text)
	}
	media, _, _ := strings.Cut(text, ";")
	if a := cond.one(1, strings.ToLower(strings.TrimSpace(media))); a != no {
		return a
	}
	return cond.one(1, text)
}

// one holds a condition on a name that a message has found times.
func (c *condition) one(found int, text string) answer {
	switch {
	case c.ast.Exists != nil:
		return answerOf(*c.ast.Exists == (found > 0))
	case found > 1:
		return unclear
	case found == 0:
		return no
	}
	return answerOf(c.text(text))
}

// text holds the condition on a value that is text whatever its type: a parameter, a header field, a form field.
func (c *condition) text(s string) bool {
	if c.str(s) {
		return true
	}
	for _, v := range c.others {
		if (v.Kind == body.Number && (v.Text == s || sameNumber(v.Text, s))) ||
			(v.Kind == body.True && s == "true") || (v.Kind == body.False && s == "false") || (v.Kind == body.Null && s == "null") {
			return true
		}
	}
	return c.within(s)
}

// str holds the condition on a string.
func (c *condition) str(s string) bool {
	if c.words != nil {
		if _, ok := c.words[s]; ok {
			return true
		}
	}
	for _, w := range c.few {
		if w == s {
			return true
		}
	}
	for _, g := range c.globs {
		if globMatch(g, s) {
			return true
		}
	}
	return false
}

// node holds the condition on one node of a tree.
func (c *condition) node(t *body.Tree, n int32) bool {
	switch k := t.Kind(n); k {
	case body.String, body.Bytes:
		s := t.Text(n)
		if f := t.Form(); f != body.JSON && f != body.NDJSON && f != body.Envelope {
			return c.text(s)
		}
		return c.str(s) || c.within(s)
	case body.Number:
		s := t.Text(n)
		for _, v := range c.others {
			if v.Kind == body.Number && (v.Text == s || sameNumber(v.Text, s)) {
				return true
			}
		}
		return c.within(s)
	case body.True, body.False, body.Null:
		for _, v := range c.others {
			if v.Kind == k {
				return true
			}
		}
	}
	return false
}

// within holds {min, max} on a number, both ends included.
func (c *condition) within(s string) bool {
	if c.ast.Min == "" && c.ast.Max == "" {
		return false
	}
	x, ok := numberOf(s)
	if !ok {
		return false
	}
	if low, ok := numberOf(c.ast.Min); ok && x.Cmp(low) < 0 {
		return false
	}
	high, ok := numberOf(c.ast.Max)
	return !ok || x.Cmp(high) <= 0
}

// Numbers are compared with these bits, and not at all over this many characters: an exponent or a length that a
// message chooses must not cost more than it.
const (
	numberBits = 256
	numberLen  = 400
)

// numberOf reads a JSON number.
func numberOf(s string) (*big.Float, bool) {
	if s == "" || len(s) > numberLen || strings.Trim(s, "0123456789+-.eE") != "" {
		return nil, false
	}
	f, _, err := big.ParseFloat(s, 10, numberBits, big.ToNearestEven)
	return f, err == nil
}

func sameNumber(a, b string) bool {
	x, okX := numberOf(a)
	y, okY := numberOf(b)
	return okX && okY && x.Cmp(y) == 0
}

// bodyHolds holds the conditions on the body. An empty body has no nodes; one without a tree is unclear.
func (x *exchange) bodyHolds(m *match) (answer, failure) {
	t, err := x.tree(m.form)
	if isEmpty(err) {
		return emptyHolds(m.body)
	}
	if err != nil {
		return unclear, failure{what: "body", name: m.body[0].sel.src, faults: "has no tree: " + shapeOf(err)}
	}
	all, why := yes, failure{}
	for i := range m.body {
		c := &m.body[i]
		if !c.sel.fits(t.Form()) {
			all, why = unclear, failure{"body", c.sel.src, c.cond, "does not read a body of form " + string(t.Form())}
			continue
		}
		nodes, twice := x.cached(t, m.form, c)
		switch a := c.cond.nodes(t, nodes, twice); {
		case a == no:
			return no, failure{what: "body", name: c.sel.src, cond: c.cond}
		case a == unclear && all == yes:
			all, why = unclear, failure{"body", c.sel.src, c.cond, "is there twice"}
		}
	}
	return all, why
}

// emptyHolds holds the conditions on a body that is not there.
func emptyHolds(conds []bodyCond) (answer, failure) {
	for i := range conds {
		if e := conds[i].cond.ast.Exists; e == nil || *e {
			return no, failure{what: "body", name: conds[i].sel.src, cond: conds[i].cond}
		}
	}
	return yes, failure{}
}

// nodes holds the condition on what a selector found: on any of it.
func (c *condition) nodes(t *body.Tree, nodes []int32, twice bool) answer {
	if c.ast.Exists != nil {
		return answerOf(*c.ast.Exists == (len(nodes) > 0))
	}
	if twice {
		return unclear
	}
	for _, n := range nodes {
		if c.node(t, n) {
			return yes
		}
	}
	return no
}
