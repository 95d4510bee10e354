package audit

import (
	"math"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
)

// The reasons why a crowd was not counted.
const (
	noteGone      = "the rule or the part is not in force any more"
	noteNoBody    = "the body is not kept"
	noteUnread    = "the body cannot be read"
	noteNoTitle   = "nothing in it speaks of a title"
	noteAsItCame  = "fields leave as they came, and there is no reference for them"
	notePassed    = "it left as it came: every other field of it can single you out too"
	noteJoint     = "two fields speak of the title, and no reference knows both together: the crowd is smaller than this"
	noteEmptyCell = "no title of the reference has such a length"
	noteSmall     = "the reference is too small to say anything"
)

// meter counts crowds.
type meter struct {
	opt     Options
	cells   map[[2]string]*rules.Cells // rule, part
	first   map[string]*rules.Cells    // rule: for what passed, the part that speaks of a title
	queries map[string]*path.Query     // nil: not a selector of JSON
	parts   map[[3]string]*part
	order   []*part
}

// sight is what was found in one event.
type sight struct {
	crowd  EventCrowd
	event  *Event
	cells  *rules.Cells
	passed bool
	spans  []span // of the one title that the event speaks of; nil: any
	share  float64
	table  string
	bits   map[string]float64 // by field
}

func newMeter(cells []rules.Cells, opt Options) *meter {
	m := &meter{opt: opt, cells: map[[2]string]*rules.Cells{}, first: map[string]*rules.Cells{}, queries: map[string]*path.Query{}, parts: map[[3]string]*part{}}
	for i := range cells {
		c := &cells[i]
		m.cells[[2]string{c.Rule.ID, c.Part}] = c
		if old := m.first[c.Rule.ID]; old == nil || m.table(old) == nil && m.table(c) != nil {
			m.first[c.Rule.ID] = c
		}
	}
	return m
}

// table is the first field of a part that a reference speaks of, or nil.
func (m *meter) table(c *rules.Cells) *rules.CellField {
	for i := range c.Fields {
		if m.reference(c, &c.Fields[i]) != nil {
			return &c.Fields[i]
		}
	}
	return nil
}

// reference is the histogram for the values of a field, or nil.
func (m *meter) reference(c *rules.Cells, f *rules.CellField) *Histogram {
	return m.opt.References[tableOf(c, f)]
}

// tableOf is the table whose values a field has: that of its buckets, or what its name says where it is rounded.
func tableOf(c *rules.Cells, f *rules.CellField) string {
	if f.Table != "" || f.Says != rules.SaysStep || scale(f.Unit) == 0 || !isLength(f.Selector) {
		return f.Table
	}
	for _, word := range []string{"audio", "track", "music", "song", "listen"} {
		if strings.Contains(strings.ToLower(c.Rule.ID+" "+c.Rule.Kind+" "+c.Part), word) {
			return "audio-length"
		}
	}
	return "video-length"
}

// isLength reports whether a field is the length of a title, by the last name of its selector.
func isLength(selector string) bool {
	name := strings.ToLower(strings.Trim(selector[strings.LastIndexAny(selector, ".[")+1:], "'\"]"))
	switch name {
	case "duration", "length", "runtime", "total_length", "totallength", "media_length", "itemduration":
		return true
	}
	return false
}

// look counts the crowd of one event.
func (m *meter) look(e *Event) *sight {
	s := &sight{event: e, passed: e.Verdict == string(rules.Pass), share: -1, bits: map[string]float64{}}
	s.crowd = EventCrowd{ID: e.ID, Time: e.Time, Product: e.Product, Kind: e.Kind, Rule: e.Rule, Part: e.Part}
	s.cells = m.cells[[2]string{e.Rule, e.Part}]
	if s.cells == nil && s.passed {
		s.cells = m.first[e.Rule]
	}
	switch {
	case s.cells == nil && s.passed:
		s.crowd.Note = noteAsItCame
	case s.cells == nil:
		s.crowd.Note = noteGone
	case m.table(s.cells) == nil:
		s.crowd.Note = m.silent(s)
	case len(e.Body) == 0 || e.Cut:
		s.crowd.Note = noteNoBody
	default:
		m.read(s)
	}
	return s
}

// silent says why nothing can be counted for a part that no reference speaks of.
func (m *meter) silent(s *sight) string {
	if s.passed || s.cells.Open {
		return noteAsItCame
	}
	for i := range s.cells.Fields {
		switch f := &s.cells.Fields[i]; {
		case f.Table != "":
			return "there is no reference for " + f.Table
		case f.Says == rules.SaysAsItCame || f.Says == rules.SaysStandIn || f.Says == rules.SaysStep:
			return noteAsItCame
		}
	}
	return noteNoTitle
}

// read decodes the body and counts.
func (m *meter) read(s *sight) {
	contentType := ""
	for _, f := range s.event.Header {
		if strings.EqualFold(f.Name, "Content-Type") {
			contentType = f.Value
		}
	}
	tree, err := body.Decode("", contentType, s.event.Body, body.Limits{})
	if err != nil {
		s.crowd.Note = noteUnread
		return
	}
	for i := range s.cells.Fields {
		f := &s.cells.Fields[i]
		if h := m.reference(s.cells, f); h != nil {
			m.field(s, tree, f, h)
		}
	}
	m.joint(s)
	if s.passed && s.crowd.Note == "" {
		s.crowd.Note = notePassed
	} else if s.crowd.Note == "" && (s.cells.Open || m.open(s.cells)) {
		s.crowd.Note = noteAsItCame
	}
	s.readShare(m, tree)
}

// open reports whether a part has fields that leave as they came.
func (m *meter) open(c *rules.Cells) bool {
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Says == rules.SaysAsItCame || f.Says == rules.SaysStandIn || f.Says == rules.SaysStep && m.reference(c, f) == nil {
			return true
		}
	}
	return false
}

// field narrows the crowd by one field.
func (m *meter) field(s *sight, t *body.Tree, f *rules.CellField, h *Histogram) {
	if h.Small() {
		s.crowd.Note = noteSmall
		return
	}
	n, spans := h.Titles, []span(nil)
	values := m.numbers(t, f)
	for i, v := range values {
		of := spansOf(f, v, h, s.passed)
		if fit := h.count(of); i == 0 || fit < n {
			n, spans = fit, of
		}
	}
	found := len(values) > 0
	if n == 0 {
		s.crowd.Note = noteEmptyCell
		return
	}
	bits := math.Log2(float64(h.Titles) / float64(n))
	if old, seen := s.bits[f.Selector]; !seen || bits > old {
		s.bits[f.Selector] = bits
	}
	if s.table != "" && s.table != h.Table && found {
		s.crowd.Note = noteJoint
	}
	if s.crowd.Crowd == nil || n < *s.crowd.Crowd {
		s.crowd.Crowd, s.crowd.Of, s.crowd.Bits = &n, h.Titles, &bits
		s.table, s.spans = h.Table, spans
	}
}

// joint looks up the owner's library, and takes back a crowd that another field made doubtful.
func (m *meter) joint(s *sight) {
	if s.crowd.Note == noteEmptyCell || s.crowd.Note == noteSmall {
		s.crowd.Crowd, s.crowd.Bits, s.crowd.Of = nil, nil, 0
	}
	if m.opt.Library == nil || s.table == "" {
		return
	}
	if own := m.opt.Library.of[s.table]; own != nil {
		n := own.Titles
		if s.spans != nil {
			n = own.count(s.spans)
		}
		s.crowd.Own = &n
	}
	s.crowd.table = s.table
}

// numbers are the values of a field in an event: several only in a batch.
func (m *meter) numbers(t *body.Tree, f *rules.CellField) []float64 {
	var all []float64
	for _, n := range m.nodes(t, f) {
		v, err := strconv.ParseFloat(t.Value(n).Text, 64)
		if err == nil && v > 0 && !math.IsInf(v, 0) {
			all = append(all, v)
		}
	}
	return all
}

// nodes are where a field stands in a tree.
func (m *meter) nodes(t *body.Tree, f *rules.CellField) []int32 {
	at := []int32{0}
	for _, selector := range append(append([]string(nil), f.Each...), f.Selector) {
		q := m.query(selector)
		if q == nil {
			return nil
		}
		var next []int32
		for _, root := range at {
			next = q.Select(next, t, root)
		}
		at = next
	}
	return at
}

func (m *meter) query(selector string) *path.Query {
	q, known := m.queries[selector]
	if !known && strings.HasPrefix(selector, "$") {
		q, _ = path.Parse(selector) // the rules have compiled with it
		m.queries[selector] = q
	}
	return q
}

// spansOf are the values that could have been written as v, in the base unit.
func spansOf(f *rules.CellField, v float64, h *Histogram, passed bool) []span {
	unit := scale(f.Unit)
	if unit == 0 {
		unit = scale(f.TabUnit)
	}
	x := v * unit
	if !passed && f.Says == rules.SaysStep {
		step := quantity(f.Step, unit)
		return []span{{"", x - step/2, x + step/2}}
	}
	var spans []span
	if !passed {
		for _, rows := range []map[string]rules.Rows{f.Rows, f.Others} {
			if spans = append(spans, written(rows, x, scale(f.TabUnit), unit)...); spans != nil {
				return spans
			}
		}
	}
	// Nothing writes this: it is what it is, as finely as the reference and the field can tell.
	half := max(h.Step*scale(h.Unit), unit, 1) / 2
	return []span{{"", x - half, x + half}}
}

// written are the buckets that are written as x. unit is what one of the field's unit is: it may have been rounded to it.
func written(rows map[string]rules.Rows, x, table, unit float64) []span {
	var spans []span
	for class, r := range rows {
		for i := range r.Write {
			w, err := strconv.ParseFloat(r.Write[i], 64)
			if err != nil || math.Abs(w*table-x) > unit/2 {
				continue
			}
			from, err := strconv.ParseFloat(r.Edges[i], 64)
			to := math.Inf(1)
			if err == nil && i+1 < len(r.Edges) {
				to, err = strconv.ParseFloat(r.Edges[i+1], 64)
				to *= table
			}
			if err == nil {
				spans = append(spans, span{class, from * table, to})
			}
		}
	}
	return spans
}

// quantity is a number with or without a unit, in the base unit; bare numbers are in unit.
func quantity(text string, unit float64) float64 {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if own := scale(text[len(digits):]); own != 0 {
		unit = own
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil {
		return 0
	}
	return v * unit
}

// readShare finds how much of the title was watched, where a part writes it.
func (s *sight) readShare(m *meter, t *body.Tree) {
	for i := range s.cells.Fields {
		f := &s.cells.Fields[i]
		if f.Says != rules.SaysShare {
			continue
		}
		for j := range s.cells.Fields {
			partner := &s.cells.Fields[j]
			if partner.Selector != f.Of {
				continue
			}
			part, whole := m.numbers(t, f), m.numbers(t, partner)
			if len(part) == 1 && len(whole) == 1 {
				s.share = part[0] / whole[0]
			}
		}
	}
}
