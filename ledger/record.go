package ledger

import (
	"encoding/json"
	"time"
)

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

	Flow   string `json:"flow,omitempty"` // one exchange; a part adds ".NAME" to nothing: parts share the flow id
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

	Request *Request `json:"request,omitempty"` // as it left, secrets masked; nil where nothing leaves

	// Of a result: RefSeq is the sent record it belongs to.
	RefSeq   int64         `json:"ref,omitempty"`
	Status   int           `json:"status,omitempty"` // of the origin, or of the local reply for kept
	BytesIn  int64         `json:"bytes_in,omitempty"`
	BytesOut int64         `json:"bytes_out,omitempty"`
	Duration time.Duration `json:"duration_ns,omitempty"`
	Error    string        `json:"error,omitempty"` // what failed, in words; never a value
	Count    int64         `json:"count,omitempty"` // of a tunnel total: connections

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
// that is possible; BodyCoded says that it is as it left.
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
}

// Canonical is the encoding of a record that is hashed: JSON with the fields in the order of the struct,
// Hash left out, the request's body by its digest alone.
func (r *Record) Canonical() ([]byte, error) {
	c := *r
	c.Hash = ""
	if r.Request != nil {
		q := *r.Request
		q.Body = nil
		c.Request = &q
	}
	return json.Marshal(&c)
}
