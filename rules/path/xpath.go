package path

import (
	"slices"
	"strings"
)

// XPath is a compiled selector of XML nodes: the abbreviated syntax of XPath 1.0 (W3C, 1999), as far as telemetry needs
// it. It is immutable and may be used concurrently.
//
//	/a/b  a//b  //b  ns:name  *  ns:*  @name  @*  text()  node()  .  |
//	[3]  [last()]  [@a]  [@a='v']  [name != "v"]  [. > 3]  [a and not(b or c)]
//	position() last() count() contains() starts-with() not() string-length() normalize-space() name() true() false()
//
// Prefixes are names as written and stand for no namespace. There are no axes by name, no "..", no comments and no
// arithmetic. What is selected is in document order, each node once.
//
// The tree is that of rules/body: node 0 is the document, an object whose child is the document element. An element is
// an object with its name; its children are its attributes, strings named "@name", then, in source order, runs of text,
// strings named "#text", and elements.
type XPath struct {
	src   string
	paths []xpath
}

// xpath is one location path.
type xpath struct {
	absolute bool
	steps    []xstep
}

type xstep struct {
	deep       bool // "//" before it
	test       xtest
	name       string // of testName and testAttribute; the prefix with its colon where local is "*"
	anyLocal   bool   // prefix:*
	predicates []*xexpr
}

type xtest uint8

const (
	testName      xtest = iota
	testElement         // *
	testAttribute       // @name
	testAttrAny         // @*
	testText            // text()
	testNode            // node()
	testSelf            // .
)

// xexpr is an expression in a predicate.
type xexpr struct {
	op   string // "or", "and", "=", "!=", "<", "<=", ">", ">=", "path", "text", "number", or a function
	args []*xexpr
	path []xpath
	text string
	num  float64
}

// ParseXPath compiles the text after "xpath:". Its error is a *SyntaxError.
func ParseXPath(src string) (*XPath, error) {
	paths, err := parseXPath(src)
	if err != nil {
		return nil, err
	}
	return &XPath{src: src, paths: paths}, nil
}

// String is the selector as written, without "xpath:".
func (x *XPath) String() string { return x.src }

// Select appends to dst the nodes found, in document order. root is what "/" means, and where paths that do not begin
// with "/" begin.
func (x *XPath) Select(dst []int32, t Tree, root int32) []int32 {
	r := xrun{t: t, root: root}
	return append(dst, r.union(x.paths, root)...)
}

// xrun is one use of an XPath.
type xrun struct {
	t    Tree
	root int32
}

func (r *xrun) union(paths []xpath, from int32) []int32 {
	if len(paths) == 1 {
		return r.path(&paths[0], from)
	}
	var nodes []int32
	for i := range paths {
		nodes = append(nodes, r.path(&paths[i], from)...)
	}
	return inOrder(nodes)
}

// inOrder sorts nodes, whose numbers are in document order, and leaves each once.
func inOrder(nodes []int32) []int32 {
	if !slices.IsSorted(nodes) {
		slices.Sort(nodes)
	}
	return slices.Compact(nodes)
}

func (r *xrun) path(p *xpath, from int32) []int32 {
	if p.absolute {
		from = r.root
	}
	nodes := []int32{from}
	for i := range p.steps {
		step := &p.steps[i]
		var next []int32
		covered := int32(-1) // nodes up to here have been below an earlier one, and given what they give
		for _, n := range nodes {
			switch {
			case !step.deep:
				next = r.step(next, step, n)
			case n > covered:
				next, covered = r.deep(next, step, n)
			}
		}
		nodes = inOrder(next)
	}
	return nodes
}

// deep applies step to n and all that is below it, with a stack of its own: for each open level the node to go on
// with. last is the last node below n.
func (r *xrun) deep(dst []int32, step *xstep, n int32) (found []int32, last int32) {
	dst, last = r.step(dst, step, n), n
	next := []int32{r.child(n)}
	for len(next) > 0 {
		top := len(next) - 1
		n := next[top]
		if n < 0 {
			next = next[:top]
			continue
		}
		next[top], last = r.t.Next(n), n
		if r.t.Kind(n) == '{' {
			dst = r.step(dst, step, n)
			next = append(next, r.t.First(n))
		} else if step.test == testSelf && !strings.HasPrefix(r.t.Name(n), "@") {
			dst = r.step(dst, step, n)
		}
	}
	return dst, last
}

func (r *xrun) child(n int32) int32 {
	if r.t.Kind(n) != '{' {
		return -1
	}
	return r.t.First(n)
}

// step appends what step selects from n; the predicates count among what it selects there.
func (r *xrun) step(dst []int32, step *xstep, n int32) []int32 {
	start := len(dst)
	if step.test == testSelf {
		dst = append(dst, n)
	} else {
		for c := r.child(n); c >= 0; c = r.t.Next(c) {
			if r.matches(step, c) {
				dst = append(dst, c)
			}
		}
	}
	for _, predicate := range step.predicates {
		found := dst[start:]
		kept := found[:0]
		for i, c := range found {
			if r.holds(predicate, c, i+1, len(found)) {
				kept = append(kept, c)
			}
		}
		dst = dst[:start+len(kept)]
	}
	return dst
}

func (r *xrun) matches(step *xstep, n int32) bool {
	name := r.t.Name(n)
	attribute := len(name) > 0 && name[0] == '@'
	if attribute != (step.test == testAttribute || step.test == testAttrAny) {
		return false
	}
	switch step.test {
	case testText:
		return name == "#text"
	case testNode, testAttrAny:
		return true
	case testAttribute:
		return nameMatches(name[1:], step)
	}
	return r.t.Kind(n) == '{' && (step.test == testElement || nameMatches(name, step))
}

func nameMatches(name string, step *xstep) bool {
	if step.anyLocal {
		return len(name) > len(step.name) && name[:len(step.name)] == step.name
	}
	return name == step.name
}
