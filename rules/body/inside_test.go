package body

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestInside(t *testing.T) {
	const doc = `{"a":1,"b":"??>"}`
	zipped := string(coded(t, doc, gzipped))
	cases := []struct {
		behaviour string
		codecs    []string
		in        Value
		form      Form
	}{
		{"base64_json", []string{"base64", "json"}, str(base64.StdEncoding.EncodeToString([]byte(doc))), JSON},
		{"base64_without_padding", []string{"base64", "json"}, str(base64.RawStdEncoding.EncodeToString([]byte(doc))), JSON},
		{"base64url_padded", []string{"base64url", "json"}, str(base64.URLEncoding.EncodeToString([]byte(doc))), JSON},
		{"base64url_without_padding", []string{"base64url", "json"}, str(base64.RawURLEncoding.EncodeToString([]byte(doc))), JSON},
		{"json", []string{"json"}, str(doc), JSON},
		{"form", []string{"form"}, str("a=1&b=2"), FormData},
		{"query", []string{"query"}, str("?a=1&b=2"), Query},
		{"base64_gzip_json", []string{"base64", "gzip", "json"}, str(base64.StdEncoding.EncodeToString([]byte(zipped))), JSON},
		{"gzip_in_bytes", []string{"gzip", "json"}, Value{Bytes, zipped}, JSON},
		{"base64_alone_is_a_string", []string{"base64"}, str("aGVsbG8="), Text},
		{"base64_twice", []string{"base64", "base64", "query"}, str(base64.StdEncoding.EncodeToString([]byte("YT0x"))), Query},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			if err := CheckInside(c.codecs); err != nil {
				t.Fatal(err)
			}
			o, err := Open(c.codecs, c.in, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if o.Tree.Form() != c.form {
				t.Errorf("form: got %s, want %s", o.Tree.Form(), c.form)
			}
			got, err := o.Close([]byte(encoded(t, o.Tree, Keep, nil)))
			if err != nil || got != c.in {
				t.Errorf("got %q, %v, want %q", got, err, c.in)
			}
		})
	}
	t.Run("changes_are_encoded", func(t *testing.T) {
		o, err := Open([]string{"base64url", "json"}, str(base64.RawURLEncoding.EncodeToString([]byte(doc))), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.Close([]byte(encoded(t, o.Tree, Remove, func(p *Plan) { p.Decide(at(t, o.Tree, "a"), Keep) })))
		if want := base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`)); err != nil || got.Text != want {
			t.Errorf("got %q, %v, want %q", got.Text, err, want)
		}
	})
	t.Run("bytes_in_base64_are_bytes", func(t *testing.T) {
		o, err := Open([]string{"base64"}, str("/w=="), Limits{})
		if err != nil || o.Tree.Kind(0) != Bytes || o.Tree.Text(0) != "\xff" {
			t.Errorf("got %v, %v", o, err)
		}
	})
	t.Run("an_empty_string_is_empty", func(t *testing.T) {
		if _, err := Open([]string{"base64", "json"}, str(""), Limits{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("got %v, want ErrEmpty", err)
		}
	})
}

func TestInsideFaults(t *testing.T) {
	cases := []struct {
		behaviour string
		codecs    []string
		in        Value
		want      error
	}{
		{"not_base64", []string{"base64"}, str("a*b"), ErrCoding},
		{"other_alphabet", []string{"base64"}, str("_-__"), ErrCoding},
		{"line_ends", []string{"base64"}, str("aGVs\nbG8="), ErrCoding},
		{"spare_bits", []string{"base64"}, str("aGVsbG9="), ErrCoding},
		{"not_gzip", []string{"gzip"}, str("hello"), ErrCoding},
		{"trailing_garbage", []string{"gzip"}, Value{Bytes, string(coded(t, "x", gzipped)) + "x"}, ErrCoding},
		{"ratio", []string{"gzip"}, Value{Bytes, string(coded(t, strings.Repeat("x", 1<<20), gzipped))}, ErrRatio},
		{"a_number", []string{"json"}, number("5"), ErrCoding},
		{"depth", []string{"json"}, str(strings.Repeat("[", 200)), ErrDepth},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			if _, err := Open(c.codecs, c.in, Limits{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("not_json", func(t *testing.T) {
		var syntax *SyntaxError
		if _, err := Open([]string{"json"}, str("{'a'}"), Limits{}); !errors.As(err, &syntax) {
			t.Errorf("got %v, want a SyntaxError", err)
		}
	})
	for _, codecs := range [][]string{nil, {"rot13"}, {"json", "base64"}} {
		t.Run("check_"+strings.Join(codecs, "_"), func(t *testing.T) {
			if CheckInside(codecs) == nil {
				t.Error("got no error")
			}
		})
	}
}
