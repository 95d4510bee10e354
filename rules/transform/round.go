package transform

import (
	"math/big"
	"strconv"

	"github.com/scrimproxy/scrim/rules/body"
)

// Round replaces a number by the nearest multiple of a step, halves away from zero (ISO/IEC 20889, rounding). The
// step is in the unit of the field, or has a unit that is converted to it. A value that is no number yields an error
// matching ErrKind.
//
// What remains inferable: the value within half a step. Repeated reports of a slowly changing value reveal when it
// crosses a boundary. Values below half a step become 0, which tells that they are small.
type Round struct {
	step   *big.Rat
	whole  int64 // the step where it is an integer, else 0
	detail string
}

// NewRound makes a Round; unit is the field's. The step must be positive and a finite decimal in that unit.
func NewRound(step Quantity, unit Unit) (*Round, error) {
	r, err := step.in(unit)
	if err != nil {
		return nil, err
	}
	if r.Sign() <= 0 {
		return nil, &Fault{"a step of " + step.String() + " is not positive", "write a step above 0"}
	}
	if digits, ends := r.FloatPrec(); !ends || digits > maxFraction {
		return nil, &Fault{"a step of " + step.String() + " is no short decimal in the unit of the field", "write a step with at most 9 digits after the point"}
	}
	t := &Round{step: r, detail: "to steps of " + step.String()}
	if step.unit.dim != None {
		t.detail = "to " + step.String() + " steps"
	}
	if r.IsInt() {
		t.whole = r.Num().Int64()
	}
	return t, nil
}

// Name is "round".
func (t *Round) Name() string { return "round" }

// Detail is "to 15 min steps".
func (t *Round) Detail() string { return t.detail }

// Apply rounds.
func (t *Round) Apply(in body.Value, _ *Env) (body.Value, error) {
	n, err := readNumber(in)
	if err != nil {
		return body.Value{}, err
	}
	if n.big == nil && t.whole > 0 {
		if divisor, ok := mulInt(t.whole, pow10(n.scale)); ok {
			if product, ok := mulInt(divHalfAway(n.small, divisor), t.whole); ok {
				return writtenInt(in, product), nil
			}
		}
	}
	q := n.rat()
	q.Quo(q, t.step)
	multiple := new(big.Int)
	multiple.SetString(wholeText(q), 10)
	q.SetInt(multiple)
	q.Mul(q, t.step)
	if n.whole {
		return written(in, wholeText(q)), nil
	}
	return written(in, exactText(q)), nil
}

// writtenInt is in with an integer. Text that is the same already is kept, so that nothing is allocated.
func writtenInt(in body.Value, n int64) body.Value {
	var buf [20]byte
	text := strconv.AppendInt(buf[:0], n, 10)
	if string(text) == in.Text {
		return in
	}
	return written(in, string(text))
}

// divHalfAway is a/b rounded to the nearest integer, halves away from zero; b is positive.
func divHalfAway(a, b int64) int64 {
	q, r := a/b, a%b
	switch {
	case r >= b-r && r > 0:
		q++
	case -r >= b+r && r < 0:
		q--
	}
	return q
}

// mulInt multiplies and reports whether the product fits.
func mulInt(a, b int64) (int64, bool) {
	p := a * b
	if a != 0 && (p/a != b || a == -1 && b == -1<<63) {
		return 0, false
	}
	return p, true
}
