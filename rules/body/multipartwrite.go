package body

import (
	"fmt"
	"strings"
)

// encodeMultipart writes the parts that stay. A part in which nothing was decided keeps its bytes. The error matches ErrOpaque
// where a value that was put in would end its part early.
func encodeMultipart(dst []byte, t *Tree, p *Plan) ([]byte, error) {
	if p.Act(0) == Replace {
		return nil, fmt.Errorf("replacing a whole multipart body: %w", ErrOpaque)
	}
	m := p.below(0, p.root())
	mark := "--" + t.mime.boundary
	for i := range t.mime.parts {
		part := &t.mime.parts[i]
		if !p.stays(part.node, m) {
			continue
		}
		if p.Act(part.node) == Replace {
			return nil, fmt.Errorf("replacing a whole part: %w", ErrOpaque)
		}
		dst = append(append(dst, mark...), t.mime.eol...)
		if body := t.nodes[part.node].last - 1; p.Act(body) == Replace && strings.Contains(p.value(body).Plain(), mark) {
			return nil, fmt.Errorf("part holds the boundary: %w", ErrOpaque)
		}
		switch inner := p.below(part.node, m); {
		case p.whole(part.node, m) && !m.compact:
			dst = append(dst, t.src[part.from:part.to]...)
		case inner.compact:
			dst = appendPartAnew(dst, t, p, part, inner)
		default:
			dst = appendPartEdited(dst, t, p, part, inner)
		}
		dst = append(dst, t.mime.eol...)
	}
	return append(append(append(dst, mark...), "--"...), t.mime.eol...), nil
}

// appendPartAnew writes a part of nothing but the members that stay.
func appendPartAnew(dst []byte, t *Tree, p *Plan, part *mimePart, m mode) []byte {
	body := t.nodes[part.node].last - 1
	disposed := false
	for i := range part.fields {
		if f := &part.fields[i]; f.kind == fixedName || f.kind == fixedFilename {
			if !disposed {
				dst = append(dst, "Content-Disposition: form-data"...)
				disposed = true
			}
			if p.stays(f.node, m) {
				dst = appendParameter(dst, t, p, f)
			}
		}
	}
	if disposed {
		dst = append(dst, t.mime.eol...)
	}
	for i := range part.fields {
		switch f := &part.fields[i]; {
		case f.kind == fixedType && p.stays(f.node, m):
			dst = appendType(dst, t, p, f.node)
		case f.kind == fixedBody && p.stays(body, m) && p.Act(body) != Replace:
			dst = append(dst, t.src[f.from:f.to]...)
		}
	}
	return appendPartBody(append(dst, t.mime.eol...), t, p, body, m)
}

// appendPartEdited writes a part with its header as it was but for the members that go or change.
func appendPartEdited(dst []byte, t *Tree, p *Plan, part *mimePart, m mode) []byte {
	at := part.from
	for i := range part.fields {
		f := &part.fields[i]
		if f.kind == fixedBody {
			continue
		}
		stays := p.stays(f.node, m)
		if stays && p.Act(f.node) != Replace {
			continue
		}
		dst = append(dst, t.src[at:f.from]...)
		at = f.to
		switch {
		case !stays:
		case f.kind == fixedType:
			dst = appendType(dst, t, p, f.node)
		default:
			dst = appendParameter(dst, t, p, f)
		}
	}
	dst = append(dst, t.src[at:part.body]...)
	if part.bare {
		dst = append(dst, t.mime.eol...)
	}
	return appendPartBody(dst, t, p, t.nodes[part.node].last-1, m)
}

func appendPartBody(dst []byte, t *Tree, p *Plan, body int32, m mode) []byte {
	if !p.stays(body, m) {
		return dst
	}
	return append(dst, partText(t, p, body)...)
}

// partText is the text of a member as it leaves.
func partText(t *Tree, p *Plan, n int32) string {
	if p.Act(n) == Replace {
		return p.value(n).Plain()
	}
	return t.Text(n)
}

// appendParameter writes a parameter: as it was, or its new value as a quoted string.
func appendParameter(dst []byte, t *Tree, p *Plan, f *mimeField) []byte {
	if p.Act(f.node) != Replace {
		return append(dst, t.src[f.from:f.to]...)
	}
	// WHATWG HTML, multipart/form-data encoding algorithm: these three are escaped, and nothing else.
	escape := strings.NewReplacer("\n", "%0A", "\r", "%0D", `"`, "%22")
	dst = append(append(dst, "; "...), fixedNames[f.kind]...)
	return append(append(append(dst, `="`...), escape.Replace(p.value(f.node).Plain())...), '"')
}

// appendType writes the Content-Type of a part. A value that was put in begins no new line.
func appendType(dst []byte, t *Tree, p *Plan, n int32) []byte {
	text := t.Text(n)
	if p.Act(n) == Replace {
		text = strings.NewReplacer("\r", " ", "\n", " ").Replace(p.value(n).Plain())
	}
	return append(append(append(dst, "Content-Type: "...), text...), t.mime.eol...)
}
