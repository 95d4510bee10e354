package body

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// fuzzForms are what the first byte of a fuzz input chooses from.
var fuzzForms = []Form{"", JSON, NDJSON, FormData, Query, Envelope, Multipart, XML, Protobuf, Text}

// fuzzLimits are small, so that the limits are met too.
var fuzzLimits = Limits{MaxBytes: 1 << 20, MaxDepth: 20, MaxNodes: 1 << 14}

// seed adds the bodies of the corpus and odd ones of each form.
func seed(f *testing.F) {
	f.Helper()
	for _, s := range corpus(f) {
		form := byte(0)
		if s.format == "sentry-envelope" {
			form = 5
		}
		f.Add(form, s.contentType, s.body, []byte{1, 2, 3})
	}
	for form, src := range map[byte]string{
		1: "\xef\xbb\xbf [1e400,\"\\ud800\",{\"dur\\u0061tion\":1,\"duration\":2},9007199254740993,\"\xff\"] ",
		2: "{\"a\": 1}\r\n\n{\"a\": 2}\n", 3: "a=1&&b%20=x+y&flag&=v&", 4: "?a=%zz&b",
		5: env, 6: "--b\r\nContent-Disposition: form-data; name=\"a\"; filename*=UTF-8''x\r\nContent-Type: t\r\n\r\nx\r\n--b--\r\n",
		7: xmlSrc, 8: protoSrc, 9: "text",
	} {
		f.Add(form, "", []byte(src), []byte{0, 1, 2, 3, 4, 5, 6, 7})
	}
}

// FuzzIdentity checks that decoding and encoding without changes gives back the bytes.
func FuzzIdentity(f *testing.F) {
	seed(f)
	f.Fuzz(fuzzIdentity)
}

func fuzzIdentity(t *testing.T, form byte, contentType string, src, _ []byte) {
	tree, err := Decode(fuzzForms[int(form)%len(fuzzForms)], contentType, src, fuzzLimits)
	if err != nil {
		checkError(t, err)
		return
	}
	defer tree.Release()
	checkShape(t, tree)
	for n := range int32(tree.Len()) {
		_, _ = tree.Name(n), tree.Text(n)
	}
	if got := encoded(t, tree, Keep, nil); got != string(src) {
		t.Errorf("got %q, want %q", got, src)
	}
	if canonical(tree) {
		checkIdentity(t, tree)
	}
	checkNothingSlips(t, tree)
}

// canonical reports whether a tree also comes back byte for byte where its structure is put together anew, which it is
// once anything changed: then what is between the parts of a multipart body and empty lines of an envelope go.
func canonical(t *Tree) bool {
	switch t.form {
	case Multipart, Envelope:
		return false
	case Form(""):
		return false
	}
	return true
}

// checkError checks that an error is one that callers know.
func checkError(t *testing.T, err error) {
	t.Helper()
	var syntax *SyntaxError
	for _, known := range []error{ErrTooLarge, ErrRatio, ErrCoding, ErrDepth, ErrOpaque, ErrEmpty} {
		if errors.Is(err, known) {
			return
		}
	}
	if !errors.As(err, &syntax) {
		t.Errorf("unknown error %v", err)
	}
}

// FuzzRemove checks that a body whose undecided nodes go holds the texts of decided nodes and no other, and is of its form.
func FuzzRemove(f *testing.F) {
	seed(f)
	f.Fuzz(fuzzRemove)
}

func fuzzRemove(t *testing.T, form byte, contentType string, src, choice []byte) {
	tree, err := Decode(fuzzForms[int(form)%len(fuzzForms)], contentType, src, fuzzLimits)
	if err != nil || len(choice) == 0 {
		return
	}
	p := NewPlan(tree, Remove)
	kept := map[string]int{}
	texts := "" // of XML, where runs that were apart become one
	for n := range int32(tree.Len()) {
		if tree.First(n) != none || choice[int(n)%len(choice)]%3 != 0 {
			continue
		}
		p.Decide(n, Keep)
		if tree.form == XML && tree.Name(n) == "#text" {
			texts += tree.Text(n)
		}
		kept[tree.Name(n)+"\x00"+string(tree.Kind(n))+tree.Text(n)]++
	}
	out, err := Encode(nil, tree, p)
	if err != nil {
		checkError(t, err)
		return
	}
	if len(out) == 0 || tree.form == FormData && !pairs(out) {
		return // a name of a form that begins as structured data is refused where it comes first
	}
	if tree.form == Multipart {
		contentType = "multipart/form-data; boundary=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(tree.mime.boundary) + `"`
	}
	again, err := Decode(tree.form, contentType, out, Limits{MaxDepth: 30})
	if err != nil {
		t.Fatalf("%s: what is written is not readable: %v in %q from %q", tree.form, err, out, src)
	}
	for n := range int32(again.Len()) {
		if again.form == XML && again.Name(n) == "#text" {
			if !strings.HasPrefix(texts, again.Text(n)) {
				t.Fatalf("xml: texts that were not kept: %q from %q", out, src)
			}
			texts = texts[len(again.Text(n)):]
			continue
		}
		key := again.Name(n) + "\x00" + string(again.Kind(n)) + again.Text(n)
		if again.First(n) != none || again.Text(n) == "" || structural(again, n) {
			continue
		}
		if kept[key]--; kept[key] < 0 {
			t.Fatalf("%s: %q was not kept: %q from %q", tree.form, key, out, src)
		}
	}
}

// structural reports whether a leaf is there for the form's sake: a length in an envelope, a namespace in XML.
func structural(t *Tree, n int32) bool {
	switch t.form {
	case Envelope:
		return t.Name(n) == "length"
	case XML:
		return strings.HasPrefix(t.Name(n), "@xmlns")
	case Protobuf:
		return t.Kind(n) == Bytes // bytes of a kept message may be read as other messages in another company
	}
	return false
}

// FuzzKeep checks that a body from which some nodes were taken or changed is still of its form, and lost none of the others.
func FuzzKeep(f *testing.F) {
	seed(f)
	f.Fuzz(fuzzKeep)
}

func fuzzKeep(t *testing.T, form byte, contentType string, src, choice []byte) {
	tree, err := Decode(fuzzForms[int(form)%len(fuzzForms)], contentType, src, fuzzLimits)
	if err != nil || len(choice) == 0 || tree.form == Text {
		return
	}
	p := NewPlan(tree, Keep)
	for n := int32(1); n < int32(tree.Len()); n++ {
		switch choice[int(n)%len(choice)] % 8 {
		case 0:
			p.Decide(n, Remove)
		case 1:
			if tree.Kind(n) == Number && tree.form == Protobuf {
				p.ReplaceWith(n, number("7"))
			} else if k := tree.Kind(n); k != Object && k != Array {
				p.ReplaceWith(n, str("new \"<&\r\n"))
			}
		}
	}
	out, err := Encode(nil, tree, p)
	if err != nil {
		checkError(t, err)
		return
	}
	if len(out) == 0 || tree.form == FormData && !pairs(out) || tree.form == NDJSON && len(bytes.TrimSpace(out)) == 0 {
		return
	}
	if tree.form == Multipart {
		contentType = "multipart/form-data; boundary=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(tree.mime.boundary) + `"`
	}
	if _, err := Decode(tree.form, contentType, out, Limits{MaxDepth: 30}); err != nil {
		t.Fatalf("%s: what is written is not readable: %v in %q from %q", tree.form, err, out, src)
	}
}

// FuzzPlain checks that content codings come off within limits, and go on again the same way.
func FuzzPlain(f *testing.F) {
	for i, a := range []algorithm{gzipped, zlibbed, deflated, brotlied, zstandard} {
		f.Add(byte(i), coded(f, `{"a":1}`, a))
		f.Add(byte(5), coded(f, `{"a":1}`, a, gzipped))
	}
	declared := []string{"gzip", "deflate", "deflate", "br", "zstd", ""}
	f.Fuzz(func(t *testing.T, which byte, raw []byte) {
		plain, coding, err := Plain(declared[int(which)%len(declared)], raw, fuzzLimits)
		if err != nil {
			checkError(t, err)
			return
		}
		if len(plain) > 1<<20 || len(plain) > max(100*len(raw), ratioFloor) {
			t.Fatalf("%d bytes from %d", len(plain), len(raw))
		}
		again, err := coding.Apply(plain)
		if err != nil {
			t.Fatal(err)
		}
		back, coding2, err := Plain(coding.String(), again, Limits{MaxRatio: 1 << 20})
		if err != nil || !bytes.Equal(back, plain) || coding2.String() != coding.String() {
			t.Fatalf("applied again: %v, %d bytes, want %d", err, len(back), len(plain))
		}
	})
}

// FuzzOpen checks that what is opened without changes closes to the same value, or that it is refused.
func FuzzOpen(f *testing.F) {
	lists := [][]string{{"base64", "json"}, {"base64url", "json"}, {"base64"}, {"json"}, {"form"}, {"query"}, {"base64", "form"}}
	for i := range lists {
		f.Add(byte(i), `{"a":1}`)
		f.Add(byte(i), "eyJhIjoxfQ")
		f.Add(byte(i), "eyJhIjoxfQ==")
	}
	f.Fuzz(func(t *testing.T, which byte, text string) {
		o, err := Open(lists[int(which)%len(lists)], str(text), fuzzLimits)
		if err != nil {
			checkError(t, err)
			return
		}
		got, err := o.Close([]byte(encoded(t, o.Tree, Keep, nil)))
		if err != nil || got.Text != text {
			t.Fatalf("%v: got %q, %v, want %q", o.codecs, got.Text, err, text)
		}
	})
}
