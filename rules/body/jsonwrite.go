package body

import "encoding/base64"

// encodeJSON writes a JSON tree: the whole text, white space around the root included where it is kept.
func encodeJSON(dst []byte, t *Tree, p *Plan) []byte {
	m := p.root()
	root := &t.nodes[0]
	if !m.compact {
		dst = append(dst, t.src[:root.start]...)
	}
	dst = appendRoot(dst, t, p, 0, m)
	if !m.compact {
		dst = append(dst, t.src[root.end:]...)
	}
	return dst
}

// appendRoot writes a JSON value that must be there: what is not let through leaves {}, [] or null.
func appendRoot(dst []byte, t *Tree, p *Plan, n int32, m mode) []byte {
	if p.stays(n, m) {
		return appendJSON(dst, t, p, n, m)
	}
	switch t.nodes[n].kind {
	case Object:
		return append(dst, "{}"...)
	case Array:
		return append(dst, "[]"...)
	}
	return append(dst, "null"...)
}

// appendJSON writes the JSON node n, which stays.
func appendJSON(dst []byte, t *Tree, p *Plan, n int32, m mode) []byte {
	d := &t.nodes[n]
	if p.Act(n) == Replace {
		return p.value(n).AppendJSON(dst)
	}
	if d.kind != Object && d.kind != Array {
		return append(dst, t.src[d.start:d.end]...)
	}
	if p.whole(n, m) {
		if !p.below(n, m).compact || !t.loose {
			return append(dst, t.src[d.start:d.end]...)
		}
		return appendCompact(dst, t, n)
	}
	return appendMembers(dst, t, p, n, p.below(n, m))
}

// appendMembers writes the container n with those children that stay. Where white space is kept, a child that stays
// keeps what stood before it, and the first one what stood before the first.
func appendMembers(dst []byte, t *Tree, p *Plan, n int32, m mode) []byte {
	d := &t.nodes[n]
	dst = append(dst, d.kind)
	written := false
	gap := d.start + 1 // where the space before the next child begins
	lead, leadEnd := gap, d.end-1
	if d.last > n+1 {
		leadEnd = t.memberStart(n + 1)
	}
	for c := n + 1; c < d.last; c = t.nodes[c].last {
		start := t.memberStart(c)
		if p.stays(c, m) {
			switch {
			case m.compact && written:
				dst = append(dst, ',')
			case m.compact:
			case written:
				dst = append(dst, t.src[gap:start]...)
			default:
				dst = append(dst, t.src[lead:leadEnd]...)
			}
			written = true
			dst = t.appendName(dst, c, m)
			dst = appendJSON(dst, t, p, c, m)
		}
		gap = t.nodes[c].end
	}
	if !m.compact {
		if !written && d.last > n+1 {
			gap = d.end - 1 // all are gone, and the space between them with them
		}
		dst = append(dst, t.src[gap:d.end-1]...)
	}
	return append(dst, d.kind+2) // '{' and '}', '[' and ']' are two apart
}

// memberStart is where the child n begins: at its name, or at its value.
func (t *Tree) memberStart(n int32) int32 {
	d := &t.nodes[n]
	if d.named == nameNone {
		return d.start
	}
	return d.name - 1
}

// appendName writes the name of member n as it was spelled, and the colon.
func (t *Tree) appendName(dst []byte, n int32, m mode) []byte {
	d := &t.nodes[n]
	switch {
	case d.named == nameNone:
		return dst
	case m.compact:
		return append(append(dst, t.src[d.name-1:d.nameEnd+1]...), ':')
	}
	return append(dst, t.src[d.name-1:d.start]...)
}

// appendCompact writes all of the JSON node n without white space between tokens.
func appendCompact(dst []byte, t *Tree, n int32) []byte {
	d := &t.nodes[n]
	if d.kind != Object && d.kind != Array {
		return append(dst, t.src[d.start:d.end]...)
	}
	dst = append(dst, d.kind)
	for c := n + 1; c < d.last; c = t.nodes[c].last {
		if c > n+1 {
			dst = append(dst, ',')
		}
		dst = t.appendName(dst, c, mode{compact: true})
		dst = appendCompact(dst, t, c)
	}
	return append(dst, d.kind+2)
}

// appendValueJSON writes node n of a tree of any form as compact JSON. Bytes become a string of base64.
func appendValueJSON(dst []byte, t *Tree, n int32) []byte {
	d := &t.nodes[n]
	if d.enc == encJSON || d.enc == encJSONEsc {
		return append(dst, t.src[d.start:d.end]...)
	}
	if d.kind != Object && d.kind != Array {
		return Value{Kind: d.kind, Text: t.Text(n)}.AppendJSON(dst)
	}
	dst = append(dst, d.kind)
	for c := n + 1; c < d.last; c = t.nodes[c].last {
		if c > n+1 {
			dst = append(dst, ',')
		}
		if d.kind == Object {
			dst = append(AppendJSONString(dst, t.Name(c)), ':')
		}
		dst = appendValueJSON(dst, t, c)
	}
	return append(dst, d.kind+2)
}

// AppendJSON appends v as JSON. Bytes become a string of base64.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind {
	case String:
		return AppendJSONString(dst, v.Text)
	case Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.Text))
		return append(dst, '"')
	case True:
		return append(dst, "true"...)
	case False:
		return append(dst, "false"...)
	case Number, Object, Array:
		return append(dst, v.Text...)
	}
	return append(dst, "null"...)
}

// Plain is v as text without quotes, as forms, XML and multipart write it: a string as it is, all else as JSON.
func (v Value) Plain() string {
	switch v.Kind {
	case String, Bytes, Number:
		return v.Text
	}
	return string(v.AppendJSON(nil))
}
