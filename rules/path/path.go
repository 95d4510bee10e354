// Package path compiles selectors: what names nodes of a tree.
package path

import "strconv"

// Tree is what a query reads. Nodes are numbers; -1 is no node. Kind is the first byte of the JSON form
// (rules/body.Kind), Text the decoded text of a string or the literal of a number, as received.
// Any number of queries may read one tree at once.
type Tree interface {
	Kind(n int32) byte
	First(n int32) int32 // first child, or -1
	Next(n int32) int32  // next sibling, or -1
	Name(n int32) string // decoded member name; "" for elements and the root
	Text(n int32) string
}

// SyntaxError says where and why a selector is not valid.
type SyntaxError struct {
	Offset int // bytes, from 0
	What   string
}

func (e *SyntaxError) Error() string {
	return "at byte " + strconv.Itoa(e.Offset) + ": " + e.What
}

// StepKind is the kind of one step of a simple query.
type StepKind uint8

// The kinds of steps.
const (
	Name  StepKind = iota // a member name
	Index                 // an element, from 0
	Wild                  // every child
)

// Step is one step of a simple query: see Query.Steps.
type Step struct {
	Kind  StepKind
	Name  string
	Index int
}

// Query is a compiled JSONPath query. It is immutable and may be used concurrently.
type Query struct {
	src string
}

// Parse compiles an RFC 9535 query. Its error is a *SyntaxError.
func Parse(src string) (*Query, error) { return &Query{src: src}, nil }

// String is the query as written.
func (q *Query) String() string { return q.src }

// Select appends to dst the nodes that q finds below root.
func (q *Query) Select(dst []int32, t Tree, root int32) []int32 { return dst }

// Steps returns the steps of a query of names, indices from 0 and wildcards only.
func (q *Query) Steps() ([]Step, bool) { return nil, false }

// Normalized appends the normalized path of node n (RFC 9535, section 2.7).
func Normalized(dst []byte, t Tree, n int32, parent func(int32) int32) []byte { return dst }

// XPath is a compiled XPath selector.
type XPath struct{ src string }

// ParseXPath compiles the text after "xpath:". Its error is a *SyntaxError.
func ParseXPath(src string) (*XPath, error) { return &XPath{src: src}, nil }

// String is the selector as written, without "xpath:".
func (x *XPath) String() string { return x.src }

// Select appends to dst the nodes found, in document order.
func (x *XPath) Select(dst []int32, t Tree, root int32) []int32 { return dst }

// Proto is a compiled Protobuf selector.
type Proto struct{ src string }

// ParseProto compiles the text after "proto:". Its error is a *SyntaxError.
func ParseProto(src string) (*Proto, error) { return &Proto{src: src}, nil }

// String is the selector as written, without "proto:".
func (p *Proto) String() string { return p.src }

// Select appends to dst the fields found, in wire order.
func (p *Proto) Select(dst []int32, t Tree, root int32) []int32 { return dst }
