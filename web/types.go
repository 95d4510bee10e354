package web

import "time"

// The types below are the answers of /api/v1, as openapi.json describes them; a test holds the two together.

// Session says how a caller is known.
type Session struct {
	Access      string     `json:"access"` // loopback, session, token, none
	PasswordSet bool       `json:"password_set"`
	Expires     *time.Time `json:"expires,omitempty"`
}

// Counters are received requests; Complete says whether they add up.
type Counters struct {
	Seen        int64 `json:"seen"`
	Passed      int64 `json:"passed"`
	Generalized int64 `json:"generalized"`
	Dropped     int64 `json:"dropped"`
	Held        int64 `json:"held"`
	Refused     int64 `json:"refused"`
	Tunnelled   int64 `json:"tunnelled"`
	Failed      int64 `json:"failed"`
}

// Complete reports whether every request is in exactly one column.
func (c Counters) Complete() bool {
	return c.Seen == c.Passed+c.Generalized+c.Dropped+c.Held+c.Refused+c.Tunnelled+c.Failed
}

// LedgerCounters are the totals since the ledger was begun.
type LedgerCounters struct {
	Counters
	Lost     int64 `json:"lost"`
	Records  int64 `json:"records"`
	Complete bool  `json:"complete"`
}

// ProxyCounters are the totals since the start.
type ProxyCounters struct {
	Counters
	NotServed   int64 `json:"not_served"`
	OverLimit   int64 `json:"over_limit"`
	Pinned      int64 `json:"pinned"`
	Drift       int64 `json:"drift"`
	LedgerFault int64 `json:"ledger_fault"`
	Panics      int64 `json:"panics"`
	Connections int   `json:"connections"`
	Complete    bool  `json:"complete"`
}

// Reload is how the last reload went.
type Reload struct {
	Time   time.Time `json:"time"`
	Good   bool      `json:"good"`
	Faults []string  `json:"faults"`
	Later  []string  `json:"later"`
}

// Door is one way in.
type Door struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Use     string `json:"use,omitempty"`
}

// Pinned is a client that refused our certificate for a host.
type Pinned struct {
	Client     string    `json:"client"`
	ClientName string    `json:"client_name,omitempty"`
	Host       string    `json:"host"`
	How        string    `json:"how"`
	Time       time.Time `json:"time"`
	Tries      int       `json:"tries"`
	Next       string    `json:"next"` // refuse, tunnel, try
}

// Waiting is what one line of the release schedule holds.
type Waiting struct {
	Product string     `json:"product,omitempty"`
	Kind    string     `json:"kind,omitempty"`
	Rule    string     `json:"rule"`
	Part    string     `json:"part,omitempty"`
	Count   int        `json:"count"`
	Next    *time.Time `json:"next,omitempty"`
}

// Authority is the certificate authority.
type Authority struct {
	Fingerprint string    `json:"fingerprint"`
	Subject     string    `json:"subject"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Sealed      bool      `json:"sealed"`
	Hosts       int       `json:"hosts"`
	PEM         []byte    `json:"-"`
	DER         []byte    `json:"-"`
}

// Kind is one kind of data of a product: one switch.
type Kind struct {
	Name    string     `json:"name"`
	Title   string     `json:"title"`
	Default string     `json:"default"`
	Switch  string     `json:"switch"`
	Origin  string     `json:"origin"`
	Rules   int        `json:"rules"`
	Events  int64      `json:"events"`
	Last    *time.Time `json:"last,omitempty"`
}

// RuledHost is one name that rules speak of.
type RuledHost struct {
	Name    string `json:"name"`
	Class   string `json:"class"`
	Product string `json:"product,omitempty"`
	Refused bool   `json:"refused"`
}

// Product is one product and its switches.
type Product struct {
	Name          string      `json:"name"`
	Title         string      `json:"title"`
	Profile       string      `json:"profile"`
	ProfileOrigin string      `json:"profile_origin"`
	PauseUntil    *time.Time  `json:"pause_until"`
	Kinds         []Kind      `json:"kinds"`
	Hosts         []RuledHost `json:"hosts"`
	Rules         int         `json:"rules"`
	Seen          bool        `json:"seen"`
	Last          *time.Time  `json:"last,omitempty"`
}

// Products are all products, and the profile of those that have none of their own.
type Products struct {
	Profile       string    `json:"profile"`
	ProfileOrigin string    `json:"profile_origin"`
	Products      []Product `json:"products"`
}

// Rule is what the owner is told of a rule.
type Rule struct {
	ID           string     `json:"id"`
	Product      string     `json:"product,omitempty"`
	ProductTitle string     `json:"product_title,omitempty"`
	Kind         string     `json:"kind,omitempty"`
	Why          string     `json:"why,omitempty"`
	Then         string     `json:"then"`
	File         string     `json:"file"`
	Line         int        `json:"line"`
	Hits         int64      `json:"hits"`
	LastHit      *time.Time `json:"last_hit,omitempty"`
}

// Header is a header field.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Body is content as it is shown: JSON and text as text, the rest in base64.
type Body struct {
	Form   string `json:"form"` // json, text, binary
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"`
	Bytes  int    `json:"bytes"`
	Cut    bool   `json:"cut"`
}

// Request is a request as it left, or would leave.
type Request struct {
	Method  string   `json:"method"`
	Target  string   `json:"target"`
	Version string   `json:"version,omitempty"`
	Header  []Header `json:"header"`
	Coding  string   `json:"coding,omitempty"`
	Length  int64    `json:"length"`
	Digest  string   `json:"digest,omitempty"`
	Body    *Body    `json:"body"`
}

// Edit is one thing that was done to a message.
type Edit struct {
	Part      string `json:"part,omitempty"`
	Selector  string `json:"selector"`
	Transform string `json:"transform"`
	Detail    string `json:"detail,omitempty"`
	Type      string `json:"type,omitempty"`
	Shape     string `json:"shape,omitempty"`
	Count     int    `json:"count,omitempty"`
	Error     string `json:"error,omitempty"`
	Listed    bool   `json:"listed"`
	Removed   bool   `json:"removed"`
	Effect    string `json:"effect"` // kept, changed, removed
}

// Question is a request that Explain is asked about.
type Question struct {
	Method     string   `json:"method"`
	URL        string   `json:"url"`
	Headers    []Header `json:"headers"`
	Body       string   `json:"body"`
	BodyBase64 []byte   `json:"body_base64"`
	Client     string   `json:"client"`
}

// Explanation says which rule decides a request, and why the others do not.
type Explanation struct {
	URL     string   `json:"url"`
	Gate    string   `json:"gate"`
	Class   string   `json:"class,omitempty"`
	Verdict string   `json:"verdict"`
	Rule    string   `json:"rule,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Tried   []Tried  `json:"tried"`
	Edits   []Edit   `json:"edits"`
	Drift   []string `json:"drift"`
	Leaves  []Leaf   `json:"leaves"`
}

// Tried is one rule that was held against a request.
type Tried struct {
	Rule   string `json:"rule"`
	Held   bool   `json:"held"`
	Failed string `json:"failed,omitempty"`
}

// Leaf is one request that would leave.
type Leaf struct {
	Part    string  `json:"part,omitempty"`
	Held    bool    `json:"held"`
	Request Request `json:"request"`
}

// Setting is one effective value and where it came from.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
	Doc    string `json:"doc,omitempty"`
	Chosen bool   `json:"chosen"`
}

// Settings are all of them.
type Settings struct {
	File     string    `json:"file"`
	Choices  string    `json:"choices"`
	Settings []Setting `json:"settings"`
}

// Original is a request as it came, while it is in memory.
type Original struct {
	Time    time.Time `json:"time"`
	Request Request   `json:"request"`
}
