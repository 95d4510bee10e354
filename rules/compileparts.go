package rules

import (
	"slices"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
)

// part is a compiled Part: what becomes of the body, the query, the header and the path of a message.
type part struct {
	name     string
	unlisted Unlisted
	release  *Release
	scope    *scope   // the body, and the batches in it
	outside  []*field // query, header, cookie and path fields, in written order
	fields   []*field // all of the part; a field's number is its index and one
	reads    [inPath + 1]bool
	sketches sketches
	told     toldLists
	stamped  bool // a field writes the day of sending
}

// scope is the fields of one tree, or of one element of a batch in it: their selectors start at one root.
type scope struct {
	first    int32 // number of the first field; fields of a scope are numbered in written order
	fields   []*field
	states   []state  // one walk decides all simple selectors; empty: there are none
	general  []*field // the others
	late     int      // highest rank of a field
	each     *each
	unlisted Unlisted
}

// each is a compiled Each.
type each struct {
	sel    *selector
	events []*event
}

// event is a compiled Event.
type event struct {
	conds []bodyCond
	not   *match
	scope *scope
	then  Verdict
	kind  int // of core.kinds; -1: no switch
	sel   string
}

// state is one state of the walk that follows all simple selectors of a scope at once.
type state struct {
	field int32            // that decides a node in this state; 0: none
	few   []exit           // member names and next states, where they are few
	names map[string]int32 // all of them
	index map[int]int32    // element: next state
	other int32            // next state for every other child; 0: none has any
	lists bool             // some child leads on
}

// exit is a member name and the state it leads to.
type exit struct {
	name string
	next int32
}

// fewExits is up to how many names a look through them is faster than a map.
const fewExits = 8

// member is the state of a member, or 0.
func (st *state) member(name string) int32 {
	if st.few == nil {
		if next, ok := st.names[name]; ok {
			return next
		}
		return st.other
	}
	for i := range st.few {
		if st.few[i].name == name {
			return st.few[i].next
		}
	}
	return st.other
}

// element is the state of an element, or 0.
func (st *state) element(i int) int32 {
	if len(st.index) > 0 {
		if next, ok := st.index[i]; ok {
			return next
		}
	}
	return st.other
}

// maxStates bounds the states of one scope; selectors beyond it are followed one by one.
const maxStates = 4096

// parts compiles the parts of a rule under a profile.
func (c *compiler) parts(r *rule, p profile) []*part {
	var parts []*part
	for i := range r.ast.Parts {
		ast := &r.ast.Parts[i]
		if len(ast.Profiles) > 0 && !slices.Contains(ast.Profiles, p.String()) {
			continue
		}
		parts = append(parts, c.part(r, ast, p))
	}
	return parts
}

func (c *compiler) part(r *rule, ast *Part, p profile) *part {
	pt := &part{name: ast.Name, unlisted: r.ast.Unlisted, release: ast.Release}
	if ast.Unlisted != "" {
		pt.unlisted = ast.Unlisted
	}
	if pt.unlisted == "" {
		pt.unlisted = UnlistedRemove
	}
	b := &builder{compiler: c, rule: r, part: pt, profile: p, form: r.ast.Match.Form}
	pt.scope = b.scope(ast.Fields, ast.Each, pt.unlisted, r.ast.OnError, "")
	c.checkStamps(pt, ast.Release != nil)
	if ast.Release != nil && ast.Release.Pad > 0 && b.form != "" && b.form != body.JSON {
		c.fault(ast.Release.Pos, "leave pad out", "only JSON can be padded, and the form is %s", b.form)
	}
	return pt
}

// builder compiles the fields of one part.
type builder struct {
	*compiler
	rule    *rule
	part    *part
	profile profile
	form    body.Form
}

// scope compiles fields that share a root. prefix tells pseudonyms of nested scopes apart.
func (b *builder) scope(fields []FieldRule, batch *Each, unlisted Unlisted, onError OnError, prefix string) *scope {
	s := &scope{first: int32(len(b.part.fields)) + 1, unlisted: unlisted}
	for i := range fields {
		f := b.field(&fields[i], onError, prefix)
		if f == nil {
			continue
		}
		b.part.fields = append(b.part.fields, f)
		f.no = int32(len(b.part.fields))
		b.place(s, f, prefix)
	}
	b.link(s)
	s.states = build(s)
	for i := range fields {
		if in := fields[i].Inside; in != nil {
			b.inside(s, &fields[i], in, onError, prefix)
		}
	}
	if batch != nil {
		s.each = b.each(batch, prefix)
	}
	return s
}

// place puts a field where it is looked for.
func (b *builder) place(s *scope, f *field, prefix string) {
	b.part.reads[f.sel.place] = true
	if f.sel.inBody() {
		s.fields = append(s.fields, f)
		return
	}
	if prefix != "" {
		b.fault(f.ast.Pos, "put it among the fields of the part", "selector %q does not look into the element", f.sel.src)
	}
	b.part.outside = append(b.part.outside, f)
}

func (b *builder) inside(s *scope, ast *FieldRule, in *Inside, onError OnError, prefix string) {
	at := slices.IndexFunc(b.part.fields, func(f *field) bool { return f.ast == ast })
	if at < 0 {
		return
	}
	f := b.part.fields[at]
	inner := *b
	inner.form = ""
	inner.part = &part{name: b.part.name, unlisted: in.Unlisted}
	if in.Unlisted == "" {
		inner.part.unlisted = s.unlisted
	}
	f.inside = &inside{codecs: in.Codecs, part: inner.part}
	inner.part.scope = inner.scope(in.Fields, nil, inner.part.unlisted, onError, prefix+f.sel.src+" ")
	f.name, f.detail = "inside", strings.Join(in.Codecs, ", ")
}

func (b *builder) each(ast *Each, prefix string) *each {
	sel := b.selector(ast.Path, b.form, ast.Pos)
	if sel == nil {
		return nil
	}
	if !sel.inBody() {
		b.fault(ast.Pos, "", "batch %q is not in the body", ast.Path)
		return nil
	}
	e := &each{sel: sel}
	for i := range ast.Events {
		e.events = append(e.events, b.event(&ast.Events[i], sel.src, prefix))
	}
	return e
}

func (b *builder) event(ast *Event, batch, prefix string) *event {
	ev := &event{conds: b.bodyConds(ast.Match, b.form), then: orVerdict(ast.Then, Generalize), kind: -1, sel: batch}
	if ast.Not != nil {
		ev.not = b.match(ast.Not, b.form)
	}
	if ast.Kind != "" {
		k, known := b.kindNo[[2]string{b.rule.info.Product, ast.Kind}]
		if !known {
			b.fault(ast.Pos, "declare it under kinds", "kind %q is not one of product %q", ast.Kind, b.rule.info.Product)
		} else {
			ev.kind = k
		}
	}
	if ev.then == Refuse {
		b.fault(ast.Pos, "write drop", "an element cannot be refused")
	}
	unlisted := ast.Unlisted
	if unlisted == "" {
		unlisted = b.part.unlisted
	}
	ev.scope = b.scope(ast.Fields, ast.Each, unlisted, ast.OnError, prefix+batch+" ")
	return ev
}

// build makes the states of a scope out of its simple selectors, and lists the others.
func build(s *scope) []state {
	var simple []*field
	for _, f := range s.fields {
		if f.sel.simple {
			simple = append(simple, f)
		} else {
			s.general = append(s.general, f)
		}
	}
	if len(simple) == 0 {
		return nil
	}
	m := machine{known: map[string]int32{}, states: make([]state, 1)}
	start := make([]item, len(simple))
	for i, f := range simple {
		start[i] = item{f, 0}
	}
	if m.state(start); m.full {
		s.general = s.fields
		return nil
	}
	return m.states
}

// item is a selector of which done steps have been walked.
type item struct {
	field *field
	done  int
}

// machine makes states out of sets of items. State 0 leads nowhere; state 1 is the root.
type machine struct {
	states []state
	known  map[string]int32
	full   bool
}

// state is the number of the state for a set of items.
func (m *machine) state(items []item) int32 {
	if len(items) == 0 {
		return 0
	}
	key := make([]byte, 0, 8*len(items))
	for _, it := range items {
		key = append(key, byte(it.field.no), byte(it.field.no>>8), byte(it.field.no>>16), byte(it.done), byte(it.done>>8))
	}
	if no, ok := m.known[string(key)]; ok {
		return no
	}
	if len(m.states) >= maxStates {
		m.full = true
		return 0
	}
	no := int32(len(m.states))
	m.known[string(key)] = no
	m.states = append(m.states, state{})
	st := m.expand(items)
	m.states[no] = st
	return no
}

// expand finds the successors of a state.
func (m *machine) expand(items []item) state {
	st := state{names: map[string]int32{}, index: map[int]int32{}}
	var wild []item
	var open []item
	for _, it := range items {
		if it.done == len(it.field.sel.steps) {
			if st.field == 0 || it.field.no < st.field {
				st.field = it.field.no
			}
			continue
		}
		open = append(open, it)
		if it.field.sel.steps[it.done].Kind == path.Wild {
			wild = append(wild, item{it.field, it.done + 1})
		}
	}
	st.other = m.state(wild)
	for _, it := range open {
		switch step := &it.field.sel.steps[it.done]; step.Kind {
		case path.Name:
			if _, done := st.names[step.Name]; !done {
				next := m.state(following(open, path.Step{Kind: path.Name, Name: step.Name}))
				st.names[step.Name] = next
				st.few = append(st.few, exit{step.Name, next})
			}
		case path.Index:
			if _, done := st.index[step.Index]; !done {
				st.index[step.Index] = m.state(following(open, path.Step{Kind: path.Index, Index: step.Index}))
			}
		}
	}
	if len(st.few) > fewExits {
		st.few = nil
	}
	st.lists = len(open) > 0
	return st
}

// following are the items that a child named by to satisfies.
func following(items []item, to path.Step) []item {
	var next []item
	for _, it := range items {
		if step := it.field.sel.steps[it.done]; step == to || step.Kind == path.Wild {
			next = append(next, item{it.field, it.done + 1})
		}
	}
	return next
}
