package path

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string literal (RFC 9535, section 2.3.1.1): single or double quotes, escapes as in JSON, and the
// quote itself escaped only in its own kind of string.
func (p *parser) str() (string, error) {
	quote := p.src[p.pos]
	p.pos++
	start := p.pos
	for p.pos < len(p.src) { // most literals have no escape
		switch c := p.src[p.pos]; {
		case c == quote:
			p.pos++
			return p.src[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start, quote)
		case c < 0x20:
			return "", p.fault("control characters in a string are written as \\u escapes")
		}
		p.pos++
	}
	return "", p.faultAt(start-1, "the string does not end")
}

func (p *parser) escaped(start int, quote byte) (string, error) {
	var b strings.Builder
	b.WriteString(p.src[start:p.pos])
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == quote:
			p.pos++
			return b.String(), nil
		case c < 0x20:
			return "", p.fault("control characters in a string are written as \\u escapes")
		case c != '\\':
			b.WriteByte(c)
			p.pos++
		default:
			r, err := p.escape(quote)
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		}
	}
	return "", p.faultAt(start-1, "the string does not end")
}

// escape reads one escape, beginning at its backslash.
func (p *parser) escape(quote byte) (rune, error) {
	at := p.pos
	p.pos++
	c := p.peek()
	p.pos++
	switch c {
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case '/', '\\', quote:
		return rune(c), nil
	case 'u':
		return p.unicode(at)
	}
	return 0, p.faultAt(at, "unknown escape")
}

// unicode reads the digits after \u, and the second half of a surrogate pair.
func (p *parser) unicode(at int) (rune, error) {
	r, ok := p.hex4()
	if !ok {
		return 0, p.faultAt(at, "\\u needs four hexadecimal digits")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if p.hasPrefix(`\u`) {
		p.pos += 2
		low, ok := p.hex4()
		if full := utf16.DecodeRune(r, low); ok && full != utf8.RuneError {
			return full, nil
		}
	}
	return 0, p.faultAt(at, "half of a surrogate pair stands alone")
}

func (p *parser) hex4() (rune, bool) {
	if len(p.src)-p.pos < 4 {
		return 0, false
	}
	var r rune
	for range 4 {
		c := p.src[p.pos]
		switch {
		case digit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
		p.pos++
	}
	return r, true
}

// number reads (int / "-0") [frac] [exp]. The integer part has no bound here: numbers compare as decimals.
func (p *parser) number() (string, error) {
	start := p.pos
	p.accept('-')
	if p.accept('0') {
		if digit(p.peek()) {
			return "", p.faultAt(start, "a number has no leading zero")
		}
	} else if !p.digits() {
		return "", p.fault("expected a digit")
	}
	if p.accept('.') && !p.digits() {
		return "", p.fault("expected a digit after the point")
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if !p.accept('-') {
			p.accept('+')
		}
		if !p.digits() {
			return "", p.fault("expected a digit in the exponent")
		}
	}
	return p.src[start:p.pos], nil
}

// digits reads 1*DIGIT.
func (p *parser) digits() bool {
	start := p.pos
	for digit(p.peek()) {
		p.pos++
	}
	return p.pos > start
}
