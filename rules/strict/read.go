// Package strict reads YAML files that people write, such that nothing in them is silently
// taken for something else. It walks the nodes of yaml.v3 by hand: aliases, anchors, merge
// keys, tags, second documents, duplicate keys and numbers in unusual notation are faults, every
// fault has a line and a column, and all faults of a file are found in one pass.
package strict

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxDepth bounds nesting: no file of ours needs a tenth of it, and every walk is recursive.
const maxDepth = 64

// maxSearchBytes bounds the files in which the exact line of a syntax error is searched for
// by reading again; larger ones get the line that yaml.v3 names.
const maxSearchBytes = 256 << 10

// Read parses one document. The node is nil where data is no YAML at all; else it can be
// walked even though there are faults, so that those of its contents are found too:
// Node.Faults then has them all. An empty file gives a node whose IsEmpty is true.
func Read(file string, data []byte) (*Node, Faults) {
	doc := &document{file: file}
	if fault, ok := notText(file, data); !ok {
		return nil, Faults{fault}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	err := dec.Decode(&root)
	if errors.Is(err, io.EOF) {
		return &Node{doc: doc, y: &yaml.Node{Kind: yaml.ScalarNode, Tag: nullTag, Line: 1, Column: 1}}, nil
	}
	if err != nil {
		return nil, Faults{syntaxFault(file, data, err)}
	}
	node := &Node{doc: doc, y: &root}
	if root.Kind == yaml.DocumentNode {
		node.y = root.Content[0]
	}
	node.inspect(0)
	doc.refuseSecond(dec, node.y.Line)
	return node, doc.faults.Sorted()
}

// notText finds what yaml.v3 would misread or report without a place: bytes that are no UTF-8.
func notText(file string, data []byte) (Fault, bool) {
	line, column := 1, 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return Fault{File: file, Line: line, Column: column, What: "not UTF-8", Fix: "save the file as UTF-8"}, false
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		rest = rest[size:]
	}
	return Fault{}, true
}

// refuseSecond faults a document after the first: yaml.v3 would not look at it.
// after is a line of the first, for the case that yaml.v3 names none.
func (d *document) refuseSecond(dec *yaml.Decoder, after int) {
	var second yaml.Node
	err := dec.Decode(&second)
	if errors.Is(err, io.EOF) {
		return
	}
	fault := Fault{File: d.file, Line: after, Column: 1, What: "a second document", Fix: "keep one document in a file"}
	if err == nil {
		fault.Line, fault.Column = second.Line, second.Column
	} else if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		fault.Line, _ = strconv.Atoi(m[1])
	}
	d.faults = append(d.faults, fault)
}

// inspect faults, in the whole subtree, what strict YAML does not have.
func (n *Node) inspect(depth int) {
	y := n.y
	if depth > maxDepth {
		n.Fault("nested more than "+strconv.Itoa(maxDepth)+" levels deep", "")
		y.Kind, y.Content = yaml.AliasNode, nil
		return
	}
	switch {
	case y.Kind == yaml.AliasNode:
		n.Fault("alias *"+y.Value, "write the value out")
		return
	case y.Anchor != "":
		n.Fault("anchor &"+y.Anchor, "remove it: aliases are not used here")
	}
	if y.Style&yaml.TaggedStyle != 0 {
		n.Fault("tag "+y.Tag, "remove it: values have the type they are written with")
		y.Kind, y.Content = yaml.AliasNode, nil
		return
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.inspectMap(depth)
	case yaml.SequenceNode:
		for i := range y.Content {
			n.item(i).inspect(depth + 1)
		}
	}
}

func (n *Node) inspectMap(depth int) {
	seen := make(map[string]int, len(n.y.Content)/2)
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := &Node{doc: n.doc, y: n.y.Content[i], path: n.path}
		switch {
		case key.y.Kind == yaml.AliasNode:
			key.Fault("alias *"+key.y.Value, "write the value out")
			continue
		case key.y.Kind != yaml.ScalarNode:
			key.Fault("a key that is a "+key.kindName(), "write a plain word")
			continue
		case key.y.Tag == mergeTag && key.y.Style == 0:
			key.Fault("merge key <<", "write the keys out")
			continue
		case key.y.Tag == nullTag:
			key.Fault("an empty key", "write a word before the colon")
			continue
		}
		key.inspect(depth + 1)
		if line, twice := seen[key.y.Value]; twice {
			key.Fault("duplicate key "+strconv.Quote(key.y.Value), "it stands on line "+strconv.Itoa(line)+" already")
		} else {
			seen[key.y.Value] = key.y.Line
		}
		n.member(key.y.Value, n.y.Content[i+1]).inspect(depth + 1)
	}
}

var errorLine = regexp.MustCompile(`line (\d+): `)

// syntaxFault turns an error of yaml.v3 into a fault. yaml.v3 often names the line where the
// enclosing map began; the line after the longest readable beginning of the file is closer.
func syntaxFault(file string, data []byte, err error) Fault {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	fault := Fault{File: file, Line: 1}
	if m := errorLine.FindStringSubmatchIndex(what); m != nil {
		fault.Line, _ = strconv.Atoi(what[m[2]:m[3]])
		what = what[:m[0]] + what[m[1]:]
	}
	fault.What = "not YAML: " + what
	if strings.Contains(what, "cannot start any token") || strings.Contains(what, "expected alphabetic or numeric") {
		fault.Fix = "quote values that begin with * & % @ or `"
	}
	if strings.Contains(what, "mapping values are not allowed") {
		fault.Fix = "quote values that hold a colon and a space"
	}
	if strings.Contains(what, "found character that cannot start any token") && bytes.Contains(data, []byte("\t")) {
		fault.Fix = "indent with spaces, and quote values that begin with * & % @ or `"
	}
	if len(data) <= maxSearchBytes {
		fault.Line, fault.Column = firstBadLine(data, fault.Line)
	}
	return fault
}

// firstBadLine is the line after the longest beginning of whole lines that is YAML, and the
// column of the first character in it.
func firstBadLine(data []byte, known int) (line, column int) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines)+1)
	for i, l := range lines {
		ends[i+1] = ends[i] + len(l)
	}
	good := len(lines) - 1
	for ; good > 0; good-- {
		var n yaml.Node
		if err := yaml.Unmarshal(data[:ends[good]], &n); err == nil {
			break
		}
	}
	// Blank lines and comments after the last good line are not where the fault is.
	for good < len(lines)-1 {
		text := bytes.TrimSpace(lines[good])
		if len(text) > 0 && text[0] != '#' {
			break
		}
		good++
	}
	if good >= len(lines) {
		return known, 0
	}
	indent := len(lines[good]) - len(bytes.TrimLeft(lines[good], " \t"))
	return good + 1, indent + 1
}
