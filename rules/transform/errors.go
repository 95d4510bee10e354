package transform

import (
	"errors"

	"github.com/scrimproxy/scrim/rules/body"
)

// The errors of Apply, by what the caller can say of them.
var (
	// ErrKind is matched by a *KindError: the value is of a kind that the transform cannot read.
	ErrKind = errors.New("value is of another kind")
	// ErrRange is matched by a *RangeError: the value is outside what the transform covers.
	ErrRange = errors.New("value is out of range")
	// ErrPartner is matched by a *PartnerError of Derive: the other field is missing or invalid.
	ErrPartner = errors.New("the other field is missing or invalid")
	// ErrEnv is matched where Env lacks what the transform needs: chance or a key.
	ErrEnv = errors.New("not available here")
)

// KindError says which kind was found and what was expected. It matches ErrKind.
type KindError struct {
	Got  body.Kind
	Want string // "a number", "an IP address"
}

// Error names the kinds, never the value.
func (e *KindError) Error() string { return "found " + KindName(e.Got) + ", expected " + e.Want }

// Is makes errors.Is(err, ErrKind) hold.
func (e *KindError) Is(target error) bool { return target == ErrKind }

// RangeError says which bound a value passed. It matches ErrRange.
type RangeError struct{ What string }

// Error names the bound, never the value.
func (e *RangeError) Error() string { return e.What }

// Is makes errors.Is(err, ErrRange) hold.
func (e *RangeError) Is(target error) bool { return target == ErrRange }

// EnvError says what Env lacks. It matches ErrEnv.
type EnvError struct{ What string }

// Error says what is missing.
func (e *EnvError) Error() string { return e.What }

// Is makes errors.Is(err, ErrEnv) hold.
func (e *EnvError) Is(target error) bool { return target == ErrEnv }

// Fault is what a New function says of arguments that can never work: what is wrong, what to do.
type Fault struct{ What, Fix string }

// Error joins both as a fault of a rule file does.
func (f *Fault) Error() string {
	if f.Fix == "" {
		return f.What
	}
	return f.What + "; " + f.Fix
}

// KindName is the name of a kind in messages: "a number", "an object", "nothing" for 0.
func KindName(k body.Kind) string {
	switch k {
	case body.Null:
		return "null"
	case body.True, body.False:
		return "a boolean"
	case body.Number:
		return "a number"
	case body.String:
		return "a string"
	case body.Object:
		return "an object"
	case body.Array:
		return "an array"
	case body.Bytes:
		return "bytes"
	}
	return "nothing"
}
