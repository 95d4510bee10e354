package body

import "math"

// Limits bounds what one body may cost. A zero field means its default.
type Limits struct {
	MaxBytes int64 // decoded bytes; 16 MiB
	MaxRatio int   // decoded to coded bytes; 100. Up to 64 KiB decoded are always allowed.
	MaxDepth int   // nesting; 128, at most 10,000
	MaxNodes int   // nodes of a tree; 2,097,152, which is 56 MiB of tape
}

// The defaults of SPEC section 2, and ours for what it leaves open.
const (
	defaultMaxBytes = 16 << 20
	defaultMaxRatio = 100
	defaultMaxDepth = 128
	defaultMaxNodes = 1 << 21

	// ratioFloor is decoded size below which no ratio is asked for: tiny bodies of one repeated byte are honest.
	ratioFloor = 64 << 10
)

// filled returns l with its defaults, none above what int32 offsets can address.
func (l Limits) filled() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	if l.MaxRatio <= 0 {
		l.MaxRatio = defaultMaxRatio
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = defaultMaxDepth
	}
	if l.MaxNodes <= 0 {
		l.MaxNodes = defaultMaxNodes
	}
	l.MaxBytes = min(l.MaxBytes, math.MaxInt32-1)
	l.MaxNodes = min(l.MaxNodes, math.MaxInt32-1)
	l.MaxDepth = min(l.MaxDepth, 10_000) // what jsontext follows
	return l
}

// most is the decoded size that coded bytes may grow to, and whether the ratio sets it.
func (l Limits) most(coded int) (limit int64, byRatio bool) {
	limit = max(int64(coded)*int64(l.MaxRatio), ratioFloor)
	if limit < l.MaxBytes {
		return limit, true
	}
	return l.MaxBytes, false
}
