package transform

import (
	"math/big"
	"slices"
	"strconv"

	"github.com/scrimproxy/scrim/rules/body"
)

// Rows are lower edges and what is written for each, as number literals in the unit of their table.
type Rows struct{ Edges, Write []string }

// Bucket writes for a number one value that stands for its whole bucket (ISO/IEC 20889, generalization). A bucket
// has its lower edge and not its upper one; the last has no end. A value below the first edge yields an error matching
// ErrRange, one that is no number an error matching ErrKind. A value of an integer field for which the converted value,
// rounded, would be in another bucket yields one matching ErrRange, so that what is written never changes again.
//
// What remains inferable: the bucket, and so every value where a bucket holds few. Two buckets of one record
// together tell more than either: keep linked fields apart or derive one from the other.
type Bucket struct {
	detail  string
	classes map[string][]row
}

type row struct {
	edge  bound
	whole string // what an integer field is written; "": it would leave the bucket
	exact string // what a decimal is written
}

// NewBucket makes a Bucket of a list of lower edges, which are also what is written; unit is the field's.
func NewBucket(edges []Quantity, unit Unit) (*Bucket, error) {
	in := make([]*big.Rat, len(edges))
	for i, e := range edges {
		r, err := e.in(unit)
		if err != nil {
			return nil, err
		}
		in[i] = r
	}
	rows, err := newRows(in, in)
	if err != nil {
		return nil, err
	}
	return &Bucket{detail: "to " + count(len(rows), "bucket"), classes: map[string][]row{"": rows}}, nil
}

// NewTable makes a Bucket of a table: name for details, its unit, its rows by class ("" where it has no classes), and
// the unit of the field; a field without one is in the unit of the table. Each written value must be in its own
// bucket.
func NewTable(name string, table Unit, rows map[string]Rows, unit Unit) (*Bucket, error) {
	if len(rows) == 0 {
		return nil, &Fault{"table " + quote(name) + " has no rows", "write edges and write"}
	}
	if unit.dim == None {
		unit = table
	}
	t := &Bucket{classes: make(map[string][]row, len(rows))}
	for _, class := range slices.Sorted(keys(rows)) {
		compiled, err := tableRows(rows[class], table, unit)
		if err != nil {
			return nil, inTable(name, class, err)
		}
		t.classes[class] = compiled
		t.detail = "to " + count(len(compiled), "bucket") + " of " + name
	}
	if len(rows) > 1 {
		t.detail = "to the buckets of " + name
	}
	return t, nil
}

func keys(rows map[string]Rows) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range rows {
			if !yield(k) {
				return
			}
		}
	}
}

func inTable(name, class string, err error) error {
	where := "table " + quote(name)
	if class != "" {
		where += ", class " + quote(class)
	}
	if f, ok := err.(*Fault); ok {
		return &Fault{where + ": " + f.What, f.Fix}
	}
	return err
}

func tableRows(rows Rows, table, unit Unit) ([]row, error) {
	if len(rows.Edges) != len(rows.Write) {
		return nil, &Fault{count(len(rows.Edges), "edge") + " and " + count(len(rows.Write), "written value"), "write one value for each lower edge"}
	}
	edges, err := convertAll(rows.Edges, table, unit)
	if err != nil {
		return nil, err
	}
	write, err := convertAll(rows.Write, table, unit)
	if err != nil {
		return nil, err
	}
	return newRows(edges, write)
}

func convertAll(literals []string, table, unit Unit) ([]*big.Rat, error) {
	out := make([]*big.Rat, len(literals))
	for i, s := range literals {
		q, err := ParseQuantity(s)
		if err != nil {
			return nil, err
		}
		if q.unit.dim == None {
			q.unit = table
		}
		if out[i], err = q.in(unit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// newRows checks and compiles rows that are in the unit of the field.
func newRows(edges, write []*big.Rat) ([]row, error) {
	if len(edges) == 0 {
		return nil, &Fault{"no edges", "write lower edges that rise, as in [0, 2000, 8000]"}
	}
	rows := make([]row, len(edges))
	for i := range edges {
		if i > 0 && edges[i].Cmp(edges[i-1]) <= 0 {
			return nil, &Fault{"edge " + strconv.Itoa(i+1) + " is not above the one before it: buckets would overlap", "write edges that rise"}
		}
		if !inBucket(edges, i, write[i]) {
			return nil, &Fault{"what is written for bucket " + strconv.Itoa(i+1) + " is not in it, and would change when it is generalized again", "write a value from its lower edge to below the next"}
		}
		rows[i] = row{edge: newBound(edges[i]), exact: exactText(write[i])}
		if !inBucket(edges, i, parseRat(rows[i].exact)) {
			return nil, &Fault{"what is written for bucket " + strconv.Itoa(i+1) + " has no short decimal form in the unit of the field", "use a smaller unit"}
		}
		if whole := wholeText(write[i]); inBucket(edges, i, parseRat(whole)) {
			rows[i].whole = whole
		}
	}
	return rows, nil
}

func parseRat(s string) *big.Rat {
	r, _ := new(big.Rat).SetString(s)
	return r
}

func inBucket(edges []*big.Rat, i int, v *big.Rat) bool {
	return v.Cmp(edges[i]) >= 0 && (i+1 == len(edges) || v.Cmp(edges[i+1]) < 0)
}

// Name is "bucket".
func (t *Bucket) Name() string { return "bucket" }

// Detail is "to 8 buckets of video-length".
func (t *Bucket) Detail() string { return t.detail }

// Apply uses the rows without a class, or those of "*".
func (t *Bucket) Apply(in body.Value, env *Env) (body.Value, error) { return t.ApplyClass(in, "", env) }

// ApplyClass uses the rows of class, or those of "*", or those without a class.
func (t *Bucket) ApplyClass(in body.Value, class string, _ *Env) (body.Value, error) {
	rows, ok := t.classes[class]
	if !ok {
		rows, ok = t.classes["*"]
	}
	if !ok {
		rows, ok = t.classes[""]
	}
	if !ok {
		return body.Value{}, &RangeError{"the table has no rows for this class, and none for \"*\""}
	}
	n, err := readNumber(in)
	if err != nil {
		return body.Value{}, err
	}
	i := len(rows) - 1
	for i >= 0 && !n.atLeast(&rows[i].edge) {
		i--
	}
	switch {
	case i < 0:
		return body.Value{}, &RangeError{"the value is below the first edge"}
	case !n.whole:
		return written(in, rows[i].exact), nil
	case rows[i].whole == "":
		return body.Value{}, &RangeError{"what is written for this bucket is no integer in the unit of the field"}
	}
	return written(in, rows[i].whole), nil
}

// count is "1 edge", "3 edges".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
