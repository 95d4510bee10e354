package body

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// insideCodecs are the codecs of `inside` (SPEC section 4, Selectors). Those with a form end a list: a tree has no text
// that another codec could take.
var insideCodecs = []struct {
	name string
	form Form
}{
	{"base64", ""}, {"base64url", ""}, {"gzip", ""}, {"json", JSON}, {"form", FormData}, {"query", Query},
}

// CheckInside says what is wrong with a list of codecs, outermost first, or nil.
func CheckInside(codecs []string) error {
	if len(codecs) == 0 {
		return errors.New("no codec is named")
	}
	for i, name := range codecs {
		form, ok := insideForm(name)
		if !ok {
			return fmt.Errorf("unknown codec %q; there are base64, base64url, gzip, json, form and query", name)
		}
		if form != "" && i < len(codecs)-1 {
			return fmt.Errorf("codec %q makes a tree and must be the last; open its values with an inside of their own", name)
		}
	}
	return nil
}

func insideForm(name string) (Form, bool) {
	for _, c := range insideCodecs {
		if c.name == name {
			return c.form, true
		}
	}
	return "", false
}

// Opened is an encoded value that was opened, and how it was encoded.
type Opened struct {
	// Tree is what is inside. Where no codec makes a tree it is one String, or Bytes.
	Tree   *Tree
	kind   Kind
	codecs []string
	padded []bool // for each codec: base64 came with padding
}

// insideFloor is ratioFloor for values within a body, of which there may be many.
const insideFloor = 4 << 10

// Open opens v through codecs, outermost first, which CheckInside must have found right. Errors: ErrEmpty for an empty string,
// which stays as it is; those of Plain and Decode otherwise; ErrCoding for a value that is not in the codec.
func Open(codecs []string, v Value, lim Limits) (*Opened, error) {
	lim = lim.filled()
	if v.Kind != String && v.Kind != Bytes {
		return nil, fmt.Errorf("value is no text: %w", ErrCoding)
	}
	if v.Text == "" {
		return nil, ErrEmpty
	}
	o := &Opened{kind: v.Kind, codecs: codecs, padded: make([]bool, len(codecs))}
	most := min(lim.MaxBytes, max(int64(len(v.Text))*int64(lim.MaxRatio), insideFloor))
	plain := []byte(v.Text)
	for i, name := range codecs {
		form, ok := insideForm(name)
		if !ok {
			return nil, fmt.Errorf("codec %q: %w", name, ErrCoding)
		}
		if len(plain) == 0 {
			return nil, ErrEmpty
		}
		var err error
		switch name {
		case "base64", "base64url":
			plain, o.padded[i], err = decodeBase64(name, plain)
		case "gzip":
			plain, err = new(Coding).undo(gzipped, plain, most, true)
		default:
			o.Tree, err = Decode(form, "", plain, lim)
			return o, err
		}
		if err != nil {
			return nil, err
		}
	}
	o.Tree = newTree(Text, plain, lim)
	_, err := o.Tree.add(contentKind(plain), encRaw, none, 0, len(plain))
	return o, err
}

// Close encodes inner, what became of the tree, as the value was encoded.
func (o *Opened) Close(inner []byte) (Value, error) {
	for i := len(o.codecs) - 1; i >= 0; i-- {
		switch name := o.codecs[i]; name {
		case "base64", "base64url":
			inner = base64Encoding(name, o.padded[i]).AppendEncode(nil, inner)
		case "gzip":
			var err error
			if inner, err = gzipped.encode(inner); err != nil {
				return Value{}, err
			}
		}
	}
	return Value{Kind: o.kind, Text: string(inner)}, nil
}

// decodeBase64 decodes RFC 4648 section 4 or 5, with or without padding, and nothing else: no line ends, no spare bits.
func decodeBase64(name string, text []byte) (plain []byte, padded bool, err error) {
	padded = text[len(text)-1] == '='
	enc := base64Encoding(name, padded)
	if slices.Contains(text, '\n') || slices.Contains(text, '\r') {
		return nil, false, fmt.Errorf("%s: line ends: %w", name, ErrCoding)
	}
	plain, err = enc.Strict().AppendDecode(nil, text)
	if err != nil {
		var at base64.CorruptInputError
		if errors.As(err, &at) {
			return nil, false, fmt.Errorf("%s: no %s at byte %d: %w", name, name, int64(at), ErrCoding)
		}
		return nil, false, fmt.Errorf("%s: %w", name, ErrCoding)
	}
	if len(text)%4 == 0 {
		padded = padded || name == "base64" // a length without need of padding does not tell: do as the alphabet does
	}
	return plain, padded, nil
}

func base64Encoding(name string, padded bool) *base64.Encoding {
	enc := base64.StdEncoding
	if name == "base64url" {
		enc = base64.URLEncoding
	}
	if !padded {
		enc = enc.WithPadding(base64.NoPadding)
	}
	return enc
}
