package path

import "strconv"

// value is what comparisons and functions work on: a literal, a node, or nothing (kind 0).
type value struct {
	kind byte
	node int32  // of arrays, objects and bytes, which only the tree has
	text string // of strings and numbers
}

func number(n int) value { return value{kind: '0', text: strconv.Itoa(n)} }

func (r *run) at(n int32) value {
	v := value{kind: r.t.Kind(n), node: n}
	if v.kind == '"' || v.kind == '0' || v.kind == 'b' {
		v.text = r.t.Text(n)
	}
	return v
}

// compare follows RFC 9535, section 2.3.5.2.2.
func (r *run) compare(op compareOp, a, b value) bool {
	switch op {
	case cmpEqual:
		return r.equal(a, b)
	case cmpNotEqual:
		return !r.equal(a, b)
	case cmpLess:
		return less(a, b)
	case cmpLessEqual:
		return less(a, b) || r.equal(a, b)
	case cmpGreater:
		return less(b, a)
	}
	return less(b, a) || r.equal(a, b)
}

func less(a, b value) bool {
	switch {
	case a.kind == '0' && b.kind == '0':
		return compareNumbers(a.text, b.text) < 0
	case a.kind == '"' && b.kind == '"':
		return a.text < b.text
	}
	return false
}

func (r *run) equal(a, b value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case '0':
		return a.text == b.text || compareNumbers(a.text, b.text) == 0
	case '"', 'b':
		return a.text == b.text
	case '[', '{':
		return r.equalNodes(a.node, b.node, 0)
	}
	return true // nothing, null, true, false
}

// maxCompareDepth bounds how deep two arrays or objects are compared. Deeper ones count as different; bodies
// that deep are refused long before.
const maxCompareDepth = 10_000

func (r *run) equalNodes(a, b int32, depth int) bool {
	if a == b {
		return true
	}
	kind := r.t.Kind(a)
	switch {
	case kind != r.t.Kind(b) || depth > maxCompareDepth:
		return false
	case kind == '{':
		return r.equalObjects(a, b, depth+1)
	case kind != '[':
		return r.equal(r.at(a), r.at(b))
	}
	a, b = r.t.First(a), r.t.First(b)
	for a >= 0 && b >= 0 {
		if !r.equalNodes(a, b, depth+1) {
			return false
		}
		a, b = r.t.Next(a), r.t.Next(b)
	}
	return a < 0 && b < 0
}

func (r *run) equalObjects(a, b int32, depth int) bool {
	left, right := r.members(a), r.members(b)
	if len(left) != len(right) {
		return false
	}
	for name, x := range left {
		y, ok := right[name]
		if !ok || !r.equalNodes(x, y, depth) {
			return false
		}
	}
	return true
}

// members are those of object n, of equal names the first.
func (r *run) members(n int32) map[string]int32 {
	m := make(map[string]int32)
	for c := r.t.First(n); c >= 0; c = r.t.Next(c) {
		if _, ok := m[r.t.Name(c)]; !ok {
			m[r.t.Name(c)] = c
		}
	}
	return m
}

// compareNumbers compares two JSON numbers by their exact decimal values.
func compareNumbers(a, b string) int {
	if x, ok := smallInt(a); ok {
		if y, ok := smallInt(b); ok {
			return compareInts(x, y)
		}
	}
	x, y := newDecimal(a), newDecimal(b)
	if x.sign != y.sign {
		return compareInts(int64(x.sign), int64(y.sign))
	}
	return x.sign * x.compareAbs(&y)
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// smallInt reads an integer of at most 18 digits without point or exponent.
func smallInt(s string) (n int64, ok bool) {
	digits := s
	if len(s) > 0 && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for i := 0; i < len(digits); i++ {
		if !digit(digits[i]) {
			return 0, false
		}
		n = n*10 + int64(digits[i]-'0')
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}

// decimal is sign × 0.DIGITS × 10^exp; DIGITS are those of whole and then of frac, the first of them not 0.
type decimal struct {
	sign        int // 0: zero
	whole, frac string
	exp         int64
}

func newDecimal(s string) decimal {
	d := decimal{sign: 1}
	if len(s) > 0 && s[0] == '-' {
		d.sign, s = -1, s[1:]
	}
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	d.whole, s = s[:i], s[i:]
	if len(s) > 0 && s[0] == '.' {
		for i = 1; i < len(s) && digit(s[i]); i++ {
		}
		d.frac, s = s[1:i], s[i:]
	}
	if len(s) > 1 {
		d.exp = clampedExponent(s[1:])
	}
	for len(d.whole) > 0 && d.whole[0] == '0' {
		d.whole = d.whole[1:]
	}
	d.exp += int64(len(d.whole))
	for d.whole == "" && len(d.frac) > 0 && d.frac[0] == '0' {
		d.frac = d.frac[1:]
		d.exp--
	}
	if d.whole == "" && d.frac == "" {
		return decimal{}
	}
	return d
}

// clampedExponent reads an exponent; one beyond any body's length stands for itself well enough.
func clampedExponent(s string) int64 {
	const far = 1 << 59 // ten times it still fits
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	var n int64
	for i := 0; i < len(s) && digit(s[i]); i++ {
		if n = n*10 + int64(s[i]-'0'); n > far {
			n = far
			break
		}
	}
	if negative {
		return -n
	}
	return n
}

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	if i -= len(d.whole); i < len(d.frac) {
		return d.frac[i]
	}
	return '0'
}

func (d *decimal) compareAbs(e *decimal) int {
	if d.exp != e.exp {
		return compareInts(d.exp, e.exp)
	}
	n := max(len(d.whole)+len(d.frac), len(e.whole)+len(e.frac))
	for i := range n {
		if x, y := d.digit(i), e.digit(i); x != y {
			return compareInts(int64(x), int64(y))
		}
	}
	return 0
}
