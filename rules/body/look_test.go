package body

import (
	"errors"
	"strings"
	"testing"
)

func TestLooking(t *testing.T) {
	const envelope = "{\"event_id\":\"00\"}\n{\"type\":\"event\"}\n{\"a\":1}\n"
	cases := []struct {
		behaviour, contentType, src string
		want                        Form // "" opaque
	}{
		{"json_labelled_text", "text/plain;charset=UTF-8", `{"a":1}`, JSON},
		{"json_labelled_form", "application/x-www-form-urlencoded", `{"a":1}`, JSON},
		{"json_labelled_protobuf", "application/x-protobuf", `{"a":1}`, JSON},
		{"json_with_a_mark", "", "\xef\xbb\xbf{}", JSON},
		{"a_number_is_json", "", "17", JSON},
		{"lines_of_json", "application/json", "{\"a\":1}\n{\"b\":2}\n", NDJSON},
		{"an_envelope_unlabelled_is_lines", "text/plain", envelope, NDJSON},
		{"an_envelope_labelled", "application/x-sentry-envelope", envelope, Envelope},
		{"a_form", "", "v=1&cid=8e9f&t=event%20x", FormData},
		{"a_form_labelled_with_raw_braces", "application/x-www-form-urlencoded; charset=UTF-8", `data={"a": 1}&x=y`, FormData},
		{"raw_braces_unlabelled_are_text", "", `data={"a": 1}&x=y`, Text},
		{"a_query", "", "?idsite=1&rec=1", Query},
		{"multipart_labelled", `multipart/form-data; boundary="x"`, "--x\r\n\r\na\r\n--x--\r\n", Multipart},
		{"multipart_by_its_boundary", "application/octet-stream", "--x\r\n\r\na\r\n--x--\r\n", Multipart},
		{"xml", "text/plain", "<?xml version=\"1.0\"?>\n<a/>", XML},
		{"protobuf_labelled", "application/x-protobuf; messageType=x", "\x08\x01", Protobuf},
		{"protobuf_unlabelled_is_opaque", "application/octet-stream", "\x08\x01", ""},
		{"plain_text", "text/plain", "hello, world\n", Text},
		{"text_of_other_languages", "", "größe, 大きさ", Text},
		{"a_python_literal_is_opaque", "application/x-www-form-urlencoded", `{'category': 'agent_event', 'name': 'Big%20Buck%20Bunny', 'force': False}`, ""},
		{"a_python_literal_with_an_equals_sign_is_opaque", "application/x-www-form-urlencoded", `{'a': 'x=y&z=1'}`, ""},
		{"a_python_tuple_is_opaque", "text/plain", `('a', 1)`, ""},
		{"a_python_string_is_opaque", "text/plain", `'a=b'`, ""},
		{"truncated_json_is_opaque", "application/json", `{"a":1`, ""},
		{"truncated_xml_is_opaque", "text/xml", `<a><b>`, ""},
		{"html_that_is_no_xml_is_opaque", "text/html", `<p>x<br>y`, ""},
		{"utf16_with_a_mark_is_opaque", "application/json", "\xff\xfe{\x00}\x00", ""},
		{"utf16_without_a_mark_is_opaque", "application/json", "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", ""},
		{"message_pack_is_opaque", "application/msgpack", "\x82\xa7compact\xc3\xa6schema\x00", ""},
		{"latin1_is_opaque", "text/plain", "gr\xf6\xdfe", ""},
		{"control_characters_are_opaque", "text/plain", "a\x01b", ""},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			tree, err := Decode("", c.contentType, []byte(c.src), Limits{})
			switch {
			case c.want == "" && !errors.Is(err, ErrOpaque):
				t.Errorf("got %v, %v, want ErrOpaque", tree, err)
			case c.want == "":
				return
			case err != nil:
				t.Fatal(err)
			case tree.Form() != c.want:
				t.Errorf("got %s, want %s", tree.Form(), c.want)
			}
			if got := encoded(t, tree, Keep, nil); got != c.src {
				t.Errorf("got %q, want %q", got, c.src)
			}
		})
	}
	t.Run("nothing_is_empty", func(t *testing.T) {
		if _, err := Decode("", "", nil, Limits{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("got %v, want ErrEmpty", err)
		}
	})
	t.Run("a_python_literal_is_no_form_even_by_name", func(t *testing.T) {
		var syntax *SyntaxError
		if _, err := Decode(FormData, "", []byte(`{'a': 1}`), Limits{}); !errors.As(err, &syntax) {
			t.Errorf("got %v, want a SyntaxError", err)
		}
	})
	t.Run("errors_hold_no_contents", func(t *testing.T) {
		for _, form := range []Form{"", JSON, NDJSON, FormData, Envelope, Multipart, XML, Protobuf} {
			_, err := Decode(form, "", []byte("{'Casablanca': Casablanca"), Limits{})
			if err == nil || strings.Contains(err.Error(), "Casa") || strings.Contains(err.Error(), "'C'") {
				t.Errorf("%q: got %v", form, err)
			}
		}
	})
}

// corpusForm is the form that a body of the corpus should be found to have.
var corpusForms = map[string]Form{"json": JSON, "form": FormData, "multipart": Multipart, "python-literal": ""}

func TestCorpusIsUnderstood(t *testing.T) {
	for _, s := range corpus(t) {
		t.Run(s.name+"_"+s.format, func(t *testing.T) {
			named, want := Form(""), corpusForms[s.format]
			if s.format == "sentry-envelope" {
				named, want = Envelope, Envelope
			}
			tree, err := Decode(named, s.contentType, s.body, Limits{})
			if want == "" {
				if !errors.Is(err, ErrOpaque) {
					t.Errorf("got %v, want ErrOpaque", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tree.Form() != want {
				t.Fatalf("got %s, want %s", tree.Form(), want)
			}
			checkShape(t, tree)
			checkIdentity(t, tree)
			checkNothingSlips(t, tree)
		})
	}
}

// checkIdentity checks that a plan that keeps each node by itself writes the bytes that came, whichever way it is encoded.
func checkIdentity(tb testing.TB, t *Tree) {
	tb.Helper()
	p := NewPlan(t, Keep)
	p.changed = true // the long way round
	for n := range int32(t.Len()) {
		p.Decide(n, Keep)
	}
	if got, err := Encode(nil, t, p); err != nil || string(got) != string(t.src) {
		tb.Errorf("keep: got  %q, %v\nwant %q", got, err, t.src)
	}
}

// checkNothingSlips checks that what is written without a listed node is empty in its form.
func checkNothingSlips(tb testing.TB, t *Tree) {
	tb.Helper()
	got := encoded(tb, t, Remove, nil)
	allowed := map[string]bool{"": true, "{}": true, "[]": true, "null": true, "{}\n": true, "?": true}
	switch t.form {
	case Multipart:
		allowed["--"+t.mime.boundary+"--"+t.mime.eol] = true
	case XML:
		name := t.str[t.nodes[1].name:t.nodes[1].nameEnd]
		allowed["<"+name+"/>"] = true
		allowed[`<?xml version="1.0" encoding="UTF-8"?><`+name+"/>"] = true
	}
	if !allowed[got] {
		tb.Errorf("%s: remove: got %q", t.form, got)
	}
}
