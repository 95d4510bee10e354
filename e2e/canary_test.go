package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// secretClasses are the classes of _sensitive that may not survive in any encoding.
var secretClasses = map[string]bool{
	"identifier": true, "content-fingerprint": true, "location": true,
	"household": true, "secret": true, "memory-content": true,
}

// canary is one value of the corpus that must not leave.
type canary struct {
	Class, In, Path string
	Values          []string // scalars found there
}

// long reports whether a value is long enough to be looked for anywhere; shorter ones are compared at their own field.
func long(v string) bool {
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		return len(strings.Trim(v, "-.")) >= 4
	}
	return len(v) >= 6
}

// canaries are the sensitive values of e.
func canaries(t *testing.T, e *entry) []canary {
	t.Helper()
	var out []canary
	for _, s := range e.Sensitive {
		if !secretClasses[s.Class] {
			continue
		}
		c := canary{Class: s.Class, In: s.In, Path: s.Path}
		switch s.In {
		case "body":
			c.Values = inBody(e, s.Path)
		case "query":
			c.Values = inPairs(e.url(t).RawQuery, s.Path)
		case "form":
			c.Values = inPairs(e.Request.Post.Text, s.Path)
		case "header":
			for _, h := range e.Request.Headers {
				if strings.EqualFold(h.Name, s.Path) {
					c.Values = append(c.Values, h.Value)
				}
			}
		case "path":
			c.Values = strings.Split(strings.Trim(e.url(t).Path, "/"), "/")
		case "multipart":
			c.Values = inMultipart(e, s.Path)
		case "envelope":
			c.Values = inEnvelope(e, s.Path)
		default:
			t.Fatalf("%s: a sensitive value in %q is not understood", e.name(), s.In)
		}
		out = append(out, c)
	}
	return out
}

func inBody(e *entry, path string) []string {
	text := e.Request.Post.Text
	if e.Format == "python-literal" {
		key := path[strings.LastIndex(path, ".")+1:]
		m := regexp.MustCompile(`'` + key + `': '?([^',}]+)`).FindStringSubmatch(text)
		if m == nil {
			return nil
		}
		return []string{m[1]}
	}
	var doc any
	if json.Unmarshal([]byte(text), &doc) != nil {
		return nil
	}
	return pointer(doc, path)
}

// pointer collects the scalars at and below a JSON pointer (RFC 6901); "*" stands for every element.
func pointer(doc any, path string) []string {
	if path == "" || path == "/" {
		return scalars(doc)
	}
	head, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if rest != "" {
		rest = "/" + rest
	}
	head = strings.NewReplacer("~1", "/", "~0", "~").Replace(head)
	var out []string
	if name, key, ok := strings.Cut(strings.TrimSuffix(head, "]"), "["); ok { // attributes[host.name] of OTLP
		list, _ := doc.(map[string]any)[name].([]any)
		for _, x := range list {
			if m, ok := x.(map[string]any); ok && m["key"] == key {
				out = append(out, scalars(m["value"])...)
			}
		}
		return out
	}
	switch v := doc.(type) {
	case map[string]any:
		if head == "*" {
			for _, x := range v {
				out = append(out, pointer(x, rest)...)
			}
			return out
		}
		if x, ok := v[head]; ok {
			return pointer(x, rest)
		}
	case []any:
		if head == "*" {
			for _, x := range v {
				out = append(out, pointer(x, rest)...)
			}
			return out
		}
		if i, err := strconv.Atoi(head); err == nil && i < len(v) {
			return pointer(v[i], rest)
		}
	case string: // JSON, a query or base64 of either inside a string
		var inner any
		if json.Unmarshal([]byte(v), &inner) == nil {
			return pointer(inner, path)
		}
		if raw, err := base64.StdEncoding.DecodeString(v); err == nil && json.Unmarshal(raw, &inner) == nil {
			return pointer(inner, path)
		}
		return inPairs(strings.TrimPrefix(v, "?"), head)
	}
	return nil
}

func scalars(doc any) []string {
	switch v := doc.(type) {
	case map[string]any:
		var out []string
		for _, x := range v {
			out = append(out, scalars(x)...)
		}
		return out
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, scalars(x)...)
		}
		return out
	case string:
		return []string{v}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	}
	return nil
}

func inPairs(raw, path string) []string {
	name, rest, nested := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	vals, err := url.ParseQuery(raw)
	if err != nil {
		return nil
	}
	if !nested {
		return vals[name]
	}
	var out []string
	for _, v := range vals[name] {
		var inner any
		if json.Unmarshal([]byte(v), &inner) != nil {
			raw, err := base64.StdEncoding.DecodeString(v)
			if err != nil || json.Unmarshal(raw, &inner) != nil {
				continue
			}
		}
		out = append(out, pointer(inner, "/"+rest)...)
	}
	return out
}

func inMultipart(e *entry, name string) []string {
	for _, h := range e.Request.Headers {
		if !strings.EqualFold(h.Name, "Content-Type") {
			continue
		}
		_, params, err := mime.ParseMediaType(h.Value)
		if err != nil {
			return nil
		}
		r := multipart.NewReader(strings.NewReader(e.Request.Post.Text), params["boundary"])
		for {
			p, err := r.NextPart()
			if err != nil {
				return nil
			}
			if p.FormName() == name {
				b, _ := io.ReadAll(p)
				return []string{string(b)}
			}
		}
	}
	return nil
}

// inEnvelope reads "<JSON document index>/pointer": 0 is the envelope's header, 1 the first item's payload. A length
// in an item's header says where a payload ends that is not JSON.
func inEnvelope(e *entry, path string) []string {
	index, rest, _ := strings.Cut(path, "/")
	want, err := strconv.Atoi(index)
	if err != nil {
		return nil
	}
	doc := 0
	lines := strings.Split(e.Request.Post.Text, "\n")
	for i := 0; i < len(lines); i++ {
		isItemHeader := i > 0 && strings.HasPrefix(lines[i], `{"type":`) && i+1 < len(lines)
		if isItemHeader {
			continue
		}
		if doc == want {
			var v any
			if json.Unmarshal([]byte(lines[i]), &v) != nil {
				return []string{lines[i]}
			}
			return pointer(v, "/"+rest)
		}
		doc++
	}
	return nil
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)

// readings are raw and every text that can be read out of it: percent-decoded, JSON-unescaped, base64, gzip, br, zstd,
// nested up to four times.
func readings(raw []byte) [][]byte {
	seen := map[string]bool{}
	var out [][]byte
	var walk func(b []byte, depth int)
	walk = func(b []byte, depth int) {
		if len(b) == 0 || depth > 4 || seen[string(b)] || len(out) > 5000 {
			return
		}
		seen[string(b)] = true
		out = append(out, b)
		if s, err := url.QueryUnescape(string(b)); err == nil && s != string(b) {
			walk([]byte(s), depth+1)
		}
		if bytes.Contains(b, []byte(`\`)) {
			var s string
			if json.Unmarshal([]byte(`"`+strings.ReplaceAll(strings.ReplaceAll(string(b), `"`, `\"`), `\\"`, `\"`)+`"`), &s) == nil {
				walk([]byte(s), depth+1)
			}
			walk([]byte(strings.NewReplacer(`\"`, `"`, `\/`, `/`, `\\`, `\`).Replace(string(b))), depth+1)
		}
		for _, inflate := range []func(io.Reader) (io.Reader, error){
			func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
			func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
			func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
		} {
			r, err := inflate(bytes.NewReader(b))
			if err != nil {
				continue
			}
			if plain, err := io.ReadAll(io.LimitReader(r, 1<<20)); err == nil && len(plain) > 0 {
				walk(plain, depth+1)
			}
		}
		for _, run := range base64Run.FindAll(b, 200) {
			text := strings.TrimRight(string(run), "=")
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if plain, err := enc.DecodeString(text); err == nil {
					walk(plain, depth+1)
				}
			}
		}
	}
	walk(raw, 0)
	return out
}

// wire is everything of one request that an observer at the origin can read.
func (a arrived) wire() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n%s\n", a.Method, a.Target, a.Host)
	for name, values := range a.Header {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteByte('\n')
	b.Write(a.Body)
	return b.Bytes()
}

// survivors are the canaries of e that can be read out of what arrived.
func survivors(t *testing.T, e *entry, got []arrived) []string {
	t.Helper()
	var found []string
	for _, a := range got {
		texts := append(readings(a.wire()), readings(a.Body)...)
		for _, c := range canaries(t, e) {
			for _, v := range c.Values {
				switch {
				case long(v):
					for _, text := range texts {
						if bytes.Contains(text, []byte(v)) {
							found = append(found, fmt.Sprintf("%s %s %s", c.Class, c.In, c.Path))
							break
						}
					}
				case c.In == "body" || c.In == "envelope":
					if sameField(a.Body, e, c, v) {
						found = append(found, fmt.Sprintf("%s %s %s (at its own field)", c.Class, c.In, c.Path))
					}
				case c.In == "query", c.In == "form":
					raw := string(a.Body)
					if c.In == "query" {
						_, raw, _ = strings.Cut(a.Target, "?")
					}
					for _, w := range inPairs(raw, c.Path) {
						if w == v && v != "" {
							found = append(found, fmt.Sprintf("%s %s %s (at its own field)", c.Class, c.In, c.Path))
						}
					}
				}
			}
		}
	}
	return found
}

// sameField reports whether the canary's own field still holds v in body.
func sameField(body []byte, e *entry, c canary, v string) bool {
	out := *e
	post := *e.Request.Post
	post.Text = string(body)
	for _, text := range readings(body) {
		if json.Valid(text) {
			post.Text = string(text)
			break
		}
	}
	out.Request.Post = &post
	var left []string
	if c.In == "envelope" {
		left = inEnvelope(&out, c.Path)
	} else {
		left = inBody(&out, c.Path)
	}
	for _, w := range left {
		if w == v && v != "" {
			return true
		}
	}
	return false
}

func TestCanarySearchFindsEveryEncoding(t *testing.T) {
	secret := "k3v9q0t7m2w8x1c5b6n4r8ya"
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	fmt.Fprintf(w, `{"a":"%s"}`, secret)
	w.Close()
	inner, _ := json.Marshal(map[string]string{"data": base64.StdEncoding.EncodeToString([]byte(`{"id":"` + secret + `"}`))})
	for name, raw := range map[string][]byte{
		"plain":               []byte(`{"a":"` + secret + `"}`),
		"percent":             []byte("a=%6b3v9q0t7m2w8x1c5b6n4r8ya"),
		"base64":              []byte(base64.StdEncoding.EncodeToString([]byte("xx" + secret))),
		"base64url":           []byte(base64.RawURLEncoding.EncodeToString([]byte("?>" + secret))),
		"gzip":                gz.Bytes(),
		"json_escape":         []byte(`{"a":"\u006b3v9q0t7m2w8x1c5b6n4r8ya"}`),
		"base64_inside_json":  inner,
		"gzip_inside_base64":  []byte(base64.StdEncoding.EncodeToString(gz.Bytes())),
		"json_inside_percent": []byte("data=" + url.QueryEscape(string(inner))),
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range readings(raw) {
				if bytes.Contains(text, []byte(secret)) {
					return
				}
			}
			t.Error("not found")
		})
	}
}

func TestEverySensitivePathOfTheCorpusIsFound(t *testing.T) {
	for _, e := range corpus(t, "") {
		for _, c := range canaries(t, e) {
			if len(c.Values) == 0 && e.Format != "python-literal" {
				t.Errorf("%s: nothing at %s %s", e.name(), c.In, c.Path)
			}
		}
	}
}
