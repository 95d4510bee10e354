package ledger

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Formats are those that Export writes.
func Formats() []string { return []string{"har", "ndjson", "csv"} }

// Export writes the entries that f selects, oldest first, bodies included: "har" (HTTP Archive 1.2; what left only),
// "ndjson" (one whole entry a line) or "csv" (one line an entry, without bodies, safe to open in a spreadsheet).
func (r *Reader) Export(ctx context.Context, w io.Writer, format string, f Filter) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("unknown export format %q; there are %s", format, strings.Join(Formats(), ", "))
	}
	f.Bodies = format != "csv"
	out := bufio.NewWriterSize(w, 32<<10)
	var err error
	switch format {
	case "har":
		err = r.exportHAR(ctx, out, f)
	case "ndjson":
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		err = r.each(ctx, f, func(e *Entry) error { return enc.Encode(e) })
	case "csv":
		err = r.exportCSV(ctx, out, f)
	}
	if err != nil {
		return fmt.Errorf("exporting as %s: %w", format, err)
	}
	return out.Flush()
}

func (r *Reader) exportCSV(ctx context.Context, out io.Writer, f Filter) error {
	w := csv.NewWriter(out)
	header := []string{"id", "time", "type", "verdict", "product", "kind", "rule", "part", "reason", "door", "client", "scheme", "host", "port",
		"method", "target", "bytes_out", "status", "bytes_in", "duration_ms", "error", "detail", "count", "edits", "flow"}
	if err := w.Write(header); err != nil {
		return err
	}
	err := r.each(ctx, f, func(e *Entry) error { return w.Write(csvLine(e)) })
	w.Flush()
	if err != nil {
		return err
	}
	return w.Error()
}

func csvLine(e *Entry) []string {
	how := e.Record
	if e.Result != nil {
		how = *e.Result
	}
	method, target := "", ""
	out := how.BytesOut
	if q := e.Request; q != nil {
		method, target = q.Method, q.Target
		if out == 0 {
			out = max(0, q.Length)
		}
	}
	edits := make([]string, len(e.Edits))
	for i, d := range e.Edits {
		edits[i] = d.Selector + " " + d.Transform
	}
	line := []string{e.ID, e.Time.Format(time.RFC3339Nano), string(e.Type), e.Verdict, e.Product, e.Kind, e.Rule, e.Part, e.Reason, e.Door, e.Client,
		e.Scheme, e.Host, strconv.Itoa(int(e.Port)), method, target, strconv.FormatInt(out, 10), strconv.Itoa(how.Status),
		strconv.FormatInt(how.BytesIn, 10), strconv.FormatFloat(float64(how.Duration)/1e6, 'f', 3, 64), how.Error, e.Detail,
		strconv.FormatInt(e.Count, 10), strings.Join(edits, "; "), e.Flow}
	for i := range line {
		line[i] = spreadsheetSafe(line[i])
	}
	return line
}

// spreadsheetSafe puts an apostrophe before what a spreadsheet would take for a formula, and makes control
// characters visible (OWASP, CSV Injection).
func spreadsheetSafe(s string) string {
	s = Printable(s)
	if s == "" {
		return s
	}
	if strings.IndexByte("=+-@\t\r|%", s[0]) >= 0 {
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return s
		}
		return "'" + s
	}
	return s
}

// Printable makes text from outside safe to print on one line: control characters, line and paragraph separators,
// direction marks and bytes that are no UTF-8 become escapes like \n, \x1b or \u202e.
func Printable(s string) string {
	if strings.IndexFunc(s, odd) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80 && odd(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case odd(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case odd(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// odd says whether r has no place in a line of text: not graphic, or a mark that changes how others are shown.
func odd(r rune) bool { return !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' }
