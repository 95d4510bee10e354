package rules

import (
	"slices"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// Says is what a field of a part can tell whoever receives it.
type Says string

// What fields tell, most harmless first.
const (
	SaysNothing  Says = "nothing"   // drawn anew for each record, or removed
	SaysOne      Says = "one value" // always the same
	SaysCell     Says = "cell"      // one of a closed set of values
	SaysShare    Says = "share"     // a factor of what another field writes
	SaysTime     Says = "time"      // a time, cut to a day or an hour, or the day of sending
	SaysStep     Says = "step"      // the nearest multiple of a step
	SaysStandIn  Says = "stand-in"  // a pseudonym
	SaysAsItCame Says = "as it came"
)

// Cells is what one part of a rule writes, field by field: what has to be known to count who could have written it.
type Cells struct {
	Rule    RuleInfo
	Part    string
	Crowd   int      // the smallest crowd that the rule states; 0: none
	Release *Release // nil: the part leaves at once
	Open    bool     // fields that no rule names leave too
	Fields  []CellField
	Pos     Pos
}

// CellField is one field of a part.
type CellField struct {
	Selector string
	Each     []string // selectors of the elements it is in, outermost first; Selector starts in the last
	Says     Says
	Table    string          // of a bucket by table
	Rows     map[string]Rows // its rows under the profile, by class
	Others   map[string]Rows // its rows under the other profile, where it has other ones
	TabUnit  string          // unit of Rows
	Unit     string          // unit of the field; "": the table's
	Step     string          // of a rounding, as written
	Of       string          // of a share: the selector of the partner
	Edges    []string        // of a share
	Factors  []string        // of a share: what is written for each
	Words    int             // size of the closed set where it has no table; 0: not known
	Pos      Pos
}

// Cells lists what the parts of the rules write under the profiles in force, in the order of the rules.
func (s *Set) Cells() []Cells {
	look := &compiler{core: s.core}
	var all []Cells
	for _, r := range s.rules {
		if r.ast.Then != Generalize {
			continue
		}
		in := s.profile[r.product]
		for i := range r.ast.Parts {
			p := &r.ast.Parts[i]
			if len(p.Profiles) > 0 && !slices.Contains(p.Profiles, in.String()) {
				continue
			}
			unlisted := p.Unlisted
			if unlisted == "" {
				unlisted = r.ast.Unlisted
			}
			c := Cells{Rule: r.info, Part: p.Name, Crowd: p.Crowd, Release: p.Release, Open: unlisted == UnlistedKeep, Pos: p.Pos}
			view := cellView{look: look, rule: r, profile: in}
			view.fields(&c, p.Fields, r.ast.Match.Body, nil)
			view.each(&c, p.Each, nil)
			all = append(all, c)
		}
	}
	return all
}

// cellView is what the fields of one part are seen with.
type cellView struct {
	look    *compiler
	rule    *rule
	profile profile
}

func (v *cellView) each(c *Cells, e *Each, outer []string) {
	if e == nil {
		return
	}
	within := append(slices.Clone(outer), e.Path)
	for i := range e.Events {
		event := &e.Events[i]
		if event.Then == Drop {
			continue
		}
		c.Open = c.Open || event.Unlisted == UnlistedKeep
		v.fields(c, event.Fields, event.Match, within)
		v.each(c, event.Each, within)
	}
}

func (v *cellView) fields(c *Cells, fields []FieldRule, match []Named, each []string) {
	for i := range fields {
		f := &fields[i]
		cell := CellField{Selector: f.Selector, Each: each, Says: SaysAsItCame, Pos: f.Pos}
		for j := range f.Do {
			v.step(&cell, &f.Do[j], allowed(match, f.Selector))
		}
		c.Fields = append(c.Fields, cell)
	}
}

// step takes one transform into account. The first that makes a field harmless stays in force.
func (v *cellView) step(c *CellField, s *Step, words []string) {
	if c.Says == SaysNothing || c.Says == SaysOne || c.Says == SaysCell {
		return
	}
	switch s.Name {
	case "random", "remove":
		c.Says = SaysNothing
	case "replace":
		c.Says = SaysOne
	case "frame":
		c.Says, c.Words = SaysCell, 3
	case "bucket":
		v.bucket(c, s)
	case "map":
		c.closed(len(mapped(s.Map, words)))
	case "keep":
		c.closed(len(words))
	case "derive":
		c.Says, c.Of, c.Edges, c.Factors = SaysShare, s.Args["share_of"], s.Lists["edges"], s.Lists["factors"]
	case "round":
		c.Says, c.Step, c.Unit = SaysStep, s.Args[""], s.Args["unit"]
	case "truncate", "stamp":
		c.Says = SaysTime
	case "pseudonym":
		c.Says = SaysStandIn
	}
}

// closed makes the field one of n words; with none known it stays as it is.
func (c *CellField) closed(n int) {
	switch {
	case n == 1:
		c.Says = SaysOne
	case n > 1:
		c.Says, c.Words = SaysCell, n
	}
}

func (v *cellView) bucket(c *CellField, s *Step) {
	c.Says = SaysCell
	if len(s.List) > 0 {
		c.Words = len(s.List)
		return
	}
	c.Table, c.Unit = s.Args[""], s.Args["unit"]
	t := v.look.table(v.rule.file, c.Table)
	if t == nil {
		return
	}
	c.TabUnit, c.Rows = t.Unit, t.Rows
	if t.Strict != nil {
		c.Others = t.Strict
		if v.profile == strictest {
			c.Rows, c.Others = t.Strict, t.Rows
		}
	}
}

// allowed are the values that a rule lets a field have, where its conditions list them; nil: not known.
func allowed(match []Named, selector string) []string {
	for i := range match {
		if match[i].Name != selector || len(match[i].Cond.Any) == 0 {
			continue
		}
		var words []string
		for _, v := range match[i].Cond.Any {
			if v.Kind == body.String && strings.ContainsAny(v.Text, "*?[\\") {
				return nil
			}
			words = append(words, v.Text)
		}
		return words
	}
	return nil
}

// mapped are the different values that a map writes, for the words it can meet or for all.
func mapped(entries []MapEntry, words []string) []body.Value {
	var out []body.Value
	for _, e := range entries {
		if len(words) > 0 && !strings.ContainsAny(e.From, "*?[\\") && !slices.Contains(words, e.From) {
			continue
		}
		if !slices.Contains(out, e.To) {
			out = append(out, e.To)
		}
	}
	return out
}
