package audit

import (
	"hash/maphash"
	"net/url"
	"strings"

	"github.com/axiomhq/hyperloglog"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
)

// Bounds of what is measured. A sketch of this precision is wrong by about 3 % and takes up to 1 KiB.
const (
	sketchPrecision = 10
	maxSketches     = 4096
	maxMeasured     = 4096 // values of one message
)

// Sample is a message as it came, for estimating how many different values its fields have. Values go into sketches as
// hashes under a seed that the process forgets, and nothing of them is kept over a restart but the estimate.
type Sample struct {
	Product string
	Rule    string
	Message rules.Message // its own copy
}

// Measure adds a sample to the sketches of fields that were counted before; what was not is passed over.
func (v *Inventory) Measure(s *Sample, seed maphash.Seed) {
	tree := treeOf(&s.Message)
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.marks[s.Product+"\x00"+s.Message.To.Host+"\x00"+s.Rule]
	if e == nil {
		return
	}
	m := measuring{v: v, e: e, seed: seed, left: maxMeasured}
	for _, f := range s.Message.Header {
		m.value("header:"+f.Name, f.Value)
	}
	for pair := range strings.SplitSeq(s.Message.Query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && name != "" {
			m.value("query:"+plain, value)
		}
	}
	if tree != nil {
		m.node(tree, 0, []byte("$"))
	}
}

// treeOf is the body of a message as a tree; nil where it has none.
func treeOf(m *rules.Message) *body.Tree {
	plain, _, err := body.Plain(m.Get("Content-Encoding"), m.Body, body.Limits{})
	if err != nil {
		return nil
	}
	tree, err := body.Decode("", m.Get("Content-Type"), plain, body.Limits{})
	if err != nil {
		return nil
	}
	return tree
}

// measuring is one sample under way.
type measuring struct {
	v    *Inventory
	e    *eventState
	seed maphash.Seed
	left int
}

// value adds one value to the sketch of its field, making it where there is room.
func (m *measuring) value(selector, value string) {
	p := m.e.index[selector]
	if p == nil || m.left == 0 {
		return
	}
	m.left--
	if p.sketch == nil {
		if m.v.sketches >= maxSketches {
			return
		}
		sketch, err := hyperloglog.NewSketch(sketchPrecision, true)
		if err != nil {
			return // the precision is one of ours, and good
		}
		p.sketch = sketch
		m.v.sketches++
	}
	p.sketch.InsertHash(maphash.String(m.seed, value))
}

// node walks the scalars at and below n, whose selector is at; elements of arrays share one.
func (m *measuring) node(t *body.Tree, n int32, at []byte) {
	if m.left == 0 {
		return
	}
	kind := t.Kind(n)
	if kind != body.Object && kind != body.Array {
		m.value(string(at), string(kind)+t.Text(n))
		return
	}
	for child := t.First(n); child >= 0; child = t.Next(child) {
		if kind == body.Array {
			m.node(t, child, append(at, "[*]"...))
			continue
		}
		m.node(t, child, rules.AppendName(at, t.Name(child)))
	}
}

// estimate is the number of different values, as far as it was measured; 0: it was not. What a former process measured
// is a lower bound.
func (p *fieldState) estimate() int64 {
	if p.sketch == nil {
		return p.Distinct
	}
	return max(p.Distinct, int64(p.sketch.Estimate()))
}
