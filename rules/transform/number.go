package transform

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// number is a decimal that was received: small × 10^-scale, or big where that does not fit.
type number struct {
	small int64
	scale uint8    // digits after the point, at most maxDigits
	whole bool     // written as an integer: no point, no exponent
	big   *big.Rat // nil: small and scale hold the value
}

// Bounds of the numbers that are read. Longer ones are refused: exponents must not make a short text a large number.
const (
	maxDigits   = 18 // of the small form; fits an int64 with room
	maxLiteral  = 512
	maxExponent = 512
)

// readNumber reads a Number, or a String that holds one. The error is a *KindError or *RangeError.
func readNumber(v body.Value) (number, error) {
	if v.Kind != body.Number && v.Kind != body.String {
		return number{}, &KindError{Got: v.Kind, Want: "a number"}
	}
	if n, ok := scan(v.Text); ok {
		return n, nil
	}
	if v.Kind == body.Number {
		return number{}, &RangeError{"the number has too many digits"}
	}
	return number{}, &KindError{Got: v.Kind, Want: "a number"}
}

// scan reads the number grammar of JSON (RFC 8259, section 6).
func scan(s string) (number, bool) {
	i, negative := 0, false
	if len(s) > 0 && s[0] == '-' {
		i, negative = 1, true
	}
	start := i
	var n number
	for i < len(s) && isDigit(s[i]) {
		if i-start < maxDigits {
			n.small = n.small*10 + int64(s[i]-'0')
		}
		i++
	}
	digits := i - start
	if digits == 0 || digits > 1 && s[start] == '0' {
		return number{}, false
	}
	n.whole = i == len(s)
	if i < len(s) && s[i] == '.' {
		point := i
		for i++; i < len(s) && isDigit(s[i]); i++ {
			if digits < maxDigits {
				n.small = n.small*10 + int64(s[i]-'0')
				n.scale++
			}
			digits++
		}
		if i == point+1 {
			return number{}, false
		}
	}
	if negative {
		n.small = -n.small
	}
	if i == len(s) && digits <= maxDigits {
		return n, true
	}
	return scanBig(s, i, n.whole)
}

// scanBig reads a number with an exponent, which begins at i, or with many digits.
func scanBig(s string, i int, whole bool) (number, bool) {
	if len(s) > maxLiteral {
		return number{}, false
	}
	if i < len(s) {
		if s[i] != 'e' && s[i] != 'E' {
			return number{}, false
		}
		exp, err := strconv.Atoi(s[i+1:])
		if err != nil || exp > maxExponent || exp < -maxExponent {
			return number{}, false
		}
	}
	r, ok := new(big.Rat).SetString(s)
	return number{big: r, whole: whole}, ok
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func pow10(k uint8) int64 {
	p := int64(1)
	for range k {
		p *= 10
	}
	return p
}

// rat is the value as a new big.Rat.
func (n *number) rat() *big.Rat {
	if n.big != nil {
		return new(big.Rat).Set(n.big)
	}
	return big.NewRat(n.small, pow10(n.scale))
}

// floor is the largest integer not above a small number, and whether it is the number.
func (n *number) floor() (f int64, exact bool) {
	if n.scale == 0 {
		return n.small, true
	}
	p := pow10(n.scale)
	f = n.small / p
	if n.small%p < 0 {
		f--
	}
	return f, f*p == n.small
}

// bound is a number of a rule in the unit of the field, ready to be compared with.
type bound struct {
	rat   *big.Rat
	ceil  int64 // the smallest integer not below
	exact bool  // it is that integer
}

// newBound needs |r| <= maxMagnitude, as Quantity.in assures.
func newBound(r *big.Rat) bound {
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	b := bound{rat: r, ceil: q.Int64(), exact: m.Sign() == 0}
	if !b.exact {
		b.ceil++
	}
	return b
}

// atLeast reports n >= b. Only decimals between the same two integers as b need big arithmetic.
func (n *number) atLeast(b *bound) bool {
	if n.big != nil {
		return n.big.Cmp(b.rat) >= 0
	}
	f, _ := n.floor()
	if f >= b.ceil || b.exact || f < b.ceil-1 || n.scale == 0 {
		return f >= b.ceil
	}
	return n.rat().Cmp(b.rat) >= 0
}

// above reports n > b.
func (n *number) above(b *bound) bool {
	if n.big != nil {
		return n.big.Cmp(b.rat) > 0
	}
	f, whole := n.floor()
	if b.exact {
		return f > b.ceil || f == b.ceil && !whole
	}
	return n.atLeast(b) && (whole || n.rat().Cmp(b.rat) > 0)
}

// sign is -1, 0 or 1.
func (n *number) sign() int {
	switch {
	case n.big != nil:
		return n.big.Sign()
	case n.small < 0:
		return -1
	case n.small > 0:
		return 1
	}
	return 0
}

// maxFraction bounds the digits after the point of what is written, where a converted value has no end.
const maxFraction = 9

// wholeText is r as an integer, halves away from zero.
func wholeText(r *big.Rat) string {
	if s := r.FloatString(0); s != "-0" {
		return s
	}
	return "0"
}

// exactText is r in its shortest decimal form, cut to maxFraction digits after the point.
func exactText(r *big.Rat) string {
	prec, ends := r.FloatPrec()
	if !ends || prec > maxFraction {
		prec = maxFraction
	}
	s := r.FloatString(prec)
	if strings.IndexByte(s, '.') >= 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// written gives in with another number, its kind kept. Nothing is allocated.
func written(in body.Value, text string) body.Value { return body.Value{Kind: in.Kind, Text: text} }

// quote is for words of rule files in faults.
func quote(s string) string { return strconv.Quote(s) }
