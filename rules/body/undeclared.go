package body

import (
	"bytes"
	"errors"
)

// recognise tells a coding that nobody declared by its first bytes.
func recognise(b []byte) (algorithm, bool) {
	switch {
	case len(b) >= 3 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8: // RFC 1952, section 2.3.1
		return gzipped, true
	case len(b) >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd: // RFC 8878, section 3.1.1
		return zstandard, true
	}
	return 0, false
}

// attempt undoes a coding without marks of its own: br, deflate. What is text is none. Since any bytes may happen to
// begin as one, the whole of coded has to be one, of at most most bytes, in which a form is found.
func attempt(coded []byte, most int64, lim Limits) (algorithm, []byte, bool) {
	if closed(coded) || isText(coded) {
		return 0, nil, false
	}
	for _, a := range [...]algorithm{deflateKind(coded), brotlied} {
		plain, err := a.decode(coded, most)
		if err != nil || len(plain) == 0 || int64(len(plain)) > most {
			continue
		}
		t, err := Decode("", "", plain, lim)
		found := err == nil && (t.Form() != Text || a == zlibbed) // text without a checksum is no proof
		if t != nil {
			t.Release()
		}
		if found || errors.Is(err, ErrDepth) || errors.Is(err, ErrTooLarge) {
			return a, plain, true
		}
	}
	return 0, nil, false
}

// closed reports whether b begins and ends as JSON does: the quick way to see what nearly every body is.
func closed(b []byte) bool {
	b = bytes.TrimSpace(b)
	if len(b) < 2 {
		return true
	}
	first, last := b[0], b[len(b)-1]
	return first == '{' && last == '}' || first == '[' && last == ']' || first == '<' && last == '>'
}
