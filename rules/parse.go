package rules

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/strict"
)

// Parse reads one rule file: a pack, a template, or the owner's own rules. file is used in
// faults alone. The error is a strict.Faults with everything that is wrong in the file; what
// needs other files to be judged (classes of hosts, tables, templates) is left to Compile.
func Parse(file string, data []byte) (*File, error) {
	root, faults := strict.Read(file, data)
	if root == nil {
		return nil, faults
	}
	r := &reader{file: &File{Name: file}}
	if root.IsEmpty() {
		root.Fault("an empty rule file", "write rules, or leave the file out of rule_files")
	} else {
		r.readFile(root)
	}
	if err := root.Faults().Err(); err != nil {
		return nil, err
	}
	return r.file, nil
}

// reader is what the parts of one file need to know of each other.
type reader struct {
	file *File
}

var fileKeys = []string{"product", "template", "title", "hosts", "kinds", "tables", "rules", "vendor"}

func (r *reader) readFile(n *strict.Node) {
	f := n.Fields(fileKeys...)
	r.file.Product = readWordOf(f["product"], "plex")
	r.file.Template = readTemplateName(f["template"])
	r.file.Title = f["title"].Str()
	r.file.Vendor = f["vendor"].Str()
	if f["product"] != nil && f["template"] != nil {
		f["template"].Fault("a file is a product's or a template, not both", "remove product or template")
	}
	r.readHosts(f["hosts"])
	r.readKinds(f["kinds"])
	r.readTables(f["tables"])
	r.readRules(f["rules"])
}

// readWordOf reads a name that switches, commands and file names are made of.
func readWordOf(n *strict.Node, example string) string {
	s := n.Str()
	if s != "" && !isWord(s) {
		n.Fault(strconv.Quote(s)+" is not a name of lower-case letters, digits and hyphens", "write it as in "+strconv.Quote(example))
	}
	return s
}

func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" && s[0] != '-' && s[0] != '_'
}

func readTemplateName(n *strict.Node) string {
	s := n.Str()
	if s == "" {
		return ""
	}
	for part := range strings.SplitSeq(s, "/") {
		if !isWord(part) {
			n.Fault(strconv.Quote(s)+" is not the name of a template", `write it as in "analytics/matomo"`)
			break
		}
	}
	return s
}

func (r *reader) readHosts(n *strict.Node) {
	for _, e := range n.Entries() {
		pattern, ok := readHostPattern(e.KeyNode, e.Key)
		class := Class(e.Value.Word(string(Telemetry), string(Mixed)))
		if !ok {
			continue
		}
		host := Host{Name: pattern.String(), Class: class, Pos: pattern.Pos}
		for _, other := range r.file.Hosts {
			if other.Name == host.Name {
				e.KeyNode.Fault("host "+strconv.Quote(host.Name)+" stands on line "+strconv.Itoa(other.Pos.Line)+" already", "")
			}
		}
		r.file.Hosts = append(r.file.Hosts, host)
	}
}

func (r *reader) readKinds(n *strict.Node) {
	for _, e := range n.Entries() {
		f := e.Value.Fields("title", "default")
		kind := Kind{Name: e.Key, Title: f["title"].Str(), Default: Generalize, Pos: posOf(e.KeyNode)}
		switch {
		case e.Key == "profile":
			e.KeyNode.Fault(`no kind is called "profile"`, "products.NAME.profile chooses the profile; use another word")
		case !isWord(e.Key):
			e.KeyNode.Fault(strconv.Quote(e.Key)+" is not a name of lower-case letters, digits and hyphens", "")
		}
		if f["default"] != nil {
			kind.Default = Verdict(f["default"].Word(string(Pass), string(Generalize), string(Drop)))
		}
		r.file.Kinds = append(r.file.Kinds, kind)
	}
}

// readKind reads the name of a kind and finds it among those of the file, where it has any.
func (r *reader) readKind(n *strict.Node) string {
	name := n.Str()
	if name == "" {
		return ""
	}
	if len(r.file.Kinds) == 0 {
		if r.file.Product == "" && r.file.Template == "" {
			n.Fault("a kind needs a product, whose switch it is", "add product at the top of the file, or remove kind")
		}
		return name
	}
	known := make([]string, len(r.file.Kinds))
	for i := range known {
		known[i] = r.file.Kinds[i].Name
	}
	return n.Word(known...)
}

func posOf(n *strict.Node) Pos {
	file, line, column := n.Pos()
	return Pos{File: file, Line: line, Column: column}
}
