package transform

import (
	"math/big"
	"strings"
)

// Dimension is what a unit measures.
type Dimension uint8

// The dimensions. None is that of a bare number.
const (
	None Dimension = iota
	Duration
	Size
	Rate
)

func (d Dimension) String() string {
	return [...]string{"a bare number", "a duration", "a size", "a rate"}[d]
}

// Unit is a unit of a field, of a table or of a quantity. The zero Unit is no unit: the field's own, unknown to us.
type Unit struct {
	name  string
	dim   Dimension
	scale int64 // nanoseconds, bytes or bits per second in one
}

// units lists what there is, small to large in each dimension.
func units() []Unit {
	const minute = 60e9
	return []Unit{
		{"ns", Duration, 1}, {"us", Duration, 1e3}, {"ms", Duration, 1e6}, {"s", Duration, 1e9},
		{"min", Duration, minute}, {"h", Duration, 60 * minute}, {"d", Duration, 24 * 60 * minute},
		{"B", Size, 1}, {"kB", Size, 1e3}, {"KB", Size, 1e3}, {"MB", Size, 1e6}, {"GB", Size, 1e9}, {"TB", Size, 1e12},
		{"KiB", Size, 1 << 10}, {"MiB", Size, 1 << 20}, {"GiB", Size, 1 << 30}, {"TiB", Size, 1 << 40},
		{"bps", Rate, 1}, {"kbps", Rate, 1e3}, {"Mbps", Rate, 1e6}, {"Gbps", Rate, 1e9},
	}
}

// Units lists the names of the known units: durations, sizes (bytes), rates (bits per second), small to large.
// Quantities also take "m" for minutes.
func Units() []string {
	var names []string
	for _, u := range units() {
		names = append(names, u.name)
	}
	return names
}

// ParseUnit reads a unit by its name; "" is the zero Unit. "m" is a minute. Its error is a *Fault.
func ParseUnit(s string) (Unit, error) {
	if s == "" {
		return Unit{}, nil
	}
	name := s
	if name == "m" {
		name = "min"
	}
	for _, u := range units() {
		if u.name == name {
			return u, nil
		}
	}
	return Unit{}, &Fault{"unknown unit " + quote(s), "write one of " + strings.Join(Units(), ", ")}
}

// String is the name of the unit, "" for none.
func (u Unit) String() string { return u.name }

// Dimension is what the unit measures.
func (u Unit) Dimension() Dimension { return u.dim }

// Quantity is a number with or without a unit.
type Quantity struct {
	value *big.Rat // nil: 0
	text  string   // the number as written
	unit  Unit
}

// ParseQuantity reads "15m", "10min", "512kbps", "8MiB", "90d" or a bare number, which may have a sign, a point and an
// exponent. Number and unit may be apart by blanks. Its error is a *Fault.
func ParseQuantity(s string) (Quantity, error) {
	text := strings.TrimSpace(s)
	end := numberPrefix(text)
	n, ok := scan(text[:end])
	if !ok {
		return Quantity{}, &Fault{quote(s) + " is not a quantity", "write a number, with a unit where it has one: 15m, 512kbps, 8MiB"}
	}
	unit, err := ParseUnit(strings.TrimLeft(text[end:], " "))
	if err != nil {
		return Quantity{}, err
	}
	return Quantity{value: n.rat(), text: text[:end], unit: unit}, nil
}

// numberPrefix is the length of the longest prefix that could be a number: an e counts only with digits after it.
func numberPrefix(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for i < len(s) && (isDigit(s[i]) || s[i] == '.') {
		i++
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if j < len(s) && isDigit(s[j]) {
			for j < len(s) && isDigit(s[j]) {
				j++
			}
			return j
		}
	}
	return i
}

// String is number and unit as in an edit: "15 min", "100".
func (q Quantity) String() string {
	if q.unit.name == "" {
		return q.text
	}
	return q.text + " " + q.unit.name
}

// Unit is the unit as written, the zero Unit where there is none.
func (q Quantity) Unit() Unit { return q.unit }

// maxMagnitude bounds numbers of rules, so that sums of them stay in an int64.
const maxMagnitude = 1 << 61

// in is the quantity in the unit of a field. A bare number is in it already.
func (q Quantity) in(field Unit) (*big.Rat, error) {
	v := new(big.Rat)
	if q.value != nil {
		v.Set(q.value)
	}
	switch {
	case q.unit.dim == None:
	case field.dim == None:
		return nil, &Fault{quote(q.text+q.unit.name) + " has a unit and the field has none", "say in which unit the field is sent, as in unit: " + example(q.unit.dim)}
	case q.unit.dim != field.dim:
		return nil, &Fault{quote(q.text+q.unit.name) + " is " + q.unit.dim.String() + ", the field is in " + field.name + ", which is " + field.dim.String(), "use units of one kind"}
	default:
		v.Mul(v, big.NewRat(q.unit.scale, field.scale))
	}
	if v.Num().CmpAbs(new(big.Int).Mul(v.Denom(), big.NewInt(maxMagnitude))) > 0 {
		return nil, &Fault{quote(q.text+q.unit.name) + " is too large", "write a number below 2^61 in the unit of the field"}
	}
	return v, nil
}

func example(d Dimension) string {
	return [...]string{"", "ms", "B", "kbps"}[d]
}
