package rules

import (
	"sync/atomic"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Outcome is what becomes of one message. It holds no original value: Messages hold what may leave,
// Edits say what was done.
type Outcome struct {
	Verdict  Verdict
	Rule     *RuleInfo // nil: no rule matched
	Reason   Reason    // why, where the rule's own verdict did not simply hold
	Detail   string    // position and shape of a fault, or the switch that decided; never a value
	Word     Word      // what the rule knew the message by
	Messages []Out     // what leaves, one a part; empty for pass (the message itself leaves), drop and refuse
	Edits    []Edit    // of all parts; the Part field says which
	Told     *Told     // nil, or what stands for Edits: other outcomes have the very same list, and nobody changes it
	Reply    *Reply    // for the client where nothing is forwarded at once; nil: 200 with an empty body
	Drift    []Drift
}

// Told stands for a list of edits that many outcomes share. Memo is for the reader of outcomes: what it made of the list,
// kept as long as the list is. It always holds one type.
type Told struct{ Memo atomic.Value }

// Reason says why an outcome is not simply the verdict of its rule.
type Reason string

// The reasons.
const (
	ByRule     Reason = ""
	BySwitch   Reason = "switch"    // the owner's switch for the kind
	ByPause    Reason = "pause"     // the product passes until a given time
	OnFault    Reason = "on_error"  // a body or a value could not be treated
	OnUnlisted Reason = "unlisted"  // unlisted: drop met a field it does not know
	Unmatched  Reason = "unmatched" // telemetry host, no rule: dropped; mixed host: passed
	EmptyBatch Reason = "empty"     // nothing was left of a batch
	BuiltIn    Reason = "built-in"  // a preflight answered here
	ByProfile  Reason = "profile"   // every part is left out by the profile
)

// Out is one message that may leave.
type Out struct {
	Part    string
	Message Message
	Release *Release // nil: at once
	Stamps  *Stamps  // where the day of sending stands in a held message; nil: nowhere
	// Origin is true where this message's answer is the client's answer: exactly one part, without a release.
	Origin bool
}

// Edit is one thing that was done: to a field, or to all fields of one name in a batch. It has no place for a value.
type Edit struct {
	Part      string    `json:"part,omitempty"`
	Selector  string    `json:"selector"`            // "$.properties.duration", "$.batch[*].userId", "header:User-Agent", "query:cid"
	Transform string    `json:"transform"`           // "keep", "remove", "bucket", …; "unlisted" where no rule named it
	Detail    string    `json:"detail,omitempty"`    // "to 8 lengths"
	Kind      body.Kind `json:"kind,omitempty"`      // type of what was there
	Shape     string    `json:"shape,omitempty"`     // "uuid", "hex 32", "integer, 4 digits": the shape, never the value
	Count     int       `json:"count,omitempty"`     // how often, where more than once
	Error     string    `json:"error,omitempty"`     // the transform failed: kind found and kind expected
	Listed    bool      `json:"listed,omitempty"`    // a rule names the field
	Unwritten bool      `json:"unwritten,omitempty"` // removed: it is not in what leaves
}

// Drift is something the rules do not know.
type Drift struct {
	What string // "field", "request", "element", "type"
	Name string // selector, or method and path shape
}

// RuleInfo is what the owner is told of a rule.
type RuleInfo struct {
	ID      string
	Product string
	Title   string // of the product
	Kind    string
	Why     string
	Then    Verdict
	Pos     Pos
}

// Answer is what the gate says of a connection.
type Answer string

// The answers of the gate.
const (
	Tunnel    Answer = "tunnel"
	Intercept Answer = "intercept"
	Block     Answer = "refuse"
)

// Gate is the answer for one client and one host.
type Gate struct {
	Answer  Answer
	Class   Class     // where intercepted
	Product string    // of the host, where known
	Rule    *RuleInfo // of a refuse rule
}

// Env is what Apply may not take from anywhere else: time, place, chance and keys are arguments,
// so that the same message, rules, key and time give the same outcome.
type Env struct {
	Now      time.Time
	Location *time.Location // nil: UTC
	Random   Reader         // nil: transforms that need chance fail, and the rule's on_error decides
	Key      []byte         // of pseudonyms
}

// Reader is io.Reader; it is named here so that Env reads as a list of facts.
type Reader interface {
	Read(p []byte) (n int, err error)
}
