package dns

import (
	"encoding/binary"
	"errors"
	"net/netip"

	miekg "github.com/miekg/dns"
)

var errWire = errors.New("malformed message")

// maxPointers bounds how often a name may jump; each jump must go backwards anyway.
const maxPointers = 32

// readName reads the name at off, following compression (RFC 1035, section 4.1.4), and
// returns it in lower case without the final dot, and where it ends.
func readName(msg []byte, off int) (name string, next int, err error) {
	var room [256]byte
	out, next, jumps := room[:0], -1, 0
	for {
		if off >= len(msg) {
			return "", 0, errWire
		}
		size := int(msg[off])
		switch {
		case size == 0:
			if next < 0 {
				next = off + 1
			}
			if len(out) > 0 {
				out = out[:len(out)-1] // the last dot
			}
			return string(out), next, nil
		case size&0xC0 == 0xC0:
			if off+1 >= len(msg) {
				return "", 0, errWire
			}
			to := size&0x3F<<8 | int(msg[off+1])
			if next < 0 {
				next = off + 2
			}
			if jumps++; to >= off || jumps > maxPointers {
				return "", 0, errWire
			}
			off = to
		case size&0xC0 != 0 || off+1+size > len(msg) || len(out)+size+1 > 4*255:
			return "", 0, errWire
		default:
			out = appendLabel(out, msg[off+1:off+1+size])
			off += 1 + size
		}
	}
}

// appendLabel appends a label and a dot. Bytes that would be mistaken for something
// else are escaped as in zone files (RFC 1035, section 5.1).
func appendLabel(dst, label []byte) []byte {
	for _, c := range label {
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case c == '.' || c == '\\':
			dst = append(dst, '\\', c)
		case c <= ' ' || c > '~':
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '.')
}

// compressed reports whether a name that reads well holds a pointer.
func compressed(wire []byte) bool {
	for i := 0; i < len(wire); i += 1 + int(wire[i]) {
		if wire[i]&0xC0 != 0 {
			return true
		}
	}
	return false
}

// section numbers of records.
const (
	inAnswer = iota
	inAuthority
	inAdditional
)

// record is one resource record where it lies in a message.
type record struct {
	section int
	name    string
	rtype   uint16
	ttl     uint32
	ttlAt   int // offset of the TTL
	dataAt  int // offset of the data
	data    []byte
}

// addr is the address of an A or AAAA record.
func (r *record) addr() (netip.Addr, bool) {
	if r.rtype != miekg.TypeA && r.rtype != miekg.TypeAAAA {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(r.data)
}

// walk calls f for every record of a message and returns the offset of the end.
func walk(msg []byte, f func(*record)) (int, error) {
	if len(msg) < headerLen {
		return 0, errWire
	}
	off := headerLen
	for range binary.BigEndian.Uint16(msg[4:]) {
		_, next, err := readName(msg, off)
		if err != nil || next+4 > len(msg) {
			return 0, errWire
		}
		off = next + 4
	}
	var r record
	for section := range 3 {
		for range binary.BigEndian.Uint16(msg[6+2*section:]) {
			name, at, err := readName(msg, off)
			if err != nil || at+10 > len(msg) {
				return 0, errWire
			}
			size := int(binary.BigEndian.Uint16(msg[at+8:]))
			if at+10+size > len(msg) {
				return 0, errWire
			}
			r = record{section: section, name: name, rtype: binary.BigEndian.Uint16(msg[at:]),
				ttl: binary.BigEndian.Uint32(msg[at+4:]), ttlAt: at + 4, dataAt: at + 10, data: msg[at+10 : at+10+size]}
			f(&r)
			off = at + 10 + size
		}
	}
	return off, nil
}

// questionEnd returns where the single question of a message ends.
func questionEnd(msg []byte) (int, error) {
	if len(msg) < headerLen || binary.BigEndian.Uint16(msg[4:]) != 1 {
		return 0, errWire
	}
	_, at, err := readName(msg, headerLen)
	if err != nil || at+4 > len(msg) || compressed(msg[headerLen:at]) {
		return 0, errWire
	}
	return at + 4, nil
}

// sameQuestion reports whether reply answers the question of query: same name but for
// case, same type and class.
func sameQuestion(query, reply []byte) bool {
	end, err := questionEnd(query)
	if err != nil || len(reply) < end || binary.BigEndian.Uint16(reply[4:]) != 1 {
		return false
	}
	for i := headerLen; i < end-4; i++ {
		if lower(query[i]) != lower(reply[i]) {
			return false
		}
	}
	return string(query[end-4:end]) == string(reply[end-4:end])
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
