package rules

import (
	"errors"

	"github.com/scrimproxy/scrim/rules/transform"
)

// act is what a field does with a node.
type act uint8

const (
	actKeep act = iota
	actKeepAll
	actRemove
	actSteps
)

// field is a compiled FieldRule.
type field struct {
	no       int32 // in its part, from 1
	ast      *FieldRule
	sel      *selector
	act      act
	steps    []step
	inside   *inside
	partner  *field // of a derived field
	wanted   bool   // a derived field has it for a partner
	rank     int    // decided after all fields of lower rank
	softFail bool   // on_error: remove
	key      string // tells its pseudonyms from those of others
	name     string // of its transform, for edits
	detail   string
}

// step is one compiled transform.
type step struct {
	run    transform.Transform
	derive *transform.Derive
	frame  *transform.Frame
	width  *selector         // of frame
	table  transform.Classed // where the rows depend on a class
	by     *selector         // the class itself
	box    [2]*selector      // or the width and height that it is found by
}

// field compiles one field; nil where it cannot be used.
func (b *builder) field(ast *FieldRule, onError OnError, prefix string) *field {
	sel := b.selector(ast.Selector, b.form, ast.Pos)
	if sel == nil {
		return nil
	}
	f := &field{ast: ast, sel: sel, key: b.rule.info.ID + "\x00" + b.part.name + "\x00" + prefix + sel.src}
	if ast.OnError != "" {
		onError = ast.OnError
	}
	f.softFail = onError == ErrorRemove
	if ast.Inside != nil {
		f.act = actSteps
		return f
	}
	for i := range ast.Do {
		b.step(f, &ast.Do[i])
	}
	for i := range f.steps {
		if i > 0 {
			f.name, f.detail = f.name+", ", f.detail+"; "
		}
		f.name += f.steps[i].run.Name()
		f.detail += f.steps[i].run.Detail()
	}
	return f
}

// step compiles one transform of a field.
func (b *builder) step(f *field, ast *Step) {
	switch ast.Name {
	case "keep":
		f.act, f.name = actKeep, "keep"
		if ast.Args[""] == "all" {
			f.act, f.detail = actKeepAll, "all"
		}
		return
	case "remove":
		f.act, f.name = actRemove, "remove"
		return
	}
	f.act = actSteps
	st, err := b.transform(f, ast)
	if bad := (*transform.Fault)(nil); errors.As(err, &bad) {
		b.fault(ast.Pos, bad.Fix, "%s: %s", ast.Name, bad.What)
		return
	}
	if err != nil {
		b.fault(ast.Pos, "", "%s: %v", ast.Name, err)
		return
	}
	f.steps = append(f.steps, st)
}

// link finds the partners of derived fields and orders the fields: a partner before what is derived from it.
func (b *builder) link(s *scope) {
	all := append(append([]*field{}, s.fields...), b.part.outside...)
	for _, f := range all {
		ast := deriveOf(f)
		if ast == nil || f.partner != nil {
			continue
		}
		for _, other := range all {
			if other.sel.src == ast.Args["share_of"] {
				f.partner = other
				other.wanted = true
				break
			}
		}
		if f.partner == nil {
			b.fault(ast.Pos, "list it among the same fields, written in the same way", "share_of %q is not a listed field", ast.Args["share_of"])
		} else if f.partner.sel.inBody() != f.sel.inBody() {
			b.fault(ast.Pos, "", "share_of %q is in another place of the message than %q", ast.Args["share_of"], f.sel.src)
			f.partner = nil
		}
	}
	for _, f := range all {
		at := f
		for f.rank = 0; at.partner != nil && f.rank <= len(all); at = at.partner {
			f.rank++
		}
		if f.rank > len(all) {
			b.fault(f.ast.Pos, "", "%q is derived from itself", f.sel.src)
			f.rank, f.partner = 0, nil
		}
		s.late = max(s.late, f.rank)
	}
}

// deriveOf is the derive step of a field, or nil.
func deriveOf(f *field) *Step {
	for i := range f.ast.Do {
		if f.ast.Do[i].Name == "derive" {
			return &f.ast.Do[i]
		}
	}
	return nil
}
