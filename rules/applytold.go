package rules

import (
	"slices"
	"sync/atomic"
)

// maxTold is how many lists of edits a part remembers.
const maxTold = 8

// toldLists are the lists of edits that the newest messages of a part had. Those of one client mostly differ in values
// alone, and then have one list between them. It may be used concurrently.
type toldLists struct {
	list atomic.Pointer[[]*told]
}

// told is one list: what is outside the body, then what a sketch lists.
type told struct {
	Told
	known   *sketch
	outside int
	edits   []Edit
	drift   []Drift
}

// retell gives an outcome that has no edits yet the list of earlier messages, where the run is one that a sketch knows.
func (x *exchange) retell(p *part, r *run, outside *target, out *Outcome) bool {
	if len(out.Edits) > 0 || len(r.extra) > 0 || len(r.drift) > 0 || len(r.faults) > 0 {
		return false
	}
	known := p.sketches.find(r)
	if known == nil {
		return false
	}
	x.beside, x.looks = outside.report(x.beside[:0]), x.looks[:0]
	for _, n := range known.first {
		x.looks = append(x.looks, x.shapeOfNode(r.tree, n))
	}
	t := p.told.find(known, r, x.beside, x.looks)
	if t == nil {
		t = newTold(known, r, x.beside, x.looks)
		if p.unlisted != UnlistedKeep {
			t.drift = slices.Clip(outside.drift(slices.Clone(known.drift)))
		} else {
			t.drift = known.drift
		}
		p.told.add(t)
	}
	out.Edits, out.Drift, out.Told = t.edits, t.drift, &t.Told
	return true
}

func newTold(known *sketch, r *run, outside []Edit, shapes []string) *told {
	t := &told{known: known, outside: len(outside), edits: make([]Edit, 0, len(outside)+len(known.edits))}
	t.edits = append(append(t.edits, outside...), known.edits...)
	for i, n := range known.first {
		e := &t.edits[t.outside+i]
		e.Kind, e.Shape = r.tree.Kind(n), shapes[i]
	}
	return t
}

// find returns the list that is that of a run, or nil.
func (l *toldLists) find(known *sketch, r *run, outside []Edit, shapes []string) *told {
	if list := l.list.Load(); list != nil {
		for _, t := range *list {
			if t.known == known && t.fits(r, outside, shapes) {
				return t
			}
		}
	}
	return nil
}

func (t *told) fits(r *run, outside []Edit, shapes []string) bool {
	if !slices.Equal(t.edits[:t.outside], outside) {
		return false
	}
	for i, n := range t.known.first {
		if e := &t.edits[t.outside+i]; e.Kind != r.tree.Kind(n) || e.Shape != shapes[i] {
			return false
		}
	}
	return true
}

// add remembers a list in the place of the oldest. Where another was faster, this one is not remembered.
func (l *toldLists) add(t *told) {
	old := l.list.Load()
	list := []*told{t}
	if old != nil {
		list = append(list, (*old)[:min(len(*old), maxTold-1)]...)
	}
	l.list.CompareAndSwap(old, &list)
}
