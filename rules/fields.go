package rules

import (
	"slices"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// run is the work on one tree under one part: first every node gets the field that decides it, then the fields do
// what they do, and only then is the plan made, so that what fails leaves no trace in it.
type run struct {
	x      *exchange
	part   *part
	tree   *body.Tree
	prefix string // of selectors in edits: where the tree was found

	of       []int32 // by node: number of the field that decides it; negative: an element, -number-1
	hits     []int32 // nodes that a field was found for
	acts     []decision
	elements []element
	dropped  bool             // some element is
	faults   map[int32]string // node: why on_error removed it
	partners map[int32]body.Value
	extra    []Edit // of what inside opened
	drift    []Drift
	plan     body.Plan
	nodes    []int32
	finder   nodeFinder
	lookups  []lookup
}

// decision is what becomes of a node.
type decision struct {
	node  int32
	to    outcome
	value body.Value
}

// outcome is a decision in the terms of the plan.
type outcome uint8

const (
	toKeep outcome = iota
	toKeepAll
	toRemove
	toReplace
	toKeepUnlisted   // below an element
	toRemoveUnlisted // likewise
	toDropEvent      // a field inside takes the event with it
)

// element is one element of a batch.
type element struct {
	node  int32
	event *event // nil: none matched
	self  int32  // field of the element itself, 0: none
	fate  fate
}

// fate is what becomes of an element.
type fate uint8

const (
	written fate = iota
	passed       // as it is
	gone         // dropped
)

// begin takes a run over a tree.
func (x *exchange) run(p *part, t *body.Tree, prefix string) *run {
	if x.used == len(x.runs) {
		x.runs = append(x.runs, &run{})
	}
	r := x.runs[x.used]
	x.used++
	r.x, r.part, r.tree, r.prefix = x, p, t, prefix
	r.of = slices.Grow(r.of[:0], t.Len())[:t.Len()]
	clear(r.of)
	return r
}

// maxRoom is how many nodes a run keeps room for: a rare large body must not stay in memory.
const maxRoom = 1 << 16

// release gives back the run that was taken last.
func (x *exchange) release(r *run) {
	r.reset(x.s.blank)
	x.used--
}

// reset forgets all of a message and keeps the room. blank is a tree that is nobody's.
func (r *run) reset(blank *body.Tree) {
	clear(r.acts)
	clear(r.elements)
	clear(r.extra)
	clear(r.drift)
	if cap(r.of) > maxRoom || cap(r.acts) > maxRoom {
		*r = run{}
		return
	}
	r.plan.Reset(blank, body.Remove)
	*r = run{
		of: r.of[:0], hits: r.hits[:0], acts: r.acts[:0], elements: r.elements[:0], extra: r.extra[:0], drift: r.drift[:0],
		nodes: r.nodes[:0], plan: r.plan, lookups: r.lookups[:0],
	}
}

// maxDrift is how many kinds of unknown elements one message notes.
const maxDrift = 32

// unknown notes an element that no event matches.
func (r *run) unknown(n int32) {
	d := Drift{"element", r.selectorOf(n)}
	if len(r.drift) < maxDrift && !slices.Contains(r.drift, d) {
		r.drift = append(r.drift, d)
	}
}

// body decides the whole tree. events is false where a batch left nothing.
func (r *run) body() (events bool, f fault) {
	s := r.part.scope
	r.mark(s, 0)
	own := len(r.hits)
	kept := 1
	if s.each != nil {
		if kept, f = r.batch(s.each, 0); f.why != "" {
			return true, f
		}
	}
	if f = r.process(s, 0, r.hits[:own]); f.why != "" {
		return true, f
	}
	if s.unlisted == UnlistedDrop {
		if f = r.unlisted(0); f.why != "" {
			return true, f
		}
	}
	return kept > 0, fault{}
}

// mark finds the field of each node below root that the scope lists: the first written one of those that hit it.
func (r *run) mark(s *scope, root int32) {
	if len(s.states) > 0 {
		r.walk(s, root, 1)
	}
	for _, f := range s.general {
		r.nodes = f.sel.query.Select(r.nodes[:0], r.tree, root)
		for _, n := range r.nodes {
			r.hit(s, n, f.no)
		}
	}
}

// walk follows the states of a scope down from n.
func (r *run) walk(s *scope, n, at int32) {
	st := &s.states[at]
	if st.field != 0 {
		r.hit(s, n, st.field)
	}
	if !st.lists {
		return
	}
	t := r.tree
	switch t.Kind(n) {
	case body.Object:
		if len(st.names) == 0 && st.other == 0 {
			return
		}
		for child := t.First(n); child >= 0; child = t.Next(child) {
			if next := st.member(t.Name(child)); next != 0 {
				r.walk(s, child, next)
			}
		}
	case body.Array:
		r.walkArray(s, n, st)
	}
}

func (r *run) walkArray(s *scope, n int32, st *state) {
	if len(st.index) == 0 && st.other == 0 {
		return
	}
	i := 0
	for child := r.tree.First(n); child >= 0; child = r.tree.Next(child) {
		if next := st.element(i); next != 0 {
			r.walk(s, child, next)
		}
		i++
	}
}

// hit says that a field of the scope found n. Fields of an element come after those around it and win.
func (r *run) hit(s *scope, n, no int32) {
	at := &r.of[n]
	if *at < 0 {
		at = &r.elements[-*at-1].self
	}
	if *at >= s.first && *at <= no {
		return
	}
	*at = no
	r.hits = append(r.hits, n)
}

// field is the field that decides n, or nil.
func (r *run) field(n int32) *field {
	no := r.of[n]
	if no < 0 {
		no = r.elements[-no-1].self
	}
	if no == 0 {
		return nil
	}
	return r.part.fields[no-1]
}

// process lets the fields of a scope do what they do, partners before what is derived from them.
func (r *run) process(s *scope, root int32, hits []int32) fault {
	for rank := 0; rank <= s.late; rank++ {
		for _, n := range hits {
			f := r.field(n)
			if f == nil || f.rank != rank || !s.owns(f) || r.dropped && r.dead(n) {
				continue
			}
			if x := r.decide(f, root, n); x.why != "" {
				return x
			}
		}
	}
	return fault{}
}

// owns reports whether the field is of this scope itself.
func (s *scope) owns(f *field) bool {
	i := int(f.no - s.first)
	return i >= 0 && i < len(s.fields) && s.fields[i] == f || slices.Contains(s.fields, f)
}

// dead reports whether n is in an element that was dropped.
func (r *run) dead(n int32) bool {
	for ; n >= 0; n = r.tree.Parent(n) {
		if no := r.of[n]; no < 0 && r.elements[-no-1].fate == gone {
			return true
		}
	}
	return false
}

// decide lets field f treat node n.
func (r *run) decide(f *field, root, n int32) fault {
	d, name, why := r.treat(f, root, r.valueNode(f, n))
	if why != "" {
		if !f.softFail || d.to == toDropEvent {
			return fault{OnFault, r.selectorOf(n), name, why}
		}
		if r.faults == nil {
			r.faults = map[int32]string{}
		}
		r.faults[n] = why
		d = decision{node: n, to: toRemove}
	}
	r.acts = append(r.acts, d)
	if f.wanted {
		r.note(n, d)
	}
	return fault{}
}

// treat is what field f makes of node n; why is not empty where it cannot.
func (r *run) treat(f *field, root, n int32) (d decision, name, why string) {
	d = decision{node: n}
	k := r.tree.Kind(n)
	switch {
	case f.inside != nil:
		return r.open(f, n)
	case f.act == actRemove:
		d.to = toRemove
	case f.act == actKeepAll:
		d.to = toKeepAll
	case f.act == actKeep && (k == body.Object || k == body.Array || f.ast.As == string(body.AsMessage)) && r.tree.First(n) >= 0:
		return d, f.name, "found " + transform.KindName(k) + ", expected a value (keep: all keeps it whole)"
	case f.act == actKeep && (k == body.Object || k == body.Array):
		if r.tree.Form() != body.XML {
			return d, f.name, "found " + transform.KindName(k) + ", expected a value (keep: all keeps it whole)"
		}
	case f.act == actKeep && f.ast.As != "":
		if _, err := r.tree.As(n, body.As(f.ast.As)); err != nil {
			return d, f.name, err.Error()
		}
		d.to = toKeepAll
	case f.act == actKeep && k == body.Bytes:
		d.to = toKeepAll // bytes that happen to read as a message too
	case f.act == actSteps:
		d.to = toReplace
		if d.value, name, why = r.transform(f, root, n); why == partnerless {
			return decision{node: n, to: toRemove}, f.name, ""
		}
		return d, name, why
	}
	return d, f.name, ""
}

// valueNode is the node that holds the value of n: of an XML element without elements in it, its text.
func (r *run) valueNode(f *field, n int32) int32 {
	if r.tree.Form() != body.XML || r.tree.Kind(n) != body.Object || f.act == actRemove || f.act == actKeepAll {
		return n
	}
	text := int32(-1)
	for child := r.tree.First(n); child >= 0; child = r.tree.Next(child) {
		switch name := r.tree.Name(child); {
		case name == "#text" && text < 0:
			text = child
		case name == "#text" || name[0] != '@':
			return n
		}
	}
	if text < 0 {
		return n
	}
	return text
}

// note remembers what a partner writes; what is removed writes nothing.
func (r *run) note(n int32, d decision) {
	if r.partners == nil {
		r.partners = map[int32]body.Value{}
	}
	switch d.to {
	case toReplace:
		r.partners[n] = d.value
	case toRemove:
		delete(r.partners, n)
	default:
		r.partners[n] = r.tree.Value(d.node)
	}
}

// unlisted finds a node below root that no field lists, for unlisted: drop. Elements have had their own turn.
func (r *run) unlisted(root int32) fault {
	end := r.tree.End(root)
	for n := root; n < end; n++ {
		no := r.of[n]
		if no < 0 && n != root {
			n = r.tree.End(n) - 1
			continue
		}
		if f := r.field(n); f != nil {
			if f.act != actKeep {
				n = r.tree.End(n) - 1
			}
			continue
		}
		if r.tree.First(n) < 0 {
			return fault{OnUnlisted, r.selectorOf(n), "", "the rule does not list it"}
		}
	}
	return fault{}
}

// commit puts the decisions into the plan.
func (r *run) commit() {
	unlisted := body.Remove
	if r.part.unlisted == UnlistedKeep {
		unlisted = body.Keep
	}
	r.plan.Reset(r.tree, unlisted)
	for i := range r.acts {
		switch d := &r.acts[i]; d.to {
		case toKeep:
			r.plan.Decide(d.node, body.Keep)
		case toKeepAll:
			r.plan.Decide(d.node, body.KeepAll)
		case toRemove:
			r.plan.Decide(d.node, body.Remove)
		case toReplace:
			r.plan.ReplaceWith(d.node, d.value)
		case toKeepUnlisted:
			r.plan.SetUnlisted(d.node, body.Keep)
		case toRemoveUnlisted:
			r.plan.SetUnlisted(d.node, body.Remove)
		}
	}
	for i := range r.elements {
		if r.elements[i].fate == gone {
			r.plan.Decide(r.elements[i].node, body.Remove)
		}
	}
}
