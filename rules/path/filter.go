package path

// logical is a logical expression (RFC 9535, section 2.3.5).
type logical struct {
	op   logicalOp
	args []*logical // or, and: two or more; not: one

	test  []segment // exists
	abs   bool      // exists: the query begins at $
	left  operand
	right operand
	cmp   compareOp
	call  *call // a function of logical type
}

type logicalOp uint8

const (
	opOr logicalOp = iota
	opAnd
	opNot
	opExists
	opCompare
	opCall
)

type compareOp uint8

const (
	cmpEqual compareOp = iota
	cmpNotEqual
	cmpLess
	cmpLessEqual
	cmpGreater
	cmpGreaterEqual
)

// operand is a side of a comparison or an argument of a function: a literal, a query, or a call of a function
// of value type.
type operand struct {
	literal  value
	segments []segment
	call     *call
	form     operandForm
}

type operandForm uint8

const (
	formLiteral operandForm = iota
	formRelative
	formAbsolute
	formCall
)

func (p *parser) logicalOr() (*logical, error) {
	return p.chain(opOr, "||", (*parser).logicalAnd)
}

func (p *parser) logicalAnd() (*logical, error) {
	return p.chain(opAnd, "&&", (*parser).basic)
}

// chain reads next *(S sign S next).
func (p *parser) chain(op logicalOp, sign string, next func(*parser) (*logical, error)) (*logical, error) {
	first, err := next(p)
	if err != nil {
		return nil, err
	}
	args := []*logical{first}
	for {
		before := p.pos
		p.space()
		if !p.hasPrefix(sign) {
			p.pos = before
			break
		}
		p.pos += len(sign)
		p.space()
		more, err := next(p)
		if err != nil {
			return nil, err
		}
		args = append(args, more)
	}
	if len(args) == 1 {
		return first, nil
	}
	return &logical{op: op, args: args}, nil
}

// basic reads paren-expr / comparison-expr / test-expr.
func (p *parser) basic() (*logical, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	negated := p.accept('!')
	if negated {
		p.space()
	}
	inner, err := p.unnegated(negated)
	if err != nil {
		return nil, err
	}
	if negated {
		return &logical{op: opNot, args: []*logical{inner}}, nil
	}
	return inner, nil
}

func (p *parser) unnegated(negated bool) (*logical, error) {
	if p.accept('(') {
		p.space()
		inner, err := p.logicalOr()
		if err != nil {
			return nil, err
		}
		p.space()
		if !p.accept(')') {
			return nil, p.fault("expected ) or && or ||")
		}
		return inner, nil
	}
	at := p.pos
	left, spaced, err := p.operand()
	if err != nil {
		return nil, err
	}
	before := p.pos
	p.space()
	op, ok := p.compareOp()
	if !ok {
		p.pos = before
		return p.testOf(left, at)
	}
	if negated {
		return nil, p.faultAt(at, "! before a comparison needs parentheses")
	}
	if err := p.checkComparable(left, spaced, at); err != nil {
		return nil, err
	}
	p.space()
	at = p.pos
	right, spaced, err := p.operand()
	if err != nil {
		return nil, err
	}
	if err := p.checkComparable(right, spaced, at); err != nil {
		return nil, err
	}
	return &logical{op: opCompare, cmp: op, left: left, right: right}, nil
}

func (p *parser) compareOp() (compareOp, bool) {
	for _, known := range [...]struct {
		sign string
		op   compareOp
	}{{"==", cmpEqual}, {"!=", cmpNotEqual}, {"<=", cmpLessEqual}, {">=", cmpGreaterEqual}, {"<", cmpLess}, {">", cmpGreater}} {
		if p.hasPrefix(known.sign) {
			p.pos += len(known.sign)
			return known.op, true
		}
	}
	return 0, false
}

// testOf makes an existence test or a logical function of an operand that nothing is compared with.
func (p *parser) testOf(o operand, at int) (*logical, error) {
	switch {
	case o.form == formLiteral:
		return nil, p.faultAt(at, "a literal alone is no test; compare it with something")
	case o.form != formCall:
		return &logical{op: opExists, test: o.segments, abs: o.form == formAbsolute}, nil
	case o.call.fn.result != typeLogical:
		return nil, p.faultAt(at, "%s() gives a value; compare it with something", o.call.fn.name)
	}
	return &logical{op: opCall, call: o.call}, nil
}

func (p *parser) checkComparable(o operand, spaced bool, at int) error {
	switch {
	case o.form == formLiteral:
		return nil
	case o.form == formCall:
		if o.call.fn.result != typeValue {
			return p.faultAt(at, "%s() gives true or false, which cannot be compared", o.call.fn.name)
		}
		return nil
	case !singular(o.segments):
		return p.faultAt(at, "only a query of names and indices can be compared; it must give at most one node")
	case spaced:
		return p.faultAt(at, "a compared query has no white space inside its brackets")
	}
	return nil
}

// singular reports whether segments are those of a singular query (RFC 9535, section 2.3.5.1).
func singular(segments []segment) bool {
	for i := range segments {
		seg := &segments[i]
		if seg.descend || len(seg.selectors) != 1 {
			return false
		}
		if k := seg.selectors[0].kind; k != selName && k != selIndex {
			return false
		}
	}
	return true
}

// operand reads a literal, a query or a function call, and reports white space inside a query's brackets.
func (p *parser) operand() (o operand, spaced bool, err error) {
	switch c := p.peek(); {
	case c == '$' || c == '@':
		p.pos++
		if err := p.deeper(); err != nil {
			return o, false, err
		}
		o.form = formRelative
		if c == '$' {
			o.form = formAbsolute
		}
		o.segments, err = p.segments()
		p.depth--
		for i := range o.segments {
			spaced = spaced || o.segments[i].spaced
		}
		return o, spaced, err
	case c == '\'' || c == '"':
		text, err := p.str()
		o.literal = value{kind: '"', text: text}
		return o, false, err
	case c == '-' || digit(c):
		text, err := p.number()
		o.literal = value{kind: '0', text: text}
		return o, false, err
	case 'a' <= c && c <= 'z':
		return p.word()
	}
	return o, false, p.fault("expected @, $, a literal, a function or (")
}

// word reads true, false, null or a function call. A word of a function is followed by its parenthesis at once.
func (p *parser) word() (o operand, spaced bool, err error) {
	start := p.pos
	for c := p.peek(); 'a' <= c && c <= 'z' || c == '_' || digit(c); c = p.peek() {
		p.pos++
	}
	name := p.src[start:p.pos]
	if p.peek() == '(' {
		o.form = formCall
		o.call, err = p.function(name, start)
		return o, false, err
	}
	switch name {
	case "true", "false", "null":
		o.literal = value{kind: name[0]}
		return o, false, nil
	}
	return o, false, p.faultAt(start, "unknown word %q; a string needs quotes", name)
}
