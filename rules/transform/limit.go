package transform

import "github.com/scrimproxy/scrim/rules/body"

// Limit codes the tail of a distribution: Top writes its limit for every larger number, Bottom for every smaller
// one; others stay as they are (ISO/IEC 20889, top and bottom coding). The limit is in the unit of the field, or has a
// unit that is converted to it. A value that is no number yields an error matching ErrKind.
//
// What remains inferable: every value inside the limits exactly; of one outside, on which side it is. It protects
// what is rare because it is large or small, and nothing else.
type Limit struct {
	name, detail string
	bound        bound
	below        bool // Bottom
	whole, exact string
}

// NewTop makes a Limit that lowers what is above it; unit is the field's.
func NewTop(limit Quantity, unit Unit) (*Limit, error) {
	return newLimit("top", "at most ", limit, unit, false)
}

// NewBottom makes a Limit that raises what is below it; unit is the field's.
func NewBottom(limit Quantity, unit Unit) (*Limit, error) {
	return newLimit("bottom", "at least ", limit, unit, true)
}

func newLimit(name, detail string, limit Quantity, unit Unit, below bool) (*Limit, error) {
	r, err := limit.in(unit)
	if err != nil {
		return nil, err
	}
	return &Limit{
		name: name, detail: detail + limit.String(), below: below,
		bound: newBound(r), whole: wholeText(r), exact: exactText(r),
	}, nil
}

// Name is "top" or "bottom".
func (t *Limit) Name() string { return t.name }

// Detail is "at most 100" or "at least 5".
func (t *Limit) Detail() string { return t.detail }

// Apply writes the limit for what is beyond it.
func (t *Limit) Apply(in body.Value, _ *Env) (body.Value, error) {
	n, err := readNumber(in)
	if err != nil {
		return body.Value{}, err
	}
	beyond := t.below && !n.atLeast(&t.bound) || !t.below && n.above(&t.bound)
	switch {
	case !beyond:
		return in, nil
	case n.whole:
		return written(in, t.whole), nil
	}
	return written(in, t.exact), nil
}
