package path

import (
	"fmt"
	"unicode/utf8"
)

// A segment applies its selectors to each node of a nodelist (RFC 9535, section 2.5).
type segment struct {
	descend   bool // ".."
	spaced    bool // white space inside the brackets: allowed, but not in a singular query
	selectors []selector
}

type selectorKind uint8

const (
	selName selectorKind = iota
	selWild
	selIndex
	selSlice
	selFilter
)

type selector struct {
	kind  selectorKind
	name  string
	index int64
	slice slice
	test  *logical
}

// slice holds [start:end:step]; hasStart and hasEnd tell what is written. A step that is not written is 1.
type slice struct {
	start, end, step int64
	hasStart, hasEnd bool
}

// parser reads a query by recursive descent; each function reads one production of RFC 9535, appendix A.
type parser struct {
	src   string
	pos   int
	depth int
}

func parseQuery(src string) ([]segment, error) {
	if len(src) > MaxLength {
		return nil, &SyntaxError{Offset: MaxLength, What: fmt.Sprintf("longer than %d bytes", MaxLength)}
	}
	if at := invalidUTF8(src); at >= 0 {
		return nil, &SyntaxError{Offset: at, What: "not UTF-8"}
	}
	p := &parser{src: src}
	if p.peek() != '$' {
		return nil, p.fault("a query begins with $")
	}
	p.pos++
	segments, err := p.segments()
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, p.fault("expected . or [ or the end")
	}
	return segments, nil
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func (p *parser) fault(format string, args ...any) error {
	return p.faultAt(p.pos, format, args...)
}

func (p *parser) faultAt(at int, format string, args ...any) error {
	return &SyntaxError{Offset: at, What: fmt.Sprintf(format, args...)}
}

// peek is the next byte, or 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) hasPrefix(s string) bool {
	return len(p.src)-p.pos >= len(s) && p.src[p.pos:p.pos+len(s)] == s
}

// space skips S and reports whether there was any.
func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return p.pos > start
		}
	}
	return p.pos > start
}

// deeper counts nesting; each call needs a p.depth--.
func (p *parser) deeper() error {
	if p.depth++; p.depth > MaxNesting {
		return p.fault("nested deeper than %d", MaxNesting)
	}
	return nil
}

// segments reads *(S segment). White space that no segment follows is left unread.
func (p *parser) segments() ([]segment, error) {
	var list []segment
	for {
		before := p.pos
		p.space()
		if c := p.peek(); c != '.' && c != '[' {
			p.pos = before
			return list, nil
		}
		seg, err := p.segment()
		if err != nil {
			return nil, err
		}
		list = append(list, seg)
	}
}

func (p *parser) segment() (segment, error) {
	var seg segment
	if p.accept('.') {
		if p.accept('.') {
			seg.descend = true
		}
		if !seg.descend || p.peek() != '[' {
			sel, err := p.shorthand()
			seg.selectors = []selector{sel}
			return seg, err
		}
	}
	return p.bracketed(seg)
}

// shorthand reads what follows a dot: a wildcard or a member name.
func (p *parser) shorthand() (selector, error) {
	if p.accept('*') {
		return selector{kind: selWild}, nil
	}
	start := p.pos
	if c := p.peek(); !nameFirst(c) {
		return selector{}, p.fault("expected a member name, * or [ after the dot; write other names as ['name']")
	}
	for p.pos < len(p.src) && (nameFirst(p.src[p.pos]) || digit(p.src[p.pos])) {
		p.pos++
	}
	return selector{kind: selName, name: p.src[start:p.pos]}, nil
}

// nameFirst is true for every byte of a character outside ASCII; the query is known to be UTF-8.
func nameFirst(c byte) bool {
	return c >= 0x80 || c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (p *parser) bracketed(seg segment) (segment, error) {
	p.pos++ // the bracket
	for {
		if p.space() {
			seg.spaced = true
		}
		sel, err := p.selector()
		if err != nil {
			return seg, err
		}
		seg.selectors = append(seg.selectors, sel)
		if p.space() {
			seg.spaced = true
		}
		if p.accept(']') {
			return seg, nil
		}
		if !p.accept(',') {
			return seg, p.fault("expected , or ]")
		}
	}
}

func (p *parser) selector() (selector, error) {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		name, err := p.str()
		return selector{kind: selName, name: name}, err
	case c == '*':
		p.pos++
		return selector{kind: selWild}, nil
	case c == '?':
		p.pos++
		p.space()
		test, err := p.logicalOr()
		return selector{kind: selFilter, test: test}, err
	case c == ':' || c == '-' || digit(c):
		return p.indexOrSlice()
	}
	return selector{}, p.fault("expected a quoted name, *, an index, a slice or ?")
}

func (p *parser) indexOrSlice() (selector, error) {
	sel := selector{kind: selIndex, slice: slice{step: 1}}
	if p.peek() != ':' {
		n, err := p.integer()
		if err != nil {
			return sel, err
		}
		sel.index, sel.slice.start, sel.slice.hasStart = n, n, true
		before := p.pos
		p.space()
		if p.peek() != ':' {
			p.pos = before
			return sel, nil
		}
	}
	sel.kind = selSlice
	p.pos++ // the colon
	err := p.sliceRest(&sel.slice)
	return sel, err
}

// sliceRest reads S [end S] [":" [S step]]. White space before what follows the slice is left unread or read alike:
// a bracketed selection allows it there.
func (p *parser) sliceRest(s *slice) (err error) {
	p.space()
	if p.startsInteger() {
		if s.end, err = p.integer(); err != nil {
			return err
		}
		s.hasEnd = true
		p.space()
	}
	if !p.accept(':') {
		return nil
	}
	p.space()
	if p.startsInteger() {
		s.step, err = p.integer()
	}
	return err
}

func (p *parser) startsInteger() bool {
	c := p.peek()
	return c == '-' || digit(c)
}

// maxInteger bounds indices and the numbers of slices (RFC 9535, section 2.1).
const maxInteger = 1<<53 - 1

// integer reads int = "0" / (["-"] DIGIT1 *DIGIT).
func (p *parser) integer() (int64, error) {
	start := p.pos
	negative := p.accept('-')
	if c := p.peek(); c == '0' && (negative || p.pos+1 < len(p.src) && digit(p.src[p.pos+1])) {
		return 0, p.faultAt(start, "an integer has no leading zero and no -0")
	}
	first := p.pos
	var n int64
	for ; digit(p.peek()); p.pos++ {
		if n = n*10 + int64(p.peek()-'0'); n > maxInteger {
			return 0, p.faultAt(start, "an integer is at most 2^53-1, either way")
		}
	}
	if p.pos == first {
		return 0, p.fault("expected a digit")
	}
	if negative {
		n = -n
	}
	return n, nil
}
