package rules

import (
	"errors"
	"slices"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// partnerless says that a derived field has no partner to be derived from: it is removed.
const partnerless = "the other field is missing or invalid"

// finder looks up what transforms need beside the value at hand.
type finder interface {
	// received is what sel finds for the value at hand.
	received(sel *selector) (body.Value, bool)
	// partner is the partner of f for the value at hand, as received and as written.
	partner(f *field) (received, written body.Value, ok bool)
}

// transform lets the steps of f work on node n.
func (r *run) transform(f *field, root, n int32) (v body.Value, name, why string) {
	as := body.As(f.ast.As)
	var err error
	if as == "" {
		v = r.tree.Value(n)
	} else if v, err = r.tree.As(n, as); err != nil {
		return v, f.name, err.Error()
	}
	r.finder = nodeFinder{r, root, n}
	v, name, why = r.x.steps(f, v, &r.finder)
	if why != "" || as == "" {
		return v, name, why
	}
	if v, err = r.tree.Wire(n, as, v); err != nil {
		return v, name, err.Error()
	}
	return v, name, ""
}

// steps lets the steps of f work on v, in order. why is not empty where one fails; it holds no value.
func (x *exchange) steps(f *field, v body.Value, find finder) (_ body.Value, name, why string) {
	env := &x.chance
	env.Scope = f.key
	for i := range f.steps {
		st := &f.steps[i]
		var err error
		v, err = st.apply(f, v, find, env)
		if errors.Is(err, transform.ErrPartner) {
			return v, f.name, partnerless
		}
		if err != nil {
			return v, st.run.Name(), err.Error()
		}
	}
	return v, f.name, ""
}

// apply lets one step work on v.
func (st *step) apply(f *field, v body.Value, find finder, env *transform.Env) (body.Value, error) {
	switch {
	case st.derive != nil:
		received, written, ok := find.partner(f)
		if !ok {
			return v, transform.ErrPartner
		}
		return st.derive.Apply2(v, received, written)
	case st.frame != nil:
		width, _ := find.received(st.width)
		return st.frame.ApplyWidth(v, width)
	case st.table != nil:
		class, err := st.class(find)
		if err != nil {
			return v, err
		}
		return st.table.ApplyClass(v, class, env)
	}
	return st.run.Apply(v, env)
}

// class is the class of a table for the value at hand: "" where what it is found by is missing.
func (st *step) class(find finder) (string, error) {
	if st.by != nil {
		v, _ := find.received(st.by)
		return v.Text, nil
	}
	width, _ := find.received(st.box[0])
	height, _ := find.received(st.box[1])
	return transform.FrameClass(width, height)
}

// nodeFinder looks up from a node of a tree: of several nodes that a selector finds, the one that shares the deepest
// ancestor with it.
type nodeFinder struct {
	*run
	root, at int32
}

func (f *nodeFinder) received(sel *selector) (body.Value, bool) {
	if !sel.inBody() {
		return f.x.outsideValue(sel)
	}
	n, ok := f.near(sel)
	if !ok {
		return body.Value{}, false
	}
	return f.tree.Value(n), true
}

func (f *nodeFinder) partner(derived *field) (received, written body.Value, ok bool) {
	n, ok := f.near(derived.partner.sel)
	if !ok {
		return received, written, false
	}
	if written, ok = f.partners[n]; !ok {
		return received, written, false
	}
	return f.tree.Value(f.valueNode(derived.partner, n)), written, true
}

// near is the node of sel closest to the node at hand; none where two are equally close.
func (f *nodeFinder) near(sel *selector) (int32, bool) {
	if !sel.fits(f.tree.Form()) {
		return 0, false
	}
	found := f.candidates(sel, f.root)
	if len(found) == 1 && sel.simple {
		return found[0], true
	}
	best, at, twice := int32(-1), int32(-1), false
	i, _ := slices.BinarySearch(found, f.at)
	for _, n := range found[max(i-2, 0):min(i+2, len(found))] {
		switch common := f.common(n); {
		case common > best:
			best, at, twice = common, n, false
		case common == best:
			twice = true
		}
	}
	return at, at >= 0 && !twice
}

// lookup is what a selector found below a root.
type lookup struct {
	sel   *selector
	root  int32
	nodes []int32 // rising, each once
}

// candidates are the nodes of sel below root, found once for all values that look for them.
func (r *run) candidates(sel *selector, root int32) []int32 {
	at := slices.IndexFunc(r.lookups, func(l lookup) bool { return l.sel == sel })
	if at < 0 {
		if at = len(r.lookups); at < cap(r.lookups) {
			r.lookups = r.lookups[:at+1] // with the room of an earlier message
		} else {
			r.lookups = append(r.lookups, lookup{})
		}
		r.lookups[at].sel, r.lookups[at].root = sel, -1
	}
	l := &r.lookups[at]
	if l.root != root {
		l.nodes = sel.all(l.nodes[:0], r.tree, root)
		slices.Sort(l.nodes)
		l.nodes, l.root = slices.Compact(l.nodes), root
	}
	return l.nodes
}

// common is the deepest node above both n and the node at hand: of nested nodes the deeper comes later.
func (f *nodeFinder) common(n int32) int32 {
	for a := f.at; a >= 0; a = f.tree.Parent(a) {
		if a <= n && n < f.tree.End(a) {
			return a
		}
	}
	return -1
}
