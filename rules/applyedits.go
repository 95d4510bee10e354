package rules

import (
	"github.com/scrimproxy/scrim/rules/body"
)

// Bounds of an inventory: a body that somebody made up must not fill the ledger.
const (
	maxSeen     = 1000 // distinct fields; of the others only that there are more
	maxChildren = 256  // distinct names of one object; the others are one, called *
)

// inventory lists the fields of a tree by selector: elements of arrays are one, so that a batch lists its fields once.
// Repeated objects have their members mostly in the same order, so a member is first looked for behind the last one.
type inventory struct {
	list []seen
	more int // fields over maxSeen

	room  []byte // for the selectors
	ends  []int32
	above []int32
	first []int32 // by edit: its first node
}

// seen is one field of the inventory, or what such fields stand in.
type seen struct {
	name     string
	element  bool
	inner    bool  // fields stand in it; itself it is none
	code     int32 // number of the field that decides it; or one of the codes below
	node     int32 // the first one
	kind     body.Kind
	count    int
	err      string
	first    int32 // child
	last     int32
	next     int32 // sibling
	hint     int32 // child that was found last
	children int
}

// Codes of nodes that no field decides.
const (
	codeRemoved int32 = -iota - 1 // unlisted
	codeKept                      // likewise
	codeDropped                   // all of it is
	codePassed                    // an element left as it is
)

func newInventory() inventory { return inventory{} }

func (v *inventory) reset() {
	clear(v.list)
	if cap(v.room) > 1<<16 {
		v.room = nil
	}
	v.list, v.room, v.more = v.list[:0], v.room[:0], 0
}

// read lists the fields of a run. dropped: nothing of them leaves.
func (v *inventory) read(r *run, dropped bool) {
	v.reset()
	v.list = append(v.list, seen{inner: r.tree.First(0) >= 0, first: -1, last: -1, next: -1, hint: -1})
	code := codeRemoved
	switch {
	case dropped:
		code = codeDropped
	case r.part.unlisted == UnlistedKeep:
		code = codeKept
	}
	v.walk(r, 0, 0, code, 0)
}

// walk notes node n below the entry parent. code is what decides what no field lists; cover is the field of an ancestor
// that decides all below it, or 0.
func (v *inventory) walk(r *run, n, parent, code, cover int32) {
	own := r.of[n]
	if own < 0 {
		e := &r.elements[-own-1]
		if own = e.self; code != codeDropped {
			code = e.code()
		}
	}
	decides := code
	switch {
	case code == codeDropped:
	case own > 0:
		decides = own
	case cover > 0:
		decides = cover
	}
	t := r.tree
	first := t.First(n)
	whole := own > 0 && code != codeDropped && r.part.fields[own-1].act == actSteps
	inner := first >= 0 && !whole && t.Kind(n) != body.Bytes
	at := int32(0)
	if n > 0 {
		at = v.note(r, n, parent, decides, inner)
	} else {
		v.root(r, decides, inner)
	}
	if !inner {
		return
	}
	if own > 0 && code != codeDropped && r.part.fields[own-1].act != actKeep {
		cover = own
	}
	for child := first; child >= 0; child = t.Next(child) {
		v.walk(r, child, at, code, cover)
	}
}

// root notes the root, whose entry is always there.
func (v *inventory) root(r *run, code int32, inner bool) {
	e := &v.list[0]
	e.code, e.inner, e.count, e.kind, e.err = code, inner, 1, r.tree.Kind(0), r.faults[0]
}

// code is what becomes of what no field lists in the element.
func (e *element) code() int32 {
	switch {
	case e.fate == gone:
		return codeDropped
	case e.fate == passed:
		return codePassed
	case e.event != nil && e.event.scope.unlisted == UnlistedKeep:
		return codeKept
	}
	return codeRemoved
}

// note counts node n below the entry parent and returns its entry.
func (v *inventory) note(r *run, n, parent, code int32, inner bool) int32 {
	name := r.tree.Name(n)
	element := name == "" && n > 0 && r.tree.Kind(r.tree.Parent(n)) == body.Array
	if inner {
		code = 0
	}
	at := v.find(parent, name, element, inner, code)
	if at < 0 {
		at = v.add(parent, seen{name: name, element: element, inner: inner, code: code, node: n, first: -1, last: -1, next: -1, hint: -1})
	}
	e := &v.list[at]
	e.count++
	if k := r.tree.Kind(n); e.kind == 0 || e.kind == body.Null && k != body.Null {
		e.kind, e.node = k, n
	}
	if len(r.faults) > 0 && e.err == "" {
		e.err = r.faults[n]
	}
	return at
}

// find looks for an entry below parent: behind the last one found, then from the first.
func (v *inventory) find(parent int32, name string, element, inner bool, code int32) int32 {
	p := &v.list[parent]
	same := func(at int32) bool {
		e := &v.list[at]
		return e.name == name && e.code == code && e.inner == inner && e.element == element
	}
	if p.hint >= 0 {
		if next := v.list[p.hint].next; next >= 0 && same(next) {
			p.hint = next
			return next
		}
	}
	for at := p.first; at >= 0; at = v.list[at].next {
		if same(at) {
			p.hint = at
			return at
		}
		if p.children > maxChildren {
			break
		}
	}
	return -1
}

// add appends an entry below parent; where there are too many, what stands for them.
func (v *inventory) add(parent int32, e seen) int32 {
	p := &v.list[parent]
	if p.children >= maxChildren || len(v.list) >= maxSeen {
		if !e.inner {
			v.more++
		}
		e.name, e.element = "*", false
		if at := v.findLast(parent, &e); at >= 0 {
			return at
		}
	}
	at := int32(len(v.list))
	p.children++
	if p.last >= 0 {
		v.list[p.last].next = at
	} else {
		p.first = at
	}
	p.last, p.hint = at, at
	v.list = append(v.list, e)
	return at
}

// spare is how many entries called * one parent can have: for fields, for what they stand in, by what decides them.
const spare = 8

// findLast looks for the entry called * of a parent.
func (v *inventory) findLast(parent int32, e *seen) int32 {
	last := int32(-1)
	for at := v.list[parent].first; at >= 0; at = v.list[at].next {
		if o := &v.list[at]; o.name == e.name && o.inner == e.inner {
			if last = at; o.code == e.code {
				return at
			}
		}
	}
	if v.list[parent].children >= maxChildren+spare {
		return last
	}
	return -1
}
