package path

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xvalue is a value of XPath 1.0, section 1: exactly one of its forms.
type xvalue struct {
	form  xform
	nodes []int32
	text  string
	num   float64
	truth bool
}

type xform uint8

const (
	isNodes xform = iota
	isText
	isNumber
	isBool
)

// holds evaluates a predicate; a number is a position (XPath 1.0, section 2.4).
func (r *xrun) holds(e *xexpr, n int32, position, size int) bool {
	v := r.eval(e, n, position, size)
	if v.form == isNumber {
		return v.num == float64(position)
	}
	return v.bool()
}

func (r *xrun) eval(e *xexpr, n int32, position, size int) xvalue {
	arg := func(i int) xvalue { return r.eval(e.args[i], n, position, size) }
	text := func(i int) string {
		if i < len(e.args) {
			return r.text(arg(i))
		}
		return r.stringValue(n)
	}
	switch e.op {
	case "or", "and":
		for i := range e.args {
			if arg(i).bool() == (e.op == "or") {
				return truth(e.op == "or")
			}
		}
		return truth(e.op == "and")
	case "=", "!=", "<", "<=", ">", ">=":
		return truth(r.compare(e.op, arg(0), arg(1)))
	case "path":
		return xvalue{nodes: r.union(e.path, n)}
	case "text":
		return xvalue{form: isText, text: e.text}
	case "number":
		return xvalue{form: isNumber, num: e.num}
	case "position":
		return xvalue{form: isNumber, num: float64(position)}
	case "last":
		return xvalue{form: isNumber, num: float64(size)}
	case "count":
		return xvalue{form: isNumber, num: float64(len(arg(0).nodes))}
	case "string-length":
		return xvalue{form: isNumber, num: float64(utf8.RuneCountInString(text(0)))}
	case "normalize-space":
		return xvalue{form: isText, text: strings.Join(strings.Fields(text(0)), " ")}
	case "contains":
		return truth(strings.Contains(text(0), text(1)))
	case "starts-with":
		return truth(strings.HasPrefix(text(0), text(1)))
	case "not":
		return truth(!arg(0).bool())
	case "name":
		return xvalue{form: isText, text: r.nameOf(e, n)}
	}
	return truth(e.op == "true")
}

func truth(b bool) xvalue { return xvalue{form: isBool, truth: b} }

// nameOf is the name of the context node, or of the first node of the argument.
func (r *xrun) nameOf(e *xexpr, n int32) string {
	if len(e.args) == 1 {
		nodes := r.union(e.args[0].path, n)
		if len(nodes) == 0 {
			return ""
		}
		n = nodes[0]
	}
	name := strings.TrimPrefix(r.t.Name(n), "@")
	if name == "#text" {
		return ""
	}
	return name
}

func (v xvalue) bool() bool {
	switch v.form {
	case isNodes:
		return len(v.nodes) > 0
	case isText:
		return v.text != ""
	case isNumber:
		return v.num != 0 && !math.IsNaN(v.num)
	}
	return v.truth
}

func (r *xrun) text(v xvalue) string {
	switch v.form {
	case isText:
		return v.text
	case isNumber:
		return strconv.FormatFloat(v.num, 'f', -1, 64)
	case isBool:
		return strconv.FormatBool(v.truth)
	}
	if len(v.nodes) == 0 {
		return ""
	}
	return r.stringValue(v.nodes[0])
}

// stringValue is that of XPath 1.0, section 5: of an element, all text below it.
func (r *xrun) stringValue(n int32) string {
	if r.t.Kind(n) != '{' {
		return r.t.Text(n)
	}
	step := xstep{test: testText}
	texts, _ := r.deep(nil, &step, n)
	if len(texts) == 1 {
		return r.t.Text(texts[0])
	}
	texts = inOrder(texts)
	var b strings.Builder
	for _, t := range texts {
		b.WriteString(r.t.Text(t))
	}
	return b.String()
}

func (r *xrun) number(v xvalue) float64 {
	switch v.form {
	case isNumber:
		return v.num
	case isBool:
		if v.truth {
			return 1
		}
		return 0
	}
	return toNumber(r.text(v))
}

// toNumber reads the numbers of XPath 1.0, section 4.4: digits and a point, no exponent.
func toNumber(s string) float64 {
	s = strings.Trim(s, " \t\r\n")
	if strings.Trim(s, "-.0123456789") != "" {
		return math.NaN()
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

// compare follows XPath 1.0, section 3.4: a comparison with nodes holds if it holds for one of them.
func (r *xrun) compare(op string, a, b xvalue) bool {
	switch {
	case a.form == isNodes && b.form == isBool:
		return r.compareAtoms(op, truth(a.bool()), b)
	case b.form == isNodes && a.form == isBool:
		return r.compareAtoms(op, a, truth(b.bool()))
	case a.form == isNodes:
		for _, n := range a.nodes {
			if r.compare(op, xvalue{form: isText, text: r.stringValue(n)}, b) {
				return true
			}
		}
		return false
	case b.form == isNodes:
		for _, n := range b.nodes {
			if r.compareAtoms(op, a, xvalue{form: isText, text: r.stringValue(n)}) {
				return true
			}
		}
		return false
	}
	return r.compareAtoms(op, a, b)
}

func (r *xrun) compareAtoms(op string, a, b xvalue) bool {
	if op == "=" || op == "!=" {
		return r.equal(a, b) == (op == "=")
	}
	x, y := r.number(a), r.number(b)
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func (r *xrun) equal(a, b xvalue) bool {
	switch {
	case a.form == isBool || b.form == isBool:
		return a.bool() == b.bool()
	case a.form == isNumber || b.form == isNumber:
		return r.number(a) == r.number(b)
	}
	return a.text == b.text
}
