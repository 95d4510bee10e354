package body

import (
	"bytes"
	"strings"
	"testing"
)

// children returns the child of n with a name, or -1.
func child(t *Tree, n int32, name string) int32 {
	for c := t.First(n); c != none; c = t.Next(c) {
		if t.Name(c) == name {
			return c
		}
	}
	return none
}

// keepFew decides a few fields of an event, as a rule does.
func keepFew(t *Tree, p *Plan, event int32) {
	for _, name := range [...]string{"event", "type", "deviceIdentifier"} {
		if c := child(t, event, name); c != none {
			p.Decide(c, Keep)
		}
	}
	if c := child(t, event, "properties"); c != none {
		for _, name := range [...]string{"type", "duration", "playbackTime"} {
			if c := child(t, c, name); c != none {
				p.Decide(c, Keep)
			}
		}
	}
}

func BenchmarkBatchOf1MB(b *testing.B) {
	src := batch(b, 1<<20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	p := new(Plan)
	var dst []byte
	for b.Loop() {
		t, err := Decode("", "text/plain", src, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		p.Reset(t, Remove)
		for c := t.First(0); c != none; c = t.Next(c) {
			keepFew(t, p, c)
		}
		if dst, err = Encode(dst[:0], t, p); err != nil {
			b.Fatal(err)
		}
		t.Release()
	}
}

func BenchmarkDecode1MB(b *testing.B) {
	src := batch(b, 1<<20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		t, err := Decode(JSON, "", src, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		t.Release()
	}
}

func BenchmarkEventOf1KB(b *testing.B) {
	src := corpusEvent(b, 1024)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	p := new(Plan)
	var dst []byte
	for b.Loop() {
		t, err := Decode("", "text/plain", src, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		p.Reset(t, Remove)
		keepFew(t, p, 0)
		if dst, err = Encode(dst[:0], t, p); err != nil {
			b.Fatal(err)
		}
		t.Release()
	}
}

// corpusEvent is the event of the corpus whose size is nearest.
func corpusEvent(tb testing.TB, size int) []byte {
	tb.Helper()
	var best []byte
	for _, s := range corpus(tb) {
		if s.format != "json" {
			continue
		}
		if best == nil || abs(len(s.body)-size) < abs(len(best)-size) {
			best = s.body
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

func BenchmarkCodings1KB(b *testing.B) {
	src := corpusEvent(b, 1024)
	for _, a := range []algorithm{gzipped, zlibbed, brotlied, zstandard} {
		name := Coding{layers: [maxCodings]algorithm{a}, n: 1}.String()
		raw := coded(b, string(src), a)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plain, c, err := Plain(name, raw, Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Apply(plain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkForms(b *testing.B) {
	p := new(Plan)
	for _, c := range []struct {
		name string
		form Form
		src  []byte
	}{
		{"form", FormData, bytes.Repeat([]byte("name=value%20of&"), 4096)},
		{"ndjson", NDJSON, bytes.Repeat([]byte("{\"name\":\"value\",\"n\":[1,2,3]}\n"), 2048)},
		{"xml", XML, []byte("<d>" + strings.Repeat("<n a=\"1\">value</n>", 4096) + "</d>")},
		{"protobuf", Protobuf, bytes.Repeat([]byte(protoSrc), 2048)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				t, err := Decode(c.form, "", c.src, Limits{})
				if err != nil {
					b.Fatal(err)
				}
				p.Reset(t, Remove)
				p.Decide(int32(t.Len()-1), Keep)
				if dst, err = Encode(dst[:0], t, p); err != nil {
					b.Fatal(err)
				}
				t.Release()
			}
		})
	}
}
