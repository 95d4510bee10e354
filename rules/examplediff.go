package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// stream is chance that is the same every time: SHA-256 of a counter. It is for examples alone.
type stream struct {
	counter uint64
	left    []byte
}

func newStream() *stream { return &stream{} }

// Read fills p. It never fails.
func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		if len(s.left) == 0 {
			var seed [8]byte
			binary.BigEndian.PutUint64(seed[:], s.counter)
			s.counter++
			block := sha256.Sum256(seed[:])
			s.left = block[:]
		}
		p[i], s.left = s.left[0], s.left[1:]
	}
	return len(p), nil
}

// comparison holds what left against what an example wants.
type comparison struct {
	rule  *rule
	in    *Message
	moved bool
	tree  *body.Tree // of the message that came in; nil: it has none
	diff  []string
}

// compare returns what is wrong with an outcome, or nil.
func compare(r *rule, m *Message, out *Outcome, ex *Example, moved bool) *ExampleFault {
	got := make([]*Message, 0, len(out.Messages))
	for i := range out.Messages {
		got = append(got, &out.Messages[i].Message)
	}
	if out.Verdict == Pass {
		got = append(got, m)
	}
	if len(got) != len(ex.Out) {
		what := fmt.Sprintf("got %s, want %d", count(len(got)), len(ex.Out))
		if out.Reason != ByRule && out.Detail != "" {
			what += ": " + out.Detail
		}
		return &ExampleFault{What: what}
	}
	c := &comparison{rule: r, in: m, moved: moved}
	c.tree, _ = r.decode(m)
	for i, o := range got {
		before := len(c.diff)
		c.message(o, &ex.Out[i], out.Verdict == Pass)
		if len(got) > 1 {
			for j := before; j < len(c.diff); j++ {
				c.diff[j] = fmt.Sprintf("out[%d]: %s", i, c.diff[j])
			}
		}
	}
	if len(c.diff) == 0 {
		return nil
	}
	return &ExampleFault{What: "what leaves is not what the example says", Diff: c.diff}
}

func count(n int) string {
	switch n {
	case 0:
		return "nothing that leaves"
	case 1:
		return "1 message that leaves"
	}
	return fmt.Sprintf("%d messages that leave", n)
}

// decode makes the tree of a message, as the rule has it.
func (r *rule) decode(m *Message) (*body.Tree, error) {
	if len(m.Body) == 0 {
		return nil, body.ErrEmpty
	}
	plain, _, err := body.Plain(m.Get("Content-Encoding"), m.Body, body.Limits{})
	if err != nil {
		return nil, err
	}
	return body.Decode(r.match.form, m.Get("Content-Type"), plain, body.Limits{})
}

func (c *comparison) differ(at, got, want string) {
	c.diff = append(c.diff, fmt.Sprintf("%s: got %s, want %s", at, got, want))
}

func (c *comparison) message(got *Message, want *ExampleMessage, passed bool) {
	if want.Method != "" && want.Method != got.Method {
		c.differ("method", got.Method, want.Method)
	}
	if want.URL != "" {
		c.url(got, want.URL)
	}
	for _, h := range want.Header {
		value, is := got.Get(h.Name), c.in.Get(h.Name)
		if h.Value == "*" && value != "" && (is == "" || sameShape(text(value), text(is))) {
			continue
		}
		if value != h.Value {
			c.differ("header:"+h.Name, quoteOrNothing(value), quoteOrNothing(h.Value))
		}
	}
	c.body(got, want, passed)
}

func quoteOrNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", s)
}

func text(s string) body.Value { return body.Value{Kind: body.String, Text: s} }

func sameShape(a, b body.Value) bool {
	return a.Kind == b.Kind && transform.Shape(a) == transform.Shape(b)
}

func (c *comparison) url(got *Message, url string) {
	var want Message
	if err := c.rule.exampleTarget(&want, url); err != nil {
		c.diff = append(c.diff, err.Error())
		return
	}
	if want.To.Host != "" && !c.moved && (want.To.Host != got.To.Host || want.To.Scheme != got.To.Scheme) {
		c.differ("url", got.To.Scheme+"://"+got.To.Host, want.To.Scheme+"://"+want.To.Host)
	}
	if !matchesStars(segments(got.Path), segments(want.Path)) {
		c.differ("path", got.Path, want.Path)
	}
	g, w := splitQuery(nil, got.Query), splitQuery(nil, want.Query)
	in := splitQuery(nil, c.in.Query)
	same := len(g) == len(w)
	for i := 0; same && i < len(g); i++ {
		same = g[i].name == w[i].name && (g[i].value == w[i].value || w[i].value == "*" && starHolds(in, g[i]))
	}
	if !same {
		c.differ("query", quoteOrNothing(got.Query), quoteOrNothing(want.Query))
	}
}

// starHolds reports whether a parameter has the shape that it came in with.
func starHolds(in []pair, got pair) bool {
	i := slices.IndexFunc(in, func(p pair) bool { return p.name == got.name })
	return i < 0 || sameShape(text(in[i].value), text(got.value))
}

func matchesStars(got, want []string) bool {
	return slices.EqualFunc(got, want, func(g, w string) bool { return w == "*" || g == w })
}

// body compares the bodies as trees; padding is no part of one.
func (c *comparison) body(got *Message, want *ExampleMessage, passed bool) {
	content, err := want.bytes()
	if err != nil || content == nil {
		if len(got.Body) > 0 && !passed {
			c.differ("body", fmt.Sprintf("%d bytes", len(got.Body)), "nothing")
		}
		return
	}
	g, errGot := c.rule.decode(got)
	if isEmpty(errGot) {
		if len(content) > 0 {
			c.differ("body", "nothing", "one")
		}
		return
	}
	if errGot != nil {
		c.diff = append(c.diff, "body: "+errGot.Error())
		return
	}
	form := g.Form()
	if want.Body != nil && want.Body.Kind != body.String {
		form = body.JSON
	}
	plain, _, err := body.Plain("", content, body.Limits{})
	if err != nil {
		plain = content
	}
	w, err := body.Decode(form, got.Get("Content-Type"), plain, body.Limits{})
	if err != nil {
		c.diff = append(c.diff, "body of the example: "+err.Error())
		return
	}
	c.node(g, 0, w, 0, nil)
}

// node compares a node with one that is wanted; steps lead to it: names, and * for elements.
func (c *comparison) node(g *body.Tree, gn int32, w *body.Tree, wn int32, steps []string) {
	gk, wk := g.Kind(gn), w.Kind(wn)
	gotText := func() string { return string(g.Value(gn).AppendJSON(nil)) }
	wantText := func() string { return string(w.Value(wn).AppendJSON(nil)) }
	switch {
	case wk == body.String && w.Text(wn) == "*" && gk != body.Object && gk != body.Array:
		if !c.star(g.Value(gn), steps) {
			c.differ(selectorText(steps), gotText(), "any value of the shape that came in")
		}
	case gk == body.Object && wk == body.Object:
		c.object(g, gn, w, wn, steps)
	case gk == body.Array && wk == body.Array:
		c.array(g, gn, w, wn, steps)
	case gk != wk, gk == body.Object, gk == body.Array:
		c.differ(selectorText(steps), gotText(), wantText())
	case gk == body.Number:
		if g.Text(gn) != w.Text(wn) && !sameNumber(g.Text(gn), w.Text(wn)) {
			c.differ(selectorText(steps), gotText(), wantText())
		}
	case g.Text(gn) != w.Text(wn):
		c.differ(selectorText(steps), gotText(), wantText())
	}
}

// object compares members by name, whatever their order; of a name that is there twice the first with the first.
func (c *comparison) object(g *body.Tree, gn int32, w *body.Tree, wn int32, steps []string) {
	used := map[int32]bool{}
	for wc := w.First(wn); wc >= 0; wc = w.Next(wc) {
		at := append(steps[:len(steps):len(steps)], w.Name(wc))
		gc := g.First(gn)
		for gc >= 0 && (used[gc] || g.Name(gc) != w.Name(wc)) {
			gc = g.Next(gc)
		}
		if gc < 0 {
			c.differ(selectorText(at), "nothing", string(w.Value(wc).AppendJSON(nil)))
			continue
		}
		used[gc] = true
		c.node(g, gc, w, wc, at)
	}
	for gc := g.First(gn); gc >= 0; gc = g.Next(gc) {
		if !used[gc] {
			c.differ(selectorText(append(steps[:len(steps):len(steps)], g.Name(gc))), string(g.Value(gc).AppendJSON(nil)), "nothing")
		}
	}
}

func (c *comparison) array(g *body.Tree, gn int32, w *body.Tree, wn int32, steps []string) {
	gc, wc := g.First(gn), w.First(wn)
	at := append(steps[:len(steps):len(steps)], "[*]")
	for ; gc >= 0 && wc >= 0; gc, wc = g.Next(gc), w.Next(wc) {
		c.node(g, gc, w, wc, at)
	}
	for ; wc >= 0; wc = w.Next(wc) {
		c.differ(selectorText(at), "nothing", string(w.Value(wc).AppendJSON(nil)))
	}
	for ; gc >= 0; gc = g.Next(gc) {
		c.differ(selectorText(at), string(g.Value(gc).AppendJSON(nil)), "nothing")
	}
}

// star reports whether a value has the shape of one that came in at the same place. Where nothing came in there, any
// value will do.
func (c *comparison) star(got body.Value, steps []string) bool {
	if c.tree == nil {
		return true
	}
	nodes := []int32{0}
	for _, step := range steps {
		var next []int32
		for _, n := range nodes {
			for child := c.tree.First(n); child >= 0; child = c.tree.Next(child) {
				if step == "[*]" && c.tree.Kind(n) == body.Array || step != "[*]" && c.tree.Name(child) == step {
					next = append(next, child)
				}
			}
		}
		nodes = next
	}
	for _, n := range nodes {
		if sameShape(got, c.tree.Value(n)) {
			return true
		}
	}
	return len(nodes) == 0
}

// selectorText writes the steps to a node as a selector.
func selectorText(steps []string) string {
	dst := []byte{'$'}
	for _, s := range steps {
		if s == "[*]" {
			dst = append(dst, s...)
		} else {
			dst = appendStep(dst, s)
		}
	}
	return strings.ToValidUTF8(string(dst), "?")
}
