package transform

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// idempotent are the transforms for which applying twice is applying once, made for numbers, times or texts.
func idempotent(tb testing.TB) []Transform {
	return []Transform{
		must(NewRound(quantity(tb, "15m"), unit(tb, "s"))), must(NewRound(quantity(tb, "1.5"), Unit{})), must(NewRound(quantity(tb, "0.001"), Unit{})),
		must(NewTop(quantity(tb, "1000.4"), Unit{})), must(NewBottom(quantity(tb, "-3.5"), Unit{})),
		must(NewBucket(edges(tb, "-10", "0", "1.4", "2000"), Unit{})), must(NewTable("video-length", unit(tb, "ms"), videoLength, unit(tb, "s"))), must(NewTable("video-length", unit(tb, "ms"), videoLength, unit(tb, "h"))),
		NewFrame(), must(NewTruncate("hour", unit(tb, "s"))), must(NewTruncate("day", unit(tb, "ms"))), must(NewTruncate("week", unit(tb, "s"))),
		must(NewShorten(4)), must(NewPrefix(20, -1)), must(NewMap(entries("1*", "2", "x", "y", "*", "3"))),
	}
}

// holds checks that t, where it accepts in, keeps its type, keeps an integer an integer, and changes nothing more
// when it is applied again.
func holds(t *testing.T, tr Transform, env *Env, in body.Value) {
	t.Helper()
	out, err := tr.Apply(in, env)
	if err != nil {
		if len(in.Text) > 6 && strings.Contains(err.Error(), in.Text) {
			t.Errorf("%s: the error holds the value %q: %v", tr.Name(), in.Text, err)
		}
		return
	}
	if out.Kind != in.Kind {
		t.Errorf("%s %q: got kind %c, want %c", tr.Name(), in.Text, out.Kind, in.Kind)
	}
	if in.Kind == body.Number {
		got, ok := scan(out.Text)
		if was, _ := scan(in.Text); !ok || was.whole && !got.whole {
			t.Errorf("%s %q: got %q, which is no number of that type", tr.Name(), in.Text, out.Text)
		}
	}
	again, err := tr.Apply(out, env)
	if err != nil || again != out {
		t.Errorf("%s (%s) %q: got %q, applied again %q, %v", tr.Name(), tr.Detail(), in.Text, out.Text, again.Text, err)
	}
}

func TestIdempotentAndTypeKept(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	env := &Env{Location: zone(t, "Europe/Berlin")}
	all := idempotent(t)
	for range 1500 {
		n := strconv.FormatInt(rnd.Int64N(1<<rnd.IntN(50)+1)-rnd.Int64N(50), 10)
		switch rnd.IntN(6) {
		case 0:
			n += "." + strconv.Itoa(rnd.IntN(1e6))
		case 1:
			n += "e" + strconv.Itoa(rnd.IntN(12)-6)
		case 2:
			n += strconv.FormatInt(rnd.Int64N(1e18), 10)
		}
		if n[0] == '0' && len(n) > 1 && isDigit(n[1]) {
			continue
		}
		for _, tr := range all {
			holds(t, tr, env, num(n))
			holds(t, tr, env, text(n))
		}
	}
	for range 500 {
		at := time.Unix(rnd.Int64N(4e9), rnd.Int64N(1e9)).In(env.Location)
		for _, tr := range all {
			holds(t, tr, env, text(at.Format(time.RFC3339Nano)))
		}
	}
}

func TestRoundIsNearest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		step := rnd.Int64N(1e6) + 1
		v := rnd.Int64N(1e15) - 5e14
		r := must(NewRound(quantity(t, strconv.FormatInt(step, 10)), Unit{}))
		got, err := r.Apply(num(strconv.FormatInt(v, 10)), nil)
		if err != nil {
			t.Fatal(err)
		}
		w, _ := strconv.ParseInt(got.Text, 10, 64)
		if d := v - w; w%step != 0 || 2*max(d, -d) > step || 2*max(d, -d) == step && max(w, -w) < max(v, -v) {
			t.Fatalf("round %d to %d: got %d", v, step, w)
		}
	}
}

func TestSmallAndBigArithmeticAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		n, ok := scan(fmt.Sprintf("%d.%0*d", rnd.IntN(50)-25, 1+rnd.IntN(4), rnd.IntN(10)))
		b := newBound(big.NewRat(rnd.Int64N(4000)-2000, 1+rnd.Int64N(80)))
		if !ok {
			t.Fatal("no number")
		}
		slow := number{big: n.rat()}
		if n.atLeast(&b) != slow.atLeast(&b) || n.above(&b) != slow.above(&b) {
			t.Fatalf("%v against %v: atLeast %v above %v", slow.big, b.rat, n.atLeast(&b), n.above(&b))
		}
	}
}

func FuzzQuantity(f *testing.F) {
	for _, s := range []string{"15m", "1.5h", "-3", "1e400", "512 kbps", "8MiB", "e", ".", "1e", "0x1", "1ee5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuantity(s)
		if err != nil {
			return
		}
		again, err := ParseQuantity(q.String())
		if err != nil || again.value.Cmp(q.value) != 0 || again.unit != q.unit {
			t.Fatalf("%q: as written %q gives %v, %v", s, q.String(), again, err)
		}
	})
}

func FuzzApply(f *testing.F) {
	for _, s := range []string{"0", "-1.5e3", "2024-05-15T12:34:56.789+02:00", "192.0.2.1", "::1", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "x", "ü\xff"} {
		f.Add(s)
	}
	all := idempotent(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, tr := range all {
			holds(t, tr, nil, text(s))
			if _, ok := scan(s); ok {
				holds(t, tr, nil, num(s))
			}
		}
		r := must(NewRandom(""))
		out, err := r.Apply(text(s), &Env{Random: source(1)})
		if err != nil {
			t.Fatalf("random %q: %v", s, err)
		}
		if len([]rune(out.Text)) != len([]rune(s)) {
			t.Fatalf("random %q: got %q, of another length", s, out.Text)
		}
	})
}
