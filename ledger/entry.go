package ledger

// Entry is one exchange as a reader sees it: a kept, sent, tunnel or event record, joined with what came of it.
type Entry struct {
	ID string `json:"id"` // NODE-SEQ
	Record
	Result *Record   `json:"result,omitempty"` // of a sent record: how it ended; nil while it has not
	Parts  []*Record `json:"parts,omitempty"`  // of a held record: what left of it, or expired, later
	Update bool      `json:"update,omitempty"` // Follow: shown before, a result or part has joined
}

// Page is a run of entries, newest first.
type Page struct {
	Entries []Entry `json:"entries"`
	Older   Cursor  `json:"older,omitempty"` // for Filter.Before; "" when there is nothing older
	Newer   Cursor  `json:"newer,omitempty"` // for Filter.After: what came since
}
