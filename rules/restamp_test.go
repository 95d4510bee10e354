package rules_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

const held = "    release: {at: \"04:00\", max_age: 7d}\n    reply: {status: 200}\n"

// TestHeldMessagesAreStampedAnew makes a record in the evening and lets it leave after midnight, or days later.
func TestHeldMessagesAreStampedAnew(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	evening := time.Date(2026, 3, 4, 23, 30, 0, 0, zone)
	release := time.Date(2026, 3, 8, 4, 0, 0, 0, zone)
	for _, c := range []struct{ name, rules, target, header, in, want string }{
		{"rfc_3339", fields(held, `$.at: {stamp: day}`, `$.a: keep`), "/", "", `{"a":1,"at":"2026-03-04T21:12:13.25Z","b":2}`, `/ {"a":1,"at":"2026-03-08T00:00:00.00Z"}`},
		{"epochs", fields(held, `$.s: {stamp: day, unit: s}`, `$.ms: {stamp: day, unit: ms}`), "/", "", `{"x":[1,2],"ms":1772659933250,"s":1772659933}`, `/ {"ms":1772920800000,"s":1772920800}`},
		{"epoch_in_a_string", fields(held, `$.s: {stamp: day, unit: s}`), "/", "", `{"s":"1772659933"}`, `/ {"s":"1772920800"}`},
		{"padding_stays", fields(strings.Replace(held, "7d", "7d, pad: 32", 1), `$.at: {stamp: day}`), "/", "", `{"at":"2026-03-04"}`, `/ {"at":"2026-03-08"}` + strings.Repeat(" ", 13)},
		{"behind_an_object_put_in", fields(held, `$.o: {replace: {x: 1, y: [2, 3]}}`, `$.at: {stamp: day}`), "/", "", `{"o":1,"at":"2026-03-04"}`, `/ {"o":{"x":1,"y":[2,3]},"at":"2026-03-08"}`},
		{"by_a_filter_whose_field_goes", fields(held, `$.p[?@.k=="t"].v: {stamp: day}`, `$.p[*].v: keep`), "/", "", `{"p":[{"k":"n","v":"2026-01-01"},{"k":"t","v":"2026-01-01"}]}`, `/ {"p":[{"v":"2026-01-01"},{"v":"2026-03-08"}]}`},
		{"kept_white_space", fields("    unlisted: keep\n"+held, `$.at: {stamp: day}`), "/", "", "{ \"b\" : 1.50,\n \"at\": \"2026-01-01\" }", "/ { \"b\" : 1.50,\n \"at\": \"2026-03-08\" }"},
		{"query_and_header", fields(held, `query:ts: {stamp: day, unit: s}`, `query:v: keep`, `header:X-At: {stamp: day}`), "/?z=1&ts=1772659933&v=a%20b", "X-At: 2026-03-04T21:12:13Z", "", `/?ts=1772920800&v=a%20b  2026-03-08T00:00:00Z`},
		{"form", fields(held, `$.t: {stamp: day}`, `$.q: keep`), "/", "Content-Type: application/x-www-form-urlencoded", "x=1&q=a+b&t=2026-03-04T21%3A12%3A13Z", "/ q=a+b&t=2026-03-08T00%3A00%3A00Z"},
		{"ndjson", fields(held, `$[*].t: {stamp: day}`), "/", "", "{\"t\":\"2026-01-01\",\"u\":1}\n{\"t\":\"2026-01-02\"}\n", "/ {\"t\":\"2026-03-08\"}\n{\"t\":\"2026-03-08\"}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := load(t, rules.Options{}, c.rules)
			m := send(t, "POST", "https://h.example.org"+c.target, c.in)
			if name, value, ok := strings.Cut(c.header, ": "); ok {
				m.Header = append(m.Header, rules.Field{Name: name, Value: value})
			}
			env := testEnv()
			env.Now, env.Location = evening, zone
			out := set.Apply(m, env)
			if len(out.Messages) != 1 || out.Messages[0].Stamps == nil {
				t.Fatalf("got %+v", out)
			}
			o := out.Messages[0]
			got, err := o.Stamps.Restamp(o.Message, release, zone)
			if err != nil {
				t.Fatal(err)
			}
			text := got.Target() + " " + string(got.Body)
			if at := got.Get("X-At"); at != "" {
				text += " " + at
			}
			if text != c.want {
				t.Errorf("got  %q\nwant %q", text, c.want)
			}
			same, err := o.Stamps.Restamp(o.Message, evening, zone)
			if err != nil || !bytes.Equal(same.Body, o.Message.Body) || same.Target() != o.Message.Target() {
				t.Errorf("on the same day: got %q, want %q; %v", same.Body, o.Message.Body, err)
			}
		})
	}
}

func TestCodedBodyIsStampedAnew(t *testing.T) {
	set := load(t, rules.Options{}, fields(held, `$.at: {stamp: day}`))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(`{"at":"2026-03-04","b":1}`))
	w.Close()
	m := send(t, "POST", "https://h.example.org/", b.String(), "Content-Encoding: gzip")
	o := set.Apply(m, testEnv()).Messages[0]
	got, err := o.Stamps.Restamp(o.Message, time.Date(2026, 3, 8, 4, 0, 0, 0, time.UTC), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(got.Body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || string(plain) != `{"at":"2026-03-08"}` {
		t.Errorf("got %q, %v", plain, err)
	}
}

func TestStampThatCannotBeBroughtToTheReleaseIsAFault(t *testing.T) {
	for name, text := range map[string]string{
		"cookie": fields(held, `cookie:t: {stamp: day}`),
		"path":   fields(held, `path:1: {stamp: day}`),
		"inside": fields(held, `"$.d": {inside: [base64, json], fields: {$.t: {stamp: day}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := rules.Parse("a.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = rules.Compile([]*rules.File{f}, rules.Options{}); err == nil || !strings.Contains(err.Error(), "stamp") || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("got %v, want one fault about the stamp", err)
			}
			f, err = rules.Parse("a.yaml", []byte(strings.Replace(text, held, "", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = rules.Compile([]*rules.File{f}, rules.Options{}); err != nil {
				t.Errorf("without release: %v", err)
			}
		})
	}
}
