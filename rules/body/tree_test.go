package body

import (
	"sync"
	"testing"
)

func TestAllocationsDoNotGrowWithTheBody(t *testing.T) {
	p := new(Plan)
	var dst []byte
	for _, size := range []int{1 << 10, 1 << 20} {
		src := batch(t, size)
		got := testing.AllocsPerRun(10, func() {
			tree, err := Decode("", "", src, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			p.Reset(tree, Remove)
			keepFew(tree, p, tree.First(0))
			if dst, err = Encode(dst[:0], tree, p); err != nil {
				t.Fatal(err)
			}
			tree.Release()
		})
		if got > 12 {
			t.Errorf("%d bytes: got %v allocations, want at most 12", len(src), got)
		}
	}
}

func TestTreeMayBeReadConcurrently(t *testing.T) {
	tree := decodeAs(t, JSON, "", `{"dur\u0061tion":[1,"a\nb"],"b":{"c":null}}`)
	want := tree.Value(0)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got := tree.Value(0); got != want || tree.Name(1) != "duration" || tree.Text(3) != "a\nb" {
				t.Errorf("got %q", got)
			}
			p := NewPlan(tree, Remove)
			p.Decide(2, Keep)
			if got, err := Encode(nil, tree, p); err != nil || string(got) != `{"dur\u0061tion":[1]}` {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wait.Wait()
}

func TestReleaseLetsGoOfTheBody(t *testing.T) {
	tree := decodeAs(t, JSON, "", `{"n\u0061me":"secret"}`)
	tree.Release()
	if tree.src != nil || tree.str != "" || len(tree.names) != 0 || tree.names[:1][0].text != "" {
		t.Error("a released tree still holds its body")
	}
}

func TestDroppedRootLeavesTheLeastOfItsForm(t *testing.T) {
	for form, c := range map[Form][2]string{
		JSON: {`{"a":1}`, "{}"}, NDJSON: {"{}\n{}\n", ""}, FormData: {"a=1", ""}, Query: {"?a=1", "?"}, Envelope: {env, "{}\n"},
		Multipart: {"--b\r\n\r\nx\r\n--b--\r\n", "--b--\r\n"}, XML: {"<a>x</a>", "<a/>"}, Protobuf: {protoSrc, ""}, Text: {"x", ""},
	} {
		t.Run(string(form), func(t *testing.T) {
			tree := decodeAs(t, form, "", c[0])
			got := encoded(t, tree, Keep, func(p *Plan) {
				for n := range int32(tree.Len()) {
					p.Decide(n, Keep)
				}
				p.Decide(0, Drop)
			})
			if got != c[1] {
				t.Errorf("got %q, want %q", got, c[1])
			}
		})
	}
}
