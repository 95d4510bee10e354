package body

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// bom is the byte order mark of UTF-8. RFC 8259 section 8.1 lets a reader ignore it; keeping white space keeps it.
const bom = "\xef\xbb\xbf"

// jsonReader is the decoder with its memory.
type jsonReader struct {
	dec *jsontext.Decoder
	buf bytes.Buffer
}

// reset points the decoder at src. It reads src in place, and never writes to it.
func (r *jsonReader) reset(src []byte) *jsontext.Decoder {
	r.buf = *bytes.NewBuffer(src)
	if r.dec == nil {
		r.dec = jsontext.NewDecoder(&r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		return r.dec
	}
	r.dec.Reset(&r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return r.dec
}

// decodeJSON decodes one JSON text (RFC 8259) with white space around it.
func decodeJSON(src []byte, _ string, lim Limits) (*Tree, error) {
	t := newTree(JSON, src, lim)
	t.reserveJSON(len(src))
	from := 0
	if bytes.HasPrefix(src, []byte(bom)) {
		from = len(bom)
	}
	end, err := t.parseJSON(from, len(src), none, 0)
	if rest := bytes.TrimLeft(src[end:], " \t\r\n"); err == nil && len(rest) > 0 {
		err = t.fault(len(src)-len(rest), "more after the value")
	}
	if err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// reserveJSON makes room for the nodes that size bytes of usual JSON have, so that the tape grows at most once or twice.
func (t *Tree) reserveJSON(size int) {
	n := bytes.Count(t.src, comma) + bytes.Count(t.src, brace) + bytes.Count(t.src, bracket) + 1
	n = min(n, size/6+16, t.lim.MaxNodes)
	if cap(t.nodes) < n {
		t.nodes = make([]node, 0, n)
	}
}

var comma, brace, bracket = []byte(","), []byte("{"), []byte("[")

// parseJSON appends the value that src[from:to] begins with, below parent, and returns where it ends.
// depth is how many containers it already stands in.
func (t *Tree) parseJSON(from, to int, parent int32, depth int) (end int, err error) {
	dec := t.reader.reset(t.src[from:to])
	var (
		at      = parent // the container we are in
		base    = depth
		name    jsontext.Value // the member name waiting for its value
		nameEnd int
		tight   int // bytes of tokens and separators
		first   int // where the value begins
	)
	for {
		kind := dec.PeekKind()
		opened := depth > base
		switch kind {
		case jsontext.KindEndObject, jsontext.KindEndArray:
			if _, err := dec.ReadToken(); err != nil {
				return 0, t.jsonFault(from, to, err)
			}
			end = from + int(dec.InputOffset())
			t.close(at, end)
			at = t.nodes[at].parent
			tight++
			depth--
			if depth == base {
				t.loose = t.loose || tight != end-first
				return end, nil
			}
			continue
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			if _, err := dec.ReadToken(); err != nil {
				return 0, t.jsonFault(from, to, err)
			}
			end = from + int(dec.InputOffset())
			if depth++; depth > t.lim.MaxDepth {
				return 0, fmt.Errorf("byte %d: over %d levels: %w", end-1, t.lim.MaxDepth, ErrDepth)
			}
			if opened && (name != nil || int(at) < len(t.nodes)-1) {
				tight++
			}
			n, err := t.add(Kind(kind), encRaw, at, end-1, end)
			if err != nil {
				return 0, err
			}
			if name != nil {
				t.member(n, name, nameEnd)
				name = nil
			}
			if !opened {
				first = end - 1
			}
			at = n
			tight++
			continue
		}
		val, err := dec.ReadValue()
		if err != nil {
			return 0, t.jsonFault(from, to, err)
		}
		end = from + int(dec.InputOffset())
		if !opened {
			_, err := t.add(Kind(kind), scalarEncoding(val), at, end-len(val), end)
			return end, err
		}
		tight += len(val)
		if name != nil || int(at) < len(t.nodes)-1 {
			tight++
		}
		if name == nil && t.nodes[at].kind == Object {
			name, nameEnd = val, end
			continue
		}
		n, err := t.add(Kind(kind), scalarEncoding(val), at, end-len(val), end)
		if err != nil {
			return 0, err
		}
		if name != nil {
			t.member(n, name, nameEnd)
			name = nil
		}
	}
}

// member names node n by the quoted name that ends at end.
func (t *Tree) member(n int32, name jsontext.Value, end int) {
	d := &t.nodes[n]
	d.name, d.nameEnd, d.named = int32(end-len(name)+1), int32(end-1), nameSource
	if bytes.IndexByte(name, '\\') >= 0 {
		t.call(n, unquoteJSON(string(name[1:len(name)-1])))
	}
}

// scalarEncoding says how the literal val spells its text.
func scalarEncoding(val jsontext.Value) encoding {
	if val[0] == '"' && bytes.IndexByte(val, '\\') >= 0 {
		return encJSONEsc
	}
	return encJSON
}

// jsonFault says where the JSON in src[from:to] ended or went wrong. The text of the library is left out: it quotes the input.
func (t *Tree) jsonFault(from, to int, err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return t.fault(to, "ends early")
	case errors.As(err, &syntax):
		return t.fault(from+int(syntax.ByteOffset), "unexpected character")
	}
	return t.fault(from, "not readable")
}

// fault is a syntax error of this tree's form at an offset.
func (t *Tree) fault(offset int, what string) error {
	return faultAt(t.form, t.src, offset, what)
}

func faultAt(form Form, src []byte, offset int, what string) error {
	e := &SyntaxError{Form: form, Offset: offset, What: what}
	if form != Protobuf {
		e.Line = 1 + bytes.Count(src[:min(offset, len(src))], []byte("\n"))
	}
	return e
}
