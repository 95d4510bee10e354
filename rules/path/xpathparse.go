package path

import (
	"slices"
	"strconv"
	"strings"
)

func parseXPath(src string) ([]xpath, error) {
	if len(src) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, What: "longer than " + strconv.Itoa(MaxLength) + " bytes"}
	}
	if at := invalidUTF8(src); at >= 0 {
		return nil, &SyntaxError{Offset: at, What: "not UTF-8"}
	}
	p := &parser{src: src}
	p.space()
	paths, err := p.xunion()
	if err != nil {
		return nil, err
	}
	if p.pos < len(src) {
		return nil, p.fault("expected /, [, | or the end")
	}
	return paths, nil
}

// xunion reads location paths with | between them, and white space after them.
func (p *parser) xunion() ([]xpath, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var paths []xpath
	for {
		one, err := p.xpath()
		if err != nil {
			return nil, err
		}
		paths = append(paths, one)
		p.space()
		if !p.accept('|') {
			return paths, nil
		}
		p.space()
	}
}

func (p *parser) xpath() (x xpath, err error) {
	deep := false
	if p.accept('/') {
		x.absolute = true
		if deep = p.accept('/'); !deep && !p.startsStep() {
			return x, nil // "/" alone: the document
		}
	}
	for {
		p.space()
		step, err := p.xstep(deep)
		if err != nil {
			return x, err
		}
		x.steps = append(x.steps, step)
		p.space()
		if !p.accept('/') {
			return x, nil
		}
		deep = p.accept('/')
	}
}

func (p *parser) startsStep() bool {
	before := p.pos
	p.space()
	c := p.peek()
	p.pos = before
	return c == '@' || c == '*' || c == '.' || nameFirst(c)
}

func (p *parser) xstep(deep bool) (xstep, error) {
	step := xstep{deep: deep}
	at := p.pos
	switch {
	case p.hasPrefix(".."):
		return step, p.fault("there is no way up; begin higher and use a predicate")
	case p.accept('.'):
		step.test = testSelf
		return step, p.xpredicates(&step)
	case p.accept('@'):
		p.space()
		step.test = testAttribute
	}
	if p.accept('*') {
		step.test++ // testElement, testAttrAny
		return step, p.xpredicates(&step)
	}
	step.name = p.xname()
	switch {
	case step.name == "":
		return step, p.fault("expected a name, *, @, text() or .")
	case p.hasPrefix("::"):
		return step, p.faultAt(at, "axes are written short here: name, @name, //name")
	case strings.HasSuffix(step.name, ":"):
		if !p.accept('*') {
			return step, p.fault("expected a name or * after the prefix")
		}
		step.anyLocal = true
	case step.test == testName && p.peek() == '(':
		if err := p.nodeTest(&step, at); err != nil {
			return step, err
		}
	}
	return step, p.xpredicates(&step)
}

func (p *parser) nodeTest(step *xstep, at int) error {
	switch step.name {
	case "text":
		step.test = testText
	case "node":
		step.test = testNode
	default:
		return p.faultAt(at, "%s() selects nothing here; there are text() and node()", step.name)
	}
	p.pos++
	p.space()
	if !p.accept(')') {
		return p.fault("expected )")
	}
	step.name = ""
	return nil
}

// xname reads a name, or a prefix with its colon; "" where there is none.
func (p *parser) xname() string {
	start := p.pos
	if !nameFirst(p.peek()) {
		return ""
	}
	for c := p.peek(); nameFirst(c) || digit(c) || c == '-' || c == '.'; c = p.peek() {
		p.pos++
	}
	if p.peek() != ':' || p.hasPrefix("::") {
		return p.src[start:p.pos]
	}
	p.pos++
	for c := p.peek(); nameFirst(c) || digit(c) || c == '-' || c == '.'; c = p.peek() {
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *parser) xpredicates(step *xstep) error {
	for {
		before := p.pos
		p.space()
		if !p.accept('[') {
			p.pos = before
			return nil
		}
		p.space()
		e, err := p.xor()
		if err != nil {
			return err
		}
		if !p.accept(']') {
			return p.fault("expected ], and, or, or a comparison")
		}
		step.predicates = append(step.predicates, e)
	}
}

func (p *parser) xor() (*xexpr, error)  { return p.xchain("or", (*parser).xand) }
func (p *parser) xand() (*xexpr, error) { return p.xchain("and", (*parser).xequality) }

func (p *parser) xchain(word string, next func(*parser) (*xexpr, error)) (*xexpr, error) {
	first, err := next(p)
	if err != nil {
		return nil, err
	}
	args := []*xexpr{first}
	for p.hasPrefix(word) && !p.nameGoesOn(len(word)) {
		p.pos += len(word)
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
	return &xexpr{op: word, args: args}, nil
}

func (p *parser) nameGoesOn(n int) bool {
	if p.pos+n >= len(p.src) {
		return false
	}
	c := p.src[p.pos+n]
	return nameFirst(c) || digit(c) || c == '-' || c == '.' || c == ':'
}

// xequality reads comparisons, which XPath lets follow one another, = and != binding less than the others.
func (p *parser) xequality() (*xexpr, error) {
	return p.xcompare([]string{"!=", "="}, func(p *parser) (*xexpr, error) {
		return p.xcompare([]string{"<=", "<", ">=", ">"}, (*parser).xprimary)
	})
}

func (p *parser) xcompare(ops []string, next func(*parser) (*xexpr, error)) (*xexpr, error) {
	left, err := next(p)
	for err == nil {
		i := slices.IndexFunc(ops, p.hasPrefix)
		if i < 0 {
			return left, nil
		}
		p.pos += len(ops[i])
		p.space()
		var right *xexpr
		if right, err = next(p); err == nil {
			left = &xexpr{op: ops[i], args: []*xexpr{left, right}}
		}
	}
	return nil, err
}

// xprimary reads a literal, a number, a call, parentheses or a path, and the white space after it.
func (p *parser) xprimary() (e *xexpr, err error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	defer p.space()
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		end := strings.IndexByte(p.src[p.pos+1:], c)
		if end < 0 {
			return nil, p.fault("the string does not end")
		}
		text := p.src[p.pos+1 : p.pos+1+end]
		p.pos += end + 2
		return &xexpr{op: "text", text: text}, nil
	case digit(c) || c == '-' || c == '.' && p.pos+1 < len(p.src) && digit(p.src[p.pos+1]):
		return p.xnumber()
	case c == '(':
		p.pos++
		p.space()
		if e, err = p.xor(); err == nil && !p.accept(')') {
			err = p.fault("expected )")
		}
		return e, err
	}
	start := p.pos
	if name := p.xname(); name != "" && name != "text" && name != "node" && p.peek() == '(' {
		return p.xcall(name, start)
	}
	p.pos = start
	paths, err := p.xunion()
	return &xexpr{op: "path", path: paths}, err
}

func (p *parser) xnumber() (*xexpr, error) {
	start := p.pos
	p.accept('-')
	whole := p.digits()
	if p.accept('.') && !p.digits() && !whole || p.pos == start || p.src[start:p.pos] == "-" {
		return nil, p.fault("expected a digit")
	}
	n, err := strconv.ParseFloat(p.src[start:p.pos], 64)
	if err != nil {
		return nil, p.faultAt(start, "not a number")
	}
	return &xexpr{op: "number", num: n}, nil
}

// xcall reads the arguments of a function.
func (p *parser) xcall(name string, start int) (*xexpr, error) {
	counts := map[string][2]int{
		"position": {0, 0}, "last": {0, 0}, "true": {0, 0}, "false": {0, 0}, "not": {1, 1}, "count": {1, 1},
		"contains": {2, 2}, "starts-with": {2, 2}, "string-length": {0, 1}, "normalize-space": {0, 1}, "name": {0, 1},
	}
	want, ok := counts[name]
	if !ok {
		return nil, p.faultAt(start, "unknown function %q", name)
	}
	p.pos++
	p.space()
	e := &xexpr{op: name}
	for p.peek() != ')' {
		if len(e.args) > 0 {
			if !p.accept(',') {
				return nil, p.fault("expected , or )")
			}
			p.space()
		}
		arg, err := p.xor()
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, arg)
	}
	p.pos++
	if len(e.args) < want[0] || len(e.args) > want[1] {
		return nil, p.faultAt(start, "%s() takes %d to %d arguments", name, want[0], want[1])
	}
	if (name == "count" || name == "name" && len(e.args) == 1) && e.args[0].op != "path" {
		return nil, p.faultAt(start, "%s() takes a path", name)
	}
	return e, nil
}
