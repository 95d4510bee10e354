package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/scrimproxy/scrim/rules/strict"
)

// ui is the only code that writes to the terminal. A terminal gets colours and aligned tables,
// a pipe gets plain lines with tabs. It is not safe for concurrent use.
type ui struct {
	out      *bufio.Writer
	err      io.Writer
	terminal bool // out is one
	colour   bool // on out
	errColor bool // on err
}

// style is a way of showing a word on a terminal (ECMA-48, SGR parameters).
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
)

// newUI looks at what out and errOut are. NO_COLOR (no-color.org) is respected.
func newUI(out, errOut io.Writer) *ui {
	colours := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	u := &ui{out: bufio.NewWriterSize(out, 32<<10), err: errOut, terminal: isTerminal(out)}
	u.colour = colours && u.terminal
	u.errColor = colours && isTerminal(errOut)
	return u
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// flush writes out what is buffered.
func (u *ui) flush() error { return u.out.Flush() }

// line prints one line made of its parts.
func (u *ui) line(parts ...string) {
	for _, p := range parts {
		u.out.WriteString(clean(p))
	}
	u.out.WriteByte('\n')
}

// text prints text as it is: files, certificates, what a pipe wants whole.
func (u *ui) text(s string) { u.out.WriteString(s) }

// raw is text for bytes.
func (u *ui) raw(b []byte) { u.out.Write(b) }

// exact prints text that programs read: untouched in a pipe, cleaned on a terminal.
func (u *ui) exact(s string) {
	if u.terminal {
		s = clean(strings.TrimSuffix(s, "\n")) + "\n"
	}
	u.out.WriteString(s)
}

// note prints a line for the person, beside the data: on standard error.
func (u *ui) note(parts ...string) {
	u.flush()
	io.WriteString(u.err, clean(strings.Join(parts, ""))+"\n")
}

// paint shows a word in a style where the output is a terminal.
func (u *ui) paint(s style, word string) string { return painted(u.colour, s, word) }

func painted(on bool, s style, word string) string {
	if !on || s == plain || word == "" {
		return word
	}
	return "\x1b[" + string(s) + "m" + word + "\x1b[0m"
}

// json prints v as JSON: indented for a person, the same for a pipe, since tools do not mind.
func (u *ui) json(v any) error {
	enc := json.NewEncoder(u.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// jsonLine prints v as one line of NDJSON and lets it go at once.
func (u *ui) jsonLine(v any) error {
	enc := json.NewEncoder(u.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return u.flush()
}

// fault prints an error: one line for each fault, then the hint.
func (u *ui) fault(err error) {
	u.flush()
	if message := err.Error(); message != "" {
		var faults strict.Faults
		label := painted(u.errColor, red, "scrim:") + " "
		if errors.As(err, &faults) {
			label = "" // file:line:column comes first, so that editors can jump
		}
		for line := range strings.SplitSeq(message, "\n") {
			io.WriteString(u.err, label+clean(line)+"\n")
		}
	}
	if hint := hintOf(err); hint != "" {
		io.WriteString(u.err, painted(u.errColor, green, "hint:")+" "+clean(hint)+"\n")
	}
}

// warn prints a warning on standard error.
func (u *ui) warn(where, what string) {
	u.flush()
	if where != "" {
		where += ": "
	}
	io.WriteString(u.err, clean(where)+painted(u.errColor, yellow, "warning:")+" "+clean(what)+"\n")
}

// cell is one cell of a table.
type cell struct {
	text  string
	style style
}

func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, t := range texts {
		row[i].text = t
	}
	return row
}

// table prints rows: aligned under a header on a terminal, with tabs and no header in a pipe.
func (u *ui) table(header []string, rows [][]cell) {
	if !u.terminal {
		for _, row := range rows {
			for i, c := range row {
				if i > 0 {
					u.out.WriteByte('\t')
				}
				u.out.WriteString(clean(c.text))
			}
			u.out.WriteByte('\n')
		}
		return
	}
	head := make([]cell, len(header))
	for i, h := range header {
		head[i] = cell{h, bold}
	}
	all := append([][]cell{head}, rows...)
	widths := columnWidths(all)
	for _, row := range all {
		u.row(row, widths)
	}
}

func (u *ui) row(row []cell, widths []int) {
	for i, c := range row {
		text := clean(c.text)
		u.out.WriteString(u.paint(c.style, text))
		if i < len(row)-1 {
			u.out.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2))
		}
	}
	u.out.WriteByte('\n')
}

func columnWidths(rows [][]cell) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(clean(c.text)))
		}
	}
	return widths
}

// clean takes the control characters out of text that came from outside, so that a header field or a
// rule file cannot move the cursor of the owner's terminal. Our own colours stay.
func clean(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == 0x1b && ours(s[i:]):
			b.WriteRune(r)
		case isControl(r):
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ours reports whether s begins with a colour sequence of paint.
func ours(s string) bool {
	rest, ok := strings.CutPrefix(s, "\x1b[")
	if !ok {
		return false
	}
	digits := strings.TrimLeft(rest, "0123456789")
	return len(rest)-len(digits) <= 2 && strings.HasPrefix(digits, "m")
}

func isControl(r rune) bool { return r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 }

// verdictStyle is the colour of a verdict.
func verdictStyle(verdict string) style {
	switch verdict {
	case "generalize":
		return green
	case "drop", "refuse":
		return red
	case "pass":
		return yellow
	case "hold":
		return blue
	case "failed":
		return bold
	}
	return dim
}
