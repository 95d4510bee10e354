package body

import (
	"fmt"
	"strings"
)

// maxCodings bounds how many content codings one body may have on: no client needs more than two.
const maxCodings = 4

// Coding remembers which content codings a body came in, so that it can leave in them. The zero value is identity.
type Coding struct {
	layers [maxCodings]algorithm // in the order in which they were applied
	n      int
	empty  bool // there was nothing, coded or not
}

// Identity reports whether the body came without a coding.
func (c Coding) Identity() bool { return c.n == 0 }

// String lists the codings as Content-Encoding does, in the order in which they were applied; "" for identity.
func (c Coding) String() string {
	names := make([]string, 0, maxCodings)
	for _, a := range c.layers[:c.n] {
		names = append(names, [...]string{"gzip", "deflate", "deflate", "br", "zstd"}[a])
	}
	return strings.Join(names, ", ")
}

// Plain undoes the content codings of raw. declared is the value of Content-Encoding, which may list several (RFC 9110,
// section 8.4); gzip and zstd that nobody declared are recognised by their first bytes, br and deflate by what is in them. Errors match ErrCoding for an unknown
// coding, content that is not in it or goes on after it, ErrTooLarge and ErrRatio. The result may be raw itself.
func Plain(declared string, raw []byte, lim Limits) ([]byte, Coding, error) {
	lim = lim.filled()
	var c Coding
	names := strings.Split(declared, ",")
	if len(raw) == 0 {
		return raw, Coding{empty: true}, nil
	}
	most, byRatio := lim.most(len(raw))
	plain := raw
	for i := len(names) - 1; i >= 0; i-- {
		var a algorithm
		switch name := strings.ToLower(strings.TrimSpace(names[i])); name {
		case "", "identity":
			continue
		case "gzip", "x-gzip":
			a = gzipped
		case "deflate":
			a = deflateKind(plain)
		case "br":
			a = brotlied
		case "zstd":
			a = zstandard
		default:
			return nil, Coding{}, fmt.Errorf("content coding %q: %w", name, ErrCoding)
		}
		var err error
		if plain, err = c.undo(a, plain, most, byRatio); err != nil {
			return nil, Coding{}, err
		}
	}
	for {
		a, ok := recognise(plain)
		if !ok {
			break
		}
		var err error
		if plain, err = c.undo(a, plain, most, byRatio); err != nil {
			return nil, Coding{}, err
		}
	}
	if a, below, ok := attempt(plain, most, lim); ok && c.n < maxCodings {
		c.note(a)
		plain = below
	}
	if int64(len(plain)) > lim.MaxBytes {
		return nil, Coding{}, fmt.Errorf("%d bytes: %w", len(plain), ErrTooLarge)
	}
	return plain, c, nil
}

// deflateKind tells zlib from bare deflate by the header (RFC 1950, section 2.2).
func deflateKind(b []byte) algorithm {
	if len(b) >= 2 && b[0]&0x0f == 8 && b[0]>>4 <= 7 && (int(b[0])<<8|int(b[1]))%31 == 0 {
		return zlibbed
	}
	return deflated
}

// undo takes one coding off and puts it before those already noted.
func (c *Coding) undo(a algorithm, coded []byte, most int64, byRatio bool) ([]byte, error) {
	if c.n == maxCodings {
		return nil, fmt.Errorf("over %d content codings: %w", maxCodings, ErrCoding)
	}
	c.note(a)
	name := Coding{layers: [maxCodings]algorithm{a}, n: 1}.String()
	plain, err := a.decode(coded, most)
	switch {
	case err != nil:
		return nil, fmt.Errorf("undoing %s: %w", name, ErrCoding) // the library's words may quote the input
	case int64(len(plain)) <= most:
		return plain, nil
	case byRatio:
		return nil, fmt.Errorf("undoing %s: over %d bytes from %d: %w", name, most, len(coded), ErrRatio)
	}
	return nil, fmt.Errorf("undoing %s: over %d bytes: %w", name, most, ErrTooLarge)
}

// note puts a before the codings already noted. There must be room.
func (c *Coding) note(a algorithm) {
	copy(c.layers[1:], c.layers[:c.n])
	c.layers[0] = a
	c.n++
}

// Apply puts the codings on again, without name or time in their headers: the same bytes give the same bytes.
func (c Coding) Apply(plain []byte) ([]byte, error) {
	if c.empty && len(plain) == 0 {
		return plain, nil
	}
	for _, a := range c.layers[:c.n] {
		var err error
		if plain, err = a.encode(plain); err != nil {
			return nil, fmt.Errorf("applying %s: %w", c, err)
		}
	}
	return plain, nil
}
