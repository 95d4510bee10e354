package rules

import (
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// match is a compiled Match. Hosts of the whole rule are in the index; those under not are here.
type match struct {
	hosts       []HostPattern
	methods     []string
	paths       []pathGlob
	query       []namedCond
	header      []namedCond
	contentType *condition
	clients     []ClientPattern
	form        body.Form
	body        []bodyCond
	not         *match
}

// namedCond is a condition on a named value.
type namedCond struct {
	name string
	cond *condition
}

// bodyCond is a condition on what a selector finds. no is the number of the selector in core.selectors.
type bodyCond struct {
	no   int
	sel  *selector
	cond *condition
}

// match compiles the conditions of a rule; form is that of the rule around it.
func (c *compiler) match(ast *Match, form body.Form) *match {
	m := &match{hosts: ast.Hosts, methods: ast.Methods, clients: ast.Client, form: ast.Form}
	if ast.Form != "" {
		form = ast.Form
	}
	for _, p := range ast.Paths {
		m.paths = append(m.paths, newPathGlob(p))
	}
	for i := range ast.Query {
		m.query = append(m.query, namedCond{ast.Query[i].Name, c.condition(&ast.Query[i].Cond)})
	}
	for i := range ast.Header {
		m.header = append(m.header, namedCond{ast.Header[i].Name, c.condition(&ast.Header[i].Cond)})
	}
	if ast.ContentType != nil {
		m.contentType = c.condition(ast.ContentType)
	}
	m.body = c.bodyConds(ast.Body, form)
	if ast.Not != nil {
		m.not = c.match(ast.Not, form)
	}
	return m
}

// bodyConds compiles conditions on the body, or on an element of it.
func (c *compiler) bodyConds(all []Named, form body.Form) []bodyCond {
	var conds []bodyCond
	for i := range all {
		sel := c.selector(all[i].Name, form, all[i].Pos)
		if sel == nil {
			continue
		}
		if !sel.inBody() {
			c.fault(all[i].Pos, "use query, header or path of the match", "selector %q does not look into the body", all[i].Name)
			continue
		}
		no, known := c.selNo[sel.src]
		if !known {
			no = len(c.selectors)
			c.selNo[sel.src] = no
			c.selectors = append(c.selectors, sel)
		}
		conds = append(conds, bodyCond{no, c.selectors[no], c.condition(&all[i].Cond)})
	}
	return conds
}

// readsBody reports whether any condition needs the tree of the body.
func (m *match) readsBody() bool {
	return m != nil && (len(m.body) > 0 || m.not.readsBodyOrForm())
}

// readsBodyOrForm is readsBody for what stands under not, where a form is a condition.
func (m *match) readsBodyOrForm() bool {
	return m != nil && (m.form != "" || m.readsBody())
}

// condition is a compiled Condition.
type condition struct {
	ast    *Condition
	words  map[string]struct{} // literal strings, where there are many
	few    []string            // literal strings, where there are few
	globs  []string
	others []body.Value // what is not a string
}

// manyWords is the number of literal strings from which a map finds one sooner.
const manyWords = 8

func (c *compiler) condition(ast *Condition) *condition {
	cond := &condition{ast: ast}
	for _, v := range ast.Any {
		switch {
		case v.Kind != body.String:
			cond.others = append(cond.others, v)
		case strings.Contains(v.Text, "*"):
			cond.globs = append(cond.globs, v.Text)
		default:
			cond.few = append(cond.few, v.Text)
		}
	}
	if len(cond.few) > manyWords {
		cond.words = make(map[string]struct{}, len(cond.few))
		for _, w := range cond.few {
			cond.words[w] = struct{}{}
		}
		cond.few = nil
	}
	return cond
}
