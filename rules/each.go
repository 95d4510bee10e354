package rules

// batch treats the elements of a batch one by one and returns how many are left.
func (r *run) batch(e *each, root int32) (kept int, f fault) {
	if !e.sel.fits(r.tree.Form()) {
		return 0, fault{OnFault, e.sel.src, "each", "does not read a body of form " + string(r.tree.Form())}
	}
	nodes := e.sel.all(nil, r.tree, root)
	for _, n := range nodes {
		if r.of[n] < 0 {
			continue // found twice
		}
		if r.element(e, n) {
			kept++
		}
	}
	return kept, fault{}
}

// element treats one element: the first event that matches decides. It reports whether the element stays.
func (r *run) element(e *each, n int32) bool {
	no := len(r.elements)
	r.elements = append(r.elements, element{node: n, self: r.of[n]})
	r.of[n] = int32(-no - 1)
	acts, hits, extra := len(r.acts), len(r.hits), len(r.extra)
	ev, known := r.event(e, n)
	r.elements[no].event = ev
	if !known {
		r.unknown(n)
	}
	if ev != nil {
		switch r.x.s.eventVerdict(ev) {
		case Pass:
			r.elements[no].fate = passed
			r.acts = append(r.acts, decision{node: n, to: toKeepAll})
			return true
		case Generalize:
			if r.event1(ev, n) {
				return true
			}
		}
	}
	r.acts, r.hits, r.extra = r.acts[:acts], r.hits[:hits], r.extra[:extra]
	r.elements[no].fate = gone
	r.dropped = true
	return false
}

// eventVerdict is what becomes of the elements of an event, as the owner's switches stand.
func (s *Set) eventVerdict(ev *event) Verdict {
	if ev.kind >= 0 {
		if v := s.switches[ev.kind]; v == Pass || v == Drop {
			return v
		}
	}
	return ev.then
}

// event finds the event of an element. It is nil where none matches, and known where one could not be read: then the
// element is dropped too.
func (r *run) event(e *each, n int32) (ev *event, known bool) {
	for _, ev := range e.events {
		switch r.elementHolds(ev.conds, n) {
		case no:
			continue
		case unclear:
			return nil, true
		}
		if ev.not != nil {
			switch r.elementHolds(ev.not.body, n) {
			case yes:
				continue
			case unclear:
				return nil, true
			}
		}
		return ev, true
	}
	return nil, false
}

// elementHolds holds conditions whose selectors start at n.
func (r *run) elementHolds(conds []bodyCond, n int32) answer {
	all := yes
	for i := range conds {
		c := &conds[i]
		if !c.sel.fits(r.tree.Form()) {
			all = unclear
			continue
		}
		var twice bool
		r.nodes, twice = c.sel.find(r.nodes[:0], r.tree, n)
		switch c.cond.nodes(r.tree, r.nodes, twice) {
		case no:
			return no
		case unclear:
			all = unclear
		}
	}
	return all
}

// event1 lets the fields of an event treat one element. It reports whether the element stays.
func (r *run) event1(ev *event, n int32) bool {
	s := ev.scope
	to := toRemoveUnlisted
	if s.unlisted == UnlistedKeep {
		to = toKeepUnlisted
	}
	r.acts = append(r.acts, decision{node: n, to: to})
	from := len(r.hits)
	r.mark(s, n)
	own := len(r.hits)
	if s.each != nil {
		if kept, f := r.batch(s.each, n); kept == 0 || f.why != "" {
			return false
		}
	}
	if f := r.process(s, n, r.hits[from:own]); f.why != "" {
		return false
	}
	if s.unlisted == UnlistedDrop && r.unlisted(n).why != "" {
		return false
	}
	return true
}
