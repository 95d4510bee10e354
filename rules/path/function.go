package path

import (
	"unicode/utf8"
)

// The types of RFC 9535, section 2.4.1.
type exprType uint8

const (
	typeValue exprType = iota
	typeLogical
	typeNodes
)

// function is one of the functions of RFC 9535, section 2.4.
type function struct {
	name   string
	params []exprType
	result exprType
	value  func(r *run, c *call, current int32) value // result typeValue
	test   func(r *run, c *call, current int32) bool  // result typeLogical
}

// functions lists what there is, in the order of the RFC.
func functions() []function {
	return []function{
		{name: "length", params: []exprType{typeValue}, result: typeValue, value: length},
		{name: "count", params: []exprType{typeNodes}, result: typeValue, value: count},
		{name: "match", params: []exprType{typeValue, typeValue}, result: typeLogical, test: match},
		{name: "search", params: []exprType{typeValue, typeValue}, result: typeLogical, test: match},
		{name: "value", params: []exprType{typeNodes}, result: typeValue, value: valueOf},
	}
}

// call is one use of a function.
type call struct {
	fn    *function
	args  []operand
	regex *pattern // of match and search where the pattern is a literal
}

// function reads the arguments of a call and checks that it is well-typed.
func (p *parser) function(name string, start int) (*call, error) {
	var fn *function
	for _, f := range functions() {
		if f.name == name {
			fn = &f
		}
	}
	if fn == nil {
		return nil, p.faultAt(start, "unknown function %q; there are length, count, match, search and value", name)
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	c := &call{fn: fn}
	p.pos++ // the parenthesis
	p.space()
	for p.peek() != ')' || len(c.args) > 0 {
		arg, err := p.argument(fn, len(c.args))
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
		p.space()
		if p.peek() == ')' {
			break
		}
		if !p.accept(',') {
			return nil, p.fault("expected , or )")
		}
		p.space()
	}
	if len(c.args) != len(fn.params) {
		return nil, p.fault("%s() takes %s", name, argumentCount(len(fn.params)))
	}
	p.pos++
	if fn.result == typeLogical && c.args[1].form == formLiteral && c.args[1].literal.kind == '"' {
		c.regex = compilePattern(c.args[1].literal.text, name == "match")
	}
	return c, nil
}

func argumentCount(n int) string {
	if n == 1 {
		return "one argument"
	}
	return "two arguments"
}

func (p *parser) argument(fn *function, i int) (operand, error) {
	at := p.pos
	if i >= len(fn.params) {
		return operand{}, p.fault("%s() takes %s", fn.name, argumentCount(len(fn.params)))
	}
	arg, _, err := p.operand()
	if err != nil {
		return arg, err
	}
	switch fn.params[i] {
	case typeNodes:
		if arg.form != formRelative && arg.form != formAbsolute {
			return arg, p.faultAt(at, "%s() takes a query here", fn.name)
		}
	case typeValue:
		if arg.form == formCall && arg.call.fn.result != typeValue {
			return arg, p.faultAt(at, "%s() takes a value here; %s() gives true or false", fn.name, arg.call.fn.name)
		}
		if arg.form != formCall && arg.form != formLiteral && !singular(arg.segments) {
			return arg, p.faultAt(at, "%s() takes a value here: a literal, or a query of names and indices", fn.name)
		}
	}
	return arg, nil
}

// length counts the characters (Unicode scalar values) of a string, the elements of an array, the members of an
// object; anything else has none.
func length(r *run, c *call, current int32) value {
	v := r.operand(&c.args[0], current)
	switch v.kind {
	case '"':
		return number(utf8.RuneCountInString(v.text))
	case '[', '{':
		n := 0
		for child := r.t.First(v.node); child >= 0; child = r.t.Next(child) {
			n++
		}
		return number(n)
	}
	return value{}
}

func count(r *run, c *call, current int32) value {
	return r.once(&c.args[0], func() value {
		var s sink
		r.operandNodes(&c.args[0], current, &s)
		return number(s.count)
	})
}

// valueOf is the value of a nodelist of one node, and nothing for another.
func valueOf(r *run, c *call, current int32) value {
	return r.once(&c.args[0], func() value {
		s := sink{limit: 2}
		r.operandNodes(&c.args[0], current, &s)
		if s.count != 1 {
			return value{}
		}
		return r.at(s.last)
	})
}

// match serves match and search: the pattern knows which.
func match(r *run, c *call, current int32) bool {
	text := r.operand(&c.args[0], current)
	if text.kind != '"' {
		return false
	}
	if c.regex != nil {
		return c.regex.matches(text.text)
	}
	pattern := r.operand(&c.args[1], current)
	if pattern.kind != '"' {
		return false
	}
	return r.pattern(pattern.text, c.fn.name == "match").matches(text.text)
}
