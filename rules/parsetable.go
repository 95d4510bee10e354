package rules

import (
	"math/big"
	"strconv"

	"github.com/scrimproxy/scrim/rules/strict"
	"github.com/scrimproxy/scrim/rules/transform"
)

// unitNames are the units of fields and tables.
func unitNames() []string { return transform.Units() }

func (r *reader) readTables(n *strict.Node) {
	for _, e := range n.Entries() {
		if !isWord(e.Key) {
			e.KeyNode.Fault(strconv.Quote(e.Key)+" is not a name of lower-case letters, digits and hyphens", `write it as in "video-length"`)
		}
		f := e.Value.Fields("unit", "edges", "write", "strict", "by")
		t := Table{Name: e.Key, Unit: f["unit"].Word(unitNames()...), Pos: posOf(e.KeyNode)}
		t.Rows = readRowSet(e.Value, f)
		if strictNode := f["strict"]; strictNode != nil {
			t.Strict = readRowSet(strictNode, strictNode.Fields("edges", "write", "by"))
		}
		r.file.Tables = append(r.file.Tables, t)
	}
}

// readRowSet reads edges and write, or by with a pair of them for each class.
func readRowSet(n *strict.Node, f map[string]*strict.Node) map[string]Rows {
	if f["by"] == nil {
		return map[string]Rows{"": readRows(n, f)}
	}
	if f["edges"] != nil || f["write"] != nil {
		f["by"].Fault("by stands beside edges and write", "put the edges for every other class under by: {\"*\": …}")
	}
	set := map[string]Rows{}
	for _, e := range f["by"].Entries() {
		set[e.Key] = readRows(e.Value, e.Value.Fields("edges", "write"))
	}
	return set
}

func readRows(n *strict.Node, f map[string]*strict.Node) Rows {
	if !n.IsMap() {
		return Rows{}
	}
	if f["edges"] == nil || f["write"] == nil {
		n.Fault("a table needs edges and write", "edges: lower edges, rising; write: one value for each")
		return Rows{}
	}
	rows := Rows{Edges: readNumbers(f["edges"]), Write: readNumbers(f["write"])}
	edges, rising := rising(f["edges"], rows.Edges)
	if len(rows.Edges) != len(rows.Write) {
		f["write"].Fault(strconv.Itoa(len(rows.Write))+" values for "+strconv.Itoa(len(rows.Edges))+" buckets", "write one value for each edge")
		return rows
	}
	if !rising {
		return rows
	}
	for i, item := range f["write"].Items() {
		v, ok := new(big.Rat).SetString(rows.Write[i])
		if !ok {
			continue
		}
		if v.Cmp(edges[i]) < 0 || i+1 < len(edges) && v.Cmp(edges[i+1]) >= 0 {
			item.Fault(rows.Write[i]+" lies outside its bucket", "write a value from the bucket, so that treating twice changes nothing")
		}
	}
	return rows
}

// readNumbers reads a list of numbers as written.
func readNumbers(n *strict.Node) []string {
	items := n.Items()
	if n.IsList() && len(items) == 0 {
		n.Fault("an empty list", "write at least one number")
	}
	var all []string
	for _, item := range items {
		all = append(all, item.Number())
	}
	return all
}

// rising reports whether the numbers rise, and faults the first that does not.
func rising(n *strict.Node, numbers []string) ([]*big.Rat, bool) {
	values := make([]*big.Rat, 0, len(numbers))
	items := n.Items()
	for i, text := range numbers {
		v, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, false
		}
		if i > 0 && v.Cmp(values[i-1]) <= 0 {
			items[i].Fault("buckets overlap: "+text+" after "+numbers[i-1], "write the edges in rising order")
			return nil, false
		}
		values = append(values, v)
	}
	return values, len(values) > 0
}
