package audit

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// Event is one request that left, as the ledger keeps it.
type Event struct {
	ID      string
	Time    time.Time // of sending
	Product string
	Kind    string
	Host    string
	Rule    string
	Part    string
	Verdict string // "pass" where it left as it came
	Target  string
	Header  []rules.Field
	Body    []byte // content codings undone; nil: none, or not kept
	Cut     bool   // Body is only a beginning
}

// Options are what events are measured with.
type Options struct {
	References References
	Library    *Library // the owner's own lengths, or nil
	Now        time.Time
	Location   *time.Location // of the release times; nil: UTC
}

// Report is what can be said of the events that left. A nil number is "not measured"; the notes say why.
type Report struct {
	Events     int          `json:"events"`
	Measured   int          `json:"measured"` // events whose crowd was counted
	From       time.Time    `json:"from"`
	To         time.Time    `json:"to"`
	Smallest   *EventCrowd  `json:"smallest,omitempty"`
	Week       *EventCrowd  `json:"smallest_this_week,omitempty"` // of the last seven days
	Parts      []PartReport `json:"parts"`
	Timing     Timing       `json:"timing"`
	Links      []Link       `json:"links"` // values that stayed the same for more than a day
	Library    *LibraryFit  `json:"library,omitempty"`
	References []*Histogram `json:"references"`
	List       []EventCrowd `json:"list"` // every event, in the order given
}

// EventCrowd is how many titles could have sent one event.
type EventCrowd struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Product string    `json:"product,omitempty"`
	Kind    string    `json:"kind,omitempty"`
	Rule    string    `json:"rule,omitempty"`
	Part    string    `json:"part,omitempty"`
	Crowd   *int64    `json:"crowd,omitempty"`
	Of      int64     `json:"of,omitempty"`     // titles of the reference
	Bits    *float64  `json:"bits,omitempty"`   // that the event gives away of the title
	Timing  *float64  `json:"timing,omitempty"` // bits that time and counts add
	Own     *int64    `json:"own,omitempty"`    // titles of the owner's library that fit
	Note    string    `json:"note,omitempty"`   // why something was not measured

	table string
}

// PartReport is what the events of one part of a rule say together.
type PartReport struct {
	Product  string        `json:"product,omitempty"`
	Kind     string        `json:"kind,omitempty"`
	Rule     string        `json:"rule"`
	Part     string        `json:"part,omitempty"`
	Events   int           `json:"events"`
	Measured int           `json:"measured"`
	Stated   int           `json:"stated,omitempty"` // the crowd that the rule states
	Crowd    *int64        `json:"crowd,omitempty"`  // the smallest
	Week     *int64        `json:"week,omitempty"`
	Of       int64         `json:"of,omitempty"`
	Bits     *float64      `json:"bits,omitempty"` // a record, of the title, all fields together
	Fields   []FieldReport `json:"fields"`
	Notes    []string      `json:"notes,omitempty"` // each reason once
}

// FieldReport is what one field gives away.
type FieldReport struct {
	Selector string   `json:"selector"`
	Says     string   `json:"says"`
	Bits     *float64 `json:"bits,omitempty"`    // of the title, a record; nil: not measured
	AtMost   *float64 `json:"at_most,omitempty"` // the size of its closed set, in bits, where there is one
}

// part collects the events of one part of a rule.
type part struct {
	PartReport
	cells  *rules.Cells
	passed bool
	bits   float64
	fields map[string]*tally
}

// tally adds up the bits of one field.
type tally struct {
	sum float64
	n   int
}

// Measure counts, for each event that left, the titles that could have sent it. cells are those of the rules in force;
// an event of a rule that is gone is not measured.
func Measure(cells []rules.Cells, events []Event, opt Options) *Report {
	m := newMeter(cells, opt)
	r := &Report{Events: len(events), Parts: []PartReport{}, Links: []Link{}, List: make([]EventCrowd, 0, len(events))}
	for _, h := range opt.References {
		r.References = append(r.References, h)
	}
	slices.SortFunc(r.References, func(a, b *Histogram) int { return cmp.Compare(a.Table, b.Table) })
	seen := make([]*sight, len(events))
	for i := range events {
		seen[i] = m.look(&events[i])
		r.List = append(r.List, seen[i].crowd)
		r.span(events[i].Time)
	}
	r.Timing = m.timing(seen)
	for i, s := range seen {
		r.List[i].Timing = s.crowd.Timing
		m.collect(s)
	}
	r.smallest(opt.Now)
	r.Parts = m.reports()
	r.Links = links(m, events)
	if opt.Library != nil {
		r.Library = opt.Library.fit(r.List)
	}
	return r
}

func (r *Report) span(at time.Time) {
	if r.From.IsZero() || at.Before(r.From) {
		r.From = at
	}
	if at.After(r.To) {
		r.To = at
	}
}

// smallest finds the events with the smallest crowds.
func (r *Report) smallest(now time.Time) {
	week := now.AddDate(0, 0, -7)
	for i := range r.List {
		e := &r.List[i]
		if e.Crowd == nil {
			continue
		}
		r.Measured++
		if r.Smallest == nil || *e.Crowd < *r.Smallest.Crowd {
			r.Smallest = e
		}
		if !e.Time.Before(week) && (r.Week == nil || *e.Crowd < *r.Week.Crowd) {
			r.Week = e
		}
	}
}

// collect adds a measured event to its part.
func (m *meter) collect(s *sight) {
	key := [3]string{s.crowd.Rule, s.crowd.Part, ""}
	if s.passed {
		key[2] = "pass"
	}
	p := m.parts[key]
	if p == nil {
		p = &part{cells: s.cells, passed: s.passed, fields: map[string]*tally{}}
		p.Product, p.Kind, p.Rule, p.Part = s.crowd.Product, s.crowd.Kind, s.crowd.Rule, s.crowd.Part
		if s.cells != nil {
			p.Stated = s.cells.Crowd
		}
		m.parts[key] = p
		m.order = append(m.order, p)
	}
	p.Events++
	if s.crowd.Note != "" && !slices.Contains(p.Notes, s.crowd.Note) {
		p.Notes = append(p.Notes, s.crowd.Note)
	}
	if s.crowd.Crowd == nil {
		return
	}
	p.Measured++
	p.bits += *s.crowd.Bits
	p.Of = s.crowd.Of
	p.Crowd = least(p.Crowd, *s.crowd.Crowd)
	if !s.crowd.Time.Before(m.opt.Now.AddDate(0, 0, -7)) {
		p.Week = least(p.Week, *s.crowd.Crowd)
	}
	for selector, bits := range s.bits {
		t := p.fields[selector]
		if t == nil {
			t = &tally{}
			p.fields[selector] = t
		}
		t.sum, t.n = t.sum+bits, t.n+1
	}
}

func least(old *int64, n int64) *int64 {
	if old != nil && *old <= n {
		return old
	}
	return &n
}

// reports are the parts with the smallest crowds first, what could not be measured last.
func (m *meter) reports() []PartReport {
	all := []PartReport{}
	for _, p := range m.order {
		if p.Measured > 0 {
			mean := p.bits / float64(p.Measured)
			p.Bits = &mean
		}
		p.Fields = p.fieldReports()
		all = append(all, p.PartReport)
	}
	slices.SortStableFunc(all, func(a, b PartReport) int {
		switch {
		case a.Crowd == nil && b.Crowd == nil:
			return 0
		case a.Crowd == nil:
			return 1
		case b.Crowd == nil:
			return -1
		}
		return cmp.Compare(*a.Crowd, *b.Crowd)
	})
	return all
}

func (p *part) fieldReports() []FieldReport {
	list := []FieldReport{}
	if p.cells == nil {
		return list
	}
	for i := range p.cells.Fields {
		f := &p.cells.Fields[i]
		report := FieldReport{Selector: f.Selector, Says: saying(f, p.passed)}
		switch t := p.fields[f.Selector]; {
		case t != nil:
			mean := t.sum / float64(t.n)
			report.Bits = &mean
		case !p.passed && (f.Says == rules.SaysNothing || f.Says == rules.SaysOne || f.Says == rules.SaysShare):
			report.Bits = new(float64) // it says nothing of the title that its partner does not say
		}
		if n := f.Words + len(f.Factors); n > 0 && !p.passed {
			most := math.Log2(float64(n))
			report.AtMost = &most
		}
		list = append(list, report)
	}
	slices.SortStableFunc(list, func(a, b FieldReport) int { return cmp.Compare(value(b.Bits), value(a.Bits)) })
	return list
}

// value orders what was not measured before all that was.
func value(bits *float64) float64 {
	if bits == nil {
		return math.Inf(1)
	}
	return *bits
}

// saying is what a field tells, in words.
func saying(f *rules.CellField, passed bool) string {
	switch {
	case passed:
		return "left as it came"
	case f.Says == rules.SaysNothing:
		return "nothing: drawn anew for each record"
	case f.Says == rules.SaysOne:
		return "nothing: always the same word"
	case f.Says == rules.SaysCell && f.Table != "":
		return "one of the lengths or rates of " + f.Table
	case f.Says == rules.SaysCell:
		return "one of a few words or numbers"
	case f.Says == rules.SaysShare:
		return "how much of it was watched, in a few steps: of the viewer, not of the title"
	case f.Says == rules.SaysTime:
		return "a day or an hour"
	case f.Says == rules.SaysStep:
		return "rounded to " + f.Step
	case f.Says == rules.SaysStandIn:
		return "a stand-in that stays the same for a while"
	}
	return "left as it came"
}
