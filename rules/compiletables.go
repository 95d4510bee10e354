package rules

import "github.com/scrimproxy/scrim/rules/transform"

// shippedTables are the tables that every file can name. The numbers stand for crowds of titles: docs/rules.md, "Tables".
func shippedTables() []Table {
	return []Table{
		{
			Name: "video-length", Unit: "ms",
			Rows: map[string]Rows{"": {
				Edges: []string{"1", "900000", "1500000", "2100000", "3000000", "4500000", "5700000", "6900000"},
				Write: []string{"480000", "1320000", "1680000", "2640000", "3660000", "5220000", "6180000", "8280000"},
			}},
			Strict: map[string]Rows{"": {
				Edges: []string{"1", "900000", "2100000", "4200000"},
				Write: []string{"480000", "1440000", "3060000", "5880000"},
			}},
		},
		{
			Name: "audio-length", Unit: "ms",
			Rows: map[string]Rows{"": {
				Edges: []string{"1", "150000", "210000", "270000", "330000"},
				Write: []string{"123000", "187000", "235000", "294000", "382000"},
			}},
		},
		{
			Name: "video-rate", Unit: "kbps",
			Rows: map[string]Rows{
				"sd":  {Edges: []string{"1", "1500"}, Write: []string{"1000", "3100"}},
				"hd":  {Edges: []string{"1", "4000"}, Write: []string{"2300", "11200"}},
				"uhd": {Edges: []string{"1", "16000"}, Write: []string{"9000", "40000"}},
				"*":   {Edges: []string{"1", "4000"}, Write: []string{"2300", "11200"}},
			},
		},
	}
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
