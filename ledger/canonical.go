package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// chainDomain keeps hashes of this chain apart from any other SHA-256. The number is the version of the format.
const chainDomain = "scrim ledger 1\n"

// Key is what of a record can be asked for: few different ones exist, so stores keep each once.
type Key struct {
	Type    Type
	Door    string
	Client  string
	Scheme  string
	Host    string
	Port    uint16
	Product string
	Kind    string
	Rule    string
	Part    string
	Verdict string
}

// Row is a record as a store keeps it. Head and Rest together are its canonical encoding.
type Row struct {
	Pos  int64 // place in the store's own order, set by the store; cursors are made of it
	Node string
	Seq  int64
	Time int64 // nanoseconds since 1970, UTC
	Ref  int64
	Key  Key
	Rest []byte // canonical encoding from "flow" on, without the outer braces and without shared edits
	Body []byte
	Hash [32]byte
	Prev [32]byte // hash of Seq-1; zeros where that is not in the store

	shared *Edits // edits that stand in the encoding before Rest[at:]; nil: all of it is in Rest
	at     int
}

// Whole is Rest with the edits that the row shares with others. It may be Rest itself.
func (row *Row) Whole() []byte {
	if row.shared == nil {
		return row.Rest
	}
	return row.appendWhole(make([]byte, 0, row.wholeLen()))
}

func (row *Row) appendWhole(dst []byte) []byte {
	if row.shared == nil {
		return append(dst, row.Rest...)
	}
	dst = append(dst, row.Rest[:row.at]...)
	dst = append(dst, row.shared.text...)
	return append(dst, row.Rest[row.at:]...)
}

// wholeLen is the length of Whole.
func (row *Row) wholeLen() int {
	if row.shared == nil {
		return len(row.Rest)
	}
	return len(row.Rest) + len(row.shared.text)
}

func (r *Record) key() Key {
	return Key{r.Type, r.Door, r.Client, r.Scheme, r.Host, r.Port, r.Product, r.Kind, r.Rule, r.Part, r.Verdict}
}

// appendCanonical appends the canonical encoding of row (docs/ledger.md, section 3).
func (row *Row) appendCanonical(dst []byte) []byte {
	dst = append(dst, `{"node":`...)
	dst = appendString(dst, row.Node)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendInt(dst, row.Seq, 10)
	dst = append(dst, `,"time":"`...)
	dst = time.Unix(0, row.Time).UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	k := &row.Key
	dst = member(dst, "type", string(k.Type))
	dst = member(dst, "door", k.Door)
	dst = member(dst, "client", k.Client)
	dst = member(dst, "scheme", k.Scheme)
	dst = member(dst, "host", k.Host)
	dst = number(dst, "port", int64(k.Port))
	dst = member(dst, "product", k.Product)
	dst = member(dst, "kind", k.Kind)
	dst = member(dst, "rule", k.Rule)
	dst = member(dst, "part", k.Part)
	dst = member(dst, "verdict", k.Verdict)
	dst = number(dst, "ref", row.Ref)
	dst = row.appendWhole(dst)
	return append(dst, '}')
}

// hashAfter is the hash of row where prev is the hash of the record before it. buf is scratch space.
func (row *Row) hashAfter(prev *[32]byte, buf []byte) ([32]byte, []byte) {
	buf = append(append(buf[:0], chainDomain...), prev[:]...)
	buf = row.appendCanonical(buf)
	return sha256.Sum256(buf), buf
}

// record decodes row.
func (row *Row) record() (*Record, error) {
	var r Record
	if err := json.Unmarshal(row.appendCanonical(nil), &r); err != nil {
		return nil, fmt.Errorf("decoding entry %d: %w", row.Seq, err)
	}
	if r.Request != nil {
		r.Request.Body = row.Body
	}
	r.Hash = hex.EncodeToString(row.Hash[:])
	if row.Prev != ([32]byte{}) || row.Seq == 1 {
		r.Prev = hex.EncodeToString(row.Prev[:])
	}
	return &r, nil
}

// readable decodes row, or says in Error that it cannot be: one record that was tampered with must not hide others.
func (row *Row) readable() *Record {
	r, err := row.record()
	if err == nil {
		return r
	}
	k := &row.Key
	return &Record{
		Node: row.Node, Seq: row.Seq, Time: time.Unix(0, row.Time).UTC(), Type: k.Type, Door: k.Door, Client: k.Client, Scheme: k.Scheme, Host: k.Host,
		Port: k.Port, Product: k.Product, Kind: k.Kind, Rule: k.Rule, Part: k.Part, Verdict: k.Verdict, RefSeq: row.Ref,
		Hash: hex.EncodeToString(row.Hash[:]), Error: "this record was changed and cannot be decoded",
	}
}

// appendRest appends what of r is not in its Key, its place or its Ref: every member begins with a comma. Edits that r
// shares are left out; they stand before out[at:].
func (r *Record) appendRest(dst []byte) (out []byte, at int) {
	dst = member(dst, "flow", r.Flow)
	dst = member(dst, "reason", r.Reason)
	dst = member(dst, "detail", r.Detail)
	at = len(dst)
	if r.sharedEdits() == nil {
		dst = appendEdits(dst, r.Edits)
	}
	if r.Request != nil {
		dst = r.Request.append(dst)
	}
	dst = number(dst, "status", int64(r.Status))
	dst = number(dst, "bytes_in", r.BytesIn)
	dst = number(dst, "bytes_out", r.BytesOut)
	dst = number(dst, "duration_ns", int64(r.Duration))
	dst = member(dst, "error", r.Error)
	dst = number(dst, "count", r.Count)
	return member(dst, "anchor", r.Anchor), at
}

func (e *Edit) append(dst []byte) []byte {
	dst = append(dst, `{"selector":`...)
	dst = appendString(dst, e.Selector)
	dst = append(dst, `,"transform":`...)
	dst = appendString(dst, e.Transform)
	dst = member(dst, "part", e.Part)
	dst = member(dst, "detail", e.Detail)
	dst = member(dst, "type", e.Type)
	dst = member(dst, "shape", e.Shape)
	dst = number(dst, "count", int64(e.Count))
	dst = member(dst, "error", e.Error)
	if e.Listed {
		dst = append(dst, `,"listed":true`...)
	}
	if e.Removed {
		dst = append(dst, `,"removed":true`...)
	}
	return append(dst, '}')
}

func (q *Request) append(dst []byte) []byte {
	dst = append(dst, `,"request":{"method":`...)
	dst = appendString(dst, q.Method)
	dst = append(dst, `,"target":`...)
	dst = appendString(dst, q.Target)
	dst = append(dst, `,"header":[`...)
	for i := range q.Header {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, q.Header[i].Name)
		dst = append(dst, `,"value":`...)
		dst = appendString(dst, q.Header[i].Value)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = member(dst, "coding", q.Coding)
	if q.Cut {
		dst = append(dst, `,"cut":true`...)
	}
	dst = append(dst, `,"length":`...)
	dst = strconv.AppendInt(dst, q.Length, 10)
	dst = member(dst, "digest", q.Digest)
	dst = member(dst, "version", q.Version)
	dst = member(dst, "body_sha256", q.BodyDigest)
	return append(dst, '}')
}

// member appends ,"name":"value" unless value is empty. name needs no escapes.
func member(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return appendString(dst, value)
}

// number appends ,"name":n unless n is 0.
func number(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return strconv.AppendInt(dst, n, 10)
}

// appendString appends s as a JSON string: the quote, the reverse solidus and control characters escaped
// (RFC 8259, section 7), everything else as it is. Bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size, plain := 1, false
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			plain = r != utf8.RuneError || size > 1
		}
		if !plain {
			dst = appendEscape(append(dst, s[start:i]...), c)
			start = i + size
		}
		i += size
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const hexDigits = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c < 0x20:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, "\uFFFD"...)
}
