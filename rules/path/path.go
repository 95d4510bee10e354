package path

import "strconv"

// Bounds of a selector as written.
const (
	// MaxLength is the longest selector in bytes; a longer one is a syntax error.
	MaxLength = 64 << 10
	// MaxNesting is how deep parentheses, filters and function calls may nest.
	MaxNesting = 100
)

// Tree is what a query reads. Nodes are numbers; -1 is no node. Kind is the first byte of the JSON form
// (rules/body.Kind): one of n f t 0 " { [ and b for bytes. Text is the decoded text of a string or the literal of
// a number, as received. Any number of queries may read one tree at once.
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

// Error gives the place and the reason.
func (e *SyntaxError) Error() string {
	return "at byte " + strconv.Itoa(e.Offset) + ": " + e.What
}

// Query is a compiled JSONPath query. It is immutable and may be used concurrently.
type Query struct {
	src      string
	segments []segment
}

// Parse compiles an RFC 9535 query. Its error is a *SyntaxError: the query does not follow the grammar, is not
// well-typed (section 2.4.3), or has an integer outside ±(2^53-1).
func Parse(src string) (*Query, error) {
	segments, err := parseQuery(src)
	if err != nil {
		return nil, err
	}
	return &Query{src: src, segments: segments}, nil
}

// String is the query as written.
func (q *Query) String() string { return q.src }

// Select appends to dst the nodelist of q applied to the value at root, which is what "$" means in q. Nodes are in
// the order of RFC 9535, children in source order; a node that is selected twice stands there twice.
func (q *Query) Select(dst []int32, t Tree, root int32) []int32 {
	r := run{t: t, root: root}
	s := sink{nodes: dst, collect: true}
	r.query(q.segments, root, &s)
	return s.nodes
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

// Steps returns the steps of a query that has only names, indices from 0 and wildcards, one selector a segment,
// so that a caller can follow many such queries in one walk of the tree. The second result is false for other
// queries. The query "$" has no steps.
func (q *Query) Steps() ([]Step, bool) {
	steps := make([]Step, 0, len(q.segments))
	for _, seg := range q.segments {
		if seg.descend || len(seg.selectors) != 1 {
			return nil, false
		}
		switch sel := &seg.selectors[0]; {
		case sel.kind == selName:
			steps = append(steps, Step{Kind: Name, Name: sel.name})
		case sel.kind == selIndex && sel.index >= 0 && sel.index <= maxArray:
			steps = append(steps, Step{Kind: Index, Index: int(sel.index)})
		case sel.kind == selWild:
			steps = append(steps, Step{Kind: Wild})
		default:
			return nil, false
		}
	}
	return steps, true
}

// maxArray is the largest index that a node number leaves room for.
const maxArray = 1<<31 - 1
