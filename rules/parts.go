package rules

import (
	"bytes"
	"errors"
	"slices"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// part writes one part of a message. Edits and drift go to out; out is not otherwise changed.
func (x *exchange) part(r *rule, p *part, out *Outcome) (Out, fault) {
	x.record()
	o := Out{Part: p.name, Message: *x.m}
	if p.release != nil {
		release := *p.release
		o.Release = &release
	}
	run, f := x.partBody(r, p, &o.Message)
	if f.why != "" {
		return o, f
	}
	outside, f := x.outsideOf(p, &o.Message)
	if f.why != "" {
		return o, f
	}
	if p.release != nil && p.stamped {
		if o.Stamps, f = x.stamps(p, run, outside); f.why != "" {
			return o, f
		}
	}
	x.report(p, run, outside, out)
	return o, fault{}
}

// record begins a record: chance is drawn anew for it, and equal values of a link are equal in it alone.
func (x *exchange) record() {
	x.chance = transform.Env{Now: x.now(), Location: x.env.Location, Key: x.env.Key, Linked: map[string]map[string]string{}}
	if x.env.Random != nil {
		x.chance.Random = x.env.Random
	}
}

// report adds what was done to the edits of an outcome, and what no rule lists to its drift.
func (x *exchange) report(p *part, run *run, outside *target, out *Outcome) {
	size := len(outside.slots) + len(outside.edits)
	var known *sketch
	if run != nil {
		if x.retell(p, run, outside, out) {
			return
		}
		size += len(run.extra)
		if known = p.sketches.find(run); known != nil && len(run.faults) == 0 {
			size += len(known.edits)
		} else {
			known = nil
			x.seen.read(run, false)
			size += x.seen.size(run)
		}
	}
	out.Edits, out.Told = outside.report(slices.Grow(out.Edits, size)), nil
	if run != nil {
		x.reportBody(p, run, known, out)
	}
	if p.unlisted != UnlistedKeep {
		out.Drift = outside.drift(out.Drift)
	}
}

// reportBody adds what was done to the body; known is the sketch of it, if there is one.
func (x *exchange) reportBody(p *part, run *run, known *sketch, out *Outcome) {
	from := len(out.Edits)
	if known != nil {
		out.Edits = known.draw(out.Edits, run)
		if out.Drift == nil {
			out.Drift = known.drift // shared, and clipped: appending copies it
		} else {
			out.Drift = append(out.Drift, known.drift...)
		}
	} else {
		out.Edits = x.seen.edits(out.Edits, run, p.name)
		out.Drift = append(out.Drift, driftOf(out.Edits[from:])...)
		if sketchable(run) {
			p.sketches.add(run, out.Edits[from:], x.seen.first)
		}
	}
	from = len(out.Edits)
	out.Edits = merge(out.Edits, run.extra)
	out.Drift = append(out.Drift, driftOf(out.Edits[from:])...)
	out.Drift = append(out.Drift, run.drift...)
}

// partBody writes the body of a part into m. The run is nil where there is none.
func (x *exchange) partBody(r *rule, p *part, m *Message) (*run, fault) {
	m.Body, m.BodyFault = nil, ""
	t, err := x.tree(r.match.form)
	if isEmpty(err) {
		return nil, fault{}
	}
	if err != nil {
		return nil, fault{reason: OnFault, why: shapeOf(err)}
	}
	for place := inTree; place <= inProto; place++ {
		if sel := (selector{place: place}); p.reads[place] && !sel.fits(t.Form()) {
			return nil, fault{reason: OnFault, why: "the rule's selectors do not read a body of form " + string(t.Form())}
		}
	}
	run := x.run(p, t, "")
	events, f := run.body()
	if f.why != "" {
		return nil, f
	}
	if !events {
		return nil, fault{reason: EmptyBatch, why: "no element of the batch is left"}
	}
	run.commit()
	x.buf, err = body.Encode(slices.Grow(x.buf[:0], x.guess(p)), t, &run.plan)
	if err != nil {
		return nil, fault{reason: OnFault, why: err.Error()}
	}
	if x.buf, f = x.pad(p, t.Form(), x.buf); f.why != "" {
		return nil, f
	}
	if m.Body, err = x.coding.Apply(x.buf); err != nil {
		return nil, fault{reason: OnFault, why: err.Error()}
	}
	if x.coding.Identity() {
		m.Body = slices.Clone(x.buf)
	}
	return run, fault{}
}

// guess is how many bytes the body of a part will take.
func (x *exchange) guess(p *part) int {
	if p.unlisted == UnlistedKeep {
		return len(x.plain) + 64
	}
	return len(x.plain)/2 + 64
}

// errPad is why a body cannot be padded.
var errPad = errors.New("only uncoded JSON can be padded")

// pad brings a body to the fixed length of its part.
func (x *exchange) pad(p *part, form body.Form, plain []byte) ([]byte, fault) {
	if p.release == nil || p.release.Pad == 0 {
		return plain, fault{}
	}
	if form != body.JSON || !x.coding.Identity() {
		return nil, fault{reason: OnFault, name: "pad", why: errPad.Error()}
	}
	missing := p.release.Pad - len(plain)
	if missing < 0 {
		return nil, fault{reason: OnFault, name: "pad", why: "the body is longer than the fixed length"}
	}
	return append(plain, bytes.Repeat([]byte{' '}, missing)...), fault{}
}

// driftOf names the fields of a body that no rule lists and that were taken out.
func driftOf(edits []Edit) []Drift {
	n := 0
	for i := range edits {
		if edits[i].isDrift() {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	drift := make([]Drift, 0, n)
	for i := range edits {
		if edits[i].isDrift() {
			drift = append(drift, Drift{"field", edits[i].Selector})
		}
	}
	return drift
}

func (e *Edit) isDrift() bool { return e.Transform == "unlisted" && e.Unwritten }

// dropped lists what was in a message of which nothing leaves, so that its fields are known. f is why, where a value is
// the reason.
func (x *exchange) dropped(out *Outcome, f fault) {
	t := &target{x: x, part: &part{}}
	t.collect()
	out.Edits = t.report(nil)
	form := body.Form("")
	if out.Rule != nil {
		form = x.s.formOf(out.Rule)
	}
	if tree, err := x.tree(form); err == nil {
		run := x.run(&part{scope: &scope{}}, tree, "")
		x.seen.read(run, true)
		out.Edits = x.seen.edits(slices.Grow(out.Edits, x.seen.size(run)), run, "")
	}
	for i := range out.Edits {
		e := &out.Edits[i]
		*e = Edit{Selector: e.Selector, Transform: "drop", Kind: e.Kind, Shape: e.Shape, Count: e.Count, Unwritten: true}
		if f.at != "" && e.Selector == f.at {
			e.Error = f.text()
		}
	}
}
