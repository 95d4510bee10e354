package body

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// codec is one form of body.
type codec struct {
	form Form
	// looks reports whether a body whose form nobody named may be of this one. It is a first look: decode decides.
	looks  func(src []byte, mediaType string) bool
	decode func(src []byte, contentType string, lim Limits) (*Tree, error)
	encode func(dst []byte, t *Tree, p *Plan) ([]byte, error)
}

// codecs are the forms in the order in which they are looked for (SPEC, section 4, Trees).
var codecs = []codec{
	{JSON, looksJSON, decodeJSON, plainly(encodeJSON)},
	{NDJSON, looksNDJSON, decodeNDJSON, plainly(encodeNDJSON)},
	{FormData, looksForm, decodeForm, plainly(encodeForm)},
	{Query, looksQuery, decodeQuery, plainly(encodeForm)},
	{Envelope, looksEnvelope, decodeEnvelope, encodeEnvelope},
	{Multipart, looksMultipart, decodeMultipart, encodeMultipart},
	{XML, looksXML, decodeXML, encodeXML},
	{Protobuf, looksProtobuf, decodeProtobuf, encodeProtobuf},
	{Text, looksText, decodeText, plainly(encodeText)},
}

// plainly is an encoder that has no errors.
func plainly(f func([]byte, *Tree, *Plan) []byte) func([]byte, *Tree, *Plan) ([]byte, error) {
	return func(dst []byte, t *Tree, p *Plan) ([]byte, error) { return f(dst, t, p), nil }
}

// Decode builds the tree of a body whose content codings are undone. With form "" it looks for a form in the order of
// SPEC section 4, whatever contentType says; an envelope or Protobuf only where contentType says so, and then nothing
// else; multipart where contentType or the first line gives a boundary.
//
// Text is found by looking only in what nobody could take for something else: valid UTF-8 without control characters
// that does not begin as structured data does. A Python literal, truncated JSON, UTF-16 and MessagePack are opaque.
//
// Errors: ErrEmpty for no bytes, ErrTooLarge, ErrDepth, ErrOpaque where no form was found, *SyntaxError where the body is
// not of the form it should have (both where looking ended with a form that nearly fits).
func Decode(form Form, contentType string, plain []byte, lim Limits) (*Tree, error) {
	lim = lim.filled()
	if len(plain) == 0 {
		return nil, ErrEmpty
	}
	if int64(len(plain)) > lim.MaxBytes {
		return nil, fmt.Errorf("%d bytes: %w", len(plain), ErrTooLarge)
	}
	if form == "" {
		return look(contentType, plain, lim)
	}
	for i := range codecs {
		if codecs[i].form == form {
			return codecs[i].decode(plain, contentType, lim)
		}
	}
	return nil, fmt.Errorf("form %q: %w", form, ErrOpaque)
}

// look finds the form of a body.
func look(contentType string, plain []byte, lim Limits) (*Tree, error) {
	media := mediaType(contentType)
	if named := formOf(media); named != nil && !(named.form == Protobuf && looksJSON(plain, media)) {
		return named.decode(plain, contentType, lim)
	}
	var nearly error
	for i := range codecs {
		if !codecs[i].looks(plain, media) {
			continue
		}
		t, err := codecs[i].decode(plain, contentType, lim)
		if err == nil || errors.Is(err, ErrDepth) || errors.Is(err, ErrTooLarge) {
			return t, err
		}
		if nearly == nil {
			nearly = err
		}
	}
	if nearly != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpaque, nearly)
	}
	return nil, ErrOpaque
}

// mediaType is a Content-Type without its parameters, in lower case (RFC 9110, section 8.3.1).
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// formOf is the codec of a media type whose form has too few marks to be told by looking, or nil.
func formOf(media string) *codec {
	form := Form("")
	switch media {
	case "application/x-sentry-envelope":
		form = Envelope
	case "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf", "application/x-google-protobuf":
		form = Protobuf
	}
	for i := range codecs {
		if codecs[i].form == form {
			return &codecs[i]
		}
	}
	return nil
}

// Encode appends the body that plan p lets through to dst. p must be a plan for t.
//
// Where undecided nodes go, the result is compact and in source order: it holds the nodes that are decided to stay and
// their ancestors, also those whose listed members are all removed; a root without any is {} or []. Where they stay, the
// white space stays too. Untouched values keep their spelling. A plan without changes gives back the bytes that were decoded.
func Encode(dst []byte, t *Tree, p *Plan) ([]byte, error) {
	if p.t != t || len(p.marks) != len(t.nodes) {
		panic("body: Encode with the plan of another tree")
	}
	switch {
	case !p.changed:
		return append(dst, t.src...), nil
	case p.Act(0) == Drop:
		p = NewPlan(t, Remove) // the least that is still of the form
	}
	for i := range codecs {
		if codecs[i].form == t.form {
			return codecs[i].encode(dst, t, p)
		}
	}
	return nil, fmt.Errorf("form %q: %w", t.form, ErrOpaque)
}

// firstByte is the first byte that is not white space, after a byte order mark, or 0.
func firstByte(src []byte) byte {
	for _, c := range bytes.TrimPrefix(src, []byte(bom)) {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c
	}
	return 0
}

func looksJSON(src []byte, _ string) bool {
	c := firstByte(src)
	return c == '{' || c == '[' || c == '"' || c == '-' || '0' <= c && c <= '9' || c == 't' || c == 'f' || c == 'n'
}

func looksEnvelope([]byte, string) bool { return false } // only by Content-Type: formOf

func looksProtobuf([]byte, string) bool { return false } // only by Content-Type: formOf

// looksText is strict on purpose: an opaque body must not be taken for a string.
func looksText(src []byte, _ string) bool {
	switch firstByte(src) {
	case '{', '[', '(', '<', '%', '"', '\'':
		return false
	}
	return isText(src)
}

// isText reports whether src is UTF-8 without control characters but tab and line ends.
func isText(src []byte) bool {
	for _, c := range src {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(src)
}

// decodeText makes a body one string. A form that was named is taken at its word, as long as it is text.
func decodeText(src []byte, _ string, lim Limits) (*Tree, error) {
	if !utf8.Valid(src) || bytes.IndexByte(src, 0) >= 0 {
		return nil, ErrOpaque
	}
	t := newTree(Text, src, lim)
	_, err := t.add(String, encRaw, none, 0, len(src))
	return t, err
}

// encodeText writes the string, its replacement, or nothing.
func encodeText(dst []byte, t *Tree, p *Plan) []byte {
	switch {
	case p.Act(0) == Replace:
		return append(dst, p.value(0).Plain()...)
	case p.stays(0, p.root()):
		return append(dst, t.src...)
	}
	return dst
}
