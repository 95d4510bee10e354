package body

import "slices"

// Act is what to do with a node when a tree is encoded.
type Act uint8

// The acts. Keep is for values; a container that is kept so has its undecided members treated as unlisted.
// KeepAll keeps all below that is not decided otherwise. Drop removes a node with all below, whatever is decided there.
const (
	Undecided Act = iota
	Keep
	KeepAll
	Remove
	Replace
	Drop
)

// mark is what a Plan holds for each node: its act in the low bits, and what is below it.
type mark uint8

const (
	actMask     mark = 7
	listedBelow mark = 1 << 3 // a descendant is decided, whatever the decision
	keptBelow   mark = 1 << 4 // a descendant is decided to stay
	ownKeep     mark = 1 << 5 // SetUnlisted(Keep)
	ownRemove   mark = 1 << 6 // SetUnlisted(Remove)
)

// Plan holds the decisions about the nodes of one tree. It is not safe for concurrent use.
//
// The deepest decision holds: below a node that is Removed, a node that is kept stays, with its ancestors.
// A Replaced node is replaced whole, a Dropped one goes whole.
type Plan struct {
	t        *Tree
	marks    []mark
	values   []Value
	slots    []int32 // by node: where in values its replacement is; of nodes that are Replaced alone
	unlisted Act
	changed  bool
}

// NewPlan returns a plan for t without decisions. unlisted, Keep or Remove, is what becomes of undecided nodes.
func NewPlan(t *Tree, unlisted Act) *Plan {
	p := new(Plan)
	p.Reset(t, unlisted)
	return p
}

// Reset makes p a plan for t without decisions, keeping its memory.
func (p *Plan) Reset(t *Tree, unlisted Act) {
	if n := t.Len(); cap(p.marks) < n {
		p.marks = make([]mark, n)
	} else {
		p.marks = p.marks[:n]
		clear(p.marks)
	}
	clear(p.values)
	p.values = p.values[:0]
	p.t, p.unlisted, p.changed = t, unlisted, unlisted == Remove
}

// Decide sets the act of node n, in place of any earlier one. For Replace use ReplaceWith.
func (p *Plan) Decide(n int32, a Act) {
	if old := Act(p.marks[n] & actMask); old == Replace && a != Replace {
		p.values[p.slots[n]] = Value{}
	}
	p.marks[n] = p.marks[n]&^actMask | mark(a)
	switch a {
	case Undecided:
		return
	case Remove, Drop:
		p.changed = true
		p.climb(n, listedBelow)
	default:
		p.changed = p.changed || a == Replace
		p.climb(n, listedBelow|keptBelow)
	}
}

// ReplaceWith puts v in the place of node n.
func (p *Plan) ReplaceWith(n int32, v Value) {
	if Act(p.marks[n]&actMask) == Replace {
		p.values[p.slots[n]] = v
		return
	}
	p.Decide(n, Replace)
	if len(p.slots) < len(p.marks) {
		p.slots = slices.Grow(p.slots, len(p.marks)-len(p.slots))[:len(p.marks)]
	}
	p.slots[n] = int32(len(p.values))
	p.values = append(p.values, v)
}

// Act is the decision about node n.
func (p *Plan) Act(n int32) Act { return Act(p.marks[n] & actMask) }

// Replacement is the value that ReplaceWith set for node n.
func (p *Plan) Replacement(n int32) (Value, bool) {
	if p.Act(n) != Replace {
		return Value{}, false
	}
	return p.values[p.slots[n]], true
}

// value is the replacement of node n, or the zero Value.
func (p *Plan) value(n int32) Value {
	if p.Act(n) != Replace {
		return Value{}
	}
	return p.values[p.slots[n]]
}

// SetUnlisted gives the nodes below n their own treatment of undecided ones, Keep or Remove: the element of a
// batch has that of its event. Node n itself then stays, unless it is decided otherwise.
func (p *Plan) SetUnlisted(n int32, a Act) {
	p.marks[n] &^= ownKeep | ownRemove
	if a == Keep {
		p.marks[n] |= ownKeep
	} else {
		p.marks[n] |= ownRemove
		p.changed = true
	}
	p.climb(n, listedBelow|keptBelow)
}

// with runs f while node n has the value v, and takes that back.
func (p *Plan) with(n int32, v Value, f func()) {
	var saved []mark
	for a := n; a != none; a = p.t.nodes[a].parent {
		saved = append(saved, p.marks[a])
	}
	old, had := p.Replacement(n)
	p.ReplaceWith(n, v)
	f()
	if p.values[p.slots[n]] = old; !had {
		p.values = p.values[:len(p.values)-1]
	}
	for a := n; a != none; a = p.t.nodes[a].parent {
		p.marks[a] = saved[0]
		saved = saved[1:]
	}
}

// climb marks the ancestors of n.
func (p *Plan) climb(n int32, m mark) {
	for n = p.t.nodes[n].parent; n != none && p.marks[n]&m != m; n = p.t.nodes[n].parent {
		p.marks[n] |= m
	}
}

// mode is how undecided nodes are treated at some depth of an encoding.
type mode struct {
	keep    bool // undecided nodes stay
	compact bool // white space goes
}

// root is the mode above the root.
func (p *Plan) root() mode { return mode{keep: p.unlisted != Remove, compact: p.unlisted == Remove} }

// stays reports whether node n is written where undecided nodes are treated as m says.
func (p *Plan) stays(n int32, m mode) bool {
	k := p.marks[n]
	switch Act(k & actMask) {
	case Keep, KeepAll, Replace:
		return true
	case Remove:
		return k&keptBelow != 0
	case Drop:
		return false
	}
	return m.keep || k&(listedBelow|ownKeep|ownRemove) != 0
}

// below is the mode for the children of node n.
func (p *Plan) below(n int32, m mode) mode {
	k := p.marks[n]
	switch Act(k & actMask) {
	case Keep: // a Protobuf message that is kept as bytes is a value
		m.keep = m.keep || p.t.nodes[n].kind == Bytes
	case KeepAll:
		m.keep = true
	case Remove:
		m.keep = false
	}
	switch {
	case k&ownKeep != 0:
		m.keep = true
	case k&ownRemove != 0:
		m.keep = false
	}
	m.compact = m.compact || !m.keep
	return m
}

// Written reports whether Encode would write node n, or its replacement.
func (p *Plan) Written(n int32) bool {
	ok, _ := p.written(n)
	return ok
}

// written is Written, and the mode for the children of n.
func (p *Plan) written(n int32) (bool, mode) {
	m := p.root()
	if up := p.t.nodes[n].parent; up != none {
		var ok bool
		if ok, m = p.written(up); !ok || p.Act(up) == Replace {
			return false, m
		}
	}
	return p.stays(n, m), p.below(n, m)
}

// whole reports whether all below n is written just as it stands.
func (p *Plan) whole(n int32, m mode) bool {
	k := p.marks[n]
	a := Act(k & actMask)
	if a == Replace || k&listedBelow != 0 {
		return false
	}
	return p.below(n, m).keep || p.t.First(n) == none
}
