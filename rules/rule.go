package rules

import (
	"net/netip"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Verdict is what is done with a message.
type Verdict string

// The verdicts. Refuse is decided at the gate, the others on a request.
const (
	Pass       Verdict = "pass"       // byte for byte
	Generalize Verdict = "generalize" // rewritten by the parts of the rule
	Drop       Verdict = "drop"       // answered with the rule's reply, nothing sent
	Refuse     Verdict = "refuse"     // never connected, never decrypted
)

// Class is the class of a host that rules name.
type Class string

// A telemetry host carries nothing else: what no rule matches there is dropped.
// A mixed host also carries what the product needs: what no rule matches there passes untouched.
const (
	Telemetry Class = "telemetry"
	Mixed     Class = "mixed"
)

// Unlisted says what happens to fields that a part does not name.
type Unlisted string

// The treatments of unlisted fields.
const (
	UnlistedRemove Unlisted = "remove"
	UnlistedKeep   Unlisted = "keep"
	UnlistedDrop   Unlisted = "drop" // the whole event is dropped
)

// OnError says what happens where a value cannot be treated as the rule wants.
type OnError string

// The ways out of an error. Never "send the original".
const (
	ErrorDrop   OnError = "drop"   // the event
	ErrorRemove OnError = "remove" // the field; where a rule says it, each of its fields that says nothing itself
)

// Pos is a place in a rule file, from 1.
type Pos struct {
	File         string
	Line, Column int
}

// File is one parsed rule file: a pack (Product), a template (Template) or the owner's own rules (neither is needed).
type File struct {
	Name     string // as given to Parse; used in faults
	Product  string
	Template string // "sentry", "analytics/matomo"
	Title    string
	Hosts    []Host
	Kinds    []Kind
	Tables   []Table
	Rules    []Rule // Use entries stand among them until Compile expands them
	Vendor   string // file of the vendor's own event list beside the pack, or ""
}

// Host gives a host its class.
type Host struct {
	Name  string // exact name, or *.name
	Class Class
	Pos   Pos
}

// Kind is one kind of data of a product: one switch.
type Kind struct {
	Name    string
	Title   string
	Default Verdict // pass, generalize or drop
	Product string  // whose switch it is; "": the file's. Expand sets it where a template stands in a file without product
	Pos     Pos
}

// Table is a named table of buckets. Rows is keyed by class; "" where the table has no `by`.
type Table struct {
	Name   string
	Unit   string
	Rows   map[string]Rows
	Strict map[string]Rows // for profile strict; nil: Rows serve both
	Pos    Pos
}

// Rows are lower edges and what is written for each: number literals as written, in the table's unit.
// Edges rise; Write has as many entries. A value below Edges[0] is an error of the field.
type Rows struct{ Edges, Write []string }

// Rule is one rule as written, defaults filled in.
type Rule struct {
	ID       string
	Product  string
	Kind     string // "" : no switch
	Why      string
	Match    Match
	Then     Verdict
	Parts    []Part // at least one where Then is Generalize
	Unlisted Unlisted
	OnError  OnError
	Reply    *Reply // nil: 200 with an empty body
	Examples []Example
	MaxBody  int64 // bytes decoded; 0: the limit of the configuration
	Use      *Use  // a template stands here; every other field but Pos is empty
	Pos      Pos
}

// Use expands a template in place.
type Use struct {
	Template string
	Match    Match // host and client only
	Class    Class
	Kind     string
	Product  string
	Pos      Pos
}

// Match holds the conditions of a rule; all that are given must hold.
type Match struct {
	Hosts       []HostPattern
	HostFile    string // {file: hosts.txt}; refuse only
	Methods     []string
	Paths       []string // globs as written
	Query       []Named
	Header      []Named
	ContentType *Condition
	Client      []ClientPattern
	Form        body.Form // "": found by looking
	Body        []Named   // Name is a selector
	Not         *Match
	Pos         Pos
}

// IsZero reports whether no condition is given.
func (m *Match) IsZero() bool {
	return len(m.Hosts) == 0 && m.HostFile == "" && len(m.Methods) == 0 && len(m.Paths) == 0 && len(m.Query) == 0 && len(m.Header) == 0 &&
		m.ContentType == nil && len(m.Client) == 0 && m.Form == "" && len(m.Body) == 0 && m.Not == nil
}

// HostPattern is an exact name, or *.name for any name below it (not the name itself).
type HostPattern struct {
	Name   string // without the "*."
	Suffix bool
	Pos    Pos
}

// ClientPattern is an address, a prefix, or the owner's name for a client.
type ClientPattern struct {
	Prefix netip.Prefix // an address is a prefix of full length
	Name   string       // "" where Prefix is given
	Pos    Pos
}

// Named is a condition on a named thing: a query parameter, a header field, a selector.
type Named struct {
	Name string
	Cond Condition
	Pos  Pos
}

// Condition is a test of one value. Exactly one of its forms is used.
type Condition struct {
	Any    []body.Value // any of these; a String is a glob
	Min    string       // number literals of {min, max}; "" none
	Max    string
	Exists *bool // {exists: false}
	Pos    Pos
}

// Part is one request that an event leaves as.
type Part struct {
	Name     string // "" where the rule has `fields` alone
	Fields   []FieldRule
	Each     *Each
	Release  *Release
	Profiles []string // empty: every profile
	Unlisted Unlisted // "" : the rule's
	Crowd    int      // the audit warns below this; 0: none stated
	Pos      Pos
}

// FieldRule says what happens to what a selector finds.
type FieldRule struct {
	Selector string
	Do       []Step  // transforms in order; one for most, none where Inside is given
	OnError  OnError // "" : the rule's
	As       string  // proto: only: "string", "bytes", "message", "varint", "sint", "fixed", "double"; "" not stated
	Inside   *Inside
	Pos      Pos
}

// Step is one transform as written: its name and its arguments, not yet compiled.
type Step struct {
	Name string            // "round", "bucket", …; also "keep" and "remove"
	Args map[string]string // scalars as written, by argument name; "" is the plain argument; "unit"; "share_of", "width", "rotate", "link"
	List []string          // a plain list argument (bucket: [..])
	// Lists are the list arguments that have a name: "edges" and "factors" of derive, number literals as written.
	Lists map[string][]string
	Map   []MapEntry // map: in written order
	JSON  string     // replace: the value as compact JSON
	// By names the class of a table: selectors of {frame: [W, H]} or one selector.
	ByFrame []string
	By      string
	Pos     Pos
}

// MapEntry is one line of a map transform.
type MapEntry struct {
	From string // glob
	To   body.Value
	Pos  Pos
}

// Inside opens an encoded value; the selectors of Fields start in it.
type Inside struct {
	Codecs   []string // "base64", "base64url", "gzip", "json", "form", "query", outermost first
	Fields   []FieldRule
	Unlisted Unlisted // filled in: what encloses it where it is not written
	Pos      Pos
}

// Each treats the elements of a batch one by one.
type Each struct {
	Path   string // selector of the elements
	Events []Event
	Pos    Pos
}

// Event is what is done with one shape of element; the first whose match holds decides.
type Event struct {
	Match    []Named // body conditions; $ is the element
	Not      *Match
	Fields   []FieldRule
	Unlisted Unlisted // filled in
	OnError  OnError  // filled in
	Each     *Each
	Kind     string
	Then     Verdict // Generalize by default
	Pos      Pos
}

// Release holds a part and sends it on schedule.
type Release struct {
	At     []string // local times "15:04", sorted
	Cap    int      // records a release; 0: no cap
	Pool   int      // released only when so many wait; 0: none
	MaxAge time.Duration
	Pad    int // bytes; 0: none
	Pos    Pos
}

// Reply is what a client is told when its request does not leave at once.
type Reply struct {
	Status int
	Type   string
	Header []Field
	Body   string
	Pos    Pos
}

// Example is a message and what must leave of it.
type Example struct {
	Name    string
	In      ExampleMessage
	Out     []ExampleMessage
	Profile string // "" : generalized
	Pos     Pos
}

// ExampleMessage gives of a message what matters; the rest comes from the match's first literals.
type ExampleMessage struct {
	Method string
	URL    string
	Header []Field
	Body   *body.Value // Object, Array and other JSON values as JSON; String as text
	Body64 []byte
	Time   time.Time
	Pos    Pos
}
