package audit

import (
	"cmp"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:generate go run ../cmd/histogen ../testdata/reference reference

// reference holds how many titles of a public listing have each length.
//
//go:embed reference/*.csv
var reference embed.FS

// leastTitles is the smallest catalogue that says anything about a crowd.
const leastTitles = 1000

// Histogram is how many titles have each value of one property: a length, a bit rate. It names none of them.
type Histogram struct {
	Table   string  `json:"table"` // the table of the rules whose values it counts: "video-length"
	Unit    string  `json:"unit"`
	Titles  int64   `json:"titles"`
	Source  string  `json:"source,omitempty"`
	Without string  `json:"without,omitempty"` // what it leaves out
	Own     bool    `json:"own,omitempty"`     // the owner's
	Skipped int     `json:"skipped,omitempty"` // rows without a value
	Step    float64 `json:"step"`              // resolution, in Unit
	Bars    []Bar   `json:"-"`                 // values rising
}

// Bar is the number of titles with one value. Class is that of a table with classes, or "".
type Bar struct {
	Class  string
	Value  float64
	Titles int64
}

// References are histograms by table.
type References map[string]*Histogram

// Shipped are the histograms that come with the program: video-length and audio-length.
func Shipped() References {
	refs := References{}
	names, err := reference.ReadDir("reference")
	if err != nil {
		panic("audit: the embedded histograms cannot be listed: " + err.Error())
	}
	for _, entry := range names {
		data, err := reference.ReadFile(path.Join("reference", entry.Name()))
		if err != nil {
			panic("audit: an embedded histogram cannot be read: " + err.Error())
		}
		h, err := ReadHistogram(strings.TrimSuffix(entry.Name(), ".csv"), data)
		if err != nil {
			panic("audit: an embedded histogram: " + err.Error())
		}
		refs[h.Table] = h
	}
	return refs
}

// With returns the references with h in place of the one for its table.
func (r References) With(h *Histogram) References {
	out := References{h.Table: h}
	for table, old := range r {
		if table != h.Table {
			out[table] = old
		}
	}
	return out
}

// Small reports whether the catalogue is too small to say anything.
func (h *Histogram) Small() bool { return h.Titles < leastTitles }

// ReadHistogram reads a histogram for a table: CSV with a header, whose first column is a unit (min, s, ms, kbps)
// and whose other columns are counts, added up; a column "class" holds the class of a table that has some; seasons
// count as 10, and series, which their seasons hold, not at all. Lines "# source:" and "# without:" are taken up.
func ReadHistogram(table string, data []byte) (*Histogram, error) {
	h := &Histogram{Table: table, Step: 1}
	text := h.comments(string(data))
	rows, err := readCSV(text)
	if err != nil {
		return nil, err
	}
	class := slices.Index(rows[0], "class")
	value := slices.IndexFunc(rows[0], func(name string) bool { return unitOf(name) != "" })
	if value < 0 {
		return nil, fmt.Errorf("no column says a unit: name the column of values minutes, seconds, ms or kbps")
	}
	if len(rows[0]) < 2 || class >= 0 && len(rows[0]) < 3 {
		return nil, fmt.Errorf("no column counts titles: write one named titles beside the values")
	}
	h.Unit = unitOf(rows[0][value])
	for i, row := range rows[1:] {
		if err := h.row(rows[0], row, class, value); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+2, err)
		}
	}
	if h.Titles == 0 {
		return nil, errors.New("it counts no titles")
	}
	h.sort()
	return h, nil
}

// comments takes the lines that begin with # out of text, and what they say into h.
func (h *Histogram) comments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		said, comment := strings.CutPrefix(line, "#")
		if !comment {
			b.WriteString(line)
			continue
		}
		said = strings.TrimSpace(said)
		if s, ok := strings.CutPrefix(said, "source:"); ok {
			h.Source = strings.TrimSpace(s)
		}
		if s, ok := strings.CutPrefix(said, "without:"); ok {
			h.Without = strings.TrimSpace(s)
		}
	}
	return b.String()
}

func (h *Histogram) row(header, row []string, class, value int) error {
	bar := Bar{}
	if class >= 0 {
		bar.Class = row[class]
	}
	if row[value] == "" {
		h.Skipped++
		return nil
	}
	v, err := strconv.ParseFloat(row[value], 64)
	if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return fmt.Errorf("the value is not a number from 0 up")
	}
	bar.Value = v
	for col, name := range header {
		if col == class || col == value || name == "series" {
			continue
		}
		n, err := strconv.ParseInt(row[col], 10, 64)
		if err != nil || n < 0 || n > 1e12 {
			return fmt.Errorf("column %q is not a number of titles", name)
		}
		if name == "seasons" {
			n *= 10
		}
		bar.Titles += n
	}
	h.Titles += bar.Titles
	if bar.Titles > 0 {
		h.Bars = append(h.Bars, bar)
	}
	return nil
}

func (h *Histogram) sort() {
	slices.SortFunc(h.Bars, func(a, b Bar) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Class, b.Class))
	})
}

// readCSV reads rows with a header; the header comes back in lower case, cells without blanks around them.
func readCSV(text string) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.TrimLeadingSpace = true
	if first, _, _ := strings.Cut(text, "\n"); strings.Contains(first, ";") && !strings.Contains(first, ",") {
		r.Comma = ';'
	}
	rows, err := r.ReadAll()
	if err != nil {
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("line %d is not CSV: %w", bad.Line, bad.Err)
		}
		return nil, err
	}
	if len(rows) < 2 {
		return nil, errors.New("it has no rows below a header")
	}
	for i, row := range rows {
		for j := range row {
			rows[i][j] = strings.TrimSpace(row[j])
			if i == 0 {
				rows[i][j] = strings.ToLower(rows[i][j])
			}
		}
	}
	return rows, nil
}

// unitOf is the unit that the name of a column says, or "".
func unitOf(column string) string {
	for _, u := range []struct{ unit, names string }{
		{"min", "min minute minutes length_min duration_min runtime runtime_min"},
		{"s", "s sec second seconds length_s duration_s"},
		{"ms", "ms millisecond milliseconds length_ms duration_ms"},
		{"kbps", "kbps bitrate_kbps"},
	} {
		if slices.Contains(strings.Fields(u.names), column) {
			return u.unit
		}
	}
	return ""
}

// scale is how many seconds, or bits a second, one of the unit is; 0 for others.
func scale(unit string) float64 {
	switch unit {
	case "ns":
		return 1e-9
	case "us":
		return 1e-6
	case "ms":
		return 1e-3
	case "s", "bps":
		return 1
	case "min", "m":
		return 60
	case "h":
		return 3600
	case "d":
		return 86400
	case "kbps":
		return 1e3
	case "Mbps":
		return 1e6
	case "Gbps":
		return 1e9
	}
	return 0
}

// span is a range of values of one class, lower end included, in the base unit of scale. Class "*" is any.
type span struct {
	class    string
	from, to float64
}

// count is how many titles lie in one of the spans.
func (h *Histogram) count(spans []span) int64 {
	unit := scale(h.Unit)
	var n int64
	for _, bar := range h.Bars {
		if within(spans, bar.Class, bar.Value*unit) {
			n += bar.Titles
		}
	}
	return n
}

// countBoth is how many titles lie in one of the spans, nil being all of them, and in another span too.
func (h *Histogram) countBoth(spans []span, and span) int64 {
	unit := scale(h.Unit)
	var n int64
	for _, bar := range h.Bars {
		if v := bar.Value * unit; (spans == nil || within(spans, bar.Class, v)) && within([]span{and}, bar.Class, v) {
			n += bar.Titles
		}
	}
	return n
}

func within(spans []span, class string, value float64) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return value >= s.from && value < s.to && (class == "" || s.class == "" || s.class == "*" || s.class == class)
	})
}
