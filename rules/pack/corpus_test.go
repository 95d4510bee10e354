package pack_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// entry is one request of a corpus file.
type entry struct {
	Class   string `json:"_class"`
	Coding  string `json:"_bodyEncoding"`
	Format  string `json:"_bodyFormat"`
	Started string `json:"startedDateTime"`
	Request struct {
		Method, URL string
		Headers     []struct{ Name, Value string }
		PostData    *struct{ Text string }
	}
	Sensitive []struct{ In, Path, Class string } `json:"_sensitive"`
}

func corpus(t *testing.T) map[string]entry {
	t.Helper()
	names, err := filepath.Glob("../../testdata/corpus/*.har")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d corpus files, %v", len(names), err)
	}
	all := map[string]entry{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var har struct {
			Log struct{ Entries []entry }
		}
		if err := json.Unmarshal(data, &har); err != nil {
			t.Fatal(err)
		}
		for i, e := range har.Log.Entries {
			all[filepath.Base(name)+"#"+strconv.Itoa(i)] = e
		}
	}
	return all
}

func (e *entry) message(t *testing.T) *rules.Message {
	t.Helper()
	u, err := url.Parse(e.Request.URL)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, e.Started)
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(443)
	if u.Scheme == "http" {
		port = 80
	}
	m := &rules.Message{
		Time: at, Client: netip.MustParseAddr("192.168.1.20"), Method: e.Request.Method,
		To:   rules.Destination{Scheme: u.Scheme, Host: u.Hostname(), Port: port, Evidence: rules.FromAuthority | rules.FromHost},
		Path: u.EscapedPath(), Query: u.RawQuery, HasQuery: u.RawQuery != "",
	}
	for _, h := range e.Request.Headers {
		if h.Name != "Host" && h.Name != "Content-Length" {
			m.Header = append(m.Header, rules.Field{Name: h.Name, Value: h.Value})
		}
	}
	if e.Request.PostData != nil && e.Request.PostData.Text != "" {
		m.Body = []byte(e.Request.PostData.Text)
		if strings.HasPrefix(e.Coding, "gzip") {
			m.Body = zip(m.Body)
		}
	}
	return m
}

func zip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// secretClasses may not survive anywhere.
var secretClasses = map[string]bool{"identifier": true, "content-fingerprint": true, "location": true, "household": true, "secret": true, "memory-content": true}

// canaries are the values of the sensitive fields that are long enough to be looked for anywhere.
func (e *entry) canaries(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, s := range e.Sensitive {
		if secretClasses[s.Class] {
			found = append(found, leaves(e.at(t, s.In, s.Path))...)
		}
	}
	var long []string
	for _, text := range found {
		if len(text) >= 4 && !vocabulary[text] {
			long = append(long, text)
		}
	}
	return long
}

// vocabulary are words that stand in sensitive fields of the corpus and are no secrets themselves.
var vocabulary = map[string]bool{"true": true, "false": true, "event": true, "flac": true, "remote": true, "local": true, "localhost": true, "1234567": true /* inside of the made-up keys */}

// at is what stands at a sensitive path; nil where it is encoded in a way that is not opened here.
func (e *entry) at(t *testing.T, in, path string) any {
	t.Helper()
	u, _ := url.Parse(e.Request.URL)
	text := ""
	if e.Request.PostData != nil {
		text = e.Request.PostData.Text
	}
	switch in {
	case "query":
		return u.Query().Get(path)
	case "form":
		form, _ := url.ParseQuery(text)
		return form.Get(path)
	case "header":
		for _, h := range e.Request.Headers {
			if strings.EqualFold(h.Name, path) {
				return h.Value
			}
		}
	case "body":
		return pointer(text, strings.TrimPrefix(attribute.ReplaceAllString(path, "/$1"), "/"))
	case "envelope":
		no, rest, _ := strings.Cut(path, "/")
		lines := strings.Split(text, "\n")
		i, _ := strconv.Atoi(no)
		if i > 0 {
			i *= 2
		}
		return pointer(lines[i], rest)
	}
	return nil
}

// pointer is what a JSON pointer finds; "*" stands for every element.
func pointer(text, path string) any {
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	return walk(v, strings.Split(path, "/"))
}

func walk(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch x := v.(type) {
	case map[string]any:
		return walk(x[path[0]], path[1:])
	case []any:
		if path[0] == "*" {
			var all []any
			for _, e := range x {
				all = append(all, walk(e, path[1:]))
			}
			return all
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(x) {
			return walk(x[i], path[1:])
		}
		return named(x, path[0])
	}
	return nil
}

// named is the value of an attribute of OTLP.
func named(list []any, key string) any {
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && m["key"] == key {
			return m["value"]
		}
	}
	return nil
}

func leaves(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case json.Number:
		return []string{x.String()}
	case []any:
		var all []string
		for _, e := range x {
			all = append(all, leaves(e)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, e := range x {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return nil
}

// wire is everything that leaves with a message, and the same with every encoding undone that could hide a value.
func wire(m *rules.Message) string {
	var b strings.Builder
	b.WriteString(m.Method + " " + m.URL() + "\n")
	for _, h := range m.Header {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	body := m.Body
	if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		body, _ = io.ReadAll(r)
	}
	b.Write(body)
	text := b.String()
	for range 3 {
		plain, err := url.QueryUnescape(strings.ReplaceAll(text, "%\n", ""))
		if err == nil {
			text += "\n" + plain
		}
		for _, word := range base64Word.FindAllString(text, -1) {
			if plain, err := base64.StdEncoding.DecodeString(word); err == nil {
				text += "\n" + string(plain)
			}
		}
		if len(text) > 1<<20 {
			break
		}
	}
	return text
}

// attribute is how the corpus names one of OTLP: attributes[host.name].
var attribute = regexp.MustCompile(`\[([^\]]+)\]`)

var base64Word = regexp.MustCompile(`[A-Za-z0-9+/]{16,}=*`)

// TestCorpus sends every telemetry entry of the corpus through the packs, as the switches stand and with every switch on generalize.
func TestCorpus(t *testing.T) {
	shipped := compileAll(t, household)
	open := map[string]map[string]rules.Verdict{}
	for _, p := range shipped.Products() {
		open[p.Name] = map[string]rules.Verdict{}
		for _, k := range p.Kinds {
			open[p.Name][k.Name] = rules.Generalize
		}
	}
	sets := map[string]*rules.Set{"as shipped": shipped, "all on generalize": shipped.With(rules.Choices{Switch: open})}
	for name, e := range corpus(t) {
		for how, set := range sets {
			t.Run(name+"/"+how, func(t *testing.T) { checkEntry(t, set, &e) })
		}
	}
}

func checkEntry(t *testing.T, set *rules.Set, e *entry) {
	in := e.message(t)
	out := set.Apply(in, rules.Env{Now: in.Time, Random: &stream{}, Key: []byte("0123456789abcdef0123456789abcdef")})
	rule := "none"
	if out.Rule != nil {
		rule = out.Rule.ID
	}
	switch e.Class {
	case "telemetry", "crash", "identity-ping":
		if out.Verdict == rules.Pass || out.Reason == rules.OnFault || out.Reason == rules.Unmatched {
			t.Errorf("%s by rule %s (%s %s)", out.Verdict, rule, out.Reason, out.Detail)
		}
	case "device-header", "functional-with-telemetry":
		if out.Verdict != rules.Generalize || len(out.Messages) != 1 {
			t.Errorf("%s by rule %s (%s %s)", out.Verdict, rule, out.Reason, out.Detail)
			return
		}
		onlyDiffers(t, in, &out.Messages[0].Message, e)
		return
	default:
		if out.Verdict != rules.Pass && out.Rule != nil {
			t.Errorf("class %s: %s by rule %s", e.Class, out.Verdict, rule)
		}
		return
	}
	for i := range out.Messages {
		text := wire(&out.Messages[i].Message)
		for _, canary := range e.canaries(t) {
			if strings.Contains(text, canary) {
				t.Errorf("rule %s lets a sensitive value of %d characters out: %.3000q", rule, len(canary), text)
			}
		}
	}
}

// onlyDiffers holds a functional request to losing nothing but what the corpus names: one parameter, or the User-Agent.
func onlyDiffers(t *testing.T, in, out *rules.Message, e *entry) {
	t.Helper()
	query, header := in.Query, ""
	for _, s := range e.Sensitive {
		if s.In == "query" && s.Path == "active" {
			query = regexp.MustCompile(`&?active=[^&]*`).ReplaceAllString(query, "")
		}
		if s.In == "header" && e.Class == "device-header" {
			header = s.Path
		}
	}
	if out.Method != in.Method || out.Path != in.Path || out.Query != query || !bytes.Equal(out.Body, in.Body) {
		t.Errorf("got %s %s, want %s?%s", out.Method, out.Target(), in.Path, query)
	}
	for _, h := range in.Header {
		got := out.Get(h.Name)
		if strings.EqualFold(h.Name, header) == (got == h.Value) {
			t.Errorf("field %s: got %q from %q", h.Name, got, h.Value)
		}
	}
}

// stream is a source of bytes that every run has alike.
type stream struct{ at uint64 }

func (s *stream) Read(p []byte) (int, error) {
	for i := range p {
		s.at = s.at*6364136223846793005 + 1442695040888963407
		p[i] = byte(s.at >> 33)
	}
	return len(p), nil
}
