package body

import (
	"bytes"
	"strings"
)

// looksForm wants a body that is nothing but names and values: percent-encoding in order, no byte that an encoder would
// have escaped. Where the Content-Type says form it is enough that nothing speaks against it.
func looksForm(src []byte, media string) bool {
	if !pairs(src) {
		return false
	}
	if media == "application/x-www-form-urlencoded" {
		return isText(src)
	}
	for i, c := range src {
		switch {
		case c == '%':
			if i+2 >= len(src) {
				return false
			}
			if _, ok := unhex(src[i+1]); !ok {
				return false
			}
			if _, ok := unhex(src[i+2]); !ok {
				return false
			}
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{}#", c) >= 0:
			return false
		}
	}
	return true
}

// pairs reports whether src begins with a plausible name and an equals sign: a Python literal does not.
func pairs(src []byte) bool {
	name, _, ok := bytes.Cut(src, []byte("="))
	if !ok || len(name) == 0 || bytes.IndexByte(name, '&') >= 0 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{}()#,/?;", c) >= 0 {
			return false
		}
	}
	return name[0] != '['
}

func looksQuery(src []byte, _ string) bool {
	return len(src) > 1 && src[0] == '?' && looksForm(src[1:], "")
}

// decodeForm makes an object of strings (WHATWG URL, section 5.1, but with the spelling of each part kept). A name
// without an equals sign has an empty value; a percent sign without two digits stands for itself.
func decodeForm(src []byte, _ string, lim Limits) (*Tree, error) {
	switch firstByte(src) {
	case '{', '[', '(', '<', '"', '\'':
		return nil, faultAt(FormData, src, 0, "begins as structured data, not as a name")
	}
	if !isText(src) {
		return nil, faultAt(FormData, src, 0, "bytes that are not text")
	}
	return decodePairs(FormData, src, 0, lim)
}

// decodeQuery is decodeForm for the query of a URI, with or without its question mark. It takes any bytes.
func decodeQuery(src []byte, _ string, lim Limits) (*Tree, error) {
	if src[0] == '?' {
		return decodePairs(Query, src, 1, lim)
	}
	return decodePairs(Query, src, 0, lim)
}

func decodePairs(form Form, src []byte, from int, lim Limits) (*Tree, error) {
	t := newTree(form, src, lim)
	if n := bytes.Count(src, []byte("&")) + 2; cap(t.nodes) < n {
		t.nodes = make([]node, 0, min(n, len(src)/2+2, lim.MaxNodes))
	}
	_, err := t.add(Object, encAssembly, none, from, len(src))
	for from < len(src) && err == nil {
		to := len(src)
		if i := bytes.IndexByte(src[from:], '&'); i >= 0 {
			to = from + i
		}
		if to > from {
			err = t.pair(from, to)
		}
		from = to + 1
	}
	if err != nil {
		t.Release()
		return nil, err
	}
	t.close(0, len(src))
	return t, nil
}

// pair adds the member that src[from:to] spells.
func (t *Tree) pair(from, to int) error {
	eq, value := to, to
	if i := bytes.IndexByte(t.src[from:to], '='); i >= 0 {
		eq = from + i
		value = eq + 1
	}
	n, err := t.add(String, encPct, 0, value, to)
	if err != nil {
		return err
	}
	d := &t.nodes[n]
	d.name, d.nameEnd, d.named = int32(from), int32(eq), nameSource
	if name := t.str[from:eq]; strings.IndexByte(name, '%') >= 0 || strings.IndexByte(name, '+') >= 0 {
		t.call(n, unescapePct(name))
	}
	return nil
}

// encodeForm writes the members that stay, joined as they were.
func encodeForm(dst []byte, t *Tree, p *Plan) []byte {
	root := &t.nodes[0]
	start := len(dst)
	dst = append(dst, t.src[:root.start]...)
	m := p.root()
	if p.Act(0) == Replace {
		return appendFormValue(dst, p.value(0), t.form)
	}
	if !p.stays(0, m) {
		return dst
	}
	m = p.below(0, m)
	written, gap, lead := false, root.start, root.end
	if root.last > 1 {
		lead = t.nodes[1].name
	}
	for c := int32(1); c < root.last; c++ {
		d := &t.nodes[c]
		if p.stays(c, m) {
			switch {
			case written && m.compact:
				dst = append(dst, '&')
			case written:
				dst = append(dst, t.src[gap:d.name]...)
			case !m.compact:
				dst = append(dst, t.src[root.start:lead]...)
			}
			written = true
			from := len(dst)
			dst = appendPair(dst, t, p, c)
			if t.form == Query && from == start && root.start == 0 && dst[from] == '?' {
				dst = append(append(dst[:from:from], "%3F"...), dst[from+1:]...) // it is of the name, not the mark of a query
			}
		}
		gap = d.end
	}
	if !m.compact && (written || root.last == 1) {
		dst = append(dst, t.src[gap:root.end]...)
	}
	return dst
}

// appendPair writes member c, its name as it was spelled.
func appendPair(dst []byte, t *Tree, p *Plan, c int32) []byte {
	d := &t.nodes[c]
	if p.Act(c) != Replace {
		return append(dst, t.src[d.name:d.end]...)
	}
	dst = append(append(dst, t.src[d.name:d.nameEnd]...), '=')
	return appendPct(dst, p.value(c).Plain(), t.form)
}

// appendFormValue writes a value in the place of a whole form: an object as its members, all else as one text.
func appendFormValue(dst []byte, v Value, form Form) []byte {
	if v.Kind != Object {
		return appendPct(dst, v.Plain(), form)
	}
	t, err := decodeJSON([]byte(v.Text), "", Limits{}.filled())
	if err != nil {
		return dst
	}
	defer t.Release()
	for c := t.First(0); c != none; c = t.Next(c) {
		if c > 1 {
			dst = append(dst, '&')
		}
		dst = append(appendPct(dst, t.Name(c), form), '=')
		dst = appendPct(dst, t.Value(c).Plain(), form)
	}
	return dst
}

// unescapePct undoes percent-encoding, and the plus sign that stands for a space in forms.
func unescapePct(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s):
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				c = high<<4 | low
				i += 2
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// appendPct escapes all but the unreserved characters (RFC 3986, section 2.3). A space becomes a plus sign in a form.
func appendPct(dst []byte, s string, form Form) []byte {
	const upperHex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		case c == ' ' && form == FormData:
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}
