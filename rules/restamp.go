package rules

import (
	"errors"
	"slices"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// Stamps says where the day of sending stands in a message that waits for its release, so that it can be written anew
// when the message leaves. It holds no value.
type Stamps struct {
	Form   body.Form `json:"form,omitempty"`
	Nodes  []StampAt `json:"nodes,omitempty"`
	Header []StampAt `json:"header,omitempty"`
	Query  []StampAt `json:"query,omitempty"`
}

// StampAt is one such place. The day is written in the format that stands there.
type StampAt struct {
	Node int32  `json:"node,omitempty"` // of the body as it is written: its nodes in source order, the root being 0
	Name string `json:"name,omitempty"` // of header fields or parameters
	Unit string `json:"unit,omitempty"` // of an epoch
}

// ownLimits are for bodies that were written here: they were within bounds when they came.
var ownLimits = body.Limits{MaxBytes: 1 << 30, MaxRatio: 1 << 20, MaxDepth: 1 << 12}

// errStamp is why a held message cannot be stamped when it is written.
var errStamp = errors.New("the place of the day in what is written cannot be told")

// checkStamps faults stamps of a held part that stand where they could not be written anew.
func (c *compiler) checkStamps(pt *part, held bool) {
	for _, f := range pt.fields {
		if f.inside != nil {
			c.checkStamps(f.inside.part, held)
			if held && f.inside.part.stamped {
				c.fault(f.ast.Pos, "remove the field in it, or the release", "a stamp inside an encoded value would tell the day on which the record was made, not that of its release")
			}
			pt.stamped = pt.stamped || f.inside.part.stamped
			continue
		}
		step := stampOf(f)
		if step == nil {
			continue
		}
		pt.stamped = true
		if place := f.sel.place; held && (place == inCookie || place == inPath || f.ast.As != "") {
			c.fault(step.Pos, "put it in the body, the query or a header field, or remove it", "a stamp here cannot be brought to the day of the release")
		}
	}
}

// stampOf is the stamp among the steps of a field, nil where there is none.
func stampOf(f *field) *Step {
	if i := slices.IndexFunc(f.ast.Do, func(s Step) bool { return s.Name == "stamp" }); i >= 0 {
		return &f.ast.Do[i]
	}
	return nil
}

// stamps finds where the day stands in what was just written: x.buf is the body, its codings undone.
func (x *exchange) stamps(p *part, r *run, outside *target) (*Stamps, fault) {
	s := &Stamps{}
	for i := range outside.slots {
		at := &outside.slots[i]
		if at.field == nil || at.to != toReplace {
			continue
		}
		step := stampOf(at.field)
		switch {
		case step == nil:
		case at.place == inHeader:
			s.Header = append(s.Header, StampAt{Name: at.name, Unit: step.Args["unit"]})
		case at.place == inQuery:
			s.Query = append(s.Query, StampAt{Name: at.name, Unit: step.Args["unit"]})
		}
	}
	if r == nil {
		return s, fault{}
	}
	s.Form = r.tree.Form()
	no := int32(0)
	var want []body.Value
	for n := range int32(r.tree.Len()) {
		if !r.plan.Written(n) {
			continue
		}
		v, replaced := r.plan.Replacement(n)
		if of := r.of[n]; replaced && of > 0 {
			if step := stampOf(p.fields[of-1]); step != nil {
				s.Nodes, want = append(s.Nodes, StampAt{Node: no, Unit: step.Args["unit"]}), append(want, v)
			}
		}
		no++
		if replaced && (v.Kind == body.Object || v.Kind == body.Array) {
			no += membersOf(v, x.s.limits)
		}
	}
	if len(s.Nodes) == 0 {
		return s, fault{}
	}
	t, err := body.Decode(s.Form, x.m.Get("Content-Type"), x.buf, x.s.limits)
	if err != nil {
		return nil, fault{reason: OnFault, name: "stamp", why: errStamp.Error()}
	}
	defer t.Release()
	for i, at := range s.Nodes {
		if at.Node >= int32(t.Len()) || t.Value(at.Node) != want[i] {
			return nil, fault{reason: OnFault, name: "stamp", why: errStamp.Error()}
		}
	}
	return s, fault{}
}

// membersOf is how many nodes stand below the root of a value.
func membersOf(v body.Value, lim body.Limits) int32 {
	t, err := body.Decode(body.JSON, "", []byte(v.Text), lim)
	if err != nil {
		return 0
	}
	defer t.Release()
	return int32(t.Len()) - 1
}

// Restamp gives m with the day of now, in loc, at the places of s: what a held message needs when it leaves. Length and
// padding stay as they are. m is not changed. It returns an error, without a value in it, where a place is not as s says.
func (s *Stamps) Restamp(m Message, now time.Time, loc *time.Location) (Message, error) {
	env := &transform.Env{Now: now, Location: loc}
	m.Header = slices.Clone(m.Header)
	for _, at := range s.Header {
		for i := range m.Header {
			if !equalFold(m.Header[i].Name, at.Name) {
				continue
			}
			v, err := at.apply(body.Value{Kind: body.String, Text: m.Header[i].Value}, env)
			if err != nil {
				return m, err
			}
			m.Header[i].Value = v.Text
		}
	}
	for _, at := range s.Query {
		if err := at.restampQuery(&m, env); err != nil {
			return m, err
		}
	}
	if len(s.Nodes) == 0 {
		return m, nil
	}
	return m, s.restampBody(&m, env)
}

// apply writes the day in the format of v.
func (at StampAt) apply(v body.Value, env *transform.Env) (body.Value, error) {
	unit, err := transform.ParseUnit(at.Unit)
	if err != nil {
		return v, err
	}
	stamp, err := transform.NewStamp("day", unit)
	if err != nil {
		return v, err
	}
	return stamp.Apply(v, env)
}

func (at StampAt) restampQuery(m *Message, env *transform.Env) error {
	var query []byte
	for _, p := range splitQuery(nil, m.Query) {
		if len(query) > 0 {
			query = append(query, '&')
		}
		if p.name != at.Name {
			query = append(query, p.raw...)
			continue
		}
		v, err := at.apply(body.Value{Kind: body.String, Text: p.value}, env)
		if err != nil {
			return err
		}
		query = appendEscaped(query, p.name)
		query = appendEscaped(append(query, '='), v.Text)
	}
	m.Query = string(query)
	return nil
}

// restampBody writes the nodes of the body anew and leaves all else of it as it stands.
func (s *Stamps) restampBody(m *Message, env *transform.Env) error {
	plain, coding, err := body.Plain(m.Get("Content-Encoding"), m.Body, ownLimits)
	if err != nil {
		return err
	}
	t, err := body.Decode(s.Form, m.Get("Content-Type"), plain, ownLimits)
	if err != nil {
		return err
	}
	defer t.Release()
	plan := body.NewPlan(t, body.Keep)
	for _, at := range s.Nodes {
		if at.Node < 0 || at.Node >= int32(t.Len()) {
			return errStamp
		}
		v, err := at.apply(t.Value(at.Node), env)
		if err != nil {
			return err
		}
		plan.ReplaceWith(at.Node, v)
	}
	out, err := body.Encode(nil, t, plan)
	if err != nil {
		return err
	}
	m.Body, err = coding.Apply(out)
	return err
}
