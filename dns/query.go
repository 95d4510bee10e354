package dns

import (
	"encoding/binary"
	"errors"

	miekg "github.com/miekg/dns"
)

const (
	headerLen = 12

	flagQR = 1 << 15
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagRA = 1 << 7
	flagAD = 1 << 5
	flagCD = 1 << 4

	flagDO = 1 << 15 // in the OPT record's flags

	// udpSize is the largest UDP message we send or ask for: it passes every link of
	// 1280 bytes unfragmented (DNS flag day 2020).
	udpSize = 1232
	// plainSize is the limit without EDNS (RFC 1035, section 4.2.1).
	plainSize = 512
	// maxMessage is what the two length octets of TCP can say.
	maxMessage = 65535
)

// query is a request as it came. raw is shared with whoever read it.
type query struct {
	raw   []byte
	id    uint16
	flags uint16
	name  string // lower case, no final dot, "" for the root; odd bytes escaped as in zone files
	qtype uint16
	class uint16
	end   int // where the question ends in raw

	edns     bool
	size     uint16 // largest UDP answer the client takes
	do       bool
	optFlags uint16
	options  []byte // of the OPT record
	personal bool   // has options that make the answer the client's own (ECS): never cached
}

// What parse finds wrong with a packet. A packet that is not a query at all gets no
// answer (errSilent), so that two servers cannot be made to talk to each other.
var (
	errSilent  = errors.New("not a query")
	errFormat  = errors.New("malformed query")
	errNotImp  = errors.New("not implemented")
	errVersion = errors.New("unknown EDNS version")
)

// parse reads a query from its wire form (RFC 1035, section 4.1; RFC 6891, section 6.1).
// After errFormat, errNotImp and errVersion the query is filled as far as it was read.
func (q *query) parse(raw []byte) error {
	*q = query{raw: raw, size: plainSize}
	if len(raw) < headerLen {
		return errSilent
	}
	q.id = binary.BigEndian.Uint16(raw)
	q.flags = binary.BigEndian.Uint16(raw[2:])
	if q.flags&flagQR != 0 {
		return errSilent
	}
	if q.flags>>11&0xF != miekg.OpcodeQuery {
		return errNotImp
	}
	count := func(section int) uint16 { return binary.BigEndian.Uint16(raw[4+2*section:]) }
	if count(0) != 1 || count(1) != 0 || count(2) != 0 || count(3) > 1 || q.flags&flagTC != 0 {
		return errFormat
	}
	name, at, err := readName(raw, headerLen)
	if err != nil || at+4 > len(raw) || at-headerLen > 255 || compressed(raw[headerLen:at]) {
		return errFormat
	}
	q.name = name
	q.qtype = binary.BigEndian.Uint16(raw[at:])
	q.class = binary.BigEndian.Uint16(raw[at+2:])
	q.end = at + 4
	if count(3) == 0 {
		return nil // bytes behind the message are ignored, as others do
	}
	return q.parseOPT(raw[q.end:])
}

// parseOPT reads the one additional record, which must be OPT.
func (q *query) parseOPT(b []byte) error {
	const fixed = 11 // root name, type, class, ttl, length
	if len(b) < fixed || b[0] != 0 || binary.BigEndian.Uint16(b[1:]) != miekg.TypeOPT {
		return errFormat
	}
	size := int(binary.BigEndian.Uint16(b[9:]))
	if len(b) < fixed+size {
		return errFormat
	}
	q.edns = true
	q.size = min(max(binary.BigEndian.Uint16(b[3:]), plainSize), udpSize)
	q.optFlags = binary.BigEndian.Uint16(b[7:])
	q.do = q.optFlags&flagDO != 0
	if b[6] != 0 {
		return errVersion
	}
	return q.parseOptions(b[fixed : fixed+size])
}

// parseOptions keeps the options that may travel on. Cookies, keep-alive and padding
// are between the client and us (RFC 7873, RFC 7828, RFC 7830).
func (q *query) parseOptions(b []byte) error {
	all, kept := b, 0
	for len(b) > 0 {
		if len(b) < 4 {
			return errFormat
		}
		code, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+size {
			return errFormat
		}
		switch code {
		case miekg.EDNS0COOKIE, miekg.EDNS0TCPKEEPALIVE, miekg.EDNS0PADDING:
		default:
			q.options = append(q.options, b[:4+size]...)
			q.personal = true
			kept++
		}
		b = b[4+size:]
	}
	if kept == 0 || len(q.options) == len(all) {
		q.options = all[:len(q.options):len(q.options)]
	}
	return nil
}

// forward appends the query as it goes to an upstream: the client's own bytes, with
// its EDNS, but our UDP size and without what is between the client and us. Its id is 0.
func (q *query) forward(dst []byte) []byte {
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, q.flags&(flagRD|flagAD|flagCD))
	dst = append(dst, 0, 1, 0, 0, 0, 0, 0, 0)
	dst = append(dst, q.raw[headerLen:q.end]...)
	if q.edns {
		dst[headerLen-1] = 1
		dst = appendOPT(dst, 0, q.optFlags, q.options)
	}
	return dst
}

// appendOPT appends an OPT record. extended is the upper part of the response code.
func appendOPT(dst []byte, extended byte, flags uint16, options []byte) []byte {
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, miekg.TypeOPT)
	dst = binary.BigEndian.AppendUint16(dst, udpSize)
	dst = append(dst, extended, 0)
	dst = binary.BigEndian.AppendUint16(dst, flags)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(options)))
	return append(dst, options...)
}

// key is what a cached answer is found by: everything in a query that can change it.
type key struct {
	name  string
	qtype uint16
	bits  uint16 // RD, AD, CD of the header; bit 0: EDNS; bit 1: DO
}

func (q *query) key() key {
	k := key{name: q.name, qtype: q.qtype, bits: q.flags & (flagRD | flagAD | flagCD)}
	if q.edns {
		k.bits |= 1
	}
	if q.do {
		k.bits |= 2
	}
	return k
}
