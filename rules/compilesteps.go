package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// transform compiles a step that is neither keep nor remove.
func (b *builder) transform(f *field, ast *Step) (step, error) {
	unit, err := transform.ParseUnit(ast.Args["unit"])
	if err != nil {
		return step{}, err
	}
	switch ast.Name {
	case "bucket":
		return b.bucket(f, ast, unit)
	case "frame":
		return b.frame(ast)
	case "derive":
		return b.derive(f, ast, unit)
	case "replace":
		return plain(transform.NewReplace(valueOf(ast.JSON)))
	case "truncate":
		return plain(transform.NewTruncate(ast.Args[""], unit))
	case "stamp":
		return plain(transform.NewStamp(ast.Args[""], unit))
	case "map":
		return plain(transform.NewMap(mapEntries(ast.Map)))
	case "random":
		return plain(transform.NewRandom(ast.Args["link"]))
	case "pseudonym":
		rotate, err := duration(ast.Args["rotate"])
		if err != nil {
			return step{}, err
		}
		return plain(transform.NewPseudonym(rotate))
	case "shorten":
		n, err := strconv.Atoi(ast.Args[""])
		if err != nil {
			return step{}, fmt.Errorf("%q is not a number of characters", ast.Args[""])
		}
		return plain(transform.NewShorten(n))
	case "prefix":
		return prefix(ast.Args[""])
	case "round", "top", "bottom":
		return quantity(ast, unit)
	}
	return step{}, fmt.Errorf("no transform has this name")
}

// plain makes a step of what a constructor returns.
func plain[T transform.Transform](t T, err error) (step, error) {
	if err != nil {
		return step{}, err
	}
	return step{run: t}, nil
}

// quantity compiles round, top and bottom.
func quantity(ast *Step, unit transform.Unit) (step, error) {
	q, err := transform.ParseQuantity(ast.Args[""])
	if err != nil {
		return step{}, err
	}
	switch ast.Name {
	case "round":
		return plain(transform.NewRound(q, unit))
	case "top":
		return plain(transform.NewTop(q, unit))
	}
	return plain(transform.NewBottom(q, unit))
}

// The lengths of IP prefixes where only that of the other family is given.
const (
	defaultV4 = 24
	defaultV6 = 48
)

// prefix compiles a prefix length: up to 32 it is that of IPv4 addresses, and IPv6 ones keep twice as many bits;
// over 32 it is that of IPv6 addresses, and IPv4 ones keep 24.
func prefix(text string) (step, error) {
	bits, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return step{}, fmt.Errorf("%q is not the length of a prefix", text)
	case bits > 32:
		return plain(transform.NewPrefix(defaultV4, bits))
	}
	return plain(transform.NewPrefix(bits, min(2*bits, defaultV6)))
}

// bucket compiles a bucket with edges of its own or by a table.
func (b *builder) bucket(f *field, ast *Step, unit transform.Unit) (step, error) {
	name := ast.Args[""]
	if name == "" {
		var edges []transform.Quantity
		for _, text := range ast.List {
			q, err := transform.ParseQuantity(text)
			if err != nil {
				return step{}, err
			}
			edges = append(edges, q)
		}
		return plain(transform.NewBucket(edges, unit))
	}
	table := b.table(b.rule.file, name)
	if table == nil {
		return step{}, fmt.Errorf("no table is called %q", name)
	}
	own, err := transform.ParseUnit(table.Unit)
	if err != nil {
		return step{}, fmt.Errorf("table %q: %w", name, err)
	}
	run, err := transform.NewTable(name, own, table.rows(b.profile), unit)
	if err != nil {
		return step{}, fmt.Errorf("table %q: %w", name, err)
	}
	st := step{run: run}
	hasBy := ast.By != "" || len(ast.ByFrame) > 0
	if hasBy != table.classed() {
		if hasBy {
			return step{}, fmt.Errorf("table %q has no classes; leave by out", name)
		}
		return step{}, fmt.Errorf("table %q has classes; say by what, as in by: {frame: [$.width, $.height]}", name)
	}
	if hasBy {
		st.table = run
		err = b.classBy(&st, ast)
	}
	return st, err
}

// classBy compiles what the class of a table is found by.
func (b *builder) classBy(st *step, ast *Step) (err error) {
	if ast.By != "" {
		st.by, err = b.reference(ast.By)
		return err
	}
	for i := range min(len(ast.ByFrame), len(st.box)) {
		if st.box[i], err = b.reference(ast.ByFrame[i]); err != nil {
			return err
		}
	}
	return nil
}

// reference compiles a selector of a value that a transform looks up.
func (b *builder) reference(src string) (*selector, error) {
	sel, err := newSelector(src)
	if err != nil {
		return nil, fmt.Errorf("selector %q: %w", src, err)
	}
	if b.form != "" && sel.inBody() && !sel.fits(b.form) {
		return nil, fmt.Errorf("selector %q does not read a body of form %s", src, b.form)
	}
	return sel, nil
}

func (b *builder) frame(ast *Step) (step, error) {
	width, err := b.reference(ast.Args["width"])
	if err != nil {
		return step{}, err
	}
	run := transform.NewFrame()
	return step{run: run, frame: run, width: width}, nil
}

// derive compiles a linked field. The unit of its partner is that of the partner's own step.
func (b *builder) derive(f *field, ast *Step, unit transform.Unit) (step, error) {
	partner := unit
	for _, fields := range [][]Part{b.rule.ast.Parts} {
		if text, ok := unitOf(fields, ast.Args["share_of"], f.ast); ok {
			var err error
			if partner, err = transform.ParseUnit(text); err != nil {
				return step{}, err
			}
		}
	}
	if ast.Args["unit"] == "" {
		unit = partner
	}
	run, err := transform.NewDerive(ast.Lists["edges"], ast.Lists["factors"], unit, partner)
	if err != nil {
		return step{}, err
	}
	return step{run: run, derive: run}, nil
}

// unitOf is the unit of the field that selector names, among the fields that f stands with.
func unitOf(parts []Part, selector string, f *FieldRule) (string, bool) {
	for i := range parts {
		if fields := besides(parts[i].Fields, parts[i].Each, f); fields != nil {
			for j := range fields {
				if fields[j].Selector == selector && len(fields[j].Do) > 0 {
					return fields[j].Do[0].Args["unit"], true
				}
			}
		}
	}
	return "", false
}

// besides are the fields that f stands among.
func besides(fields []FieldRule, batch *Each, f *FieldRule) []FieldRule {
	for i := range fields {
		if &fields[i] == f {
			return fields
		}
		if in := fields[i].Inside; in != nil {
			if found := besides(in.Fields, nil, f); found != nil {
				return found
			}
		}
	}
	if batch != nil {
		for i := range batch.Events {
			if found := besides(batch.Events[i].Fields, batch.Events[i].Each, f); found != nil {
				return found
			}
		}
	}
	return nil
}

func mapEntries(all []MapEntry) []transform.MapEntry {
	entries := make([]transform.MapEntry, len(all))
	for i, e := range all {
		entries[i] = transform.MapEntry{From: e.From, To: e.To}
	}
	return entries
}

// valueOf reads compact JSON as the parser writes it.
func valueOf(json string) body.Value {
	t, err := body.Decode(body.JSON, "", []byte(json), body.Limits{})
	if err != nil {
		return body.Value{Kind: body.Null}
	}
	return t.Value(0)
}

// duration reads "24h" or "7d".
func duration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	return d, nil
}
