package body

import (
	"errors"
	"testing"
)

// encodeCase is a body, decisions by path, and what must leave.
type encodeCase struct {
	behaviour   string
	form        Form
	contentType string
	src         string
	unlisted    Act
	acts        map[string]Act
	values      map[string]Value
	want        string
}

func runEncodeCases(t *testing.T, cases []encodeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			tree := decodeAs(t, c.form, c.contentType, c.src)
			checkShape(t, tree)
			got := encoded(t, tree, c.unlisted, func(p *Plan) {
				for path, act := range c.acts {
					p.Decide(at(t, tree, path), act)
				}
				for path, v := range c.values {
					p.ReplaceWith(at(t, tree, path), v)
				}
			})
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// textCase is what one node of a tree must be.
type textCase struct {
	behaviour, path string
	kind            Kind
	text            string
}

func runTextCases(t *testing.T, tree *Tree, cases []textCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			n := at(t, tree, c.path)
			if got := tree.Kind(n); got != c.kind {
				t.Errorf("kind: got %q, want %q", got, c.kind)
			}
			if got := tree.Text(n); got != c.text {
				t.Errorf("text: got %q, want %q", got, c.text)
			}
		})
	}
}

func str(text string) Value { return Value{Kind: String, Text: text} }

func TestForm(t *testing.T) {
	const src = "a=1&&b%20b=x+y%2Fz&a=2&flag&bad=%zz&=v&"
	runTextCases(t, decodeAs(t, FormData, "", src), []textCase{
		{"value", "a", String, "1"},
		{"decodes_names_and_values", "b b", String, "x y/z"},
		{"a_name_alone_is_empty", "flag", String, ""},
		{"a_bad_escape_stands_for_itself", "bad", String, "%zz"},
	})
	runEncodeCases(t, []encodeCase{
		{"keeps_all", FormData, "", src, Keep, nil, nil, src},
		{"removes_the_first", FormData, "", src, Keep, map[string]Act{"a": Remove}, nil, "b%20b=x+y%2Fz&a=2&flag&bad=%zz&=v&"},
		{"removes_between", FormData, "", src, Keep, map[string]Act{"b b": Remove}, nil, "a=1&a=2&flag&bad=%zz&=v&"},
		{"replaces_with_escapes", FormData, "", "a=1&b=2", Keep, nil, map[string]Value{"a": str("x &=é")}, "a=x+%26%3D%C3%A9&b=2"},
		{"replaces_a_name_alone", FormData, "", "flag", Keep, nil, map[string]Value{"flag": {Kind: True}}, "flag=true"},
		{"removes_all", FormData, "", "a=1", Keep, map[string]Act{"a": Remove}, nil, ""},
		{"unlisted_members_go", FormData, "", src, Remove, map[string]Act{"b b": Keep, "bad": Keep}, nil, "b%20b=x+y%2Fz&bad=%zz"},
		{"a_query_keeps_its_mark", Query, "", "?a=1&b=2", Remove, map[string]Act{"b": Keep}, nil, "?b=2"},
		{"a_name_with_a_question_mark_is_no_query_mark", Query, "", "a=1&?b=2", Remove, map[string]Act{"?b": Keep}, nil, "%3Fb=2"},
		{"a_query_has_spaces_as_percent_20", Query, "", "a=1", Keep, nil, map[string]Value{"a": str("x y")}, "a=x%20y"},
		{"a_form_replaced_by_an_object", FormData, "", "a=1", Keep, nil, map[string]Value{"": {Object, `{"x":"y z","n":5}`}}, "x=y+z&n=5"},
	})
}

func TestNDJSON(t *testing.T) {
	const src = "{\"a\": 1}\r\n\n{\"a\": 2, \"b\": 3}\n[4]"
	tree := decodeAs(t, NDJSON, "", src)
	runTextCases(t, tree, []textCase{
		{"is_an_array", "", Array, ""},
		{"of_documents", "1.b", Number, "3"},
		{"of_any_kind", "2.0", Number, "4"},
	})
	runEncodeCases(t, []encodeCase{
		{"keeps_all", NDJSON, "", src, Keep, nil, nil, src},
		{"removes_a_document", NDJSON, "", src, Keep, map[string]Act{"1": Remove}, nil, "{\"a\": 1}\n[4]"},
		{"removes_the_first", NDJSON, "", src, Keep, map[string]Act{"0": Remove}, nil, "{\"a\": 2, \"b\": 3}\n[4]"},
		{"unlisted_members_go", NDJSON, "", src, Remove, map[string]Act{"1.a": Keep, "2": KeepAll}, nil, "{\"a\":2}\n[4]\n"},
		{"nothing_listed_leaves_nothing", NDJSON, "", src, Remove, nil, nil, ""},
		{"replaced_whole", NDJSON, "", src, Keep, nil, map[string]Value{"": {Array, `[{"x": 1}, 2]`}}, "{\"x\":1}\n2\n"},
	})
	t.Run("empty_lines_alone_stay", func(t *testing.T) { checkIdentity(t, decodeAs(t, NDJSON, "", "\n\n")) })
	for _, c := range [][2]string{{"two_values_in_a_line", "{} {}\n"}, {"a_value_over_two_lines", "{\n}\n"}, {"not_json", "x\n"}} {
		t.Run(c[0], func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Decode(NDJSON, "", []byte(c[1]), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("got %v, want a SyntaxError", err)
			}
		})
	}
}

func TestText(t *testing.T) {
	runEncodeCases(t, []encodeCase{
		{"kept", Text, "", "hello\n", Remove, map[string]Act{"": Keep}, nil, "hello\n"},
		{"unlisted", Text, "", "hello\n", Remove, nil, nil, ""},
		{"replaced", Text, "", "hello\n", Keep, nil, map[string]Value{"": str("x")}, "x"},
		{"python_literal_by_name", Text, "", "{'a': 1}", Keep, nil, nil, "{'a': 1}"},
	})
	t.Run("bytes_are_no_text", func(t *testing.T) {
		if _, err := Decode(Text, "", []byte("\xff"), Limits{}); !errors.Is(err, ErrOpaque) {
			t.Errorf("got %v, want ErrOpaque", err)
		}
	})
}

func TestMultipart(t *testing.T) {
	const ct = `multipart/form-data; boundary="b.oOo."`
	const src = "preamble\r\n--b.oOo.\r\nContent-Disposition: form-data; name=\"version\"\r\n\r\n2.58\r\n" +
		"--b.oOo. \t\r\ncontent-type: application/octet-stream\r\nX-Extra: 1\r\n" +
		"Content-Disposition: form-data; name=file;\r\n filename=\"a \\\"b\\\".dmp\"; filename*=UTF-8''a%20+.dmp\r\n\r\nMDMP\x00\r\n--b.oOo.x\r\n" +
		"\r\n--b.oOo.--\r\nepilogue"
	tree := decodeAs(t, Multipart, ct, src)
	runTextCases(t, tree, []textCase{
		{"name", "0.name", String, "version"},
		{"text_body", "0.body", String, "2.58"},
		{"type", "1.type", String, "application/octet-stream"},
		{"name_without_quotes", "1.name", String, "file"},
		{"filename_unescaped", "1.filename", String, `a "b".dmp`},
		{"binary_body_past_a_longer_boundary", "1.body", Bytes, "MDMP\x00\r\n--b.oOo.x\r\n"},
	})
	t.Run("extended_filename", func(t *testing.T) {
		n := tree.Next(at(t, tree, "1.filename"))
		if got := tree.Name(n) + "=" + tree.Text(n); got != "filename=a +.dmp" {
			t.Errorf("got %q", got)
		}
	})
}

func TestMultipartEncode(t *testing.T) {
	const ct = `multipart/form-data; boundary=b`
	const one = "Content-Disposition: form-data; name=\"version\"\r\n\r\n2.58\r\n"
	const two = "X-Extra: 1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my film.dmp\"\r\nContent-Type: application/x-dmp\r\nContent-Transfer-Encoding: binary\r\n\r\nMDMP\x00\r\n"
	const src = "--b\r\n" + one + "--b\r\n" + two + "--b--\r\n"
	runEncodeCases(t, []encodeCase{
		{"keeps_all", Multipart, ct, src, Keep, nil, nil, src},
		{"boundary_found_by_looking", Multipart, "", src, Keep, map[string]Act{"1": Remove}, nil, "--b\r\n" + one + "--b--\r\n"},
		{"removes_a_part", Multipart, ct, src, Keep, map[string]Act{"0": Remove}, nil, "--b\r\n" + two + "--b--\r\n"},
		{"removes_a_filename", Multipart, ct, src, Keep, map[string]Act{"1.filename": Remove}, nil,
			"--b\r\n" + one + "--b\r\nX-Extra: 1\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: application/x-dmp\r\nContent-Transfer-Encoding: binary\r\n\r\nMDMP\x00\r\n--b--\r\n"},
		{"removes_a_type", Multipart, ct, src, Keep, map[string]Act{"1.type": Remove}, nil,
			"--b\r\n" + one + "--b\r\nX-Extra: 1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my film.dmp\"\r\nContent-Transfer-Encoding: binary\r\n\r\nMDMP\x00\r\n--b--\r\n"},
		{"replaces_without_breaking_the_header", Multipart, ct, src, Keep, map[string]Act{"0": Remove}, map[string]Value{"1.filename": str("a\"\r\nX: y"), "1.type": str("a/b\r\nX: y"), "1.body": str("")},
			"--b\r\nX-Extra: 1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22%0D%0AX: y\"\r\nContent-Type: a/b  X: y\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--b--\r\n"},
		{"unlisted_members_go", Multipart, ct, src, Remove, map[string]Act{"0.name": Keep, "1.body": Keep}, map[string]Value{"0.body": str("2")},
			"--b\r\nContent-Disposition: form-data; name=\"version\"\r\n\r\n2\r\n--b\r\nContent-Disposition: form-data\r\nContent-Transfer-Encoding: binary\r\n\r\nMDMP\x00\r\n--b--\r\n"},
		{"a_part_kept_whole_is_written_anew", Multipart, ct, src, Remove, map[string]Act{"1": KeepAll}, nil,
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my film.dmp\"\r\nContent-Type: application/x-dmp\r\nContent-Transfer-Encoding: binary\r\n\r\nMDMP\x00\r\n--b--\r\n"},
		{"a_body_in_a_bare_part", Multipart, ct, "--b\r\n\r\n--b--\r\n", Keep, nil, map[string]Value{"0.body": str("x")}, "--b\r\n\r\nx\r\n--b--\r\n"},
		{"nothing_listed_leaves_no_part", Multipart, ct, src, Remove, nil, nil, "--b--\r\n"},
	})
	t.Run("a_body_that_holds_the_boundary_is_refused", func(t *testing.T) {
		tree := decodeAs(t, Multipart, ct, src)
		p := NewPlan(tree, Keep)
		p.ReplaceWith(at(t, tree, "0.body"), str("x\r\n--b\r\n"))
		if _, err := Encode(nil, tree, p); !errors.Is(err, ErrOpaque) {
			t.Errorf("got %v, want ErrOpaque", err)
		}
	})
	for _, c := range [][3]string{
		{"no_boundary", "", "x"}, {"boundary_nowhere", ct, "x"}, {"no_last_boundary", ct, "--b\r\n\r\nx\r\n"},
		{"no_end_of_header", ct, "--b\r\nA: b\r\n--b--\r\n"}, {"quoted_string_without_an_end", ct, "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n--b--\r\n"}, {"bare_return_in_a_header", ct, "--b\r\nA: b\rc\r\n\r\n--b--\r\n"}, {"bare_return_as_the_empty_line", ct, "--b\r\n\r\r\n--b--\r\n"}, {"header_line_without_colon", ct, "--b\r\nAb\r\n\r\n--b--\r\n"},
	} {
		t.Run(c[0], func(t *testing.T) {
			var syntax *SyntaxError
			if _, err := Decode(Multipart, c[1], []byte(c[2]), Limits{}); !errors.As(err, &syntax) {
				t.Errorf("got %v, want a SyntaxError", err)
			}
		})
	}
}
