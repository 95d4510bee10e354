package ledger

import "time"

// Entry is one exchange as a reader sees it: a kept, sent, tunnel or event record, joined with what came of it.
type Entry struct {
	ID string `json:"id"` // NODE-SEQ
	Record
	Result *Record   `json:"result,omitempty"` // of a sent record: how it ended; nil while it has not
	Parts  []*Record `json:"parts,omitempty"`  // of a held record: what left of it, or expired, later
	Update bool      `json:"update,omitempty"` // Follow: shown before, a result or part has joined
}

// Filter selects entries. Empty fields select everything; the values of one field are alternatives.
type Filter struct {
	Types   []Type // empty: kept, sent, tunnel and event
	Node    string // "" is every node
	Product []string
	Kind    []string
	Host    []string // exact, or *.name for its subdomains
	Verdict []string
	Client  []string
	Rule    []string
	Door    []string
	Text    string // in host or rule, letter case aside
	Since   time.Time
	Until   time.Time // exclusive
	Flow    string    // one exchange; walks the records that the rest selects

	Before Cursor // older than this place
	After  Cursor // newer than this place; the page is the one next to it
	Limit  int    // entries on a page; 0 is 50, at most 1000
	Bodies bool   // with request bodies; Get and Export always have them
}

// Cursor is a place between entries, good for as long as the ledger lives. "" is the newest end.
type Cursor string

// Page is a run of entries, newest first.
type Page struct {
	Entries []Entry `json:"entries"`
	Older   Cursor  `json:"older,omitempty"` // for Filter.Before; "" when there is nothing older
	Newer   Cursor  `json:"newer,omitempty"` // for Filter.After: what came since
}

// Counters count received requests (tunnels: connections). Seen is always the sum of the seven after it.
type Counters struct {
	Seen        int64 `json:"seen"`
	Passed      int64 `json:"passed"`
	Generalized int64 `json:"generalized"`
	Dropped     int64 `json:"dropped"`
	Held        int64 `json:"held"`
	Refused     int64 `json:"refused"`
	Tunnelled   int64 `json:"tunnelled"`
	Failed      int64 `json:"failed"`
	Lost        int64 `json:"lost"`    // posted records that found the queue full
	Records     int64 `json:"records"` // ever written by this node
}

// TunnelTotal is what went through tunnels of one client to one host in one hour.
type TunnelTotal struct {
	Hour     time.Time `json:"hour"`
	Client   string    `json:"client"`
	Host     string    `json:"host"`
	Port     uint16    `json:"port"`
	Count    int64     `json:"count"` // connections
	BytesIn  int64     `json:"bytes_in"`
	BytesOut int64     `json:"bytes_out"`
}

// Report is what Verify found. Good says that every chain is whole from its start.
type Report struct {
	Good   bool          `json:"good"`
	Chains []ChainReport `json:"chains"`
}

// ChainReport is about the chain of one node.
type ChainReport struct {
	Node    string    `json:"node"`
	From    int64     `json:"from"` // the oldest entry present
	Since   time.Time `json:"since"`
	To      int64     `json:"to"`      // the newest entry that verifies
	Head    string    `json:"head"`    // hash of entry To, hex: note it elsewhere, and nobody can rewrite what is before it
	Removed int64     `json:"removed"` // entries that retention removed, by the anchor
	Bad     int64     `json:"bad,omitempty"`
	Fault   string    `json:"fault,omitempty"` // "entry 8812: hash does not continue from entry 8811; entries up to 8811 verify"
}
