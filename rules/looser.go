package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// exposed is how much of a field leaves.
type exposed uint8

const (
	withheld exposed = iota
	altered
	verbatim
)

// Looser says what set s lets out that an older set held back, for the products of both: a default switch that was
// tighter, a field that did not leave or left coarser in any example of either, a field, a word or a time of release
// that a part did not have. It is empty where s is as tight, and for what the older set did not know at all.
func (s *Set) Looser(old *Set) []string {
	d := &difference{old: old, new: s}
	d.defaults()
	for _, p := range []profile{generalized, strictest} {
		before, _ := old.forExample(p.String())
		now, _ := s.forExample(p.String())
		d.examples(before, now)
		d.parts(before, now)
	}
	return d.found
}

// difference collects what is looser, each thing once.
type difference struct {
	old, new *Set
	found    []string
}

func (d *difference) say(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.found, text) {
		d.found = append(d.found, text)
	}
}

// defaults compares the switches as they stand where nobody has touched them.
func (d *difference) defaults() {
	ranks := map[Verdict]int{Refuse: 0, Drop: 0, Generalize: 1, Pass: 2}
	before := map[[2]string]Verdict{}
	for _, p := range d.old.Products() {
		for _, k := range p.Kinds {
			before[[2]string{p.Name, k.Name}] = k.Default
		}
	}
	for _, p := range d.new.Products() {
		for _, k := range p.Kinds {
			was, had := before[[2]string{p.Name, k.Name}]
			if had && ranks[k.Default] > ranks[was] {
				d.say("%s, %s: the switch is %s where it was %s", p.Name, k.Name, k.Default, was)
			}
		}
	}
}

// examples runs the examples of both through both.
func (d *difference) examples(before, now *Set) {
	for _, c := range append(before.ExampleCases(), now.ExampleCases()...) {
		if _, known := before.class(c.Message.To.Host); !known {
			continue // nothing of such a host was looked at before: it was tunnelled
		}
		env := func() Env {
			return Env{Now: c.Message.Time, Location: time.UTC, Random: newStream(), Key: []byte("example")}
		}
		old, new := before.Apply(c.Message, env()), now.Apply(c.Message, env())
		switch {
		case old.Verdict == Pass:
			continue
		case new.Verdict == Pass:
			d.say("rule %s, example %q: it passes as it came", c.Rule.ID, c.Name)
			continue
		case len(new.Messages) > len(old.Messages):
			d.say("rule %s, example %q: it leaves as %d requests, not as %d", c.Rule.ID, c.Name, len(new.Messages), len(old.Messages))
		}
		was := exposures(old)
		for selector, is := range exposures(new) {
			if is > was[selector] {
				d.say("rule %s: %s %s", c.Rule.ID, selector, []string{"", "leaves, changed", "leaves as it came"}[is])
			}
		}
	}
	slices.Sort(d.found)
}

// exposures are the fields that leave of a message.
func exposures(out *Outcome) map[string]exposed {
	all := map[string]exposed{}
	if out.Verdict != Generalize {
		return all
	}
	for _, e := range out.Edits {
		switch {
		case e.Unwritten || strings.HasPrefix(e.Selector, "header:"):
		case e.Transform == "keep" || e.Transform == "unlisted":
			all[e.Selector] = verbatim
		default:
			all[e.Selector] = max(all[e.Selector], altered)
		}
	}
	return all
}

// saysRank orders what fields tell, most harmless first.
func saysRank(s Says) int {
	return slices.Index([]Says{SaysNothing, SaysOne, SaysCell, SaysShare, SaysTime, SaysStep, SaysStandIn, SaysAsItCame}, s)
}

// parts compares what the rules write, also where no example shows it. Rules that the older set did not have are
// compared by their examples alone.
func (d *difference) parts(before, now *Set) {
	old := map[[2]string]Cells{}
	ruled := map[string]bool{}
	for _, r := range before.Rules() {
		ruled[r.ID] = true
	}
	for _, c := range before.Cells() {
		old[[2]string{c.Rule.ID, c.Part}] = c
	}
	for _, c := range now.Cells() {
		if !ruled[c.Rule.ID] {
			continue
		}
		name := "rule " + c.Rule.ID
		if c.Part != "" {
			name += ", part " + c.Part
		}
		was, had := old[[2]string{c.Rule.ID, c.Part}]
		if !had {
			d.say("%s: it is new", name)
			continue
		}
		if c.Open && !was.Open {
			d.say("%s: fields that it does not name leave", name)
		}
		if c.Crowd < was.Crowd {
			d.say("%s: it states a crowd of %d where it was %d", name, c.Crowd, was.Crowd)
		}
		d.release(name, was.Release, c.Release)
		d.fields(name, &was, &c)
	}
}

func (d *difference) release(name string, was, is *Release) {
	switch {
	case was == nil:
	case is == nil:
		d.say("%s: it leaves at once, and was held", name)
	case len(is.At) > len(was.At):
		d.say("%s: it leaves at %d times of the day, not at %d", name, len(is.At), len(was.At))
	case is.Pool < was.Pool:
		d.say("%s: it waits for %d of its kind, not for %d", name, is.Pool, was.Pool)
	case was.Cap > 0 && (is.Cap == 0 || is.Cap > was.Cap):
		d.say("%s: more of it leave at a time", name)
	case is.Pad < was.Pad:
		d.say("%s: it is padded to %d bytes, not to %d", name, is.Pad, was.Pad)
	}
}

func (d *difference) fields(name string, was, is *Cells) {
	key := func(f *CellField) string { return strings.Join(f.Each, " ") + " " + f.Selector }
	old := map[string]*CellField{}
	for i := range was.Fields {
		old[key(&was.Fields[i])] = &was.Fields[i]
	}
	for i := range is.Fields {
		f := &is.Fields[i]
		before := old[key(f)]
		switch {
		case f.Says == SaysNothing:
		case before == nil:
			d.say("%s: %s leaves (%s)", name, f.Selector, f.Says)
		case saysRank(f.Says) > saysRank(before.Says):
			d.say("%s: %s leaves as %s, and was %s", name, f.Selector, f.Says, before.Says)
		case f.Says != before.Says: // more harmless than it was
		case f.Words > before.Words || finer(before.Rows, f.Rows) || len(f.Factors) > len(before.Factors) || f.Step != before.Step:
			d.say("%s: %s is cut otherwise than it was", name, f.Selector)
		}
	}
}

// finer reports whether rows have an edge, or a class, that older ones do not have.
func finer(old, new map[string]Rows) bool {
	for class, rows := range new {
		for _, edge := range rows.Edges {
			if !slices.Contains(old[class].Edges, edge) {
				return true
			}
		}
	}
	return false
}
