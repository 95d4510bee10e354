package body

import (
	"bytes"
	"strings"
)

// encodeXML writes the document with the elements, attributes and texts that stay. What no decision touched keeps its
// bytes. Compact, it has neither comments nor document type, and keeps the declarations of namespaces, without
// which the names of what stays would mean something else.
func encodeXML(dst []byte, t *Tree, p *Plan) ([]byte, error) {
	m := p.below(0, p.root())
	top := &t.nodes[1]
	if m.compact {
		if start := bytes.TrimPrefix(t.src, []byte(bom)); bytes.HasPrefix(start, []byte("<?xml")) {
			dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`...)
		}
	} else {
		dst = append(dst, t.src[:top.start]...)
	}
	if p.Act(0) != Replace && p.stays(1, m) {
		dst = appendElement(dst, t, p, 1, m)
	} else {
		dst = append(append(append(dst, '<'), t.src[top.name:top.nameEnd]...), "/>"...)
	}
	if !m.compact {
		dst = append(dst, t.src[top.end:]...)
	}
	return dst, nil
}

// appendElement writes element n, which stays.
func appendElement(dst []byte, t *Tree, p *Plan, n int32, m mode) []byte {
	d := &t.nodes[n]
	name := t.src[d.name:d.nameEnd]
	inner := p.below(n, m)
	if p.Act(n) == Replace {
		dst = append(append(append(dst, '<'), name...), '>')
		dst = appendEscaped(dst, p.value(n).Plain())
		return append(append(append(dst, "</"...), name...), '>')
	}
	if p.whole(n, m) && !inner.compact {
		return append(dst, t.src[d.start:d.end]...)
	}
	dst = append(append(dst, '<'), name...)
	at := d.nameEnd
	c := n + 1
	for ; c < d.last && t.nodes[c].enc == encXMLAttr; c++ {
		dst = appendAttribute(dst, t, p, c, inner, at)
		at = t.nodes[c].end + 1
	}
	openEnd := at + int32(bytes.IndexByte(t.src[at:d.end], '>')) + 1
	if t.src[openEnd-2] == '/' {
		if inner.compact {
			return append(dst, "/>"...)
		}
		return append(dst, t.src[at:openEnd]...)
	}
	closing := openEnd + int32(bytes.LastIndex(t.src[openEnd:d.end], []byte("</")))
	if inner.compact {
		dst = append(dst, '>')
		dst = appendContent(dst, t, p, n, c, inner, openEnd, closing)
		return append(append(append(dst, "</"...), name...), '>')
	}
	dst = append(dst, t.src[at:openEnd]...)
	dst = appendContent(dst, t, p, n, c, inner, openEnd, closing)
	return append(dst, t.src[closing:d.end]...)
}

// appendAttribute writes attribute c, which the source has after at.
func appendAttribute(dst []byte, t *Tree, p *Plan, c int32, m mode, at int32) []byte {
	d := &t.nodes[c]
	name := t.str[d.name:d.nameEnd]
	namespace := (name == "xmlns" || strings.HasPrefix(name, "xmlns:")) && p.Act(c) != Remove
	if !namespace && !p.stays(c, m) {
		return dst
	}
	if p.Act(c) == Replace {
		dst = append(append(append(dst, ' '), name...), `="`...)
		return append(appendEscaped(dst, p.value(c).Plain()), '"')
	}
	if m.compact {
		dst = append(append(append(dst, ' '), name...), '=')
		return append(dst, t.src[d.start-1:d.end+1]...)
	}
	return append(dst, t.src[at:d.end+1]...)
}

// appendContent writes the content of element n, whose nodes begin with c, between the offsets at and end. Kept space
// and comments stay also around what goes.
func appendContent(dst []byte, t *Tree, p *Plan, n, c int32, m mode, at, end int32) []byte {
	for last := t.nodes[n].last; c < last; c = t.nodes[c].last {
		d := &t.nodes[c]
		if !m.compact {
			dst = append(dst, t.src[at:d.start]...)
		}
		at = d.end
		switch {
		case !p.stays(c, m):
		case d.kind == Object:
			dst = appendElement(dst, t, p, c, m)
		case p.Act(c) == Replace:
			dst = appendEscaped(dst, p.value(c).Plain())
		default:
			dst = append(dst, t.src[d.start:d.end]...)
		}
	}
	if !m.compact {
		dst = append(dst, t.src[at:end]...)
	}
	return dst
}

// appendEscaped writes text so that it is the same text in content and in attributes. A character that XML cannot
// spell becomes U+FFFD.
func appendEscaped(dst []byte, text string) []byte {
	for _, r := range text {
		switch r {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t':
			dst = append(dst, "&#9;"...)
		case '\n':
			dst = append(dst, "&#10;"...)
		case '\r':
			dst = append(dst, "&#13;"...)
		default:
			if r < ' ' || r == 0xfffe || r == 0xffff {
				r = 0xfffd
			}
			dst = append(dst, string(r)...)
		}
	}
	return dst
}
