package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/scrimproxy/scrim/rules"
)

// harEntry is what replay reads of an entry of a HAR.
type harEntry struct {
	Started  string     `json:"startedDateTime"`
	Request  harRequest `json:"request"`
	Encoding string     `json:"_bodyEncoding"` // gzip, gzip-undeclared: postData.text has to be coded
}

type harRequest struct {
	Method  string     `json:"method"`
	URL     string     `json:"url"`
	Headers []harField `json:"headers"`
	Post    *harPost   `json:"postData"`
}

type harField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harPost struct {
	Type     string     `json:"mimeType"`
	Text     string     `json:"text"`
	Params   []harField `json:"params"`
	Encoding string     `json:"encoding"` // "base64" where the text is no text
}

// lineEntry is one line of NDJSON.
type lineEntry struct {
	Time    jsontext.Value `json:"time"`
	Method  string         `json:"method"`
	URL     string         `json:"url"`
	Headers jsontext.Value `json:"headers"` // {"Name": "value"}, or with lists, or [{"name", "value"}]
	Body    jsontext.Value `json:"body"`    // a string is text, everything else is JSON
	Body64  string         `json:"body64"`
}

// message is the entry as a request. Errors say what is missing or wrong, never what stood there.
func (e *entry) message() (*rules.Message, error) {
	if e.format == formatHAR {
		return harMessage(e.raw)
	}
	return lineMessage(e.raw)
}

// lenient reads what other tools write.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func unmarshal(raw []byte, into any) error {
	err := json.Unmarshal(raw, into, lenient)
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d", syntax.ByteOffset)
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		return fmt.Errorf("%s is not what belongs there", semantic.JSONPointer)
	}
	return errors.New("not an object as it belongs there")
}

func harMessage(raw []byte) (*rules.Message, error) {
	var h harEntry
	if err := unmarshal(raw, &h); err != nil {
		return nil, err
	}
	when, err := time.Parse(time.RFC3339, h.Started)
	if err != nil {
		return nil, errors.New("startedDateTime is not a time")
	}
	m := &rules.Message{Time: when, Method: h.Request.Method}
	if err := setRequest(m, h.Request.URL, h.Request.Headers); err != nil {
		return nil, err
	}
	if m.Body, err = h.Request.Post.content(); err != nil {
		return nil, err
	}
	return finish(m, strings.HasPrefix(h.Encoding, "gzip"))
}

// content is the body of an entry; a form may be there as its fields alone.
func (p *harPost) content() ([]byte, error) {
	switch {
	case p == nil:
		return nil, nil
	case p.Encoding == "base64":
		body, err := base64.StdEncoding.DecodeString(p.Text)
		if err != nil {
			return nil, errors.New("postData.text is not base64")
		}
		return body, nil
	case p.Text == "" && len(p.Params) > 0 && !strings.HasPrefix(p.Type, "multipart/"):
		fields := make([]string, len(p.Params))
		for i, f := range p.Params {
			fields[i] = url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value)
		}
		return []byte(strings.Join(fields, "&")), nil
	}
	return []byte(p.Text), nil
}

func lineMessage(raw []byte) (*rules.Message, error) {
	var l lineEntry
	if err := unmarshal(raw, &l); err != nil {
		return nil, err
	}
	when, err := lineTime(l.Time)
	if err != nil {
		return nil, err
	}
	fields, err := lineFields(l.Headers)
	if err != nil {
		return nil, err
	}
	m := &rules.Message{Time: when, Method: l.Method}
	if err := setRequest(m, l.URL, fields); err != nil {
		return nil, err
	}
	if m.Body, err = l.content(); err != nil {
		return nil, err
	}
	return finish(m, false)
}

func (l *lineEntry) content() ([]byte, error) {
	switch {
	case l.Body64 != "":
		body, err := base64.StdEncoding.DecodeString(l.Body64)
		if err != nil {
			return nil, errors.New("body64 is not base64")
		}
		return body, nil
	case len(l.Body) == 0 || l.Body.Kind() == 'n':
		return nil, nil
	case l.Body.Kind() == '"':
		var text string
		if err := unmarshal(l.Body, &text); err != nil {
			return nil, errors.New("body is not a string")
		}
		return []byte(text), nil
	}
	return l.Body, nil
}

// lineTime reads RFC 3339, or seconds since 1970. An entry without a time happens now.
func lineTime(v jsontext.Value) (time.Time, error) {
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return time.Now(), nil
	case v.Kind() == '0':
		seconds, err := strconv.ParseFloat(string(v), 64)
		if err != nil || seconds < 0 || seconds > 1e11 {
			return time.Time{}, errors.New("time is not in seconds since 1970")
		}
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	var text string
	if err := unmarshal(v, &text); err != nil {
		return time.Time{}, errors.New("time is not a time")
	}
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("time is not in RFC 3339")
	}
	return when, nil
}

// lineFields reads header fields in their order.
func lineFields(v jsontext.Value) ([]harField, error) {
	bad := errors.New(`headers is not an object of strings, nor a list of {"name", "value"}`)
	if len(v) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	if v.Kind() == '[' {
		var fields []harField
		if err := unmarshal(v, &fields); err != nil {
			return nil, bad
		}
		return fields, nil
	}
	var fields []harField
	dec := jsontext.NewDecoder(bytes.NewReader(v), lenient)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, bad
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, bad
		}
		field := harField{Name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, bad
		}
		var values []string
		if value.Kind() == '[' {
			err = unmarshal(value, &values)
		} else if err = unmarshal(value, &field.Value); err == nil {
			values = []string{field.Value}
		}
		if err != nil {
			return nil, bad
		}
		for _, one := range values {
			fields = append(fields, harField{field.Name, one})
		}
	}
	return fields, nil
}

// notForwarded are the fields that concern one connection, or that the sender writes anew
// (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2).
var notForwarded = map[string]bool{
	"host": true, "content-length": true, "connection": true, "proxy-connection": true, "keep-alive": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true, "proxy-authorization": true, "proxy-authenticate": true,
}

// connectionListed are the names in Connection, in lower case: fields that concern this connection too.
func connectionListed(fields []harField) []string {
	var listed []string
	for _, f := range fields {
		if !strings.EqualFold(f.Name, "Connection") {
			continue
		}
		for name := range strings.SplitSeq(strings.ToLower(f.Value), ",") {
			listed = append(listed, strings.TrimSpace(name))
		}
	}
	return listed
}

// setRequest fills in target and header as a door would.
func setRequest(m *rules.Message, target string, fields []harField) error {
	if target == "" {
		return errors.New("there is no url")
	}
	if m.Method == "" {
		m.Method = "GET"
	}
	m.Method = strings.ToUpper(m.Method)
	if err := setTarget(m, target); err != nil {
		return errors.New("url is not an http or https URL")
	}
	listed := connectionListed(fields)
	for _, f := range fields {
		name := strings.ToLower(f.Name)
		if !notForwarded[name] && !slices.Contains(listed, name) && !strings.HasPrefix(name, ":") {
			m.Header = append(m.Header, rules.Field{Name: f.Name, Value: f.Value})
		}
	}
	return nil
}

// finish codes the body where the recording holds it decoded: browsers write it so, and the corpus says so.
func finish(m *rules.Message, coded bool) (*rules.Message, error) {
	declared := strings.EqualFold(m.Get("Content-Encoding"), "gzip")
	if len(m.Body) == 0 || bytes.HasPrefix(m.Body, gzipMagic) || !coded && !declared {
		return m, nil
	}
	var err error
	m.Body, err = gzipped(m.Body)
	return m, err
}

// gzipMagic begins every gzip member of the one method there is (RFC 1952, section 2.3.1).
var gzipMagic = []byte{0x1f, 0x8b, 8}

func gzipped(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
