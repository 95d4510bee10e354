package dns

import (
	"encoding/binary"
	"net/netip"
	"strings"

	miekg "github.com/miekg/dns"
)

// Verdict is what policy says of a name.
type Verdict uint8

// The verdicts.
const (
	None     Verdict = iota // forwarded
	Redirect                // ruled: answered as the Answer mode says
	Refuse                  // exists, has no data
	Absent                  // does not exist (NXDOMAIN), for names such as use-application-dns.net
)

// Answer says how redirected names are answered.
type Answer string

// The modes of answering.
const (
	Self   Answer = "self"   // with our own address
	Origin Answer = "origin" // with the real one, after BeforeAnswer
)

// ownTTL is how long clients may keep what we made up, in seconds: short, so that a
// switch that was turned in the UI is felt.
const ownTTL = 60

// facts are what an answer of our own is made from.
type facts struct {
	mode   Answer
	v4, v6 netip.Addr // our addresses on the asking network; invalid if there are none
}

// answerOwn appends the reply to a question that needs no upstream, if it is one:
// (question, verdict, facts) in, reply out.
func answerOwn(dst []byte, q *query, v Verdict, f facts) (reply []byte, ok bool) {
	switch {
	case q.class != miekg.ClassINET:
		return appendEmpty(dst, q, miekg.RcodeRefused), true
	case q.qtype == miekg.TypeAXFR || q.qtype == miekg.TypeIXFR:
		return appendEmpty(dst, q, miekg.RcodeRefused), true
	case v == Refuse:
		return appendNegative(dst, q, miekg.RcodeSuccess), true
	case v == Absent:
		return appendNegative(dst, q, miekg.RcodeNameError), true
	case v == Redirect && (q.qtype == miekg.TypeHTTPS || q.qtype == miekg.TypeSVCB || q.qtype == miekg.TypeANY):
		return appendNegative(dst, q, miekg.RcodeSuccess), true
	case v == Redirect && f.mode != Origin && q.qtype == miekg.TypeA:
		return appendAddr(dst, q, f.v4), true
	case v == Redirect && f.mode != Origin && q.qtype == miekg.TypeAAAA:
		return appendAddr(dst, q, f.v6), true
	case q.qtype == miekg.TypeANY:
		return appendHINFO(dst, q), true
	}
	return dst, false
}

// ruledName takes the leading underscore labels off: HTTPS records of other ports are
// at "_8443._https.NAME" (RFC 9460, section 9.1).
func ruledName(name string) string {
	for strings.HasPrefix(name, "_") {
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			return name
		}
		name = rest
	}
	return name
}

// appendHeader appends header and question. Counts of the other sections are zero.
func appendHeader(dst []byte, q *query, rcode int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, q.id)
	flags := flagQR | flagRA | q.flags&(0xF<<11|flagRD|flagCD) | uint16(rcode&0xF)
	dst = binary.BigEndian.AppendUint16(dst, flags)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	if q.end > 0 {
		dst[len(dst)-7] = 1
		dst = append(dst, q.raw[headerLen:q.end]...)
	}
	return dst
}

// appendTail closes a message that starts at start with the OPT record it needs.
func appendTail(dst []byte, start int, q *query, rcode int) []byte {
	if !q.edns {
		return dst
	}
	dst[start+11]++
	return appendOPT(dst, byte(rcode>>4), q.optFlags&flagDO, nil)
}

// appendEmpty appends a reply that has only a response code.
func appendEmpty(dst []byte, q *query, rcode int) []byte {
	start := len(dst)
	return appendTail(appendHeader(dst, q, rcode), start, q, rcode)
}

// appendTruncated tells the client to ask again by TCP (RFC 2181, section 9).
func appendTruncated(dst []byte, q *query) []byte {
	start := len(dst)
	dst = appendEmpty(dst, q, miekg.RcodeSuccess)
	dst[start+2] |= flagTC >> 8
	return dst
}

// appendRecord starts a record about the question's own name.
func appendRecord(dst []byte, rtype uint16, ttl uint32, size int) []byte {
	dst = append(dst, 0xC0, headerLen)
	dst = binary.BigEndian.AppendUint16(dst, rtype)
	dst = binary.BigEndian.AppendUint16(dst, miekg.ClassINET)
	dst = binary.BigEndian.AppendUint32(dst, ttl)
	return binary.BigEndian.AppendUint16(dst, uint16(size))
}

// appendAddr appends a reply with one address, or NODATA if there is none.
func appendAddr(dst []byte, q *query, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return appendNegative(dst, q, miekg.RcodeSuccess)
	}
	start := len(dst)
	dst = appendHeader(dst, q, miekg.RcodeSuccess)
	dst[start+7] = 1
	if addr = addr.Unmap(); addr.Is4() {
		four := addr.As4()
		dst = append(appendRecord(dst, miekg.TypeA, ownTTL, len(four)), four[:]...)
	} else {
		six := addr.As16()
		dst = append(appendRecord(dst, miekg.TypeAAAA, ownTTL, len(six)), six[:]...)
	}
	return appendTail(dst, start, q, miekg.RcodeSuccess)
}

// ownSOA is the data of the SOA record in our negative answers: by it a client knows
// how long it may remember them (RFC 2308, section 5).
const ownSOA = "\x05scrim\x07invalid\x00" + "\x00" + // primary server, mailbox
	"\x00\x00\x00\x01" + "\x00\x00\x0e\x10" + "\x00\x00\x02\x58" + "\x00\x01\x51\x80" + // serial, refresh, retry, expire
	"\x00\x00\x00\x3c" // negative TTL: ownTTL

// appendNegative appends NODATA (rcode NOERROR) or NXDOMAIN with our SOA.
func appendNegative(dst []byte, q *query, rcode int) []byte {
	start := len(dst)
	dst = appendHeader(dst, q, rcode)
	dst[start+9] = 1
	dst = append(appendRecord(dst, miekg.TypeSOA, ownTTL, len(ownSOA)), ownSOA...)
	return appendTail(dst, start, q, rcode)
}

// anyHINFO is the answer to ANY (RFC 8482, section 4.2).
const anyHINFO = "\x07RFC8482\x00"

func appendHINFO(dst []byte, q *query) []byte {
	start := len(dst)
	dst = appendHeader(dst, q, miekg.RcodeSuccess)
	dst[start+7] = 1
	dst = append(appendRecord(dst, miekg.TypeHINFO, 3600, len(anyHINFO)), anyHINFO...)
	return appendTail(dst, start, q, miekg.RcodeSuccess)
}

// appendFault appends the reply to a query that parse found fault with, or nothing.
func appendFault(dst []byte, q *query, err error) []byte {
	switch err {
	case errFormat:
		return appendEmpty(dst, q, miekg.RcodeFormatError)
	case errNotImp:
		return appendEmpty(dst, q, miekg.RcodeNotImplemented)
	case errVersion:
		return appendEmpty(dst, q, miekg.RcodeBadVers)
	}
	return dst
}
