package rules

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/scrimproxy/scrim/rules/body"
)

// A client sends the same few shapes of an event again and again: their names in the same order, decided by the same
// fields. What is listed of them differs in kinds and shapes alone, so the rest is made once for each shape.

// Bounds of what a part remembers.
const (
	maxSketches    = 8
	maxSketchNodes = 512
)

// sketches is what a part remembers. It may be used concurrently.
type sketches struct {
	list atomic.Pointer[[]*sketch]
}

// sketch is one shape of a tree and the edits of it, without kinds and shapes of values. It holds names of fields, and no
// value.
type sketch struct {
	nodes []sketched
	edits []Edit
	first []int32 // by edit: the node that its kind and shape are those of
	drift []Drift
}

// sketched is what has to be the same of a node.
type sketched struct {
	name string
	end  int32
	of   int32
	kind body.Kind
}

// find returns the sketch that fits the tree of a run, or nil.
func (s *sketches) find(r *run) *sketch {
	if list := s.list.Load(); list != nil {
		for _, k := range *list {
			if k.fits(r) {
				return k
			}
		}
	}
	return nil
}

// fits reports whether a run has the shape of the sketch.
func (k *sketch) fits(r *run) bool {
	if len(k.nodes) != r.tree.Len() {
		return false
	}
	for i := range k.nodes {
		n, s := int32(i), &k.nodes[i]
		if s.of != r.of[n] || s.end != r.tree.End(n) || s.kind != sketchKind(r.tree.Kind(n)) || s.name != r.tree.Name(n) {
			return false
		}
	}
	return true
}

// sketchKind is a kind, true and false being one.
func sketchKind(k body.Kind) body.Kind {
	if k == body.False {
		return body.True
	}
	return k
}

// sketchable reports whether a run is worth remembering: small, without a batch, and nothing in it failed.
func sketchable(r *run) bool {
	return r.tree.Len() <= maxSketchNodes && len(r.elements) == 0 && len(r.faults) == 0 && r.prefix == ""
}

// add remembers the edits of a run, if there is room.
func (s *sketches) add(r *run, edits []Edit, first []int32) {
	old := s.list.Load()
	var list []*sketch
	if old != nil {
		list = *old
	}
	if len(list) >= maxSketches || len(edits) < len(first) { // one more edit may say that there are more fields than are listed
		return
	}
	k := &sketch{nodes: make([]sketched, r.tree.Len()), edits: append([]Edit(nil), edits...), first: append([]int32(nil), first...)}
	for i := range k.nodes {
		n := int32(i)
		k.nodes[i] = sketched{strings.Clone(r.tree.Name(n)), r.tree.End(n), r.of[n], sketchKind(r.tree.Kind(n))}
	}
	for i := range k.edits {
		k.edits[i].Shape, k.edits[i].Kind = "", 0
	}
	k.drift = slices.Clip(driftOf(k.edits))
	list = append(list[:len(list):len(list)], k)
	s.list.CompareAndSwap(old, &list) // where another was faster, this one is made again later
}

// draw appends the edits of a run that fits the sketch.
func (k *sketch) draw(dst []Edit, r *run) []Edit {
	from := len(dst)
	dst = append(dst, k.edits...)
	for i, n := range k.first {
		e := &dst[from+i]
		e.Kind, e.Shape = r.tree.Kind(n), r.x.shapeOfNode(r.tree, n)
	}
	return dst
}
