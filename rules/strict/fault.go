package strict

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Fault is one thing wrong in a file, and the way out of it.
type Fault struct {
	File   string
	Line   int    // from 1; 0: not known
	Column int    // from 1, in characters; 0: not known
	Path   string // "rules[2].match.host"; "" at the root
	What   string
	Fix    string // what to do; may be empty
}

// Error is file:line:column: path: what; fix. What is not known is left out.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
		if f.Column > 0 {
			b.WriteString(":" + strconv.Itoa(f.Column))
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.What)
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	return b.String()
}

// Faults is all that is wrong in one or more files. As an error it is one line for each fault.
type Faults []Fault

// Error joins the faults by newlines.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where there are no faults, else the sorted faults.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f.Sorted()
}

// Sorted is the faults by file, line and column, each once. The receiver is not changed.
func (f Faults) Sorted() Faults {
	sorted := slices.Clone(f)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(sorted)
}
