// Package ledger keeps what left the house: records in a hash chain, in memory, in SQLite or in PostgreSQL.
//
// Append returns once the records are committed, so that a request leaves only after its record is safe from
// a killed process. Concurrent calls share a commit. Reading is done by a Reader, in the same process or in
// another one. The format is promised in docs/ledger.md.
package ledger

import "time"

// Type is the type of a record.
type Type string

// The types of record. An exchange is an entry: one kept record or one or more sent records (its parts),
// and a result for each that left.
const (
	Kept   Type = "kept"   // arrived, dropped or held
	Sent   Type = "sent"   // about to leave; committed before its first byte does
	Result Type = "result" // how a sent record ended
	Tunnel Type = "tunnel" // totals of a client, a host and an hour
	Event  Type = "event"  // something the owner should know: a refused certificate, a reload, a switch
	Anchor Type = "anchor" // stands for records that retention removed
)

// Record is one line of the ledger. Node, Seq, Time, Prev and Hash are set by the ledger.
type Record struct {
	Node string    `json:"node"`
	Seq  int64     `json:"seq"` // from 1, without gaps, per node
	Time time.Time `json:"time"`
	Type Type      `json:"type"`

	Flow   string `json:"flow,omitempty"` // one exchange; its parts share it
	Door   string `json:"door,omitempty"` // proxy, socks, collector, transparent, redirected
	Client string `json:"client,omitempty"`

	Scheme  string `json:"scheme,omitempty"`
	Host    string `json:"host,omitempty"`
	Port    uint16 `json:"port,omitempty"`
	Product string `json:"product,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Part    string `json:"part,omitempty"`
	Verdict string `json:"verdict,omitempty"` // pass, generalize, drop, hold, refuse, tunnel, failed
	Reason  string `json:"reason,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Edits   []Edit `json:"edits,omitempty"`
	Shared  *Edits `json:"-"` // what Edits are of, where Share set them; nothing of it is stored

	Request *Request `json:"request,omitempty"` // as it left, secrets masked; nil where nothing leaves

	// RefSeq is the record this one belongs to: of a result the sent record, of a sent or kept record that ends
	// a hold the held one, of an anchor the newest record removed. Zero is filled in by Flow and Part where the
	// ledger still knows the flow.
	RefSeq   int64         `json:"ref,omitempty"`
	Status   int           `json:"status,omitempty"` // of the origin, or of the local reply for kept
	BytesIn  int64         `json:"bytes_in,omitempty"`
	BytesOut int64         `json:"bytes_out,omitempty"`
	Duration time.Duration `json:"duration_ns,omitempty"`
	Error    string        `json:"error,omitempty"` // what failed, in words; never a value
	Count    int64         `json:"count,omitempty"` // tunnel: connections; hold: parts held (0 is 1); anchor: records removed

	Anchor string `json:"anchor,omitempty"` // of an anchor: hash of the record RefSeq, hex

	Prev string `json:"prev"` // hash of the record before it, hex
	Hash string `json:"hash"`
}

// Edit is one thing that was done to a message, in words that outlive the rules. It has no place for a value.
type Edit struct {
	Part      string `json:"part,omitempty"`
	Selector  string `json:"selector"`
	Transform string `json:"transform"`
	Detail    string `json:"detail,omitempty"`
	Type      string `json:"type,omitempty"` // string, number, boolean, null, object, array, bytes
	Shape     string `json:"shape,omitempty"`
	Count     int    `json:"count,omitempty"`
	Error     string `json:"error,omitempty"`
	Listed    bool   `json:"listed,omitempty"`
	Removed   bool   `json:"removed,omitempty"`
}

// Field is a header field of a request as it left.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Request is a request exactly as it left, secrets masked. Body is content with its codings undone where
// that is possible. The ledger masks what it is given (Mask), fills BodyDigest, and Digest where the content
// left uncoded and whole.
type Request struct {
	Method  string  `json:"method"`
	Target  string  `json:"target"`
	Header  []Field `json:"header"`
	Body    []byte  `json:"body,omitempty"`
	Coding  string  `json:"coding,omitempty"` // content coding on the wire
	Cut     bool    `json:"cut,omitempty"`    // Body is only a beginning
	Length  int64   `json:"length"`           // bytes of content on the wire; -1 unknown
	Digest  string  `json:"digest,omitempty"` // SHA-256 of the content as it left, hex
	Version string  `json:"version,omitempty"`

	BodyDigest string `json:"body_sha256,omitempty"` // SHA-256 of Body as it is kept here, hex: what the chain covers
}
