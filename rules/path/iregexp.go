package path

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxPattern bounds a pattern in bytes: patterns can come from a document.
const maxPattern = 4096

// pattern is a compiled I-Regexp (RFC 9485). A nil re matches nothing.
type pattern struct{ re *regexp.Regexp }

func (p *pattern) matches(s string) bool { return p.re != nil && p.re.MatchString(s) }

// compilePattern translates an I-Regexp to Go's syntax. whole is true for match, false for search. What is no
// I-Regexp, or beyond Go's bounds on repetition, gives a pattern that matches nothing (RFC 9535, section 2.4.6).
func compilePattern(src string, whole bool) *pattern {
	if len(src) > maxPattern || !utf8.ValidString(src) {
		return &pattern{}
	}
	t := translator{src: src}
	if !t.regexp(0) || t.pos != len(src) {
		return &pattern{}
	}
	text := t.out.String()
	if whole {
		text = `\A(?:` + text + `)\z`
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return &pattern{}
	}
	return &pattern{re: re}
}

// translator checks the grammar of RFC 9485, section 3, and writes the same expression for Go.
type translator struct {
	src string
	pos int
	out strings.Builder
}

func (t *translator) peek() byte {
	if t.pos < len(t.src) {
		return t.src[t.pos]
	}
	return 0
}

// copyRune copies one character, quoted where Go would read more into it than RFC 9485 does.
func (t *translator) copyRune() {
	_, size := utf8.DecodeRuneInString(t.src[t.pos:])
	t.out.WriteString(regexp.QuoteMeta(t.src[t.pos : t.pos+size]))
	t.pos += size
}

// regexp reads branch *( "|" branch ).
func (t *translator) regexp(depth int) bool {
	if depth > MaxNesting {
		return false
	}
	for t.pos < len(t.src) && t.peek() != ')' {
		if t.peek() == '|' {
			t.out.WriteByte('|')
			t.pos++
			continue
		}
		if !t.atom(depth) || !t.quantifier() {
			return false
		}
	}
	return true
}

func (t *translator) atom(depth int) bool {
	switch t.peek() {
	case '(':
		t.pos++
		t.out.WriteString("(?:")
		if !t.regexp(depth+1) || t.peek() != ')' {
			return false
		}
		t.pos++
		t.out.WriteByte(')')
	case '.':
		t.pos++
		t.out.WriteString(`[^\n\r]`)
	case '\\':
		return t.escape()
	case '[':
		return t.class()
	case '*', '+', '?', ']', '{', '}':
		return false
	case '^', '$': // anchors, as in the mappings of RFC 9485, section 5
		t.out.WriteString("(?:")
		t.out.WriteByte(t.peek())
		t.out.WriteByte(')')
		t.pos++
	default:
		t.copyRune()
	}
	return true
}

// quantifier reads * + ? or {n}, {n,}, {n,m}, if there is one.
func (t *translator) quantifier() bool {
	switch c := t.peek(); c {
	case '*', '+', '?':
		t.out.WriteByte(c)
		t.pos++
	case '{':
		start := t.pos
		t.pos++
		if !t.digits() {
			return false
		}
		if t.peek() == ',' {
			t.pos++
			t.digits()
		}
		if t.peek() != '}' {
			return false
		}
		t.pos++
		t.out.WriteString(t.src[start:t.pos])
	}
	return true
}

func (t *translator) digits() bool {
	start := t.pos
	for digit(t.peek()) {
		t.pos++
	}
	return t.pos > start
}

// escape reads SingleCharEsc / charClassEsc; they mean the same in Go.
func (t *translator) escape() bool {
	rest := t.src[t.pos:]
	if len(rest) < 2 {
		return false
	}
	if rest[1] == 'p' || rest[1] == 'P' {
		return t.property(rest)
	}
	if !strings.ContainsRune(`()*+-.?[\]^nrt{|}`, rune(rest[1])) {
		return false
	}
	t.out.WriteString(rest[:2])
	t.pos += 2
	return true
}

// property reads \p{..} and \P{..}: general categories only.
func (t *translator) property(rest string) bool {
	end := strings.IndexByte(rest, '}')
	if end < 0 || len(rest) < 3 || rest[2] != '{' {
		return false
	}
	switch rest[3:end] {
	case "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
		"P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Z", "Zl", "Zp", "Zs", "S", "Sc", "Sk", "Sm", "So",
		"C", "Cc", "Cf", "Cn", "Co":
		t.out.WriteString(rest[:end+1])
		t.pos += end + 1
		return true
	}
	return false
}

// class reads charClassExpr: "[" [ "^" ] ( "-" / CCE1 ) *CCE1 [ "-" ] "]".
func (t *translator) class() bool {
	t.pos++
	t.out.WriteByte('[')
	if t.peek() == '^' {
		t.out.WriteByte('^')
		t.pos++
	}
	first := true
	for t.pos < len(t.src) {
		switch c := t.peek(); {
		case c == ']':
			t.pos++
			t.out.WriteByte(']')
			return !first
		case c == '-':
			last := t.pos+1 < len(t.src) && t.src[t.pos+1] == ']'
			if !first && !last {
				return false
			}
			t.out.WriteString(`\-`)
			t.pos++
		case c == '\\' && t.pos+1 < len(t.src) && (t.src[t.pos+1] == 'p' || t.src[t.pos+1] == 'P'):
			if !t.escape() {
				return false
			}
		default:
			if !t.classRange() {
				return false
			}
		}
		first = false
	}
	return false
}

// classRange reads CCchar [ "-" CCchar ].
func (t *translator) classRange() bool {
	if !t.classChar() {
		return false
	}
	if t.peek() != '-' || t.pos+1 < len(t.src) && t.src[t.pos+1] == ']' {
		return true
	}
	t.pos++
	t.out.WriteByte('-')
	return t.classChar()
}

func (t *translator) classChar() bool {
	switch t.peek() {
	case '\\':
		if t.pos+1 < len(t.src) && (t.src[t.pos+1] == 'p' || t.src[t.pos+1] == 'P') {
			return false
		}
		return t.escape()
	case '[', ']', '-':
		return false
	}
	if t.pos >= len(t.src) {
		return false
	}
	t.copyRune()
	return true
}
