package body

import (
	"bytes"
)

// looksNDJSON wants at least two lines, the first of which begins as a document does.
func looksNDJSON(src []byte, _ string) bool {
	c := firstByte(src)
	return (c == '{' || c == '[') && bytes.IndexByte(src, '\n') >= 0
}

// decodeNDJSON makes an array of the documents, one a line. Empty lines are allowed and kept.
func decodeNDJSON(src []byte, _ string, lim Limits) (*Tree, error) {
	t := newTree(NDJSON, src, lim)
	t.reserveJSON(len(src))
	if err := t.parseLines(); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

func (t *Tree) parseLines() error {
	root, err := t.add(Array, encAssembly, none, 0, len(t.src))
	if err != nil {
		return err
	}
	from := 0
	if bytes.HasPrefix(t.src, []byte(bom)) {
		from = len(bom)
	}
	for from < len(t.src) {
		to := len(t.src)
		if i := bytes.IndexByte(t.src[from:], '\n'); i >= 0 {
			to = from + i
		}
		if len(bytes.TrimLeft(t.src[from:to], " \t\r")) > 0 {
			end, err := t.parseJSON(from, to, root, 1)
			if err != nil {
				return err
			}
			if len(bytes.TrimLeft(t.src[end:to], " \t\r")) > 0 {
				return t.fault(end, "more after the value of a line")
			}
		}
		from = to + 1
	}
	t.close(root, len(t.src))
	return nil
}

// encodeNDJSON writes a line for each document that stays.
func encodeNDJSON(dst []byte, t *Tree, p *Plan) []byte {
	if p.Act(0) == Replace {
		return appendLines(dst, p.value(0))
	}
	if !p.stays(0, p.root()) {
		return dst
	}
	m := p.below(0, p.root())
	root := &t.nodes[0]
	if m.compact {
		for c := int32(1); c < root.last; c = t.nodes[c].last {
			if p.stays(c, m) {
				dst = append(appendJSON(dst, t, p, c, m), '\n')
			}
		}
		return dst
	}
	gap, lead := int32(0), root.end
	if root.last > 1 {
		lead = t.nodes[1].start
	}
	written := false
	for c := int32(1); c < root.last; c = t.nodes[c].last {
		if p.stays(c, m) {
			if written {
				dst = append(dst, t.src[gap:t.nodes[c].start]...)
			} else {
				dst = append(dst, t.src[:lead]...)
			}
			written = true
			dst = appendJSON(dst, t, p, c, m)
		}
		gap = t.nodes[c].end
	}
	if !written && root.last > 1 {
		return dst
	}
	return append(dst, t.src[gap:]...)
}

// appendLines writes an array as lines; any other value is one line.
func appendLines(dst []byte, v Value) []byte {
	if v.Kind == Array {
		if t, err := decodeJSON([]byte(v.Text), "", Limits{}.filled()); err == nil {
			defer t.Release()
			for c := t.First(0); c != none; c = t.Next(c) {
				dst = append(appendCompact(dst, t, c), '\n')
			}
			return dst
		}
	}
	return append(v.AppendJSON(dst), '\n')
}
