package path

// run is one use of a query. It lives on the stack of its caller.
type run struct {
	t        Tree
	root     int32
	patterns map[string]*pattern // compiled from the document, for this run
	// What begins at $ is the same for every node that a filter tests: it is found once.
	tests  map[*logical]bool
	values map[*operand]value
}

// once gives what find gives, and for an operand that begins at $ what it gave the first time.
func (r *run) once(o *operand, find func() value) value {
	if o.form != formAbsolute {
		return find()
	}
	v, ok := r.values[o]
	if !ok {
		if r.values == nil {
			r.values = make(map[*operand]value)
		}
		v = find()
		r.values[o] = v
	}
	return v
}

// exists evaluates an existence test.
func (r *run) exists(l *logical, n int32) bool {
	s := sink{limit: 1}
	if !l.abs {
		r.query(l.test, n, &s)
		return s.count > 0
	}
	found, ok := r.tests[l]
	if !ok {
		r.query(l.test, r.root, &s)
		found = s.count > 0
		if r.tests == nil {
			r.tests = make(map[*logical]bool)
		}
		r.tests[l] = found
	}
	return found
}

// sink takes the nodes that a query finds.
type sink struct {
	nodes   []int32
	collect bool
	count   int
	limit   int // enough after so many; 0: never
	last    int32
}

// take adds a node and reports whether more are wanted.
func (s *sink) take(n int32) bool {
	if s.collect {
		s.nodes = append(s.nodes, n)
	}
	s.count++
	s.last = n
	return s.limit == 0 || s.count < s.limit
}

// query gives to s what segments select from n, in order. It goes depth first: what the rest of the segments find
// below the first node comes before what they find below the second, which is the order of section 2.1.2. Its
// recursion is as deep as the query is long. It reports whether s wants more.
func (r *run) query(segments []segment, n int32, s *sink) bool {
	if len(segments) == 0 {
		return s.take(n)
	}
	seg, rest := &segments[0], segments[1:]
	if !seg.descend {
		return r.selectors(seg, rest, n, s)
	}
	// The node itself, then what is below it, each node before its children (section 2.5.2.2). next holds, for
	// each level that is open, the sibling to go on with.
	var buf [64]int32
	next := buf[:0]
	for {
		if !r.selectors(seg, rest, n, s) {
			return false
		}
		if child := r.child(n); child >= 0 {
			next = append(next, child)
		}
		for {
			if len(next) == 0 {
				return true
			}
			if n = next[len(next)-1]; n >= 0 {
				next[len(next)-1] = r.t.Next(n)
				break
			}
			next = next[:len(next)-1]
		}
	}
}

// child is the first child of an object or array, or -1.
func (r *run) child(n int32) int32 {
	if k := r.t.Kind(n); k != '{' && k != '[' {
		return -1
	}
	return r.t.First(n)
}

func (r *run) selectors(seg *segment, rest []segment, n int32, s *sink) bool {
	kind := r.t.Kind(n)
	if kind != '{' && kind != '[' {
		return true
	}
	for i := range seg.selectors {
		if !r.selector(&seg.selectors[i], kind, rest, n, s) {
			return false
		}
	}
	return true
}

func (r *run) selector(sel *selector, kind byte, rest []segment, n int32, s *sink) bool {
	switch sel.kind {
	case selName:
		if kind != '{' {
			return true
		}
		for c := r.t.First(n); c >= 0; c = r.t.Next(c) {
			if r.t.Name(c) == sel.name && !r.query(rest, c, s) {
				return false
			}
		}
	case selWild:
		for c := r.t.First(n); c >= 0; c = r.t.Next(c) {
			if !r.query(rest, c, s) {
				return false
			}
		}
	case selFilter:
		for c := r.t.First(n); c >= 0; c = r.t.Next(c) {
			if r.holds(sel.test, c) && !r.query(rest, c, s) {
				return false
			}
		}
	case selIndex:
		if c := r.element(kind, n, sel.index); c >= 0 {
			return r.query(rest, c, s)
		}
	case selSlice:
		if kind == '[' {
			return r.slice(&sel.slice, rest, n, s)
		}
	}
	return true
}

// element is the element of array n at index, counted from the end where it is negative, or -1.
func (r *run) element(kind byte, n int32, index int64) int32 {
	if kind != '[' {
		return -1
	}
	if index < 0 {
		if index += r.length(n); index < 0 {
			return -1
		}
	}
	c := r.t.First(n)
	for ; c >= 0 && index > 0; index-- {
		c = r.t.Next(c)
	}
	return c
}

func (r *run) length(n int32) (count int64) {
	for c := r.t.First(n); c >= 0; c = r.t.Next(c) {
		count++
	}
	return count
}

// slice follows section 2.3.4.2.2. All numbers are below 2^53, so that sums stay in an int64.
func (r *run) slice(sl *slice, rest []segment, n int32, s *sink) bool {
	if sl.step == 0 {
		return true
	}
	length := r.length(n)
	lower, upper := sl.bounds(length)
	if sl.step < 0 {
		return r.sliceBack(lower, upper, sl.step, rest, n, s)
	}
	at := int64(0)
	for c := r.t.First(n); c >= 0 && at < upper; c = r.t.Next(c) {
		if at == lower {
			lower += sl.step
			if !r.query(rest, c, s) {
				return false
			}
		}
		at++
	}
	return true
}

// sliceBack takes the elements upper, upper+step, … above lower.
func (r *run) sliceBack(lower, upper, step int64, rest []segment, n int32, s *sink) bool {
	var elements []int32
	at := int64(0)
	for c := r.t.First(n); c >= 0 && at <= upper; c = r.t.Next(c) {
		if at > lower && (upper-at)%-step == 0 {
			elements = append(elements, c)
		}
		at++
	}
	for i := len(elements) - 1; i >= 0; i-- {
		if !r.query(rest, elements[i], s) {
			return false
		}
	}
	return true
}

// bounds are those of section 2.3.4.2.2: [lower, upper) going up, (lower, upper] going down.
func (sl *slice) bounds(length int64) (lower, upper int64) {
	start, end := int64(0), length
	if sl.step < 0 {
		start, end = length-1, -length-1
	}
	if sl.hasStart {
		start = sl.start
	}
	if sl.hasEnd {
		end = sl.end
	}
	if start < 0 && (sl.hasStart || sl.step > 0) {
		start += length
	}
	if end < 0 {
		end += length
	}
	if sl.step > 0 {
		return min(max(start, 0), length), min(max(end, 0), length)
	}
	return min(max(end, -1), length-1), min(max(start, -1), length-1)
}

// holds evaluates a test on node n, which is what "@" means in it.
func (r *run) holds(l *logical, n int32) bool {
	switch l.op {
	case opOr:
		for _, arg := range l.args {
			if r.holds(arg, n) {
				return true
			}
		}
		return false
	case opAnd:
		for _, arg := range l.args {
			if !r.holds(arg, n) {
				return false
			}
		}
		return true
	case opNot:
		return !r.holds(l.args[0], n)
	case opExists:
		return r.exists(l, n)
	case opCall:
		return l.call.fn.test(r, l.call, n)
	}
	return r.compare(l.cmp, r.operand(&l.left, n), r.operand(&l.right, n))
}

// operand is the value of one side of a comparison, or of an argument of value type.
func (r *run) operand(o *operand, n int32) value {
	switch o.form {
	case formLiteral:
		return o.literal
	case formCall:
		return o.call.fn.value(r, o.call, n)
	}
	return r.once(o, func() value {
		s := sink{limit: 1} // the first of members with equal names
		r.operandNodes(o, n, &s)
		if s.count == 0 {
			return value{}
		}
		return r.at(s.last)
	})
}

func (r *run) operandNodes(o *operand, n int32, s *sink) {
	if o.form == formAbsolute {
		n = r.root
	}
	r.query(o.segments, n, s)
}

// pattern compiles a pattern of the document once for a run.
func (r *run) pattern(src string, whole bool) *pattern {
	key := src
	if whole {
		key += "\x00"
	}
	if p, ok := r.patterns[key]; ok {
		return p
	}
	p := compilePattern(src, whole)
	if r.patterns == nil {
		r.patterns = make(map[string]*pattern)
	}
	if len(r.patterns) < maxPatterns {
		r.patterns[key] = p
	}
	return p
}

// maxPatterns bounds how many patterns of one document are kept.
const maxPatterns = 64
