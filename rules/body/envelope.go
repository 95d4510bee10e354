package body

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// envelopeItem is where one item of a Sentry envelope stands (develop.sentry.dev, SDK, Envelopes).
type envelopeItem struct {
	node, header, payload int32 // nodes
	length                int32 // node of the header's length, or -1
	from, body, to        int32 // bytes: header line, payload, one past the payload
}

// decodeEnvelope makes {header, items: [{header, payload}]}. A payload is a tree where it is JSON, a String where it is text,
// and Bytes where it is neither: an attachment, a minidump.
func decodeEnvelope(src []byte, _ string, lim Limits) (*Tree, error) {
	t := newTree(Envelope, src, lim)
	t.reserveJSON(len(src))
	if err := t.parseEnvelope(); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

func (t *Tree) parseEnvelope() error {
	root, err := t.add(Object, encAssembly, none, 0, len(t.src))
	if err != nil {
		return err
	}
	_, at, err := t.headerLine(0, root, 1)
	if err != nil {
		return err
	}
	items, err := t.add(Array, encAssembly, root, at, len(t.src))
	if err != nil {
		return err
	}
	t.fix(items, fixedItems)
	for at < len(t.src) {
		if t.src[at] == '\n' {
			at++ // the envelope may end in empty lines
			continue
		}
		if at, err = t.parseItem(at, items); err != nil {
			return err
		}
	}
	t.close(items, len(t.src))
	t.close(root, len(t.src))
	return nil
}

// headerLine reads a line that is one JSON object, and returns its node and where the next line begins.
func (t *Tree) headerLine(from int, parent int32, depth int) (n int32, next int, err error) {
	to := len(t.src)
	next = to
	if i := bytes.IndexByte(t.src[from:], '\n'); i >= 0 {
		to = from + i
		next = to + 1
	}
	n = int32(len(t.nodes))
	end, err := t.parseJSON(from, to, parent, depth)
	switch {
	case err != nil:
		return none, 0, err
	case t.nodes[n].kind != Object:
		return none, 0, t.fault(from, "header is not an object")
	case len(bytes.TrimLeft(t.src[end:to], " \t\r")) > 0:
		return none, 0, t.fault(end, "more after a header")
	}
	t.fix(n, fixedHeader)
	return n, next, nil
}

// parseItem adds the item that begins at from, and returns where the next line begins.
func (t *Tree) parseItem(from int, items int32) (next int, err error) {
	n, err := t.add(Object, encAssembly, items, from, from)
	if err != nil {
		return 0, err
	}
	header, at, err := t.headerLine(from, n, 3)
	if err != nil {
		return 0, err
	}
	length, size, err := t.itemLength(header)
	if err != nil {
		return 0, err
	}
	to := at + size
	switch {
	case length == none:
		to = len(t.src)
		if i := bytes.IndexByte(t.src[at:], '\n'); i >= 0 {
			to = at + i
		}
	case size > len(t.src)-at:
		return 0, t.fault(at, "payload is shorter than its length says")
	case to < len(t.src) && t.src[to] != '\n':
		return 0, t.fault(to, "payload is longer than its length says")
	}
	payload, err := t.parsePayload(at, to, n)
	if err != nil {
		return 0, err
	}
	t.close(n, to)
	t.items = append(t.items, envelopeItem{n, header, payload, length, int32(from), int32(at), int32(to)})
	return min(to+1, len(t.src)), nil
}

// itemLength reads the length that an item's header gives, if any.
func (t *Tree) itemLength(header int32) (n int32, size int, err error) {
	n = none
	for c := t.First(header); c != none; c = t.Next(c) {
		if t.Name(c) != "length" {
			continue
		}
		if n != none {
			return none, 0, t.fault(t.Offset(c), "a second length")
		}
		size, err = strconv.Atoi(t.Text(c))
		if t.nodes[c].kind != Number || err != nil || size < 0 {
			return none, 0, t.fault(t.Offset(c), "length is not a count of bytes")
		}
		n = c
	}
	return n, size, nil
}

// parsePayload adds the payload src[from:to].
func (t *Tree) parsePayload(from, to int, item int32) (n int32, err error) {
	n = int32(len(t.nodes))
	raw := t.src[from:to]
	if looksJSON(raw, "") && !bytes.HasPrefix(raw, []byte(bom)) {
		end, err := t.parseJSON(from, to, item, 3)
		var syntax *SyntaxError
		switch {
		case err == nil && len(bytes.TrimLeft(t.src[end:to], " \t\r\n")) == 0:
			t.fix(n, fixedPayload)
			return n, nil
		case err != nil && !errors.As(err, &syntax):
			return none, err
		}
		t.cut(int(n))
	}
	if n, err = t.add(contentKind(raw), encRaw, item, from, to); err != nil {
		return none, err
	}
	t.fix(n, fixedPayload)
	return n, nil
}

// contentKind tells text from bytes.
func contentKind(raw []byte) Kind {
	if isText(raw) {
		return String
	}
	return Bytes
}

// encodeEnvelope writes the envelope's header and the items that stay, each with the length of what is written. The length
// is not a field that a rule decides: with a wrong one the rest of the envelope could not be read.
func encodeEnvelope(dst []byte, t *Tree, p *Plan) ([]byte, error) {
	m := p.root()
	if p.Act(0) == Replace {
		return nil, fmt.Errorf("replacing a whole envelope: %w", ErrOpaque)
	}
	m = p.below(0, m)
	header, items := t.First(0), t.nodes[t.First(0)].last
	if p.stays(header, m) {
		dst = appendJSON(dst, t, p, header, m)
	} else {
		dst = append(dst, "{}"...)
	}
	if p.stays(items, m) {
		m = p.below(items, m)
		for i := range t.items {
			item := &t.items[i]
			if !p.stays(item.node, m) {
				continue
			}
			dst = append(dst, '\n')
			if p.whole(item.node, m) && !m.compact {
				dst = append(dst, t.src[item.from:item.to]...)
				continue
			}
			var err error
			if dst, err = appendItem(dst, t, p, item, p.below(item.node, m)); err != nil {
				return nil, err
			}
		}
	}
	if bytes.HasSuffix(t.src, []byte("\n")) || m.compact {
		dst = append(dst, '\n')
	}
	return dst, nil
}

// appendItem writes the header and the payload of an item in which something was decided.
func appendItem(dst []byte, t *Tree, p *Plan, item *envelopeItem, m mode) ([]byte, error) {
	if p.Act(item.node) == Replace || p.Act(item.header) == Replace {
		return nil, fmt.Errorf("replacing an envelope item or its header: %w", ErrOpaque)
	}
	payload := appendPayload(nil, t, p, item, m)
	size := strconv.Itoa(len(payload))
	switch {
	case item.length != none:
		p.with(item.length, Value{Kind: Number, Text: size}, func() { dst = appendJSON(dst, t, p, item.header, m) })
	case p.stays(item.header, m):
		dst = appendJSON(dst, t, p, item.header, m)
	default:
		dst = append(dst, "{}"...)
	}
	if item.length == none && bytes.IndexByte(payload, '\n') >= 0 {
		dst = bytes.TrimRight(dst[:len(dst)-1], " \t\r")
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, `"length":`...), size...), '}')
	}
	return append(append(dst, '\n'), payload...), nil
}

// appendPayload writes what stays of a payload.
func appendPayload(dst []byte, t *Tree, p *Plan, item *envelopeItem, m mode) []byte {
	n := item.payload
	d := &t.nodes[n]
	switch {
	case !p.stays(n, m):
		return dst
	case d.enc == encRaw && (d.kind == String || d.kind == Bytes):
		if p.Act(n) == Replace {
			return append(dst, p.value(n).Plain()...)
		}
		return append(dst, t.src[item.body:item.to]...)
	case m.compact:
		return appendJSON(dst, t, p, n, m)
	}
	dst = append(dst, t.src[item.body:d.start]...)
	dst = appendJSON(dst, t, p, n, m)
	return append(dst, t.src[d.end:item.to]...)
}
