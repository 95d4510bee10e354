package rules

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// size is how many edits the inventory makes at most.
func (v *inventory) size(r *run) int {
	fields := 0
	for i := range v.list {
		if !v.list[i].inner {
			fields++
		}
	}
	return min(fields, maxSeen) + len(r.extra) + 1
}

// edits appends the inventory of a run as edits, in source order. Their selectors share one string, which does not
// point into the body.
func (v *inventory) edits(dst []Edit, r *run, part string) []Edit {
	from := len(dst)
	v.room, v.ends, v.above, v.first = v.room[:0], v.ends[:0], v.above[:0], v.first[:0]
	dst = v.twig(dst, from, r, 0, part)
	all, start := string(v.room), int32(0)
	for i, end := range v.ends {
		dst[from+i].Selector = all[start:end]
		start = end
	}
	if r.prefix != "" {
		for i := range v.ends {
			dst[from+i].Selector = r.prefix + dst[from+i].Selector
		}
	}
	if v.more > 0 {
		dst = append(dst, Edit{Part: part, Selector: r.prefix + "$", Transform: "note", Detail: "and more fields than are listed", Count: v.more})
	}
	return dst
}

// twig appends the edit of an entry, or those below it; the entries that it stands in are in v.above.
func (v *inventory) twig(dst []Edit, from int, r *run, at int32, part string) []Edit {
	if len(dst)-from >= maxSeen {
		v.more++
		return dst
	}
	e := &v.list[at]
	if !e.inner {
		v.room = append(v.room, '$')
		for _, a := range v.above {
			v.room = v.list[a].appendTo(v.room)
		}
		if at > 0 {
			v.room = e.appendTo(v.room)
		}
		v.ends, v.first = append(v.ends, int32(len(v.room))), append(v.first, e.node)
		dst = append(dst, Edit{})
		v.edit(&dst[len(dst)-1], r, e, part)
		return dst
	}
	if at > 0 {
		v.above = append(v.above, at)
	}
	for child := e.first; child >= 0; child = v.list[child].next {
		dst = v.twig(dst, from, r, child, part)
	}
	if at > 0 {
		v.above = v.above[:len(v.above)-1]
	}
	return dst
}

// appendTo appends the step of an entry to a selector.
func (e *seen) appendTo(dst []byte) []byte {
	if e.element {
		return append(dst, "[*]"...)
	}
	return appendStep(dst, e.name)
}

// appendStep appends a member name to a selector: short where RFC 9535 allows it, else as in a normalized path.
func appendStep(dst []byte, name string) []byte {
	if name == "*" || isShort(name) {
		return append(append(dst, '.'), name...)
	}
	dst = append(dst, "['"...)
	for _, c := range name {
		switch {
		case c == '\'' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ':
			dst = append(dst, "\\u00"...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, string(c)...)
		}
	}
	return append(dst, "']"...)
}

// isShort reports whether a name can stand behind a dot (RFC 9535, section 2.5.1.1: member-name-shorthand).
func isShort(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80 || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

// edit fills in what was done to the fields of an entry.
func (v *inventory) edit(ed *Edit, r *run, e *seen, part string) {
	ed.Part, ed.Transform, ed.Kind, ed.Shape = part, "unlisted", e.kind, r.x.shapeOfNode(r.tree, e.node)
	if e.err != "" {
		ed.Error = strings.Clone(e.err)
	}
	if e.count > 1 {
		ed.Count = e.count
	}
	switch {
	case e.code > 0:
		f := r.part.fields[e.code-1]
		ed.Transform, ed.Detail, ed.Listed = f.name, f.detail, true
		ed.Unwritten = f.act == actRemove || e.err != ""
	case e.code == codePassed:
		ed.Transform, ed.Listed = "keep", true
	case e.code == codeDropped:
		ed.Transform, ed.Unwritten = "drop", true
	default:
		ed.Unwritten = e.code != codeKept
	}
}

// shapeOfNode is the shape of a scalar; of what has members there is none but its kind.
func (x *exchange) shapeOfNode(t *body.Tree, n int32) string {
	return x.shapes.Shape(body.Value{Kind: t.Kind(n), Text: t.Text(n)})
}

// merge appends edits of which several may say the same; of those it makes one.
func merge(dst, extra []Edit) []Edit {
	if len(extra) < 2 {
		return append(dst, extra...)
	}
	type key struct{ selector, transform, err string }
	known := make(map[key]int, len(extra))
	for _, e := range extra {
		k := key{e.Selector, e.Transform, e.Error}
		if at, ok := known[k]; ok {
			dst[at].Count = max(dst[at].Count, 1) + max(e.Count, 1)
			continue
		}
		if len(known) >= maxSeen {
			break
		}
		known[k] = len(dst)
		dst = append(dst, e)
	}
	return dst
}

// selectorOf is the selector of a node as edits write it: elements are [*].
func (r *run) selectorOf(n int32) string {
	var chain []int32
	for at := n; at > 0; at = r.tree.Parent(at) {
		chain = append(chain, at)
	}
	dst := append([]byte(r.prefix), '$')
	for i := len(chain) - 1; i >= 0; i-- {
		name := r.tree.Name(chain[i])
		if name == "" && r.tree.Kind(r.tree.Parent(chain[i])) == body.Array {
			dst = append(dst, "[*]"...)
			continue
		}
		dst = appendStep(dst, name)
	}
	return string(dst)
}

// String is the condition in words, for explanations.
func (c *condition) String() string {
	switch {
	case c.ast.Exists != nil && *c.ast.Exists:
		return "there"
	case c.ast.Exists != nil:
		return "absent"
	case c.ast.Min != "" && c.ast.Max != "":
		return c.ast.Min + " to " + c.ast.Max
	case c.ast.Min != "":
		return c.ast.Min + " or more"
	case c.ast.Max != "":
		return c.ast.Max + " or less"
	}
	var all []string
	for i, v := range c.ast.Any {
		if i == 4 {
			all = append(all, strconv.Itoa(len(c.ast.Any)-i)+" more")
			break
		}
		all = append(all, string(v.AppendJSON(nil)))
	}
	return strings.Join(all, ", ")
}
