package transform

import (
	"net/netip"
	"strconv"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/rules/body"
)

// Shorten keeps the first characters of a string (ISO/IEC 20889, generalization by truncation). A character is a Unicode
// scalar value; bytes that are no UTF-8 count one each. A value that is no string yields an error matching ErrKind.
//
// What remains inferable: the beginning, and whether the string was shorter. Beginnings of titles, paths and serial
// numbers often say all.
type Shorten struct{ characters int }

// NewShorten makes a Shorten to at least one character.
func NewShorten(characters int) (*Shorten, error) {
	if characters < 1 {
		return nil, &Fault{"shorten to " + strconv.Itoa(characters) + " characters", "write 1 or more, or replace: \"\""}
	}
	return &Shorten{characters}, nil
}

// Name is "shorten".
func (t *Shorten) Name() string { return "shorten" }

// Detail is "to 8 characters".
func (t *Shorten) Detail() string { return "to " + count(t.characters, "character") }

// Apply shortens; the result is part of what it was given.
func (t *Shorten) Apply(in body.Value, _ *Env) (body.Value, error) {
	if in.Kind != body.String {
		return body.Value{}, &KindError{Got: in.Kind, Want: "a string"}
	}
	if len(in.Text) <= t.characters {
		return in, nil
	}
	end := 0
	for range t.characters {
		if end == len(in.Text) {
			break
		}
		_, size := utf8.DecodeRuneInString(in.Text[end:])
		end += size
	}
	return written(in, in.Text[:end]), nil
}

// Prefix keeps the network part of an IP address and writes zeros for the rest (ISO/IEC 20889, generalization). What
// it writes is again an address: IPv4 dotted, IPv6 as RFC 5952 writes it, IPv4 mapped into IPv6 by the IPv4 length. A
// string that is no address (a port or a prefix length beside it included), or has a zone, yields an error matching
// ErrKind; so does an address of a family without a length.
//
// What remains inferable: the network, which often tells the provider and the region; with 24 bits, one of 256
// neighbours. An address of a home network (192.168.…) tells nothing either way.
type Prefix struct{ v4, v6 int }

// NewPrefix makes a Prefix of the lengths for IPv4 (0 to 32) and IPv6 (0 to 128), in bits. A negative v4 refuses
// IPv4; a negative v6 takes twice the IPv4 length, so that 24 means 24 and 48, the size of a site (RFC 6177). A v4
// above 32 beside a negative v6 is the length for IPv6, and IPv4 is refused: prefix: 48 is NewPrefix(48, -1).
func NewPrefix(v4, v6 int) (*Prefix, error) {
	if v4 > 32 && v6 < 0 {
		v4, v6 = -1, v4
	}
	if v4 > 32 {
		return nil, &Fault{"an IPv4 address has no prefix of " + strconv.Itoa(v4) + " bits", "write 0 to 32; IPv6 addresses keep twice as many"}
	}
	if v6 < 0 && v4 >= 0 {
		v6 = 2 * v4
	}
	if v6 < 0 || v6 > 128 {
		return nil, &Fault{"an IPv6 address has no prefix of " + strconv.Itoa(v6) + " bits", "write 0 to 128"}
	}
	return &Prefix{v4, v6}, nil
}

// Name is "prefix".
func (t *Prefix) Name() string { return "prefix" }

// Detail is "to 24 bits (IPv6: 48)".
func (t *Prefix) Detail() string {
	if t.v4 < 0 {
		return "to " + strconv.Itoa(t.v6) + " bits (IPv6)"
	}
	return "to " + strconv.Itoa(t.v4) + " bits (IPv6: " + strconv.Itoa(t.v6) + ")"
}

// Apply keeps the network part.
func (t *Prefix) Apply(in body.Value, _ *Env) (body.Value, error) {
	if in.Kind != body.String {
		return body.Value{}, &KindError{Got: in.Kind, Want: "an IP address"}
	}
	addr, err := netip.ParseAddr(in.Text)
	if err != nil || addr.Zone() != "" {
		return body.Value{}, &KindError{Got: in.Kind, Want: "an IP address"}
	}
	bits := t.v6
	switch {
	case addr.Is4() && t.v4 >= 0:
		bits = t.v4
	case addr.Is4In6() && t.v4 >= 0:
		bits = 96 + t.v4
	case addr.Is4() || addr.Is4In6():
		return body.Value{}, &KindError{Got: in.Kind, Want: "an IPv6 address"}
	}
	network := netip.PrefixFrom(addr, bits).Masked().Addr()
	var buf [48]byte
	text := network.AppendTo(buf[:0])
	if string(text) == in.Text {
		return in, nil
	}
	return written(in, string(text)), nil
}
