package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	Flow    string    // one exchange; looks through all that the rest selects

	Before Cursor // older than this place
	After  Cursor // newer than this place; the page is the one next to it
	Limit  int    // entries on a page; 0 is 50, at most 1000
	Bodies bool   // List: with request bodies; Get and Export always have them
}

// Cursor is a place between entries, good for as long as the ledger lives. "" is the newest end.
type Cursor string

func cursor(pos int64) Cursor { return Cursor(strconv.FormatInt(pos, 10)) }

func (c Cursor) pos() (int64, error) {
	if c == "" {
		return 0, nil
	}
	pos, err := strconv.ParseInt(string(c), 10, 64)
	if err != nil || pos < 0 {
		return 0, fmt.Errorf("cursor %q is not one of this ledger", string(c))
	}
	return pos, nil
}

// scan turns f into what a store understands.
func (f *Filter) scan() (Scan, error) {
	q := Scan{Node: f.Node, Match: f.match(), Bodies: f.Bodies}
	if !f.Since.IsZero() {
		q.Since = f.Since.UnixNano()
	}
	if !f.Until.IsZero() {
		q.Until = f.Until.UnixNano()
	}
	var err, err2 error
	q.Before, err = f.Before.pos()
	q.After, err2 = f.After.pos()
	if err == nil {
		err = err2
	}
	return q, err
}

// match returns the question that f asks of keys.
func (f *Filter) match() func(*Key) bool {
	types := f.Types
	if len(types) == 0 {
		types = []Type{Kept, Sent, Tunnel, Event}
	}
	text := strings.ToLower(f.Text)
	c := *f
	return func(k *Key) bool {
		return slices.Contains(types, k.Type) && among(c.Product, k.Product) && among(c.Kind, k.Kind) &&
			among(c.Verdict, k.Verdict) && among(c.Client, k.Client) && among(c.Rule, k.Rule) && among(c.Door, k.Door) &&
			hostAmong(c.Host, k.Host) &&
			(text == "" || strings.Contains(strings.ToLower(k.Host), text) || strings.Contains(strings.ToLower(k.Rule), text))
	}
}

func among(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

func hostAmong(list []string, host string) bool {
	if len(list) == 0 {
		return true
	}
	for _, pattern := range list {
		pattern = strings.ToLower(pattern)
		if suffix, wild := strings.CutPrefix(pattern, "*"); wild && strings.HasPrefix(suffix, ".") {
			if len(host) > len(suffix) && strings.HasSuffix(host, suffix) {
				return true
			}
		} else if pattern == host {
			return true
		}
	}
	return false
}

// ofFlow returns a test of rows for the flow that f names. The flow is the first member of Rest.
func (f *Filter) ofFlow() func(*Row) bool {
	if f.Flow == "" {
		return func(*Row) bool { return true }
	}
	prefix := member(nil, "flow", f.Flow)
	return func(row *Row) bool { return bytes.HasPrefix(row.Rest, prefix) }
}

// parseID reads "NODE-SEQ", "SEQ" or "#SEQ"; own is the node of the short forms.
func parseID(id, own string) (node string, seq int64, err error) {
	node, digits := own, strings.TrimPrefix(id, "#")
	if i := strings.LastIndexByte(digits, '-'); i > 0 {
		node, digits = digits[:i], digits[i+1:]
	}
	seq, err = strconv.ParseInt(digits, 10, 64)
	if err != nil || seq <= 0 {
		return "", 0, fmt.Errorf("%q is not an entry: write its number, NODE-NUMBER or last: %w", id, ErrNotFound)
	}
	return node, seq, nil
}
