package rules

import "github.com/scrimproxy/scrim/rules/body"

// Word is what a rule knew a message by: a literal of one of its own body conditions, such as the name of an event.
// It is the rule's text, never the message's.
type Word struct {
	Selector string // "" : the rule asks for no such word
	Text     string
}

// word finds the word of the rule that matched: the first condition on the body that lists strings decides.
func (x *exchange) word(r *rule) Word {
	for i := range r.match.body {
		c := &r.match.body[i]
		literals := c.cond.ast.Any
		if len(literals) == 0 || len(c.cond.few)+len(c.cond.words) == 0 {
			continue
		}
		t, err := x.tree(r.match.form)
		if err != nil {
			return Word{}
		}
		nodes, _ := x.cached(t, r.match.form, c)
		for _, n := range nodes {
			if t.Kind(n) != body.String {
				continue
			}
			got := t.Text(n)
			for j := range literals {
				if literals[j].Kind == body.String && literals[j].Text == got {
					return Word{c.sel.src, literals[j].Text}
				}
			}
		}
		return Word{}
	}
	return Word{}
}
