package transform

import (
	"io"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Transform is one compiled transform. It is immutable and may be used concurrently.
type Transform interface {
	// Name is the name in rules: "round", "bucket".
	Name() string
	// Detail says in a few words what is done, for an edit: "to 15 min steps". Never a value of a message.
	Detail() string
	// Apply gives what is written for what was received. Its errors match ErrKind, ErrRange or ErrEnv and hold no value.
	// env may be nil where the transform needs nothing of it.
	Apply(in body.Value, env *Env) (body.Value, error)
}

// Env is what transforms may not take from anywhere else: the same value, Env and transform give the same result.
type Env struct {
	Now      time.Time
	Location *time.Location // nil: UTC
	Random   io.Reader      // cryptographic source; nil: random fails
	Key      []byte         // of pseudonyms; empty: pseudonym fails
	Scope    string         // rule, part and selector, which tell pseudonyms apart
	// Linked keeps what random: {link: NAME} wrote, by link and by what was received. The caller makes one for each
	// record and drops it after, because it holds what was received. nil: equal values are not linked.
	Linked map[string]map[string]string
}

func (e *Env) location() *time.Location {
	if e == nil || e.Location == nil {
		return time.UTC
	}
	return e.Location
}

// Classed is a transform whose rows depend on a class: a table with `by`.
type Classed interface {
	Transform
	// ApplyClass uses the rows of class. An unknown or empty class takes those of "*".
	ApplyClass(in body.Value, class string, env *Env) (body.Value, error)
}

// Replace writes a fixed value, whatever was there (ISO/IEC 20889, suppression with a constant). The type is the
// one of the rule, not of what was received. It has no errors.
//
// What remains inferable: that the field was there.
type Replace struct{ value body.Value }

// NewReplace makes a Replace.
func NewReplace(v body.Value) (*Replace, error) {
	if v.Kind == 0 {
		return nil, &Fault{"replace has no value", "write replace: followed by what to send, or use remove"}
	}
	return &Replace{v}, nil
}

// Name is "replace".
func (t *Replace) Name() string { return "replace" }

// Detail names the kind that is written.
func (t *Replace) Detail() string { return "by " + KindName(t.value.Kind) + " of the rule" }

// Apply gives the value of the rule.
func (t *Replace) Apply(body.Value, *Env) (body.Value, error) { return t.value, nil }
