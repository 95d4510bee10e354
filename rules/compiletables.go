package rules

import "github.com/scrimproxy/scrim/rules/transform"

// tableRef is a table and the file that defines it.
type tableRef struct {
	*Table
	file int
}

// addTables lists the tables, and faults two of one name in a file.
func (c *compiler) addTables() {
	for i, f := range c.files {
		for t := range f.Tables {
			key := [2]string{f.Name, f.Tables[t].Name}
			if _, known := c.tables[key]; !known {
				c.tables[key] = &tableRef{Table: &f.Tables[t], file: i}
			}
		}
	}
}

// table finds a table by name, first of the file itself. A file without a product then takes the first that a file
// without one defines: the owner's files stand before the shipped tables. A pack takes the last, which is the shipped one,
// so that the owner may use its name for other numbers; and after that one of another file of its product.
func (c *compiler) table(file int, name string) *tableRef {
	own := c.files[file]
	if t, ok := c.tables[[2]string{own.Name, name}]; ok {
		return t
	}
	var found *tableRef
	for _, f := range c.files {
		if t, ok := c.tables[[2]string{f.Name, name}]; ok && f.Product == "" && (found == nil || own.Product != "") {
			found = t
		}
	}
	for _, f := range c.files {
		if t, ok := c.tables[[2]string{f.Name, name}]; ok && found == nil && f.Product == own.Product {
			found = t
		}
	}
	return found
}

// rows are the rows of a table under a profile.
func (t *Table) rows(p profile) map[string]transform.Rows {
	from := t.Rows
	if p == strictest && t.Strict != nil {
		from = t.Strict
	}
	rows := make(map[string]transform.Rows, len(from))
	for class, r := range from {
		rows[class] = transform.Rows{Edges: r.Edges, Write: r.Write}
	}
	return rows
}

// classed reports whether the rows of the table depend on a class.
func (t *Table) classed() bool {
	_, plain := t.Rows[""]
	return !plain
}
