// Package transform generalizes single values.
package transform

import (
	"io"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Transform is one compiled transform. It is immutable and may be used concurrently.
type Transform interface {
	Name() string
	Detail() string
	Apply(in body.Value, env *Env) (body.Value, error)
}

// Env is what transforms may not take from anywhere else.
type Env struct {
	Now      time.Time
	Location *time.Location               // nil: UTC
	Random   io.Reader                    // nil: random fails
	Key      []byte                       // of pseudonyms; empty: pseudonym fails
	Scope    string                       // rule, part and selector: tells pseudonyms apart
	Linked   map[string]map[string]string // of one record, for random: {link: NAME}; nil: random makes it
}

// Classed is a transform by table with classes.
type Classed interface {
	Transform
	// ApplyClass uses the rows of class; an unknown or empty class takes "*".
	ApplyClass(in body.Value, class string, env *Env) (body.Value, error)
}

// MapEntry is one line of a map.
type MapEntry struct {
	From string // glob
	To   body.Value
}

// Rows are lower edges and what is written for each, as number literals.
type Rows struct{ Edges, Write []string }

// The transforms.
type (
	Replace   struct{ v body.Value }
	Round     struct{ v body.Value }
	Bucket    struct{ v body.Value }
	Frame     struct{ v body.Value }
	Truncate  struct{ v body.Value }
	Stamp     struct{ v body.Value }
	Limit     struct{ v body.Value }
	Map       struct{ v body.Value }
	Shorten   struct{ v body.Value }
	Prefix    struct{ v body.Value }
	Pseudonym struct{ v body.Value }
	Random    struct{ v body.Value }
	Derive    struct{ v body.Value }
)

func NewReplace(v body.Value) (*Replace, error)              { return &Replace{v}, nil }
func NewRound(step Quantity, unit Unit) (*Round, error)      { return &Round{}, nil }
func NewBucket(edges []Quantity, unit Unit) (*Bucket, error) { return &Bucket{}, nil }
func NewTable(name string, table Unit, rows map[string]Rows, unit Unit) (*Bucket, error) {
	return &Bucket{}, nil
}
func NewFrame() *Frame                                                       { return &Frame{} }
func NewTruncate(to string, unit Unit) (*Truncate, error)                    { return &Truncate{}, nil }
func NewStamp(to string, unit Unit) (*Stamp, error)                          { return &Stamp{}, nil }
func NewTop(limit Quantity, unit Unit) (*Limit, error)                       { return &Limit{}, nil }
func NewBottom(limit Quantity, unit Unit) (*Limit, error)                    { return &Limit{}, nil }
func NewMap(entries []MapEntry) (*Map, error)                                { return &Map{}, nil }
func NewShorten(n int) (*Shorten, error)                                     { return &Shorten{}, nil }
func NewPrefix(v4, v6 int) (*Prefix, error)                                  { return &Prefix{}, nil }
func NewPseudonym(rotate time.Duration) (*Pseudonym, error)                  { return &Pseudonym{}, nil }
func NewRandom(link string) (*Random, error)                                 { return &Random{}, nil }
func NewDerive(edges, factors []string, unit, partner Unit) (*Derive, error) { return &Derive{}, nil }

func (t *Replace) Name() string   { return "replace" }
func (t *Round) Name() string     { return "round" }
func (t *Bucket) Name() string    { return "bucket" }
func (t *Frame) Name() string     { return "frame" }
func (t *Truncate) Name() string  { return "truncate" }
func (t *Stamp) Name() string     { return "stamp" }
func (t *Limit) Name() string     { return "top" }
func (t *Map) Name() string       { return "map" }
func (t *Shorten) Name() string   { return "shorten" }
func (t *Prefix) Name() string    { return "prefix" }
func (t *Pseudonym) Name() string { return "pseudonym" }
func (t *Random) Name() string    { return "random" }
func (t *Derive) Name() string    { return "derive" }

func (t *Replace) Detail() string   { return "" }
func (t *Round) Detail() string     { return "" }
func (t *Bucket) Detail() string    { return "" }
func (t *Frame) Detail() string     { return "" }
func (t *Truncate) Detail() string  { return "" }
func (t *Stamp) Detail() string     { return "" }
func (t *Limit) Detail() string     { return "" }
func (t *Map) Detail() string       { return "" }
func (t *Shorten) Detail() string   { return "" }
func (t *Prefix) Detail() string    { return "" }
func (t *Pseudonym) Detail() string { return "" }
func (t *Random) Detail() string    { return "" }
func (t *Derive) Detail() string    { return "" }

func (t *Replace) Apply(in body.Value, env *Env) (body.Value, error) { return in, nil }
func (t *Round) Apply(in body.Value, env *Env) (body.Value, error)   { return in, nil }
func (t *Bucket) Apply(in body.Value, env *Env) (body.Value, error)  { return in, nil }
func (t *Bucket) ApplyClass(in body.Value, class string, env *Env) (body.Value, error) {
	return in, nil
}
func (t *Frame) Apply(in body.Value, env *Env) (body.Value, error)       { return in, nil }
func (t *Frame) ApplyWidth(height, width body.Value) (body.Value, error) { return height, nil }
func (t *Truncate) Apply(in body.Value, env *Env) (body.Value, error)    { return in, nil }
func (t *Stamp) Apply(in body.Value, env *Env) (body.Value, error)       { return in, nil }
func (t *Limit) Apply(in body.Value, env *Env) (body.Value, error)       { return in, nil }
func (t *Map) Apply(in body.Value, env *Env) (body.Value, error)         { return in, nil }
func (t *Shorten) Apply(in body.Value, env *Env) (body.Value, error)     { return in, nil }
func (t *Prefix) Apply(in body.Value, env *Env) (body.Value, error)      { return in, nil }
func (t *Pseudonym) Apply(in body.Value, env *Env) (body.Value, error)   { return in, nil }
func (t *Random) Apply(in body.Value, env *Env) (body.Value, error)      { return in, nil }
func (t *Derive) Apply(in body.Value, env *Env) (body.Value, error)      { return in, nil }

// Apply2 is what rules call: self and partner as received, partner as written.
func (t *Derive) Apply2(self, partnerReceived, partnerWritten body.Value) (body.Value, error) {
	return self, nil
}

// FrameClass is the class of a table for {frame: [W, H]}: "sd", "hd", "uhd"; "" where either is absent (Kind 0).
func FrameClass(width, height body.Value) (string, error) { return "", nil }

// Class is what a value looks like.
type Class string

// Shape names the type and shape of a value in words, never the value: "uuid", "hex 32", "integer, 4 digits".
func Shape(v body.Value) string { return "" }

// Looks classifies a value.
func Looks(v body.Value) Class { return "" }

// Unit is a unit of a field, of a table or of a step. The zero Unit is the field's own.
type Unit struct{ name string }

// Quantity is a number with or without a unit.
type Quantity struct {
	number string
	unit   Unit
}

// ParseUnit reads a unit: "ms", "kbps". "" is the zero Unit.
func ParseUnit(s string) (Unit, error) { return Unit{}, nil }

// ParseQuantity reads "15m", "512kbps", "8MiB" or a bare number.
func ParseQuantity(s string) (Quantity, error) { return Quantity{}, nil }

// Units lists the known units.
func Units() []string { return nil }
