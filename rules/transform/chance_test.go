package transform

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

func source(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

// shapes are values of every class with the shape that is said of them.
var shapes = []struct {
	in    body.Value
	class Class
	shape string
}{
	{body.Value{Kind: body.Null}, ClassNull, "null"}, {body.Value{Kind: body.True}, ClassBoolean, "boolean"}, {body.Value{Kind: body.Object, Text: "{}"}, ClassObject, "object"},
	{body.Value{Kind: body.Array, Text: "[]"}, ClassArray, "array"}, {body.Value{Kind: body.Bytes, Text: "\x00\x01"}, ClassBytes, "bytes, 2"},
	{text(""), ClassEmpty, "empty text"}, {num("1234"), ClassInteger, "integer, 4 digits"}, {num("-7"), ClassInteger, "integer, 1 digit"}, {text("0042"), ClassInteger, "integer, 4 digits"}, {num("12.50"), ClassDecimal, "decimal, 2 digits"}, {num("1e5"), ClassDecimal, "decimal, 1 digit"}, {text("3.25"), ClassDecimal, "decimal, 1 digit"},
	{num("1715776496"), ClassEpoch, "integer, 10 digits"}, {text("1715776496789"), ClassEpochMS, "integer, 13 digits"}, {num("9007199254740991"), ClassInteger, "integer, 16 digits"},
	{text("f47ac10b-58cc-4372-a567-0e02b2c3d479"), ClassUUID, "uuid"}, {text("F47AC10B-58CC-1372-8567-0E02B2C3D479"), ClassUUID, "uuid"}, {text("00112233445566778899aabbccddeeff"), ClassHex, "hex 32"}, {text("aaaa1111"), ClassHex, "hex 8"}, {text("AAAA1111"), ClassHex, "hex 8"},
	{text("2024-05-15T12:34:56.789Z"), ClassTime, "RFC 3339 time"}, {text("2024-05-15"), ClassDate, "date"}, {text("jo.smith+x@mail.example.org"), ClassEmail, "e-mail address"}, {text("192.0.2.77"), ClassIPv4, "IPv4 address"}, {text("2001:db8::1"), ClassIPv6, "IPv6 address"}, {text("::ffff:192.0.2.1"), ClassIPv6, "IPv6 address"}, {text("fe80::1%eth0"), ClassIPv6, "IPv6 address"},
	{text("00:1b:44:11:3a:b7"), ClassMAC, "MAC address"}, {text("https://example.org/a?b=c"), ClassURL, "URL"}, {text("/media/films/A (1999).mkv"), ClassPath, "path"}, {text(`C:\films\a.mkv`), ClassPath, "path"}, {text("4.116.1.34633-acaef50"), ClassVersion, "version"}, {text("v1.2.3"), ClassVersion, "version"}, {text("en-US"), ClassLocale, "locale"},
	{text("Mozilla/5.0 (X11; Linux x86_64)"), ClassUserAgent, "user agent"}, {text("nas.example.org"), ClassHost, "host name"}, {text("xY3kPq9_ZzT-7aBcDeFgHiJk"), ClassToken, "token, 24 characters"}, {text("plex-client-identifier-42"), ClassToken, "token, 25 characters"}, {text("Living room TV"), ClassText, "text, 14 characters"}, {text("Wohnzimmer Ä😀"), ClassText, "text, 13 characters"}, {text("a"), ClassText, "text, 1 character"}, {text("deadbeef"), ClassText, "text, 8 characters"},
}

func TestShapeAndLooks(t *testing.T) {
	for _, c := range shapes {
		if got := Looks(c.in); got != c.class {
			t.Errorf("Looks(%q): got %q, want %q", c.in.Text, got, c.class)
		}
		if got := Shape(c.in); got != c.shape {
			t.Errorf("Shape(%q): got %q, want %q", c.in.Text, got, c.shape)
		}
	}
}

func TestShapeNeverHoldsTheValue(t *testing.T) {
	for _, c := range shapes {
		if len(c.in.Text) > 2 && strings.Contains(Shape(c.in), c.in.Text) {
			t.Errorf("Shape(%q) holds the value", c.in.Text)
		}
	}
}

func TestRandomKeepsShape(t *testing.T) {
	r := must(NewRandom(""))
	for seed := range byte(20) {
		env := &Env{Random: source(seed)}
		for _, c := range shapes {
			if _, scalar := scalarText(c.in); !scalar || c.in.Kind == body.True {
				continue
			}
			got, err := r.Apply(c.in, env)
			if err != nil {
				t.Errorf("%q: %v", c.in.Text, err)
				continue
			}
			if got.Kind != c.in.Kind || Shape(got) != c.shape {
				t.Errorf("%q (%s): got %q (%s)", c.in.Text, c.shape, got.Text, Shape(got))
			}
			if len(c.in.Text) > 7 && got.Text == c.in.Text {
				t.Errorf("%q stayed", c.in.Text)
			}
			if c.in.Kind == body.Number {
				if _, ok := scan(got.Text); !ok {
					t.Errorf("%q: got %q, which is no JSON number", c.in.Text, got.Text)
				}
			}
		}
	}
}

func TestRandomKeepsClasses(t *testing.T) {
	r := must(NewRandom(""))
	for seed := range byte(50) {
		env := &Env{Random: source(seed)}
		draw := func(in body.Value) string {
			got, err := r.Apply(in, env)
			if err != nil {
				t.Fatal(err)
			}
			return got.Text
		}
		if u := draw(text("f47ac10b-58cc-4372-a567-0e02b2c3d479")); u[14] != '4' || strings.IndexByte("89ab", u[19]) < 0 || u != strings.ToLower(u) {
			t.Errorf("a UUID of version 4: got %q", u)
		}
		if u := draw(text("F47AC10B-58CC-7372-A567-0E02B2C3D479")); u[14] != '7' || u != strings.ToUpper(u) {
			t.Errorf("a UUID of version 7 in upper case: got %q", u)
		}
		if n := draw(num("2147483646")); len(n) != 10 || n[0] == '0' || n > "2147483647" {
			t.Errorf("a number of 32 bits: got %q", n)
		}
		if n := draw(num("-120")); len(n) != 4 || n[0] != '-' || n[1] == '0' {
			t.Errorf("a negative number: got %q", n)
		}
		if s := draw(text("Abc-12 x9/ÄÖ")); len([]rune(s)) != 12 || s[3] != '-' || s[6] != ' ' || s[9] != '/' || s[0] < 'A' || s[0] > 'Z' || s[1] < 'a' || !isDigit(s[4]) || !isDigit(s[5]) {
			t.Errorf("text: got %q", s)
		}
		if s := draw(text("https://example.org/a")); !strings.HasPrefix(s, "https://") || strings.Contains(s, "example") {
			t.Errorf("URL: got %q", s)
		}
	}
}

func TestRandomIsUniformOverHex(t *testing.T) {
	r := must(NewRandom(""))
	env := &Env{Random: source(1)}
	var seen [256]int
	for range 500 {
		got, err := r.Apply(text("00112233445566778899aabbccddeeff"), env)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Text {
			seen[got.Text[i]]++
		}
	}
	for _, c := range "0123456789abcdef" {
		if seen[c] < 850 || seen[c] > 1150 { // 1000 expected, five standard deviations
			t.Errorf("digit %c: got %d, want about 1000", c, seen[c])
		}
	}
}

func TestRandomLinks(t *testing.T) {
	a, b, free := must(NewRandom("device")), must(NewRandom("session")), must(NewRandom(""))
	env := &Env{Random: source(3), Linked: map[string]map[string]string{}}
	in := text("f47ac10b-58cc-4372-a567-0e02b2c3d479")
	apply := func(r *Random, in body.Value) string {
		got, err := r.Apply(in, env)
		if err != nil {
			t.Fatal(err)
		}
		return got.Text
	}
	first := apply(a, in)
	if second := apply(a, in); second != first {
		t.Errorf("equal values under one link: got %q and %q", first, second)
	}
	if other := apply(a, text("f47ac10b-58cc-4372-a567-0e02b2c3d470")); other == first {
		t.Error("other values under one link: got the same")
	}
	if other := apply(b, in); other == first {
		t.Error("equal values under two links: got the same")
	}
	if other := apply(free, in); other == first {
		t.Error("without a link: got the same")
	}
	n := apply(a, num("123456789"))
	if s := apply(a, text("123456789")); s != n {
		t.Errorf("a number and its text under one link: got %q and %q", n, s)
	}
	next := &Env{Random: env.Random, Linked: map[string]map[string]string{}}
	if got, _ := a.Apply(in, next); got.Text == first {
		t.Error("another record: got the same")
	}
}

func TestChanceFails(t *testing.T) {
	r, p := must(NewRandom("")), must(NewPseudonym(24*time.Hour))
	checkError(t, r, nil, text("abcd"), ErrEnv)
	checkError(t, r, &Env{}, text("abcd"), ErrEnv)
	checkError(t, r, &Env{Random: bytes.NewReader(nil)}, text("abcd"), ErrEnv)
	checkError(t, r, &Env{Random: source(1)}, body.Value{Kind: body.Object, Text: "{}"}, ErrKind)
	checkError(t, r, &Env{Random: source(1)}, body.Value{Kind: body.Null}, ErrKind)
	checkError(t, p, nil, text("abcd"), ErrEnv)
	checkError(t, p, &Env{}, text("abcd"), ErrEnv)
	checkError(t, p, &Env{Key: []byte("k")}, body.Value{Kind: body.True}, ErrKind)
	check(t, r, &Env{Random: source(1)}, text(""), "")
	check(t, p, &Env{Key: []byte("k")}, text(""), "")
}

func TestPseudonym(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	in := text("f47ac10b-58cc-4372-a567-0e02b2c3d479")
	draw := func(p *Pseudonym, in body.Value, at string, key, scope string) string {
		t.Helper()
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Apply(in, &Env{Now: now, Location: berlin, Key: []byte(key), Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		if Shape(got) != Shape(in) || got.Kind != in.Kind || got.Text == in.Text {
			t.Errorf("got %q for %q", got.Text, in.Text)
		}
		return got.Text
	}
	daily, weekly, quarter := must(NewPseudonym(24*time.Hour)), must(NewPseudonym(7*24*time.Hour)), must(NewPseudonym(6*time.Hour))
	for _, c := range []struct {
		name string
		p    *Pseudonym
		a, b string
		same bool
	}{
		{"same_day", daily, "2024-05-14T22:00:00Z", "2024-05-15T21:59:59Z", true},
		{"rotates_at_local_midnight", daily, "2024-05-15T21:59:59Z", "2024-05-15T22:00:00Z", false},
		{"same_week_from_monday", weekly, "2024-05-12T22:00:00Z", "2024-05-19T21:59:59Z", true},
		{"rotates_on_monday", weekly, "2024-05-12T21:59:59Z", "2024-05-12T22:00:00Z", false},
		{"same_quarter", quarter, "2024-05-15T04:00:00Z", "2024-05-15T09:59:59Z", true},
		{"rotates_at_six", quarter, "2024-05-15T03:59:59Z", "2024-05-15T04:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if same := draw(c.p, in, c.a, "key", "scope") == draw(c.p, in, c.b, "key", "scope"); same != c.same {
				t.Errorf("got same %v, want %v", same, c.same)
			}
		})
	}
	const at = "2024-05-15T12:00:00Z"
	base := draw(daily, in, at, "key", "scope")
	if draw(daily, in, at, "other", "scope") == base || draw(daily, in, at, "key", "other") == base || draw(daily, text("f47ac10b-58cc-4372-a567-0e02b2c3d478"), at, "key", "scope") == base {
		t.Error("another key, scope or value: got the same stand-in")
	}
	if draw(daily, num("123456789012345"), at, "key", "scope") == draw(daily, text("123456789012345"), at, "key", "scope") {
		t.Error("a number and its text: got the same stand-in")
	}
}
