package rules

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
)

// place is where a selector looks.
type place uint8

const (
	inTree   place = iota // JSONPath
	inXML                 // xpath:
	inProto               // proto:
	inHeader              // header:Name
	inQuery               // query:name
	inCookie              // cookie:name
	inPath                // path:N
)

// selector is a compiled selector. It is immutable.
type selector struct {
	src    string
	place  place
	name   string      // of a field, parameter or cookie
	number int         // of a path segment, from 1
	steps  []path.Step // where simple: names, indices and wildcards only
	simple bool
	query  interface {
		Select(dst []int32, t path.Tree, root int32) []int32
	}
}

// newSelector compiles a selector as written.
func newSelector(src string) (*selector, error) {
	scheme, rest, _ := strings.Cut(src, ":")
	s := &selector{src: src, name: rest}
	switch {
	case strings.HasPrefix(src, "$"):
		q, err := path.Parse(src)
		if err != nil {
			return nil, err
		}
		s.query = q
		s.steps, s.simple = q.Steps()
	case scheme == "xpath":
		x, err := path.ParseXPath(rest)
		if err != nil {
			return nil, err
		}
		s.place, s.query = inXML, x
	case scheme == "proto":
		p, err := path.ParseProto(rest)
		if err != nil {
			return nil, err
		}
		s.place, s.query = inProto, p
	default:
		return s, s.outside(scheme, rest)
	}
	return s, nil
}

// outside compiles a selector of what is not in the body.
func (s *selector) outside(scheme, rest string) error {
	switch scheme {
	case "header":
		s.place = inHeader
	case "query":
		s.place = inQuery
	case "cookie":
		s.place = inCookie
	case "path":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 {
			return &path.SyntaxError{Offset: len("path:"), What: "a segment is numbered from 1"}
		}
		s.place, s.number = inPath, n
		return nil
	default:
		return &path.SyntaxError{What: "a selector begins with $, xpath:, proto:, header:, query:, cookie: or path:"}
	}
	if rest == "" {
		return &path.SyntaxError{Offset: len(scheme) + 1, What: "a name is missing"}
	}
	return nil
}

// inBody reports whether the selector looks into the body.
func (s *selector) inBody() bool { return s.place <= inProto }

// fits reports whether the selector is of a kind that reads bodies of the form.
func (s *selector) fits(form body.Form) bool {
	switch form {
	case body.XML:
		return s.place == inXML
	case body.Protobuf:
		return s.place == inProto
	}
	return s.place == inTree
}

// selector compiles a selector, or notes a fault and returns nil. form is what the rule says of the body, or "".
func (c *compiler) selector(src string, form body.Form, pos Pos) *selector {
	s, err := newSelector(src)
	if err != nil {
		c.fault(pos, "", "selector %q: %v", src, err)
		return nil
	}
	if form != "" && s.inBody() && !s.fits(form) {
		c.fault(pos, "", "selector %q does not read a body of form %s", src, form)
		return nil
	}
	return s
}

// follow finds the nodes of a simple selector below root. twice is true where an object on the way has a name twice.
func (s *selector) follow(dst []int32, t *body.Tree, root int32) (nodes []int32, twice bool) {
	return followSteps(dst, t, root, s.steps)
}

func followSteps(dst []int32, t *body.Tree, n int32, steps []path.Step) (nodes []int32, twice bool) {
	if len(steps) == 0 {
		return append(dst, n), false
	}
	step := &steps[0]
	kind := t.Kind(n)
	if kind != body.Object && kind != body.Array || (step.Kind == path.Name) != (kind == body.Object) && step.Kind != path.Wild {
		return dst, false
	}
	found, i := 0, 0
	for child := t.First(n); child >= 0; child = t.Next(child) {
		switch {
		case step.Kind == path.Name && t.Name(child) != step.Name:
			continue
		case step.Kind == path.Index && i != step.Index:
			i++
			continue
		}
		i++
		found++
		var below bool
		dst, below = followSteps(dst, t, child, steps[1:])
		twice = twice || below || step.Kind == path.Name && found > 1
	}
	return dst, twice
}

// all appends the nodes that the selector finds below root.
func (s *selector) all(dst []int32, t *body.Tree, root int32) []int32 {
	if s.simple {
		dst, _ = s.follow(dst, t, root)
		return dst
	}
	return s.query.Select(dst, t, root)
}

// find appends the nodes that the selector finds below root; with them it says whether a name that it reads is there
// twice.
func (s *selector) find(dst []int32, t *body.Tree, root int32) (nodes []int32, twice bool) {
	if s.simple {
		return s.follow(dst, t, root)
	}
	start := len(dst)
	dst = s.query.Select(dst, t, root)
	if s.place != inTree {
		return dst, false
	}
	twins := map[int32]map[string]bool{}
	for _, n := range dst[start:] {
		if namedTwice(t, n, root, twins) {
			return dst, true
		}
	}
	return dst, false
}

// namedTwice reports whether n or an ancestor of it below root shares its name with a sibling. twins remembers the names
// that objects have more than once.
func namedTwice(t *body.Tree, n, root int32, twins map[int32]map[string]bool) bool {
	for n != root {
		parent := t.Parent(n)
		if parent < 0 {
			return false
		}
		if t.Kind(parent) == body.Object {
			names, known := twins[parent]
			if !known {
				names = twice(t, parent)
				twins[parent] = names
			}
			if names[t.Name(n)] {
				return true
			}
		}
		n = parent
	}
	return false
}

// twice lists the names that an object has more than once.
func twice(t *body.Tree, object int32) map[string]bool {
	var names map[string]bool
	seen := map[string]bool{}
	for child := t.First(object); child >= 0; child = t.Next(child) {
		name := t.Name(child)
		if seen[name] {
			if names == nil {
				names = map[string]bool{}
			}
			names[name] = true
		}
		seen[name] = true
	}
	return names
}
