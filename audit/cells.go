package audit

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/scrimproxy/scrim/rules"
)

// Doubt is what is wrong with the crowd that a part states.
type Doubt struct {
	Pos  rules.Pos
	What string
}

// Doubts holds the crowds that rules state against the references: cells with fewer titles, cells that nothing is
// known of, fields that no reference speaks of. Parts that state no crowd are left alone.
func Doubts(cells []rules.Cells, refs References) []Doubt {
	var all []Doubt
	m := newMeter(cells, Options{References: refs})
	for i := range cells {
		if c := &cells[i]; c.Crowd > 0 {
			for _, what := range m.doubts(c) {
				all = append(all, Doubt{c.Pos, name(c) + " states a crowd of " + strconv.Itoa(c.Crowd) + ", " + what})
			}
		}
	}
	return all
}

func name(c *rules.Cells) string {
	if c.Part == "" {
		return fmt.Sprintf("rule %q", c.Rule.ID)
	}
	return fmt.Sprintf("rule %q, part %q", c.Rule.ID, c.Part)
}

func (m *meter) doubts(c *rules.Cells) []string {
	var said []string
	chance, total := 1.0, int64(0)
	joined := 0
	for i := range c.Fields {
		f := &c.Fields[i]
		h := m.reference(c, f)
		switch {
		case h != nil && h.Small():
			said = append(said, fmt.Sprintf("and the reference for %s holds %d titles, which is too few to say anything", h.Table, h.Titles))
			continue
		case h == nil:
			if what := unknown(f); what != "" {
				said = append(said, what)
			}
			continue
		}
		found := h.cells(f)
		for _, one := range found {
			switch {
			case one.titles == 0:
				said = append(said, fmt.Sprintf("and no title of the reference is in the cell %s of %s: not measured", one.name, f.Selector))
			case one.titles < int64(c.Crowd):
				said = append(said, fmt.Sprintf("and only %d of %d titles of the reference are in the cell %s of %s", one.titles, h.Titles, one.name, f.Selector))
			}
		}
		if smallest := smallest(found); smallest > 0 {
			chance *= float64(smallest) / float64(h.Titles)
			total = max(total, h.Titles)
			joined++
		}
	}
	if joined > 1 && len(said) == 0 && chance*float64(total) < float64(c.Crowd) {
		said = append(said, fmt.Sprintf("and were its fields independent, the rarest of their cells together would hold about %.0f of %d titles", chance*float64(total), total))
	}
	if joined == 0 && len(said) == 0 {
		said = append(said, "and no field of it has a reference: not measured")
	}
	if c.Open {
		said = append(said, "and fields that it does not name leave too: not measured")
	}
	return said
}

// unknown says what cannot be known of a field without a reference, or "".
func unknown(f *rules.CellField) string {
	switch f.Says {
	case rules.SaysAsItCame:
		return f.Selector + " leaves as it came: there is no reference for it, and the crowd can be smaller than measured"
	case rules.SaysStep:
		return fmt.Sprintf("%s is rounded to %s: there is no reference for it, and the crowd can be smaller than measured", f.Selector, f.Step)
	case rules.SaysStandIn:
		return f.Selector + " is a stand-in: records of one day can be put together"
	case rules.SaysCell:
		if f.Table != "" {
			return "and there is no reference for " + f.Table + ": not measured"
		}
		return fmt.Sprintf("%s is one of %d: there is no reference for it, and the crowd can be smaller than measured", f.Selector, f.Words)
	}
	return ""
}

// group is the titles of one cell.
type group struct {
	name   string
	titles int64
}

func smallest(groups []group) int64 {
	least := int64(0)
	for _, g := range groups {
		if g.titles > 0 && (least == 0 || g.titles < least) {
			least = g.titles
		}
	}
	return least
}

// cells counts the titles of each value that a field can write.
func (h *Histogram) cells(f *rules.CellField) []group {
	if f.Says == rules.SaysStep {
		return h.steps(f)
	}
	var groups []group
	classes := make([]string, 0, len(f.Rows))
	for class := range f.Rows {
		classes = append(classes, class)
	}
	slices.Sort(classes)
	table := scale(f.TabUnit)
	for _, class := range classes {
		rows := f.Rows[class]
		for i := range rows.Edges {
			from, _ := strconv.ParseFloat(rows.Edges[i], 64)
			to, said := math.Inf(1), "from "+label(from*table, f.TabUnit)
			if i+1 < len(rows.Edges) {
				to, _ = strconv.ParseFloat(rows.Edges[i+1], 64)
				said += " to " + label(to*table, f.TabUnit)
			}
			if class != "" {
				said = class + " " + said
			}
			groups = append(groups, group{said, h.count([]span{{class, from * table, to * table}})})
		}
	}
	return groups
}

// steps counts the titles at each multiple of a step that the reference reaches. Steps without a title are no cells.
func (h *Histogram) steps(f *rules.CellField) []group {
	step := quantity(f.Step, scale(f.Unit))
	if step <= 0 {
		return nil
	}
	titles := map[int64]int64{}
	for _, bar := range h.Bars {
		titles[int64(math.Round(bar.Value*scale(h.Unit)/step))] += bar.Titles
	}
	rarest := int64(-1)
	for multiple, n := range titles {
		if rarest < 0 || n < titles[rarest] || n == titles[rarest] && multiple < rarest {
			rarest = multiple
		}
	}
	return []group{{label(float64(rarest)*step, f.Unit), titles[rarest]}}
}

// label writes a value of the base unit: a length in minutes or seconds, a rate in kbps.
func label(v float64, unit string) string {
	switch {
	case unit == "bps" || unit == "kbps" || unit == "Mbps" || unit == "Gbps":
		return strconv.FormatFloat(math.Round(v/1e3), 'f', -1, 64) + " kbps"
	case v >= 60 && math.Mod(v, 60) == 0:
		return strconv.FormatFloat(v/60, 'f', -1, 64) + " min"
	case v >= 1:
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + " s"
	}
	return "0"
}
