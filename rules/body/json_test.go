package body

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// decodeAs decodes or fails the test.
func decodeAs(tb testing.TB, form Form, contentType, src string) *Tree {
	tb.Helper()
	t, err := Decode(form, contentType, []byte(src), Limits{})
	if err != nil {
		tb.Fatalf("Decode(%q): %v", form, err)
	}
	return t
}

// at follows names and indices ("items.0.payload") from the root.
func at(tb testing.TB, t *Tree, path string) int32 {
	tb.Helper()
	n := int32(0)
	if path == "" {
		return n
	}
	for _, step := range strings.Split(path, ".") {
		c := t.First(n)
		for i := 0; c != none; i++ {
			if t.Name(c) == step || t.Kind(n) == Array && step == strconv.Itoa(i) {
				break
			}
			c = t.Next(c)
		}
		if c == none {
			tb.Fatalf("no node %s in %s", step, path)
		}
		n = c
	}
	return n
}

// encoded encodes with a plan that decide fills.
func encoded(tb testing.TB, t *Tree, unlisted Act, decide func(p *Plan)) string {
	tb.Helper()
	p := NewPlan(t, unlisted)
	if decide != nil {
		decide(p)
	}
	out, err := Encode(nil, t, p)
	if err != nil {
		tb.Fatalf("Encode: %v", err)
	}
	return string(out)
}

func TestJSONTree(t *testing.T) {
	const src = "\xef\xbb\xbf" + ` {"a":1e400, "dur\u0061tion":[9007199254740993,"x\n\ud83d\ude00\ud800"] ,"a":{},"":null,"bad":"` + "\xff" + `"} ` + "\n"
	tree := decodeAs(t, "", "text/plain", src)
	cases := []struct {
		behaviour, path, text string
		kind                  Kind
	}{
		{"keeps_number_text", "a", "1e400", Number},
		{"decodes_names", "duration", "", Array},
		{"keeps_integers_beyond_2_53", "duration.0", "9007199254740993", Number},
		{"decodes_escapes_and_marks_lone_surrogates", "duration.1", "x\n😀\xed\xa0\x80", String},
		{"knows_the_empty_name", "", "", Object},
		{"keeps_bytes_that_are_not_utf8", "bad", "\xff", String},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			n := at(t, tree, c.path)
			if got := tree.Text(n); got != c.text {
				t.Errorf("text: got %q, want %q", got, c.text)
			}
			if got := tree.Kind(n); got != c.kind {
				t.Errorf("kind: got %q, want %q", got, c.kind)
			}
		})
	}
	t.Run("keeps_duplicate_names_in_order", func(t *testing.T) {
		var names []string
		for c := tree.First(0); c != none; c = tree.Next(c) {
			names = append(names, tree.Name(c))
		}
		if got, want := strings.Join(names, ","), "a,duration,a,,bad"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("gives_containers_as_compact_json", func(t *testing.T) {
		if got, want := tree.Value(at(t, tree, "duration")).Text, `[9007199254740993,"x\n\ud83d\ude00\ud800"]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("comes_back_byte_for_byte", func(t *testing.T) {
		if got := encoded(t, tree, Keep, nil); got != src {
			t.Errorf("got %q, want %q", got, src)
		}
	})
	t.Run("parents_and_ends_agree", func(t *testing.T) { checkShape(t, tree) })
}

// checkShape checks that First, Next, Parent and End tell the same tree.
func checkShape(tb testing.TB, t *Tree) {
	tb.Helper()
	seen := 0
	for n := range int32(t.Len()) {
		last := n + 1
		for c := t.First(n); c != none; c = t.Next(c) {
			if t.Parent(c) != n {
				tb.Fatalf("parent of %d: got %d, want %d", c, t.Parent(c), n)
			}
			if c != last {
				tb.Fatalf("child of %d: got %d, want %d", n, c, last)
			}
			last = t.End(c)
			seen++
		}
		if t.End(n) != last {
			tb.Fatalf("end of %d: got %d, want %d", n, t.End(n), last)
		}
	}
	if seen != t.Len()-1 {
		tb.Fatalf("children: got %d, want %d", seen, t.Len()-1)
	}
}

func TestJSONEncode(t *testing.T) {
	const src = ` { "a" : 1 , "b" : { "c" : [ 1, 2 , 3 ] , "d" : "\u0064" } , "a" : 2 } `
	cases := []struct {
		behaviour string
		unlisted  Act
		decide    func(t *Tree, p *Plan)
		want      string
	}{
		{"nothing_listed_leaves_an_empty_root", Remove, func(*Tree, *Plan) {}, `{}`},
		{"kept_values_bring_their_ancestors", Remove, func(t *Tree, p *Plan) { p.Decide(child(t, child(t, 0, "b"), "d"), Keep) }, `{"b":{"d":"\u0064"}}`},
		{"keep_all_is_compact_below_removed", Remove, func(t *Tree, p *Plan) { p.Decide(child(t, 0, "b"), KeepAll) }, `{"b":{"c":[1,2,3],"d":"\u0064"}}`},
		{"a_deeper_remove_holds_in_keep_all", Remove, func(t *Tree, p *Plan) {
			p.Decide(child(t, 0, "b"), KeepAll)
			p.Decide(child(t, child(t, 0, "b"), "d"), Remove)
		}, `{"b":{"c":[1,2,3]}}`},
		{"a_container_emptied_by_remove_stays", Remove, func(t *Tree, p *Plan) { p.Decide(child(t, child(t, 0, "b"), "d"), Remove) }, `{"b":{}}`},
		{"a_deeper_keep_holds_in_remove", Keep, func(t *Tree, p *Plan) {
			p.Decide(child(t, 0, "b"), Remove)
			p.Decide(child(t, child(t, 0, "b"), "d"), Keep)
		}, ` { "a" : 1 , "b" : {"d":"\u0064"} , "a" : 2 } `},
		{"a_removed_container_goes_whole", Keep, func(t *Tree, p *Plan) {
			p.Decide(child(t, 0, "b"), Remove)
			p.Decide(child(t, child(t, 0, "b"), "d"), Remove)
		}, ` { "a" : 1 , "a" : 2 } `},
		{"removing_the_first_keeps_commas_right", Keep, func(t *Tree, p *Plan) { p.Decide(t.First(0), Remove) }, ` { "b" : { "c" : [ 1, 2 , 3 ] , "d" : "\u0064" } , "a" : 2 } `},
		{"removing_the_last_keeps_commas_right", Keep, func(t *Tree, p *Plan) { p.Decide(t.Next(child(t, 0, "b")), Remove) }, ` { "a" : 1 , "b" : { "c" : [ 1, 2 , 3 ] , "d" : "\u0064" } } `},
		{"replacing_keeps_white_space", Keep, func(t *Tree, p *Plan) { p.ReplaceWith(t.First(0), Value{String, "x\"\n\xed\xa0\x80é"}) },
			` { "a" : "x\"\n\ud800é" , "b" : { "c" : [ 1, 2 , 3 ] , "d" : "\u0064" } , "a" : 2 } `},
		{"replacing_puts_containers_in_whole", Remove, func(t *Tree, p *Plan) { p.ReplaceWith(child(t, 0, "b"), Value{Array, `[true]`}) }, `{"b":[true]}`},
		{"elements_have_their_own_unlisted", Keep, func(t *Tree, p *Plan) {
			p.SetUnlisted(child(t, 0, "b"), Remove)
			p.Decide(child(t, child(t, 0, "b"), "d"), Keep)
		}, ` { "a" : 1 , "b" : {"d":"\u0064"} , "a" : 2 } `},
		{"elements_with_unlisted_keep_stay", Remove, func(t *Tree, p *Plan) { p.SetUnlisted(child(t, 0, "b"), Keep) }, `{"b":{"c":[1,2,3],"d":"\u0064"}}`},
		{"a_dropped_container_goes_with_all_below", Remove, func(t *Tree, p *Plan) {
			p.Decide(child(t, child(t, 0, "b"), "d"), Keep)
			p.Decide(child(t, 0, "b"), Drop)
			p.Decide(t.First(0), Keep)
		}, `{"a":1}`},
		{"deciding_again_overwrites", Remove, func(t *Tree, p *Plan) {
			p.ReplaceWith(t.First(0), Value{Kind: Null})
			p.Decide(t.First(0), Keep)
		}, `{"a":1}`},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			tree := decodeAs(t, JSON, "", src)
			var plan *Plan
			got := encoded(t, tree, c.unlisted, func(p *Plan) { plan = p; c.decide(tree, p) })
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			checkWritten(t, tree, plan, c.want)
		})
	}
	for _, c := range [][2]string{{"[1]", "[]"}, {"5", "null"}, {`"x"`, "null"}} {
		t.Run("root_"+c[0], func(t *testing.T) {
			if got := encoded(t, decodeAs(t, JSON, "", c[0]), Remove, nil); got != c[1] {
				t.Errorf("got %s, want %s", got, c[1])
			}
		})
	}
}

// checkWritten checks that as many nodes are said to be written as there are, where no container was put in.
func checkWritten(t *testing.T, tree *Tree, p *Plan, out string) {
	t.Helper()
	n := 0
	for i := range int32(tree.Len()) {
		if v, ok := p.Replacement(i); ok && v.Kind == Array {
			return
		}
		if p.Written(i) {
			n++
		}
	}
	if want := decodeAs(t, JSON, "", out).Len(); n != want && n != 0 {
		t.Errorf("written: got %d nodes, want %d", n, want)
	}
}

func TestJSONFaults(t *testing.T) {
	cases := []struct {
		behaviour, src string
		offset, line   int
	}{
		{"ends_early", `{"a":1`, 6, 1},
		{"python_literal", `{'a': 1}`, 1, 1},
		{"more_after_the_value", "{}\n x", 4, 2},
		{"unexpected_character", "[1,\n2,\n}", 5, 2},
		{"utf16", "{\x00}\x00", 1, 1},
		{"number_with_leading_zero", "[01]", 2, 1},
		{"control_in_string", "[\"a\nb\"]", 3, 1},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			_, err := Decode(JSON, "", []byte(c.src), Limits{})
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if syntax.Offset != c.offset || syntax.Line != c.line {
				t.Errorf("got byte %d line %d, want byte %d line %d", syntax.Offset, syntax.Line, c.offset, c.line)
			}
			if _, err = Decode("", "application/json", []byte(c.src), Limits{}); c.behaviour != "more_after_the_value" && !errors.Is(err, ErrOpaque) {
				t.Errorf("by looking: got %v, want ErrOpaque", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("depth_128_is_allowed", func(t *testing.T) {
		if _, err := Decode(JSON, "", []byte(strings.Repeat("[", 128)+strings.Repeat("]", 128)), Limits{}); err != nil {
			t.Error(err)
		}
	})
	for _, form := range []Form{JSON, NDJSON, ""} {
		t.Run("depth_100000_is_refused_as_"+string(form), func(t *testing.T) {
			src := strings.Repeat("[", 100000) + strings.Repeat("]", 100000)
			if _, err := Decode(form, "", []byte(src), Limits{}); !errors.Is(err, ErrDepth) {
				t.Errorf("got %v, want ErrDepth", err)
			}
		})
	}
	t.Run("depth_of_xml", func(t *testing.T) {
		if _, err := Decode(XML, "", []byte(strings.Repeat("<a>", 100000)), Limits{}); !errors.Is(err, ErrDepth) {
			t.Errorf("got %v, want ErrDepth", err)
		}
	})
	t.Run("depth_of_groups", func(t *testing.T) {
		if _, err := Decode(Protobuf, "", []byte(strings.Repeat("\x0b", 100000)), Limits{}); !errors.Is(err, ErrDepth) {
			t.Errorf("got %v, want ErrDepth", err)
		}
	})
	t.Run("size", func(t *testing.T) {
		if _, err := Decode(JSON, "", []byte(`{"a":1}`), Limits{MaxBytes: 6}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})
	t.Run("a_million_elements_are_allowed", func(t *testing.T) {
		tree := decodeAs(t, "", "", "["+strings.Repeat("1,", 1e6-1)+"1]")
		if tree.Len() != 1e6+1 {
			t.Errorf("got %d nodes, want %d", tree.Len(), int(1e6)+1)
		}
	})
	t.Run("nodes", func(t *testing.T) {
		if _, err := Decode(JSON, "", []byte("["+strings.Repeat("1,", 3e6)+"1]"), Limits{}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})
}
