package transform

import (
	"math/big"
	"math/bits"
	"strconv"

	"github.com/scrimproxy/scrim/rules/body"
)

// Derive writes a field that is a share of another one, such as how much of a film was played: a factor that
// stands for the share, times what the other field *writes*, in this field's type (ISO/IEC 20889, generalization of
// linked attributes). The share is the received value by the partner's received value; above 1 it counts as 1. A
// negative value, or a partner that is not positive, yields an error matching ErrRange; one that is no number, an
// error matching ErrKind.
//
// What remains inferable: the bucket of the share, beside what the partner tells. Because the result is made of what the
// partner writes, dividing one by the other gives a factor and not the exact length.
type Derive struct {
	edges   []ratio // of shares, in (0, 1], rising
	factors []ratio // one more than edges; already with the units
	detail  string
}

// ratio is a non-negative fraction; small: num and den hold it.
type ratio struct {
	rat      *big.Rat
	num, den uint64
	small    bool
}

func newRatio(r *big.Rat) ratio {
	x := ratio{rat: r, small: r.Num().IsUint64() && r.Denom().IsUint64()}
	if x.small {
		x.num, x.den = r.Num().Uint64(), r.Denom().Uint64()
	}
	return x
}

// NewDerive makes a Derive. edges are shares that rise in (0, 1]; factors has one more, the first for what is below
// the first edge, and each must be in its own bucket of shares. unit is this field's, partner the other
// field's; where only one is known, both are taken to be in the same.
func NewDerive(edges, factors []string, unit, partner Unit) (*Derive, error) {
	es, err := shares("edge", edges)
	if err != nil {
		return nil, err
	}
	fs, err := shares("factor", factors)
	if err != nil {
		return nil, err
	}
	if len(fs) != len(es)+1 {
		return nil, &Fault{count(len(fs), "factor") + " for " + count(len(es), "edge"), "write one factor more than edges: the first stands for what is below the first edge"}
	}
	toField := big.NewRat(1, 1)
	if unit.dim != None && partner.dim != None {
		if unit.dim != partner.dim {
			return nil, &Fault{"the field is in " + unit.name + " and its partner in " + partner.name, "a share needs two fields of one kind"}
		}
		toField.SetFrac64(partner.scale, unit.scale)
	}
	t := &Derive{detail: "to " + count(len(fs), "share") + " of what the other field writes"}
	lower := append([]*big.Rat{new(big.Rat)}, es...)
	for i, f := range fs {
		if i > 0 && lower[i].Cmp(lower[i-1]) <= 0 {
			return nil, &Fault{"edge " + strconv.Itoa(i) + " is not above the one before it", "write edges that rise, above 0"}
		}
		if !inBucket(lower, i, f) {
			return nil, &Fault{"factor " + strconv.Itoa(i+1) + " is not among the shares it stands for", "write a factor from its lower edge to below the next"}
		}
		t.factors = append(t.factors, newRatio(new(big.Rat).Mul(f, toField)))
		if i > 0 { // self/partner >= edge, both as received
			t.edges = append(t.edges, newRatio(new(big.Rat).Mul(lower[i], toField)))
		}
	}
	return t, nil
}

func shares(what string, literals []string) ([]*big.Rat, error) {
	one := big.NewRat(1, 1)
	out := make([]*big.Rat, len(literals))
	for i, s := range literals {
		n, ok := scan(s)
		if !ok {
			return nil, &Fault{what + " " + quote(s) + " is not a number", "write shares between 0 and 1"}
		}
		if out[i] = n.rat(); out[i].Sign() < 0 || out[i].Cmp(one) > 0 {
			return nil, &Fault{what + " " + quote(s) + " is not a share", "write shares between 0 and 1"}
		}
	}
	return out, nil
}

// Name is "derive".
func (t *Derive) Name() string { return "derive" }

// Detail is "to 4 shares of what the other field writes".
func (t *Derive) Detail() string { return t.detail }

// Apply always fails with an error matching ErrEnv: a share needs a partner, which Apply2 takes.
func (t *Derive) Apply(body.Value, *Env) (body.Value, error) {
	return body.Value{}, &EnvError{"a share needs the other field"}
}

// Apply2 gives what is written for self, as received, beside its partner as received and as written. An error of the
// partner matches ErrPartner, and self is then removed (SPEC, derive); any other is self's own.
func (t *Derive) Apply2(self, partnerReceived, partnerWritten body.Value) (body.Value, error) {
	received, err := readNumber(partnerReceived)
	if err == nil && received.sign() <= 0 {
		err = &RangeError{"not positive"}
	}
	if err != nil {
		return body.Value{}, &PartnerError{err}
	}
	writes, err := readNumber(partnerWritten)
	if err == nil && writes.sign() < 0 {
		err = &RangeError{"negative"}
	}
	if err != nil {
		return body.Value{}, &PartnerError{err}
	}
	n, err := readNumber(self)
	if err != nil {
		return body.Value{}, err
	}
	if n.sign() < 0 {
		return body.Value{}, &RangeError{"a share is not negative"}
	}
	i := len(t.edges)
	for i > 0 && !n.hasShare(&received, &t.edges[i-1]) {
		i--
	}
	return t.factors[i].times(&writes, self, n.whole), nil
}

// hasShare reports n >= edge × whole, both not negative.
func (n *number) hasShare(whole *number, edge *ratio) bool {
	if n.big == nil && whole.big == nil && n.scale == whole.scale && edge.small {
		aHigh, aLow := bits.Mul64(uint64(n.small), edge.den)
		bHigh, bLow := bits.Mul64(uint64(whole.small), edge.num)
		return aHigh > bHigh || aHigh == bHigh && aLow >= bLow
	}
	limit := whole.rat()
	limit.Mul(limit, edge.rat)
	return n.rat().Cmp(limit) >= 0
}

// times is factor × n in the type of self.
func (f *ratio) times(n *number, self body.Value, whole bool) body.Value {
	const room = 1 << 31
	if whole && n.big == nil && n.scale == 0 && f.small && n.small < room && f.num < room && f.den < room {
		return writtenInt(self, divHalfAway(n.small*int64(f.num), int64(f.den)))
	}
	r := n.rat()
	r.Mul(r, f.rat)
	if whole {
		return written(self, wholeText(r))
	}
	return written(self, exactText(r))
}

// PartnerError says that the partner of a Derive is missing or invalid. It matches ErrPartner and its cause.
type PartnerError struct{ Cause error }

// Error says what was wrong with the partner.
func (e *PartnerError) Error() string { return "the other field: " + e.Cause.Error() }

// Unwrap gives the cause.
func (e *PartnerError) Unwrap() error { return e.Cause }

// Is makes errors.Is(err, ErrPartner) hold.
func (e *PartnerError) Is(target error) bool { return target == ErrPartner }
