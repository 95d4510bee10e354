package body

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The wire types (protobuf.dev, Encoding, Message Structure).
const (
	wireVarint = 0
	wireI64    = 1
	wireLen    = 2
	wireGroup  = 3
	wireEnd    = 4
	wireI32    = 5
)

// errNotMessage says that bytes are no message. Within a message they then are just bytes.
var errNotMessage = errors.New("no message")

// decodeProtobuf makes an object of fields by number, in wire order, without a schema. Numbers are unsigned as on the
// wire; As reads them otherwise. A length-delimited field is Bytes, and has children where its bytes are also a message:
// what it really is, only a schema knows. A group is an object.
func decodeProtobuf(src []byte, _ string, lim Limits) (*Tree, error) {
	t := newTree(Protobuf, src, lim)
	root, err := t.add(Object, encAssembly, none, 0, len(src))
	if err == nil {
		var end int
		if end, err = t.parseMessage(0, len(src), root, 1, 0); errors.Is(err, errNotMessage) {
			err = t.fault(end, "no field")
		}
	}
	if err != nil {
		t.Release()
		return nil, err
	}
	t.close(root, len(src))
	return t, nil
}

// parseMessage adds the fields of src[from:to] below parent. In a group it ends with the end tag of that number; where
// the error is errNotMessage, end is where the fault is.
func (t *Tree) parseMessage(from, to int, parent int32, depth, group int) (end int, err error) {
	for at := from; at < to; {
		tag, n := binary.Uvarint(t.src[at:to])
		number := tag >> 3
		if n <= 0 || number == 0 || number > 1<<29-1 {
			return at, errNotMessage
		}
		if tag&7 == wireEnd {
			if int(number) != group {
				return at, errNotMessage
			}
			return at + n, nil
		}
		if at, err = t.parseWire(at, at+n, to, parent, depth, tag); err != nil {
			return at, err
		}
	}
	if group != 0 {
		return to, errNotMessage
	}
	return to, nil
}

// parseWire adds the field whose tag is src[at:value], and returns where it ends.
func (t *Tree) parseWire(at, value, to int, parent int32, depth int, tag uint64) (end int, err error) {
	kind, enc := Number, encVarint
	start := value
	switch tag & 7 {
	case wireVarint:
		_, n := binary.Uvarint(t.src[value:to])
		if n <= 0 {
			return at, errNotMessage
		}
		end = value + n
	case wireI64:
		end, enc = value+8, encFixed64
	case wireI32:
		end, enc = value+4, encFixed32
	case wireLen:
		size, n := binary.Uvarint(t.src[value:to])
		if n <= 0 || size > uint64(to-value-n) {
			return at, errNotMessage
		}
		kind, enc = Bytes, encRaw
		start = value + n
		end = start + int(size)
	case wireGroup:
		kind, enc = Object, encAssembly
		end = value
	default:
		return at, errNotMessage
	}
	if end > to {
		return at, errNotMessage
	}
	n, err := t.add(kind, enc, parent, start, end)
	if err != nil {
		return at, err
	}
	d := &t.nodes[n]
	d.named, d.name, d.nameEnd = nameNumber, int32(tag>>3), int32(at)
	switch kind {
	case Object:
		if depth >= t.lim.MaxDepth {
			return at, fmt.Errorf("byte %d: over %d levels: %w", at, t.lim.MaxDepth, ErrDepth)
		}
		if end, err = t.parseMessage(value, to, n, depth+1, int(tag>>3)); err != nil {
			return end, err
		}
		t.close(n, end)
	case Bytes:
		err = t.parseInner(n, depth)
	}
	return end, err
}

// parseInner adds the fields of the length-delimited field n, if its bytes are a message. Below the limit of depth they
// are bytes.
func (t *Tree) parseInner(n int32, depth int) error {
	start, end := int(t.nodes[n].start), int(t.nodes[n].end)
	if start == end || depth >= t.lim.MaxDepth {
		return nil
	}
	before := len(t.nodes)
	_, err := t.parseMessage(start, end, n, depth+1, 0)
	if errors.Is(err, errNotMessage) || errors.Is(err, ErrDepth) {
		t.cut(before)
		return nil
	}
	if err != nil {
		return err
	}
	t.close(n, end)
	return nil
}

// wireNumber reads a number as it stands on the wire, unsigned.
func wireNumber(raw string, enc encoding) uint64 {
	switch enc {
	case encFixed64:
		return binary.LittleEndian.Uint64([]byte(raw))
	case encFixed32:
		return uint64(binary.LittleEndian.Uint32([]byte(raw)))
	}
	u, _ := binary.Uvarint([]byte(raw))
	return u
}

// encodeProtobuf writes the fields that stay, the lengths of those around them recomputed. A field that nothing
// touched keeps its bytes, also where its spelling is longer than it need be.
func encodeProtobuf(dst []byte, t *Tree, p *Plan) ([]byte, error) {
	m := p.root()
	if p.Act(0) == Replace {
		return append(dst, p.value(0).Plain()...), nil
	}
	if !p.stays(0, m) {
		return dst, nil
	}
	return appendFields(dst, t, p, 0, p.below(0, m))
}

// appendFields writes the fields of message n that stay.
func appendFields(dst []byte, t *Tree, p *Plan, n int32, m mode) ([]byte, error) {
	var err error
	for c := n + 1; c < t.nodes[n].last; c = t.nodes[c].last {
		if !p.stays(c, m) {
			continue
		}
		if dst, err = appendField(dst, t, p, c, m); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func appendField(dst []byte, t *Tree, p *Plan, n int32, m mode) ([]byte, error) {
	d := &t.nodes[n]
	switch {
	case p.Act(n) == Replace:
		return appendWire(dst, t, n, p.value(n))
	case p.whole(n, m):
		return append(dst, t.src[d.nameEnd:d.end]...), nil
	}
	inner := p.below(n, m)
	dst = binary.AppendUvarint(dst, tagOf(d))
	from := len(dst)
	dst, err := appendFields(dst, t, p, n, inner)
	if err != nil {
		return nil, err
	}
	if d.kind == Object {
		return binary.AppendUvarint(dst, uint64(d.name)<<3|wireEnd), nil
	}
	var prefix [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(prefix[:], uint64(len(dst)-from))
	dst = append(dst, prefix[:size]...)
	copy(dst[from+size:], dst[from:len(dst)-size])
	copy(dst[from:], prefix[:size])
	return dst, nil
}

// tagOf is the tag of a field.
func tagOf(d *node) uint64 {
	wire := uint64(wireVarint)
	switch {
	case d.kind == Object:
		wire = wireGroup
	case d.kind == Bytes:
		wire = wireLen
	case d.enc == encFixed64:
		wire = wireI64
	case d.enc == encFixed32:
		wire = wireI32
	}
	return uint64(d.name)<<3 | wire
}
