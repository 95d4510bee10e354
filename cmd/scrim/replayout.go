package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
)

// replayWriter writes what would leave, as a HAR or as NDJSON. A file appears under its name when it is whole.
type replayWriter struct {
	format string
	out    *bufio.Writer
	file   *os.File // nil: standard output
	name   string
	n      int
}

func newReplayWriter(u *ui, format, name string) (*replayWriter, error) {
	w := &replayWriter{format: format, name: name}
	if name == "-" {
		w.out = u.out
	} else {
		f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
		if err != nil {
			return nil, fmt.Errorf("writing %q: %s", name, cause(err))
		}
		w.file, w.out = f, bufio.NewWriterSize(f, 256<<10)
	}
	if format == formatHAR {
		creator, err := json.Marshal(map[string]string{"name": "scrim", "version": version()})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w.out, `{"log":{"version":"1.2","creator":%s,"entries":[`, creator)
	}
	return w, nil
}

// raw writes an entry as it was recorded.
func (w *replayWriter) raw(entry []byte) error {
	if w.format == formatHAR {
		if w.n > 0 {
			w.out.WriteByte(',')
		}
		w.out.WriteByte('\n')
		w.n++
		_, err := w.out.Write(entry)
		return err
	}
	w.out.Write(entry)
	return w.out.WriteByte('\n')
}

// request writes a request at the time at which it leaves.
func (w *replayWriter) request(l leaving) error {
	var entry any = harOf(l)
	if w.format == formatNDJSON {
		entry = lineOf(l)
	}
	text, err := json.Marshal(entry, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("writing %q: %w", w.name, err)
	}
	return w.raw(text)
}

// close ends the file and gives it its name.
func (w *replayWriter) close() error {
	if w.format == formatHAR {
		io.WriteString(w.out, "\n]}}\n")
	}
	err := w.out.Flush()
	if w.file == nil {
		return err
	}
	if closeErr := w.file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(w.file.Name(), w.name)
	}
	if err != nil {
		os.Remove(w.file.Name())
		return fmt.Errorf("writing %q: %s", w.name, cause(err))
	}
	return nil
}

func (w *replayWriter) abandon() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
	}
}

// harOut is an entry of a HAR (version 1.2), with what scrim did beside it in a field of its own.
type harOut struct {
	Started  string        `json:"startedDateTime"`
	Time     int           `json:"time"`
	Request  harRequestOut `json:"request"`
	Response harResponse   `json:"response"`
	Cache    struct{}      `json:"cache"`
	Timings  harTimings    `json:"timings"`
	Encoding string        `json:"_bodyEncoding,omitempty"` // as in the recordings that replay reads
	Entry    int           `json:"_entry"`                  // it was made from, counted from 1
	Rule     string        `json:"_rule"`
	Part     string        `json:"_part,omitempty"`
}

type harRequestOut struct {
	Method      string      `json:"method"`
	URL         string      `json:"url"`
	Version     string      `json:"httpVersion"`
	Cookies     []harField  `json:"cookies"`
	Headers     []harField  `json:"headers"`
	Query       []harField  `json:"queryString"`
	HeadersSize int         `json:"headersSize"`
	BodySize    int         `json:"bodySize"`
	Post        *harPostOut `json:"postData,omitempty"`
}

type harPostOut struct {
	Type     string `json:"mimeType"`
	Text     string `json:"text"`
	Encoding string `json:"encoding,omitempty"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	Version     string     `json:"httpVersion"`
	Cookies     []harField `json:"cookies"`
	Headers     []harField `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harContent struct {
	Size int    `json:"size"`
	Type string `json:"mimeType"`
}

type harTimings struct {
	Send    int `json:"send"`
	Wait    int `json:"wait"`
	Receive int `json:"receive"`
}

func harOf(l leaving) *harOut {
	m := l.message
	e := &harOut{Started: l.at.Format(time.RFC3339Nano), Entry: l.index, Rule: l.rule, Part: l.part}
	e.Request = harRequestOut{Method: m.Method, URL: m.URL(), Version: "HTTP/1.1", Cookies: []harField{}, HeadersSize: -1, BodySize: len(m.Body)}
	e.Request.Headers = append([]harField{{"Host", m.To.Authority()}}, fieldsOf(m)...)
	e.Request.Query = queryOf(m.Query)
	e.Response = harResponse{Version: "HTTP/1.1", Cookies: []harField{}, Headers: []harField{}, HeadersSize: -1, BodySize: -1, Content: harContent{Type: "x-unknown"}}
	if len(m.Body) == 0 {
		return e
	}
	text, coded := plainBody(m)
	e.Request.Post = &harPostOut{Type: m.Get("Content-Type"), Text: string(text)}
	if coded {
		e.Encoding = "gzip"
		if m.Get("Content-Encoding") == "" {
			e.Encoding = "gzip-undeclared"
		}
	}
	if !utf8.Valid(text) {
		e.Request.Post.Text, e.Request.Post.Encoding = base64.StdEncoding.EncodeToString(text), "base64"
	}
	return e
}

// plainBody undoes gzip, which a recording can say; other codings stay on and are written as base64.
func plainBody(m *rules.Message) (text []byte, coded bool) {
	if !bytes.HasPrefix(m.Body, gzipMagic) {
		return m.Body, false
	}
	text, _, err := body.Plain("gzip", m.Body, body.Limits{})
	if err != nil {
		return m.Body, false
	}
	return text, true
}

func fieldsOf(m *rules.Message) []harField {
	fields := make([]harField, 0, len(m.Header))
	for _, f := range m.Header {
		fields = append(fields, harField{f.Name, f.Value})
	}
	return fields
}

// queryOf are the parameters of a query as they are written.
func queryOf(query string) []harField {
	fields := []harField{}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			fields = append(fields, harField{name, value})
		}
	}
	return fields
}

// lineOut is a line of NDJSON that replay can read again.
type lineOut struct {
	Time    string         `json:"time"`
	Method  string         `json:"method"`
	URL     string         `json:"url"`
	Headers lineHeaders    `json:"headers"`
	Body    jsontext.Value `json:"body,omitzero"`
	Body64  string         `json:"body64,omitempty"`
	Bytes   int            `json:"bytes"` // of the content as it leaves, codings and padding included
	Entry   int            `json:"entry"`
	Rule    string         `json:"rule"`
	Part    string         `json:"part,omitempty"`
}

// lineHeaders is an object in the order of the fields.
type lineHeaders []harField

// MarshalJSONTo writes a list where a name stands there twice, since members of an object are unique.
func (h lineHeaders) MarshalJSONTo(enc *jsontext.Encoder) error {
	seen := map[string]bool{}
	for _, f := range h {
		if name := strings.ToLower(f.Name); seen[name] {
			return json.MarshalEncode(enc, []harField(h))
		} else {
			seen[name] = true
		}
	}
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, f := range h {
		if err := enc.WriteToken(jsontext.String(f.Name)); err != nil {
			return err
		}
		if err := enc.WriteToken(jsontext.String(f.Value)); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func lineOf(l leaving) *lineOut {
	m := l.message
	e := &lineOut{Time: l.at.Format(time.RFC3339Nano), Method: m.Method, URL: m.URL(), Headers: fieldsOf(m), Bytes: len(m.Body), Entry: l.index, Rule: l.rule, Part: l.part}
	if len(m.Body) == 0 {
		return e
	}
	text, coded := plainBody(m)
	switch value := jsontext.Value(bytes.TrimSpace(text)); {
	case coded && m.Get("Content-Encoding") == "" || !utf8.Valid(text):
		e.Body64 = base64.StdEncoding.EncodeToString(m.Body)
	case len(value) > 0 && (value[0] == '{' || value[0] == '[') && value.IsValid():
		e.Body = value
	default:
		quoted, err := jsontext.AppendQuote(nil, text)
		if err != nil {
			panic("scrim: text that is valid UTF-8 did not quote: " + err.Error())
		}
		e.Body = quoted
	}
	return e
}
