package strict

import (
	"strings"
	"testing"
	"time"
)

func TestReadFaults(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"alias", "a: &x 1\nb: *x\n", "f.yaml:1:4: a: anchor &x; remove it: aliases are not used here\nf.yaml:2:4: b: alias *x; write the value out"},
		{"merge", "a: {b: 1}\n<<: {c: 2}\n", "f.yaml:2:1: merge key <<; write the keys out"},
		{"second", "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document; keep one document in a file"},
		{"duplicate", "a: 1\nb: 2\na: 3\n", `f.yaml:3:1: duplicate key "a"; it stands on line 1 already`},
		{"tag", "a: !!str 5\n", "f.yaml:1:4: a: tag !!str; remove it: values have the type they are written with"},
		{"own tag", "a: !secret x\n", "f.yaml:1:4: a: tag !secret; remove it: values have the type they are written with"},
		{"map key", "{a: b}: c\n", "f.yaml:1:1: a key that is a map; write a plain word"},
		{"null key", "~: c\n", "f.yaml:1:1: an empty key; write a word before the colon"},
		{"not utf-8", "a: b\nc: \xff\n", "f.yaml:2:4: not UTF-8; save the file as UTF-8"},
		{"deep", strings.Repeat("[", 70) + strings.Repeat("]", 70), "f.yaml:1:66: " + strings.Repeat("[0]", 65) + ": nested more than 64 levels deep"},
		{"tab", "a:\n\tb: 1\n", "f.yaml:2:2: not YAML: found character that cannot start any token; indent with spaces, and quote values that begin with * & % @ or `"},
		{"bad key", "a: 1\nb\nc: 2\n", "f.yaml:2:1: not YAML: could not find expected ':'"},
		{"open quote", "a: 1\nb: \"x\nc: 2\n", "f.yaml:2:1: not YAML: found unexpected end of stream"},
		{"open flow", "a: 1\nb: {c: 1\nd: 2\n", "f.yaml:2:1: not YAML: did not find expected ',' or '}'"},
		{"star", "a: *\n", "f.yaml:1:1: not YAML: did not find expected alphabetic or numeric character; quote values that begin with * & % @ or `"},
		{"colons", "a: b: c\n", "f.yaml:1:1: not YAML: mapping values are not allowed in this context; quote values that hold a colon and a space"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := Read("f.yaml", []byte(c.in))
			if got := faults.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEmpty(t *testing.T) {
	for _, in := range []string{"", "\n\n", "# only a comment\n", "---\n", "\ufeff"} {
		n, faults := Read("f", []byte(in))
		if len(faults) > 0 || !n.IsEmpty() {
			t.Errorf("Read(%q): empty %v, faults %v; want empty, none", in, n.IsEmpty(), faults)
		}
	}
}

func read(t *testing.T, in string) *Node {
	t.Helper()
	n, faults := Read("f", []byte(in))
	if n == nil || len(faults) > 0 {
		t.Fatalf("Read(%q): %v", in, faults)
	}
	return n
}

func TestIntegers(t *testing.T) {
	for in, want := range map[string]int{"8": 8, "-3": -3, "0": 0, "1.0": 0, "010": 0, "0x8": 0, "1_000": 0, `"8"`: 0, "+8": 0, "0o7": 0, "1e3": 0, "x": 0, "": 0} {
		n := read(t, "a: "+in)
		f := n.Fields("a")
		if got := f["a"].Int(); got != want {
			t.Errorf("%s: got %d, want %d", in, got, want)
		}
		good := in == "8" || in == "-3" || in == "0"
		if faulted := len(n.Faults()) > 0; faulted == good {
			t.Errorf("%s: faults %v", in, n.Faults())
		}
	}
	n := read(t, "a: 99999999999999999999")
	n.Fields("a")["a"].Int()
	if got := n.Faults().Error(); got != "f:1:4: a: 99999999999999999999 is too large" {
		t.Error(got)
	}
}

func TestQuantities(t *testing.T) {
	for in, want := range map[string]time.Duration{"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour, "1.5h": 90 * time.Minute, "0s": 0} {
		if got := read(t, in).Duration(); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
	for in, want := range map[string]int64{"512B": 512, "256MiB": 256 << 20, "1KB": 1000} {
		if got := read(t, in).Size(); got != want {
			t.Errorf("%s: got %v, want %v", in, got, want)
		}
	}
	for _, in := range []string{"30", "-5s", "s", "1y", "[1s]", "1e99d", "99999999999d"} {
		n := read(t, "a: "+in)
		n.Fields("a")["a"].Duration()
		if len(n.Faults()) != 1 {
			t.Errorf("%s: faults %v, want one", in, n.Faults())
		}
	}
	n := read(t, "30")
	n.Duration()
	if got := n.Faults().Error(); got != "f:1:1: wants a duration, found 30; write it with a unit, as in 30s, 15m, 24h or 90d" {
		t.Error(got)
	}
}

func TestScalars(t *testing.T) {
	n := read(t, "s: word\nn: 5\nb: true\nl: [x, y]\nnull_: ~\nq: \"5\"\nday: 2024-01-02\n")
	f := n.Fields("s", "n", "b", "l", "null_", "q", "day")
	if f["s"].Str() != "word" || f["q"].Str() != "5" || f["day"].Str() != "2024-01-02" || !f["b"].Bool() || strings.Join(f["l"].Strings(), "") != "xy" {
		t.Error("good scalars were misread")
	}
	if fs := n.Faults(); len(fs) > 0 {
		t.Fatal(fs)
	}
	if empty := read(t, "[]"); empty.Strings() != nil || len(empty.Faults()) > 0 {
		t.Error("an empty list of strings is a fault")
	}
	f["n"].Str()
	f["s"].Bool()
	f["null_"].Str()
	f["l"].Str()
	f["s"].Entries()
	f["s"].Items()
	want := `f:1:4: s: wants true or false, found "word"
f:1:4: s: wants a map, found "word"
f:1:4: s: wants a list, found "word"
f:2:4: n: wants a word, found 5; quote it: "5"
f:4:4: l: wants a word, found a list
f:5:8: null_: wants a word, found nothing`
	if got := n.Faults().Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if f["absent"].Str() != "" || f["absent"].Int() != 0 || f["absent"].Bool() || f["absent"].Entries() != nil || f["absent"].Duration() != 0 || !f["absent"].IsEmpty() {
		t.Error("an absent value is not empty")
	}
}

func TestUnknownKeys(t *testing.T) {
	n := read(t, "rules:\n  - {then: drop, fo: 1, genralize: 2, zzzzzz: 3}\n")
	n.Fields("rules")["rules"].Items()[0].Fields("then", "for", "generalize")
	want := `f:2:18: rules[0]: unknown key "fo"; did you mean "for"?
f:2:25: rules[0]: unknown key "genralize"; did you mean "generalize"?
f:2:39: rules[0]: unknown key "zzzzzz"; known here: then, for, generalize`
	if got := n.Faults().Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		"{a: 1, b: [x, 1.50, true, null], \"c<\": \"\\u00e9<\"}": `{"a":1,"b":["x",1.50,true,null],"c<":"é<"}`,
		"text": `"text"`, "": "null", "\"5\"": `"5"`, "-1e5": "-1e5",
	} {
		n := read(t, in)
		if got, ok := n.JSON(); got != want || !ok {
			t.Errorf("%s: got %s, %v, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{".inf", "0x10", "1_000", "010", "[1, .5]"} {
		n := read(t, in)
		if _, ok := n.JSON(); ok || len(n.Faults()) != 1 {
			t.Errorf("%s: ok %v, faults %v; want a fault", in, ok, n.Faults())
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"pass", "generalize", "drop", "refuse", "max_age", "at"}
	for word, want := range map[string]string{
		"genralize": "generalize", "generalise": "generalize", "dorp": "drop", "Drop": "drop", "maxage": "max_age", "xyz": "", "zz": "", "ta": "at", "": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q): got %q, want %q", word, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a: 1", "a: &x [*x]", "- {b: [c]}", "? [x]\n: y", "%YAML 1.2\n---\na", "a: |\n  text\n", "! !"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, faults := Read("f", data)
		if n == nil && len(faults) == 0 {
			t.Fatal("neither a node nor a fault")
		}
		for _, fault := range faults {
			if fault.Line < 1 {
				t.Errorf("a fault without a line: %v", fault)
			}
		}
		n.walk()
	})
}

// walk reads every value in every way that its kind allows.
func (n *Node) walk() {
	switch {
	case n.IsMap():
		for _, e := range n.Entries() {
			e.Value.walk()
		}
	case n.IsList():
		for _, i := range n.Items() {
			i.walk()
		}
	default:
		n.Text()
		n.Duration()
		n.JSON()
	}
}
