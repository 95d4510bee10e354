package body

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// As says how a Protobuf field is to be read, which the wire leaves open: "" as Tree.Value has it.
type As string

// The readings of SPEC section 4. Fixed is signed; Double is float in a field of four bytes.
const (
	AsString  As = "string"
	AsBytes   As = "bytes"
	AsMessage As = "message"
	AsVarint  As = "varint"
	AsSint    As = "sint"
	AsFixed   As = "fixed"
	AsDouble  As = "double"
)

// As reads field n of a Protobuf tree. The error matches ErrOpaque where the field's wire type or bytes do not allow it.
func (t *Tree) As(n int32, as As) (Value, error) {
	d := &t.nodes[n]
	v := t.Value(n)
	switch {
	case as == "":
		return v, nil
	case as == AsString && d.kind == Bytes && utf8.ValidString(v.Text):
		return Value{Kind: String, Text: v.Text}, nil
	case as == AsBytes && d.kind == Bytes:
		return v, nil
	case as == AsMessage && (d.kind == Object || d.kind == Bytes && (d.last > n+1 || d.start == d.end)):
		return v, nil
	case d.kind != Number:
		return Value{}, notAs(as)
	}
	u := wireNumber(t.str[d.start:d.end], d.enc)
	switch {
	case as == AsVarint && d.enc == encVarint:
		return v, nil
	case as == AsSint && d.enc == encVarint:
		return number(strconv.FormatInt(int64(u>>1)^-int64(u&1), 10)), nil
	case as == AsFixed && d.enc == encFixed64:
		return number(strconv.FormatInt(int64(u), 10)), nil
	case as == AsFixed && d.enc == encFixed32:
		return number(strconv.FormatInt(int64(int32(u)), 10)), nil
	case as == AsDouble && d.enc == encFixed64:
		return float(math.Float64frombits(u), 64)
	case as == AsDouble && d.enc == encFixed32:
		return float(float64(math.Float32frombits(uint32(u))), 32)
	}
	return Value{}, notAs(as)
}

// Wire turns a value that As read back into one that ReplaceWith takes for field n.
func (t *Tree) Wire(n int32, as As, v Value) (Value, error) {
	d := &t.nodes[n]
	if v.Kind != Number || d.kind != Number {
		return v, nil
	}
	switch as {
	case AsSint:
		i, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil {
			return Value{}, notAs(as)
		}
		return number(strconv.FormatUint(uint64(i)<<1^uint64(i>>63), 10)), nil
	case AsFixed:
		i, err := strconv.ParseInt(v.Text, 10, 64)
		switch {
		case err != nil || d.enc == encFixed32 && int64(int32(i)) != i:
			return Value{}, notAs(as)
		case d.enc == encFixed32:
			return number(strconv.FormatUint(uint64(uint32(i)), 10)), nil
		}
		return number(strconv.FormatUint(uint64(i), 10)), nil
	case AsDouble:
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			return Value{}, notAs(as)
		}
		bits := math.Float64bits(f)
		if d.enc == encFixed32 {
			bits = uint64(math.Float32bits(float32(f)))
		}
		return number(strconv.FormatUint(bits, 10)), nil
	}
	return v, nil
}

func number(text string) Value { return Value{Kind: Number, Text: text} }

// float is f as a number literal. JSON has none for infinities and NaN.
func float(f float64, bits int) (Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return Value{}, notAs(AsDouble)
	}
	return number(strconv.FormatFloat(f, 'g', -1, bits)), nil
}

func notAs(as As) error { return fmt.Errorf("field is no %s: %w", as, ErrOpaque) }

// appendWire writes field n with the value v: a Number for number fields, text or bytes for length-delimited ones.
func appendWire(dst []byte, t *Tree, n int32, v Value) ([]byte, error) {
	d := &t.nodes[n]
	dst = binary.AppendUvarint(dst, tagOf(d))
	if d.kind == Object {
		return nil, fmt.Errorf("replacing a group: %w", ErrOpaque)
	}
	if d.kind == Bytes {
		text := v.Plain()
		return append(binary.AppendUvarint(dst, uint64(len(text))), text...), nil
	}
	u, err := strconv.ParseUint(v.Text, 10, 64)
	if i, errSigned := strconv.ParseInt(v.Text, 10, 64); err != nil && errSigned == nil {
		u, err = uint64(i), nil // negative numbers of int32 and int64 fields are two's complement
	}
	if err != nil || v.Kind != Number || d.enc == encFixed32 && u > math.MaxUint32 {
		return nil, fmt.Errorf("replacing a field by a value of another type: %w", ErrOpaque)
	}
	switch d.enc {
	case encFixed64:
		return binary.LittleEndian.AppendUint64(dst, u), nil
	case encFixed32:
		return binary.LittleEndian.AppendUint32(dst, uint32(u)), nil
	}
	return binary.AppendUvarint(dst, u), nil
}
