package rules

import (
	"errors"
	"slices"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// exchange is the work on one message: what was read of it so far. It is used by one call at a time.
type exchange struct {
	s   *Set
	m   *Message
	env Env

	clean    string // path
	hasPath  bool
	query    []pair
	hasQuery bool

	limit    int64 // decoded bytes
	plain    []byte
	coding   body.Coding
	plainErr error
	hasPlain bool
	trees    []decoded
	cache    []cachedNodes // by selector of core.selectors, for the tree found by looking
	nodes    []int32       // room for the cache

	candidates []int32
	runs       []*run // free ones
	used       int
	chance     transform.Env // of the record being written
	buf        []byte        // what is encoded
	seen       inventory
	slots      []slot
	shapes     transform.Shaper
	beside     []Edit            // room for the edits outside the body
	looks      []string          // room for the shapes of what is in it
	names      map[string]string // selectors of header fields, by name
}

// decoded is the body under one form.
type decoded struct {
	form body.Form
	tree *body.Tree
	err  error
}

// cachedNodes is what a selector of a condition found: nodes[from:to] of the exchange.
type cachedNodes struct {
	known, twice bool
	from, to     int32
}

func newExchange() *exchange { return &exchange{seen: newInventory(), names: map[string]string{}} }

// begin takes an exchange for m; end gives it back.
func (s *Set) begin(m *Message, env Env) *exchange {
	x := s.scratch.Get().(*exchange)
	x.s, x.m, x.env = s, m, env
	return x
}

func (x *exchange) end() {
	for i := range x.trees {
		if x.trees[i].tree != nil {
			x.trees[i].tree.Release()
		}
		x.trees[i] = decoded{}
	}
	for _, r := range x.runs[:x.used] {
		r.reset(x.s.blank)
	}
	clear(x.query)
	if clear(x.buf[:cap(x.buf)]); cap(x.buf) > maxRoom {
		x.buf = nil
	}
	clear(x.slots[:cap(x.slots)])
	pool := &x.s.scratch
	x.forget()
	x.seen.reset()
	pool.Put(x)
}

// forget drops all of the message and keeps the room.
func (x *exchange) forget() {
	x.s, x.m, x.env, x.chance = nil, nil, Env{}, transform.Env{}
	x.clean, x.hasPath, x.hasQuery, x.hasPlain = "", false, false, false
	x.plain, x.plainErr, x.coding = nil, nil, body.Coding{}
	x.query, x.trees, x.cache, x.nodes = x.query[:0], x.trees[:0], x.cache[:0], x.nodes[:0]
	x.candidates, x.slots, x.buf, x.used = x.candidates[:0], x.slots[:0], x.buf[:0], 0
}

// path is the clean path of the message.
func (x *exchange) path() string {
	if !x.hasPath {
		x.clean, x.hasPath = cleanPath(x.m.Path), true
	}
	return x.clean
}

// params are the parameters of the query.
func (x *exchange) params() []pair {
	if !x.hasQuery {
		x.query, x.hasQuery = splitQuery(x.query[:0], x.m.Query), true
	}
	return x.query
}

// errFault is a fault of the door's, as an error.
var errFault = errors.New("the content was not received whole")

// content undoes the content codings, once.
func (x *exchange) content() ([]byte, error) {
	if x.hasPlain {
		return x.plain, x.plainErr
	}
	x.hasPlain = true
	switch {
	case x.m.BodyFault != "":
		x.plainErr = errFault
	case len(x.m.Body) == 0:
		x.plainErr = body.ErrEmpty
	default:
		lim := x.s.limits
		lim.MaxBytes = x.limit
		x.plain, x.coding, x.plainErr = body.Plain(x.m.Get("Content-Encoding"), x.m.Body, lim)
		if x.plainErr == nil && len(x.plain) == 0 {
			x.plainErr = body.ErrEmpty
		}
	}
	return x.plain, x.plainErr
}

// tree is the body under a form; "" for the form found by looking.
func (x *exchange) tree(form body.Form) (*body.Tree, error) {
	for i := range x.trees {
		if x.trees[i].form == form {
			return x.trees[i].tree, x.trees[i].err
		}
	}
	d := decoded{form: form}
	var plain []byte
	if plain, d.err = x.content(); d.err == nil {
		lim := x.s.limits
		lim.MaxBytes = x.limit
		d.tree, d.err = body.Decode(form, x.m.Get("Content-Type"), plain, lim)
	}
	if d.err != nil {
		d.tree = nil
	}
	x.trees = append(x.trees, d)
	return d.tree, d.err
}

func isEmpty(err error) bool { return errors.Is(err, body.ErrEmpty) }

// shapeOf says what is wrong with a body, without its contents.
func shapeOf(err error) string { return err.Error() }

// cached finds the nodes of a condition, once for each tree found by looking.
func (x *exchange) cached(t *body.Tree, form body.Form, c *bodyCond) (nodes []int32, twice bool) {
	if form != "" {
		return c.sel.find(nil, t, 0)
	}
	if len(x.cache) < len(x.s.selectors) {
		x.cache = slices.Grow(x.cache[:0], len(x.s.selectors))[:len(x.s.selectors)]
		clear(x.cache)
	}
	e := &x.cache[c.no]
	if !e.known {
		e.known, e.from = true, int32(len(x.nodes))
		x.nodes, e.twice = c.sel.find(x.nodes, t, 0)
		e.to = int32(len(x.nodes))
	}
	return x.nodes[e.from:e.to], e.twice
}

// rules lists the rules that speak of the message's host, in order.
func (x *exchange) rules() []int32 {
	x.candidates = x.s.about(x.candidates[:0], x.m.To)
	x.limit = 0
	for _, no := range x.candidates {
		x.limit = max(x.limit, x.s.maxBody(x.s.rules[no]))
	}
	return x.candidates
}

// about appends the rules that speak of a destination. Of an address alone none does: it is weaker than a name.
func (c *core) about(dst []int32, to Destination) []int32 {
	if to.Evidence == FromAddress {
		return dst
	}
	dst = c.index.find(dst, to.Host)
	if len(c.anyHost) > 0 {
		if _, named := c.class(to.Host); named {
			dst = append(dst, c.anyHost...)
			slices.Sort(dst)
		}
	}
	return dst
}

// defaultMaxBody is the decoded size of a telemetry body, in bytes: SPEC section 2.
const defaultMaxBody = 16 << 20

// maxBody is how many decoded bytes the rule reads.
func (c *core) maxBody(r *rule) int64 {
	switch {
	case r.ast.MaxBody > 0:
		return r.ast.MaxBody
	case c.limits.MaxBytes > 0:
		return c.limits.MaxBytes
	}
	return defaultMaxBody
}

// Route says which rules can still decide m, from all but its body, and whether Apply will need the body. Rules after
// the first that surely decides are not among them. It does not look at m.Body.
func (s *Set) Route(m *Message) Route {
	x := s.begin(m, Env{})
	defer x.end()
	var route Route
	host, _ := s.class(m.To.Host)
	route.Class = host.Class
	for _, number := range x.rules() {
		r := s.rules[number]
		a, _ := x.holds(r.match, true)
		if a == no {
			continue
		}
		route.Rules = append(route.Rules, &r.info)
		reads := r.match.readsBody()
		if v, _ := s.verdict(r, m.Time); reads || a == yes && (v == Generalize || v == Drop) {
			route.NeedBody = true
			route.MaxBody = max(route.MaxBody, s.maxBody(r))
		}
		if !reads {
			break
		}
	}
	return route
}

// verdict is what the rule does as the owner's switches and pauses stand, and why.
func (s *Set) verdict(r *rule, now time.Time) (Verdict, Reason) {
	if s.paused(r.product, now) {
		return Pass, ByPause
	}
	if r.kind >= 0 {
		if v := s.switches[r.kind]; v == Pass || v == Drop {
			if v == r.info.Then {
				return v, ByRule
			}
			return v, BySwitch
		}
	}
	return r.info.Then, ByRule
}
