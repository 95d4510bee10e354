package strict

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The tags that yaml.v3 gives to plain scalars.
const (
	nullTag  = "!!null"
	boolTag  = "!!bool"
	intTag   = "!!int"
	floatTag = "!!float"
	mergeTag = "!!merge"
)

// document is what all nodes of one file share.
type document struct {
	file   string
	faults Faults
}

// Node is a value of a file with its place. A nil Node is a value that is not there: its
// methods return zero values and find no fault. The methods that read a value fault it, once each time they are
// called, where it has another kind, and return the zero value.
type Node struct {
	y    *yaml.Node
	path string
	doc  *document
}

// Entry is one line of a map.
type Entry struct {
	Key     string
	KeyNode *Node // for faults that are about the key
	Value   *Node
}

// Pos is where the value begins; line and column count from 1.
func (n *Node) Pos() (file string, line, column int) {
	if n == nil {
		return "", 0, 0
	}
	return n.doc.file, n.y.Line, n.y.Column
}

// Path is the way from the root: "rules[2].match.host", `fields["$.event"]`; "" for the root.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return n.path
}

// Fault collects a fault at the place of n. fix says what to do and may be empty.
func (n *Node) Fault(what, fix string) {
	if n == nil {
		return
	}
	n.doc.faults = append(n.doc.faults, Fault{File: n.doc.file, Line: n.y.Line, Column: n.y.Column, Path: n.path, What: what, Fix: fix})
}

// Faults is everything found so far in the document that n belongs to, sorted.
func (n *Node) Faults() Faults {
	if n == nil {
		return nil
	}
	return n.doc.faults.Sorted()
}

// IsEmpty reports whether there is nothing: no value, or an empty file.
func (n *Node) IsEmpty() bool { return n == nil || n.IsNull() && n.y.Value == "" }

// IsMap reports whether the value is a map.
func (n *Node) IsMap() bool { return n != nil && n.y.Kind == yaml.MappingNode }

// IsList reports whether the value is a list.
func (n *Node) IsList() bool { return n != nil && n.y.Kind == yaml.SequenceNode }

// IsScalar reports whether the value is a single one and not null.
func (n *Node) IsScalar() bool {
	return n != nil && n.y.Kind == yaml.ScalarNode && n.y.Tag != nullTag
}

// IsNull reports whether the value is null, or left out after its key.
func (n *Node) IsNull() bool {
	return n != nil && n.y.Kind == yaml.ScalarNode && n.y.Tag == nullTag
}

// IsNumber reports whether the value is written as a number, without quotes.
func (n *Node) IsNumber() bool {
	return n.IsScalar() && (n.y.Tag == intTag || n.y.Tag == floatTag)
}

// IsBool reports whether the value is true or false, without quotes.
func (n *Node) IsBool() bool { return n.IsScalar() && n.y.Tag == boolTag }

// broken reports whether the value has been faulted as a whole, so that nothing more is said of it.
func (n *Node) broken() bool { return n.y.Kind == yaml.AliasNode }

// Entries are the lines of a map in their order, those with a faulty or repeated key left out.
func (n *Node) Entries() []Entry {
	if n == nil || n.broken() {
		return nil
	}
	if n.y.Kind != yaml.MappingNode {
		n.wants("a map", "")
		return nil
	}
	entries := make([]Entry, 0, len(n.y.Content)/2)
	seen := make(map[string]bool, len(n.y.Content)/2)
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := n.y.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == nullTag || key.Tag == mergeTag && key.Style == 0 || seen[key.Value] {
			continue
		}
		seen[key.Value] = true
		value := n.member(key.Value, n.y.Content[i+1])
		entries = append(entries, Entry{Key: key.Value, KeyNode: &Node{y: key, path: value.path, doc: n.doc}, Value: value})
	}
	return entries
}

// Fields are the values of a map by key. Keys that are not known are faults.
func (n *Node) Fields(known ...string) map[string]*Node {
	fields := make(map[string]*Node, len(known))
	for _, e := range n.Entries() {
		if !contains(known, e.Key) {
			e.KeyNode.path = n.path
			e.KeyNode.Fault("unknown key "+strconv.Quote(e.Key), hint(e.Key, known, "known here"))
			continue
		}
		fields[e.Key] = e.Value
	}
	return fields
}

// Items are the values of a list.
func (n *Node) Items() []*Node {
	if n == nil || n.broken() {
		return nil
	}
	if n.y.Kind != yaml.SequenceNode {
		n.wants("a list", "")
		return nil
	}
	items := make([]*Node, len(n.y.Content))
	for i := range items {
		items[i] = n.item(i)
	}
	return items
}

// OneOrMore are the values of a list, or the one value that is no list. An empty list is a fault.
func (n *Node) OneOrMore() []*Node {
	if n == nil || n.broken() {
		return nil
	}
	if !n.IsList() {
		return []*Node{n}
	}
	if len(n.y.Content) == 0 {
		n.Fault("an empty list", "list at least one value, or leave the key out")
	}
	return n.Items()
}

// Strings is one string, or a list of them, which may be empty.
func (n *Node) Strings() []string {
	if n.IsList() && len(n.y.Content) == 0 {
		return nil
	}
	var all []string
	for _, item := range n.OneOrMore() {
		all = append(all, item.Str())
	}
	return all
}

func (n *Node) item(i int) *Node {
	return &Node{y: n.y.Content[i], path: n.path + "[" + strconv.Itoa(i) + "]", doc: n.doc}
}

func (n *Node) member(key string, value *yaml.Node) *Node {
	path := n.path
	switch {
	case !plainWord(key):
		path += "[" + strconv.Quote(key) + "]"
	case path == "":
		path = key
	default:
		path += "." + key
	}
	return &Node{y: value, path: path, doc: n.doc}
}

func plainWord(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// wants faults the kind of n.
func (n *Node) wants(kind, fix string) {
	if n.broken() {
		return
	}
	n.Fault("wants "+kind+", found "+n.found(), fix)
}

// found is the kind of the value, with the value where it is short.
func (n *Node) found() string {
	if n.y.Kind == yaml.ScalarNode && n.y.Tag != nullTag && len(n.y.Value) <= 40 {
		if n.IsNumber() || n.IsBool() {
			return n.y.Value
		}
		return strconv.Quote(n.y.Value)
	}
	if n.y.Kind == yaml.ScalarNode && n.y.Tag == nullTag {
		return "nothing"
	}
	return "a " + n.kindName()
}

func (n *Node) kindName() string {
	switch n.y.Kind {
	case yaml.MappingNode:
		return "map"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}
