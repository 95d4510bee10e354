package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// pair is one name and value of a query or a Cookie field.
type pair struct {
	name, value string // decoded
	raw         string // as received
}

// splitQuery reads the parameters of a query, in order (WHATWG URL, application/x-www-form-urlencoded).
func splitQuery(dst []pair, query string) []pair {
	for query != "" {
		var raw string
		raw, query, _ = strings.Cut(query, "&")
		if raw == "" {
			continue
		}
		name, value, _ := strings.Cut(raw, "=")
		dst = append(dst, pair{unescape(name, true), unescape(value, true), raw})
	}
	return dst
}

// splitCookies reads a Cookie field (RFC 6265, section 4.2.1). A pair without an equals sign is a value without a name, as
// in draft-ietf-httpbis-rfc6265bis, section 5.6: taken for a name it would be listed among the edits.
func splitCookies(dst []pair, field string) []pair {
	for field != "" {
		var raw string
		raw, field, _ = strings.Cut(field, ";")
		raw = strings.TrimSpace(raw)
		if raw == "" {
			continue
		}
		name, value, named := strings.Cut(raw, "=")
		if !named {
			name, value = "", raw
		}
		dst = append(dst, pair{name, value, raw})
	}
	return dst
}

// slot is one value outside the body: a parameter, a header field, a cookie or a path segment.
type slot struct {
	place    place
	name     string
	value    string
	raw      string
	line     int    // header field that it is of; number of the segment
	field    *field // that decides it; nil: none lists it
	to       outcome
	written  string
	unlisted bool // goes or stays as the part says
	fault    string
}

// target is the work on all of a message but its body, under one part.
type target struct {
	x     *exchange
	part  *part
	slots []slot
	edits []Edit
}

// outsideOf generalizes the target and the header of the message into out, for a body of the given length.
func (x *exchange) outsideOf(p *part, out *Message) (*target, fault) {
	t := &target{x: x, part: p}
	t.collect()
	if f := t.process(); f.why != "" {
		return nil, f
	}
	t.writePath(out)
	t.writeQuery(out)
	t.writeHeader(out)
	return t, fault{}
}

// collect lists the slots of the message, each with the field that decides it.
func (t *target) collect() {
	t.slots = t.x.slots[:0]
	defer func() { t.x.slots = t.slots }()
	if t.part.reads[inPath] {
		for i, seg := range segments(t.x.m.Path) {
			t.add(slot{place: inPath, name: strconv.Itoa(i + 1), value: unescape(seg, false), raw: seg, line: i + 1})
		}
	}
	for _, q := range t.x.params() {
		t.add(slot{place: inQuery, name: q.name, value: q.value, raw: q.raw})
	}
	for i := range t.x.m.Header {
		h := &t.x.m.Header[i]
		if equalFold(h.Name, "Cookie") && t.splits() {
			for _, c := range splitCookies(nil, h.Value) {
				t.add(slot{place: inCookie, name: c.name, value: c.value, raw: c.raw, line: i})
			}
			continue
		}
		t.add(slot{place: inHeader, name: h.Name, value: h.Value, raw: h.Value, line: i})
	}
}

// splits reports whether cookies are treated one by one. Otherwise their field is one like any other.
func (t *target) splits() bool {
	if t.part.reads[inCookie] {
		return true
	}
	return t.part.unlisted != UnlistedKeep && t.lists(inHeader, "Cookie", 0) == nil
}

// segments are the segments of a path, the first at 0.
func segments(path string) []string {
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

func (t *target) add(s slot) {
	s.field = t.lists(s.place, s.name, s.line)
	s.unlisted = s.field == nil
	t.slots = append(t.slots, s)
}

// lists finds the field that decides a slot: the first written.
func (t *target) lists(p place, name string, line int) *field {
	if !t.part.reads[p] {
		return nil
	}
	for _, f := range t.part.outside {
		if f.sel.place != p {
			continue
		}
		switch {
		case p == inPath && f.sel.number == line, p == inHeader && equalFold(f.sel.name, name), p != inPath && f.sel.name == name:
			return f
		}
	}
	return nil
}

// process lets the fields do what they do, and decides what no field lists.
func (t *target) process() fault {
	late := 0
	for i := range t.slots {
		s := &t.slots[i]
		if s.field != nil {
			late = max(late, s.field.rank)
			continue
		}
		if f := t.unlisted(s); f.why != "" {
			return f
		}
	}
	for rank := 0; rank <= late; rank++ {
		for i := range t.slots {
			if s := &t.slots[i]; s.field != nil && s.field.rank == rank {
				if f := t.treat(s); f.why != "" {
					return f
				}
			}
		}
	}
	return fault{}
}

// unlisted decides a slot that no field lists. A part with unlisted: drop does not drop for header fields, which every
// client has more of than a rule can list: they are removed.
func (t *target) unlisted(s *slot) fault {
	switch {
	case s.place == inPath || t.part.unlisted == UnlistedKeep:
		s.to = toKeep
	case t.part.unlisted == UnlistedDrop && s.place != inHeader:
		return fault{OnUnlisted, s.selector(), "", "the rule does not list it"}
	default:
		s.to = toRemove
	}
	return fault{}
}

// treat lets the field of a slot work on it.
func (t *target) treat(s *slot) fault {
	f := s.field
	name, why := f.name, ""
	switch {
	case f.inside != nil && s.value != "":
		var extra []Edit
		s.written, s.to, name, why, extra = t.x.openText(f, s.value, s.selector())
		t.edits = append(t.edits, extra...)
	case f.act == actRemove:
		s.to = toRemove
	case f.act == actSteps && f.inside == nil:
		var v body.Value
		s.to = toReplace
		v, name, why = t.x.steps(f, body.Value{Kind: body.String, Text: s.value}, &slotFinder{t})
		if why == partnerless {
			s.to, why = toRemove, ""
		}
		s.written = v.Plain()
	}
	if why == "" {
		return fault{}
	}
	if !f.softFail || s.to == toDropEvent {
		return fault{OnFault, s.selector(), name, why}
	}
	s.to, s.fault = toRemove, why
	return fault{}
}

// selector names a slot, as rules do.
func (s *slot) selector() string {
	switch s.place {
	case inQuery:
		return "query:" + s.name
	case inCookie:
		return "cookie:" + s.name
	case inPath:
		return "path:" + s.name
	}
	return "header:" + s.name
}

// Bounds of the selectors of header fields that an exchange remembers.
const (
	maxFieldNames = 64
	maxFieldName  = 64
)

// selector is s.selector(); of header fields, which are the same ones in each message, it is made once.
func (x *exchange) selector(s *slot) string {
	if s.place != inHeader || len(s.name) > maxFieldName {
		return s.selector()
	}
	text, ok := x.names[s.name]
	if !ok {
		text = s.selector()
		if len(x.names) >= maxFieldNames {
			clear(x.names)
		}
		x.names[text[len("header:"):]] = text
	}
	return text
}

// slotFinder looks up from a value outside the body.
type slotFinder struct{ *target }

func (f *slotFinder) received(sel *selector) (body.Value, bool) {
	if !sel.inBody() {
		return f.x.outsideValue(sel)
	}
	tree, err := f.x.tree("")
	if err != nil || !sel.fits(tree.Form()) {
		return body.Value{}, false
	}
	if found := sel.query.Select(nil, tree, 0); len(found) == 1 {
		return tree.Value(found[0]), true
	}
	return body.Value{}, false
}

func (f *slotFinder) partner(derived *field) (received, written body.Value, ok bool) {
	for i := range f.slots {
		s := &f.slots[i]
		if s.field != derived.partner {
			continue
		}
		if ok || s.to == toRemove {
			return received, written, false // there twice, or nothing is written
		}
		received = body.Value{Kind: body.String, Text: s.value}
		written, ok = received, true
		if s.to == toReplace {
			written.Text = s.written
		}
	}
	return received, written, ok
}

// outsideValue is the received value of a parameter, header field, cookie or path segment that is there once.
func (x *exchange) outsideValue(sel *selector) (v body.Value, ok bool) {
	see := func(name, value string, fits bool) {
		if fits {
			ok = v.Kind == 0
			v = body.Value{Kind: body.String, Text: value}
		}
	}
	switch sel.place {
	case inQuery:
		for _, q := range x.params() {
			see(q.name, q.value, q.name == sel.name)
		}
	case inPath:
		if all := segments(x.m.Path); sel.number <= len(all) {
			see("", unescape(all[sel.number-1], false), true)
		}
	default:
		for i := range x.m.Header {
			h := &x.m.Header[i]
			if sel.place == inHeader {
				see(h.Name, h.Value, equalFold(h.Name, sel.name))
			} else if equalFold(h.Name, "Cookie") {
				for _, c := range splitCookies(nil, h.Value) {
					see(c.name, c.value, c.name == sel.name)
				}
			}
		}
	}
	if !ok {
		return body.Value{}, false
	}
	return v, true
}

// writePath writes the path. A segment that is removed goes with its slash.
func (t *target) writePath(out *Message) {
	if !slices.ContainsFunc(t.slots, func(s slot) bool { return s.place == inPath && s.field != nil }) {
		return
	}
	path := make([]byte, 0, len(out.Path))
	for i := range t.slots {
		s := &t.slots[i]
		if s.place != inPath || s.to == toRemove {
			continue
		}
		path = append(path, '/')
		if s.to == toReplace {
			path = appendEscaped(path, s.written)
		} else {
			path = append(path, s.raw...)
		}
	}
	if len(path) == 0 {
		path = append(path, '/')
	}
	out.Path = string(path)
}

// writeQuery writes the parameters that stay, in order; what is untouched keeps its spelling.
func (t *target) writeQuery(out *Message) {
	if t.part.unlisted == UnlistedKeep && !t.part.reads[inQuery] {
		return
	}
	var query []byte
	for i := range t.slots {
		s := &t.slots[i]
		if s.place != inQuery || s.to == toRemove {
			continue
		}
		if len(query) > 0 {
			query = append(query, '&')
		}
		if s.to == toReplace {
			query = appendEscaped(query, s.name)
			query = appendEscaped(append(query, '='), s.written)
		} else {
			query = append(query, s.raw...)
		}
	}
	out.Query = string(query)
	out.HasQuery = len(query) > 0 || out.HasQuery && t.x.m.Query == "" && t.part.unlisted == UnlistedKeep
}
