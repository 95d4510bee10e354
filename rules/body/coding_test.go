package body

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// coded applies codings or fails the test.
func coded(tb testing.TB, plain string, layers ...algorithm) []byte {
	tb.Helper()
	var c Coding
	c.n = copy(c.layers[:], layers)
	out, err := c.Apply([]byte(plain))
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestPlain(t *testing.T) {
	const text = `{"event":"playback:itemend","properties":{"duration":5640}}`
	cases := []struct {
		behaviour, declared string
		layers              []algorithm
		want                string
	}{
		{"identity", "", nil, ""},
		{"identity_by_name", "identity", nil, ""},
		{"gzip", "gzip", []algorithm{gzipped}, "gzip"},
		{"gzip_in_capitals_and_with_its_old_name", "X-GZIP", []algorithm{gzipped}, "gzip"},
		{"gzip_undeclared", "", []algorithm{gzipped}, "gzip"},
		{"deflate_as_zlib", "deflate", []algorithm{zlibbed}, "deflate"},
		{"deflate_without_wrapper", "deflate", []algorithm{deflated}, "deflate"},
		{"br", "br", []algorithm{brotlied}, "br"},
		{"zstd", "zstd", []algorithm{zstandard}, "zstd"},
		{"zstd_undeclared", "", []algorithm{zstandard}, "zstd"},
		{"stacked", "br, gzip", []algorithm{brotlied, gzipped}, "br, gzip"},
		{"undeclared_below_declared", "br", []algorithm{gzipped, brotlied}, "gzip, br"},
		{"deflate_as_zlib_undeclared", "", []algorithm{zlibbed}, "deflate"},
		{"deflate_without_wrapper_undeclared", "", []algorithm{deflated}, "deflate"},
		{"br_undeclared", "", []algorithm{brotlied}, "br"},
		{"br_undeclared_below_gzip", "gzip", []algorithm{brotlied, gzipped}, "br, gzip"},
	}
	for _, c := range cases {
		t.Run(c.behaviour, func(t *testing.T) {
			raw := coded(t, text, c.layers...)
			plain, coding, err := Plain(c.declared, raw, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if string(plain) != text {
				t.Errorf("got %q, want %q", plain, text)
			}
			if coding.String() != c.want || coding.Identity() != (c.want == "") {
				t.Errorf("coding: got %q, want %q", coding, c.want)
			}
			for range 2 {
				again, err := coding.Apply(plain)
				if err != nil || !bytes.Equal(again, raw) {
					t.Errorf("applied again: %d bytes, %v; want the same %d bytes", len(again), err, len(raw))
				}
			}
		})
	}
	t.Run("an_empty_body_stays_empty", func(t *testing.T) {
		plain, coding, err := Plain("gzip", nil, Limits{})
		if out, errApply := coding.Apply(plain); err != nil || errApply != nil || len(out) != 0 {
			t.Errorf("got %d bytes, %v, %v", len(out), err, errApply)
		}
	})
}

func TestPlainFaults(t *testing.T) {
	zeros := strings.Repeat("\x00", 4<<20)
	for _, a := range []algorithm{gzipped, zlibbed, deflated, brotlied, zstandard} {
		name := Coding{layers: [maxCodings]algorithm{a}, n: 1}.String()
		raw := coded(t, `{"a":1}`, a)
		t.Run("trailing_garbage_after_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, append(raw[:len(raw):len(raw)], "garbage"...), Limits{}); !errors.Is(err, ErrCoding) {
				t.Errorf("got %v, want ErrCoding", err)
			}
		})
		t.Run("one_byte_after_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, append(raw[:len(raw):len(raw)], 0), Limits{}); !errors.Is(err, ErrCoding) {
				t.Errorf("got %v, want ErrCoding", err)
			}
		})
		t.Run("truncated_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, raw[:len(raw)-2], Limits{}); !errors.Is(err, ErrCoding) {
				t.Errorf("got %v, want ErrCoding", err)
			}
		})
		t.Run("ratio_of_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, coded(t, zeros, a), Limits{}); !errors.Is(err, ErrRatio) {
				t.Errorf("got %v, want ErrRatio", err)
			}
		})
		t.Run("size_of_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, coded(t, zeros, a), Limits{MaxBytes: 1 << 20, MaxRatio: 1 << 20}); !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v, want ErrTooLarge", err)
			}
		})
		t.Run("not_"+name, func(t *testing.T) {
			if _, _, err := Plain(name, []byte(`{"a":1}`), Limits{}); !errors.Is(err, ErrCoding) {
				t.Errorf("got %v, want ErrCoding", err)
			}
		})
	}
	t.Run("a_tiny_body_may_grow_to_64_KiB", func(t *testing.T) {
		if _, _, err := Plain("gzip", coded(t, zeros[:64<<10], gzipped), Limits{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("ratio_counts_from_the_outermost_coding", func(t *testing.T) {
		if _, _, err := Plain("gzip, gzip", coded(t, zeros, gzipped, gzipped), Limits{}); !errors.Is(err, ErrRatio) {
			t.Errorf("got %v, want ErrRatio", err)
		}
	})
	t.Run("five_codings_are_refused", func(t *testing.T) {
		raw := coded(t, "x", gzipped, gzipped, gzipped, gzipped)
		if _, _, err := Plain("", raw, Limits{}); err != nil {
			t.Errorf("four: %v", err)
		}
		if _, _, err := Plain("", coded(t, string(raw), gzipped), Limits{}); !errors.Is(err, ErrCoding) {
			t.Errorf("five: got %v, want ErrCoding", err)
		}
	})
	t.Run("unknown_coding", func(t *testing.T) {
		if _, _, err := Plain("compress", []byte("x"), Limits{}); !errors.Is(err, ErrCoding) {
			t.Errorf("got %v, want ErrCoding", err)
		}
	})
	t.Run("size_without_coding", func(t *testing.T) {
		if _, _, err := Plain("", []byte("xx"), Limits{MaxBytes: 1}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})
}

// TestPlainLeavesAlone is for bodies that a decoder could take for a coding without marks.
func TestPlainLeavesAlone(t *testing.T) {
	for behaviour, raw := range map[string]string{
		"text_with_the_marks_of_zlib": "x^2 + y^2", "text": "hello", "message_pack": "\x82\xa1a\x01\xa1b\x02", "empty_br": "\x06", "minidump": "MDMP\x93\xa7\x00\x00\x0f",
		"protobuf": "\x08\x96\x01\x12\x04anna", "utf16": "\xff\xfe{\x00}\x00", "truncated_zlib": "x\x9c\xabVJT\xb22", "br_of_noise": string(coded(t, "\x00\x01\xfe\xff\x00\x02", brotlied)),
		"br_cut_short": string(coded(t, `{"event":"playback:itemend"}`, brotlied)[:20]), "br_with_more_behind": string(coded(t, `{"event":1}`, brotlied)) + "x",
	} {
		t.Run(behaviour, func(t *testing.T) {
			plain, coding, err := Plain("", []byte(raw), Limits{})
			if err != nil || string(plain) != raw || !coding.Identity() {
				t.Errorf("got %q in %q, %v; want it as it came", plain, coding, err)
			}
		})
	}
}
