package audit

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// Bounds of the look for values that stay the same.
const (
	linkAfter     = 24 * time.Hour
	maxLinkValues = 4096 // of one selector
	maxLinks      = 1024 // selectors
	shortWord     = 8    // letters from which text may be a name of its own
)

// Link is a field in which requests that left more than a day apart hold the same value, so that they can be told to
// come from one home. It does not hold the value.
type Link struct {
	Product  string        `json:"product,omitempty"`
	Host     string        `json:"host"`
	Selector string        `json:"selector"`
	Shape    string        `json:"shape"`
	Values   int           `json:"values"`  // that stayed
	Records  int           `json:"records"` // with one of them
	Longest  time.Duration `json:"longest_ns"`
}

// linked is what is known of one field.
type linked struct {
	Link
	values map[string]*stay
}

// stay is when a value was seen.
type stay struct {
	first, last time.Time
	records     int
	shape       string
}

// linker collects the values of fields. It lives as long as one measurement.
type linker struct {
	fields map[string]*linked
	order  []*linked
}

// links finds the values that stayed the same. Left aside are closed sets, which are the same for every home, and
// short words, numbers below a million and booleans, which tell little alone.
func links(m *meter, events []Event) []Link {
	l := &linker{fields: map[string]*linked{}}
	for i := range events {
		e := &events[i]
		passed := e.Verdict == string(rules.Pass)
		closed := m.closed(e, passed)
		l.outside(e, closed)
		if tree, err := body.Decode("", header(e, "Content-Type"), e.Body, body.Limits{}); err == nil && !e.Cut {
			l.walk(e, tree, 0, "$", closed)
		}
	}
	out := []Link{}
	for _, f := range l.order {
		for _, s := range f.values {
			if s.records > 1 && s.last.Sub(s.first) > linkAfter {
				f.Values++
				f.Records += s.records
				f.Longest = max(f.Longest, s.last.Sub(s.first))
				f.Shape = s.shape
			}
		}
		if f.Values > 0 {
			out = append(out, f.Link)
		}
	}
	slices.SortStableFunc(out, func(a, b Link) int { return cmp.Compare(b.Records, a.Records) })
	return out
}

func header(e *Event, name string) string {
	for _, f := range e.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// closed are the selectors of an event that write one of a closed set of values.
func (m *meter) closed(e *Event, passed bool) map[string]bool {
	set := map[string]bool{}
	c := m.cells[[2]string{e.Rule, e.Part}]
	if c == nil || passed {
		return set
	}
	for i := range c.Fields {
		switch f := &c.Fields[i]; f.Says {
		case rules.SaysOne, rules.SaysCell, rules.SaysShare, rules.SaysTime:
			selector := f.Selector
			for _, outer := range slices.Backward(f.Each) {
				selector = outer + strings.TrimPrefix(selector, "$")
			}
			set[selector] = true
		}
	}
	return set
}

// outside looks at the header and the query. Fields that every request has are left aside.
func (l *linker) outside(e *Event, closed map[string]bool) {
	for _, f := range e.Header {
		switch strings.ToLower(f.Name) {
		case "host", "content-type", "content-length", "content-encoding", "accept", "accept-encoding", "connection", "date":
			continue
		case "user-agent":
			if f.Value == "scrim" {
				continue
			}
		}
		l.note(e, "header:"+f.Name, body.Value{Kind: body.String, Text: f.Value}, closed)
	}
	_, query, _ := strings.Cut(e.Target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return
	}
	for name, list := range values {
		for _, v := range list {
			l.note(e, "query:"+name, body.Value{Kind: body.String, Text: v}, closed)
		}
	}
}

func (l *linker) walk(e *Event, t *body.Tree, n int32, selector string, closed map[string]bool) {
	if k := t.Kind(n); k != body.Object && k != body.Array {
		l.note(e, selector, t.Value(n), closed)
		return
	}
	for c := t.First(n); c >= 0; c = t.Next(c) {
		next := selector + "[*]"
		if t.Kind(n) == body.Object {
			next = selector + "." + short(t.Name(c))
		}
		l.walk(e, t, c, next, closed)
	}
}

// note remembers one value.
func (l *linker) note(e *Event, selector string, v body.Value, closed map[string]bool) {
	if closed[selector] || !ownValue(v) {
		return
	}
	key := e.Product + "\x00" + e.Host + "\x00" + selector
	f := l.fields[key]
	if f == nil {
		if len(l.order) >= maxLinks {
			return
		}
		f = &linked{Link: Link{Product: e.Product, Host: e.Host, Selector: selector}, values: map[string]*stay{}}
		l.fields[key] = f
		l.order = append(l.order, f)
	}
	s := f.values[v.Text]
	if s == nil {
		if len(f.values) >= maxLinkValues {
			return
		}
		s = &stay{first: e.Time, last: e.Time, shape: transform.Shape(v)}
		f.values[v.Text] = s
	}
	s.records++
	if e.Time.Before(s.first) {
		s.first = e.Time
	}
	if e.Time.After(s.last) {
		s.last = e.Time
	}
}

// ownValue reports whether a value can be one home's own.
func ownValue(v body.Value) bool {
	switch transform.Looks(v) {
	case transform.ClassNull, transform.ClassBoolean, transform.ClassEmpty, transform.ClassObject, transform.ClassArray,
		transform.ClassTime, transform.ClassDate, transform.ClassLocale, transform.ClassVersion, transform.ClassEpoch, transform.ClassEpochMS:
		return false
	case transform.ClassInteger, transform.ClassDecimal:
		return len(v.Text) > 6
	case transform.ClassText:
		return len(v.Text) > shortWord
	}
	return true
}
