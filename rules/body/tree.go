package body

import (
	"sort"
	"strconv"
	"sync"
	"unsafe"
)

// none stands for no node.
const none = -1

// node is one entry of the tape. Offsets are bytes of Tree.src.
type node struct {
	start, end    int32 // the value; containers from opening to one past closing
	name, nameEnd int32 // the name, without quotes
	parent, last  int32 // last is one past the last descendant
	kind          Kind
	enc           encoding // how src[start:end] spells the text
	named         naming   // where the name is
}

// encoding says how the source of a scalar spells its text.
type encoding uint8

const (
	encRaw     encoding = iota // as it stands
	encJSON                    // JSON literal, strings without escapes
	encJSONEsc                 // JSON string with escapes
	encPct                     // percent and plus, as in forms
	encXML                     // character data: references, CDATA sections
	encXMLAttr                 // attribute value
	encSide                    // in Tree.texts, as where source and text are far apart
	encVarint                  // Protobuf wire types of numbers
	encFixed64
	encFixed32
	encAssembly // structure of ours (envelope, multipart): its bytes are those of its children
)

// naming says where the name of a node is.
type naming uint8

const (
	nameNone   naming = iota
	nameSource        // src[name:nameEnd] as it stands
	nameSide          // in Tree.names; src[name:nameEnd] is its spelling, where there is one
	nameFixed         // fixedNames[name]
	nameNumber        // the field number is in name, where its tag begins in nameEnd
)

// fixedNames are the names that structures of ours have.
var fixedNames = [...]string{"header", "items", "payload", "name", "filename", "type", "body", "#text"}

const (
	fixedHeader = iota
	fixedItems
	fixedPayload
	fixedName
	fixedFilename
	fixedType
	fixedBody
	fixedText
)

// side is a text that the source does not hold as it is.
type side struct {
	node int32
	text string
}

// Tree is a decoded body: a flat tape of nodes in source order, node 0 the root. It points into the
// bytes given to Decode, which must not change while the tree is in use. A Tree does not change after
// Decode and may be read concurrently.
type Tree struct {
	src   []byte
	str   string // the same bytes
	nodes []node
	form  Form
	lim   Limits
	loose bool // white space between JSON tokens
	names []side
	texts []side

	reader jsonReader
	mime   *multipartSource
	items  []envelopeItem
}

// trees holds the memory of released tapes. It is memory only: Release wipes what it puts there.
var trees = sync.Pool{New: func() any { return new(Tree) }}

// newTree returns an empty tree over src.
func newTree(form Form, src []byte, lim Limits) *Tree {
	t := trees.Get().(*Tree)
	t.form, t.src, t.lim = form, src, lim
	t.str = unsafe.String(unsafe.SliceData(src), len(src))
	return t
}

// Release gives the memory of the tape back for later bodies. It may be called once; afterwards
// neither the tree nor a plan for it may be used. Strings taken from the tree stay valid as long as
// the bytes given to Decode. Not calling it is no fault.
func (t *Tree) Release() {
	nodes := t.nodes[:0]
	if cap(nodes) > 1<<17 {
		nodes = nil // a rare large body must not stay in memory
	}
	clear(t.names)
	clear(t.texts)
	if t.reader.dec != nil {
		t.reader.reset(nil) // the decoder must not hold on to the body
	}
	*t = Tree{nodes: nodes, names: t.names[:0], texts: t.texts[:0], reader: jsonReader{dec: t.reader.dec}}
	if cap(t.names) > 1<<10 || cap(t.texts) > 1<<10 {
		t.names, t.texts = nil, nil
	}
	trees.Put(t)
}

// Len is the number of nodes.
func (t *Tree) Len() int { return len(t.nodes) }

// Form is the form the body was decoded from.
func (t *Tree) Form() Form { return t.form }

// Kind is the type of node n.
func (t *Tree) Kind(n int32) Kind { return t.nodes[n].kind }

// First is the first child of n, or -1.
func (t *Tree) First(n int32) int32 {
	if t.nodes[n].last == n+1 {
		return none
	}
	return n + 1
}

// Next is the next sibling of n, or -1.
func (t *Tree) Next(n int32) int32 {
	d := &t.nodes[n]
	if d.parent == none || d.last == t.nodes[d.parent].last {
		return none
	}
	return d.last
}

// Parent is the node above n, or -1 for the root.
func (t *Tree) Parent(n int32) int32 { return t.nodes[n].parent }

// End is one past the last descendant of n: nodes n+1 to End(n)-1 are below n.
func (t *Tree) End(n int32) int32 { return t.nodes[n].last }

// Name is the decoded name of a member, and "" for elements and the root. It does not allocate, except for
// Protobuf field numbers over 99.
func (t *Tree) Name(n int32) string {
	d := &t.nodes[n]
	switch d.named {
	case nameSource:
		return t.str[d.name:d.nameEnd]
	case nameSide:
		return lookup(t.names, n)
	case nameFixed:
		return fixedNames[d.name]
	case nameNumber:
		return strconv.Itoa(int(d.name))
	}
	return ""
}

// Text is the decoded text of a String, the literal of a Number, the bytes of Bytes, and "" otherwise.
// It allocates only where the source spells the text with escapes.
func (t *Tree) Text(n int32) string {
	d := &t.nodes[n]
	switch d.kind {
	case String, Number, Bytes:
	default:
		return ""
	}
	raw := t.str[d.start:d.end]
	switch d.enc {
	case encJSON:
		if d.kind == String {
			return raw[1 : len(raw)-1]
		}
	case encJSONEsc:
		return unquoteJSON(raw[1 : len(raw)-1])
	case encPct:
		return unescapePct(raw)
	case encXML:
		return unescapeXML(raw, false)
	case encXMLAttr:
		return unescapeXML(raw, true)
	case encSide:
		return lookup(t.texts, n)
	case encVarint, encFixed64, encFixed32:
		return strconv.FormatUint(wireNumber(raw, d.enc), 10)
	}
	return raw
}

// Value is node n as a value of its own: containers as compact JSON.
func (t *Tree) Value(n int32) Value {
	k := t.nodes[n].kind
	if k == Object || k == Array {
		return Value{Kind: k, Text: string(appendValueJSON(nil, t, n))}
	}
	return Value{Kind: k, Text: t.Text(n)}
}

// Offset is where node n begins in the plain body, in bytes: for positions in messages.
func (t *Tree) Offset(n int32) int { return int(t.nodes[n].start) }

// lookup finds the text of node n in a list sorted by node.
func lookup(list []side, n int32) string {
	i := sort.Search(len(list), func(i int) bool { return list[i].node >= n })
	if i < len(list) && list[i].node == n {
		return list[i].text
	}
	return ""
}

// add appends a node whose descendants, if any, follow; its last is set by close.
func (t *Tree) add(kind Kind, enc encoding, parent int32, start, end int) (int32, error) {
	if len(t.nodes) >= t.lim.MaxNodes {
		return none, ErrTooLarge
	}
	n := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{start: int32(start), end: int32(end), parent: parent, last: n + 1, kind: kind, enc: enc})
	return n, nil
}

// close ends node n: every node since is below it.
func (t *Tree) close(n int32, end int) {
	t.nodes[n].end = int32(end)
	t.nodes[n].last = int32(len(t.nodes))
}

// call gives node n a name that the source does not hold as it is.
func (t *Tree) call(n int32, name string) {
	t.nodes[n].named = nameSide
	t.names = append(t.names, side{n, name})
}

// fix gives node n one of the fixed names.
func (t *Tree) fix(n int32, name int) {
	t.nodes[n].named, t.nodes[n].name = nameFixed, int32(name)
}

// cut takes back all nodes from n on.
func (t *Tree) cut(n int) {
	t.nodes = t.nodes[:n]
	for len(t.names) > 0 && int(t.names[len(t.names)-1].node) >= n {
		t.names = t.names[:len(t.names)-1]
	}
	for len(t.texts) > 0 && int(t.texts[len(t.texts)-1].node) >= n {
		t.texts = t.texts[:len(t.texts)-1]
	}
}

// say gives node n a text that the source does not hold as it is.
func (t *Tree) say(n int32, text string) {
	t.nodes[n].enc = encSide
	t.texts = append(t.texts, side{n, text})
}
