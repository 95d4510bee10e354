package rules

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// edits turns the inventory of a run into edits, in source order. Their selectors share one string, which does not
// point into the body.
func (v *inventory) edits(r *run, part string) []Edit {
	fields := 0
	for i := range v.list {
		if !v.list[i].inner {
			fields++
		}
	}
	edits := make([]Edit, 0, min(fields, maxSeen)+len(r.extra)+1)
	ends := make([]int32, 0, 64)
	v.room = v.room[:0]
	edits, ends = v.twig(r, 0, nil, part, edits, ends)
	all := string(v.room)
	start := int32(0)
	for i := range edits {
		edits[i].Selector = r.prefix + all[start:ends[i]]
		start = ends[i]
	}
	if v.more > 0 {
		edits = append(edits, Edit{Part: part, Selector: r.prefix + "$", Transform: "note", Detail: "and more fields than are listed", Count: v.more})
	}
	return merge(append(edits, r.extra...), len(r.extra))
}

// twig appends the edit of an entry, or those below it; above are the entries that it stands in, from the root.
func (v *inventory) twig(r *run, at int32, above []int32, part string, edits []Edit, ends []int32) ([]Edit, []int32) {
	if len(edits) >= maxSeen {
		v.more++
		return edits, ends
	}
	e := &v.list[at]
	if !e.inner {
		v.room = append(v.room, '$')
		for _, a := range above {
			v.room = v.list[a].appendTo(v.room)
		}
		v.room = e.appendTo(v.room)
		return append(edits, v.edit(r, e, part)), append(ends, int32(len(v.room)))
	}
	if at > 0 {
		above = append(above, at)
	}
	for child := e.first; child >= 0; child = v.list[child].next {
		edits, ends = v.twig(r, child, above, part, edits, ends)
	}
	return edits, ends
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

// edit is what was done to the fields of an entry.
func (v *inventory) edit(r *run, e *seen, part string) Edit {
	ed := Edit{Part: part, Transform: "unlisted", Kind: e.kind, Shape: shapeOfNode(r.tree, e.node), Error: strings.Clone(e.err)}
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
	default:
		ed.Unwritten = e.code != codeKept
	}
	return ed
}

// shapeOfNode is the shape of a scalar; of what has members there is none but its kind.
func shapeOfNode(t *body.Tree, n int32) string {
	switch k := t.Kind(n); k {
	case body.Object, body.Array:
		return transform.Shape(body.Value{Kind: k, Text: emptyOf(k)})
	default:
		return transform.Shape(body.Value{Kind: k, Text: t.Text(n)})
	}
}

func emptyOf(k body.Kind) string {
	if k == body.Array {
		return "[]"
	}
	return "{}"
}

// merge makes one of edits that say the same; the last n are those that may.
func merge(edits []Edit, n int) []Edit {
	if n < 2 {
		return edits
	}
	type key struct{ selector, transform, err string }
	known := make(map[key]int, n)
	out := edits[:len(edits)-n]
	for _, e := range edits[len(edits)-n:] {
		k := key{e.Selector, e.Transform, e.Error}
		if at, ok := known[k]; ok {
			out[at].Count = max(out[at].Count, 1) + max(e.Count, 1)
			continue
		}
		if len(out) >= 2*maxSeen {
			break
		}
		known[k] = len(out)
		out = append(out, e)
	}
	return out
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
