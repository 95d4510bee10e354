package transform

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/rules/body"
)

func num(s string) body.Value  { return body.Value{Kind: body.Number, Text: s} }
func text(s string) body.Value { return body.Value{Kind: body.String, Text: s} }

func unit(tb testing.TB, s string) Unit {
	tb.Helper()
	u, err := ParseUnit(s)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func quantity(tb testing.TB, s string) Quantity {
	tb.Helper()
	q, err := ParseQuantity(s)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// must unwraps the result of a New function.
func must[T any](t T, err error) T {
	if err != nil {
		panic(err)
	}
	return t
}

// check applies t, compares text and kind, and applies it again to what it wrote.
func check(tb testing.TB, t Transform, env *Env, in body.Value, want string) {
	tb.Helper()
	got, err := t.Apply(in, env)
	if err != nil {
		tb.Errorf("%s %q: %v, want %q", t.Name(), in.Text, err, want)
		return
	}
	if got.Text != want || got.Kind != in.Kind {
		tb.Errorf("%s %q: got %q (kind %c), want %q (kind %c)", t.Name(), in.Text, got.Text, got.Kind, want, in.Kind)
	}
	again, err := t.Apply(got, env)
	if err != nil || again != got {
		tb.Errorf("%s is not idempotent on %q: then %q, %v", t.Name(), got.Text, again.Text, err)
	}
}

func checkError(tb testing.TB, t Transform, env *Env, in body.Value, want error) {
	tb.Helper()
	got, err := t.Apply(in, env)
	if !errors.Is(err, want) {
		tb.Errorf("%s %q: got %q, %v; want an error matching %q", t.Name(), in.Text, got.Text, err, want)
		return
	}
	if len(in.Text) > 3 && strings.Contains(err.Error(), in.Text) {
		tb.Errorf("%s: the error holds the value: %v", t.Name(), err)
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct{ name, step, unit, in, want string }{
		{"to_the_nearest", "100", "", "149", "100"},
		{"halves_away_from_zero", "100", "", "150", "200"},
		{"negative_halves_away_from_zero", "100", "", "-150", "-200"},
		{"negative", "100", "", "-149", "-100"},
		{"zero", "100", "", "0", "0"},
		{"small_becomes_zero", "100", "", "49", "0"},
		{"no_minus_zero", "100", "", "-49", "0"},
		{"step_one", "1", "", "7", "7"},
		{"duration_in_seconds", "15m", "s", "5640", "5400"},
		{"duration_in_milliseconds", "15m", "ms", "5640000", "5400000"},
		{"minutes_by_min", "15min", "min", "94", "90"},
		{"size", "8MiB", "B", "20000000", "16777216"},
		{"size_in_kilobytes", "1MB", "kB", "1499", "1000"},
		{"rate", "512kbps", "kbps", "5000", "5120"},
		{"decimal_value", "15m", "s", "5640.75", "5400"},
		{"decimal_half", "5", "", "2.5", "5"},
		{"decimal_below_half", "5", "", "2.4999999", "0"},
		{"decimal_step", "0.25", "", "1.13", "1.25"},
		{"decimal_step_on_an_integer", "0.5", "", "3", "3"},
		{"step_of_one_and_a_half_on_an_integer", "1.5", "", "1", "2"},
		{"exponent", "100", "", "1.49e2", "100"},
		{"far_beyond_int64", "1000", "", "123456789012345678901234567890", "123456789012345678901234568000"},
		{"exact_beyond_2_53", "2", "", "9007199254740993", "9007199254740994"},
		{"carries_into_another_digit", "10", "", "999999999999999999", "1000000000000000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := NewRound(quantity(t, c.step), unit(t, c.unit))
			if err != nil {
				t.Fatal(err)
			}
			check(t, r, nil, num(c.in), c.want)
			check(t, r, nil, text(c.in), c.want)
		})
	}
	r := must(NewRound(quantity(t, "15m"), unit(t, "s")))
	if got, want := r.Detail(), "to 15 min steps"; got != "to 15 min steps" && got != "to 15 m steps" {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	r := must(NewRound(quantity(t, "100"), Unit{}))
	for _, s := range []string{"", "abcd", "1 ", " 1", "0x10", "01", "+1", ".5", "1.", "1e", "1e+", "--1", "1_000", "NaN", "Infinity", "1,5", "１２"} {
		checkError(t, r, nil, text(s), ErrKind)
	}
	for _, v := range []body.Value{{Kind: body.Null}, {Kind: body.True}, {Kind: body.Object, Text: "{}"}, {Kind: body.Array, Text: "[1]"}, {Kind: body.Bytes, Text: "1"}, {}} {
		checkError(t, r, nil, v, ErrKind)
	}
	for _, s := range []string{"1e999999999", "1e-999999999", "1" + strings.Repeat("0", 600), "0." + strings.Repeat("1", 600)} {
		checkError(t, r, nil, num(s), ErrRange)
	}
}

func TestLimits(t *testing.T) {
	top := must(NewTop(quantity(t, "100"), Unit{}))
	bottom := must(NewBottom(quantity(t, "5"), Unit{}))
	for _, c := range []struct {
		name string
		t    *Limit
		in   string
		want string
	}{
		{"top_above", top, "101", "100"}, {"top_at", top, "100", "100"}, {"top_below", top, "99.5", "99.5"}, {"top_just_above", top, "100.000000001", "100"},
		{"top_keeps_text", top, "1e1", "1e1"}, {"top_beyond_int64", top, "99999999999999999999", "100"}, {"top_negative", top, "-7", "-7"},
		{"bottom_below", bottom, "4.99", "5"}, {"bottom_at", bottom, "5", "5"}, {"bottom_above", bottom, "6", "6"}, {"bottom_negative", bottom, "-1e300", "5"},
		{"top_in_the_unit_of_the_field", must(NewTop(quantity(t, "2h"), unit(t, "s"))), "9000", "7200"},
		{"top_decimal_limit_on_an_integer", must(NewTop(quantity(t, "1.5"), Unit{})), "3", "2"},
		{"top_decimal_limit_on_a_decimal", must(NewTop(quantity(t, "1.5"), Unit{})), "1.51", "1.5"},
		{"bottom_decimal_limit_on_an_integer", must(NewBottom(quantity(t, "1.5"), Unit{})), "1", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.t, nil, num(c.in), c.want)
			check(t, c.t, nil, text(c.in), c.want)
		})
	}
	checkError(t, top, nil, text("many"), ErrKind)
}

func edges(tb testing.TB, list ...string) []Quantity {
	var out []Quantity
	for _, s := range list {
		out = append(out, quantity(tb, s))
	}
	return out
}

var videoLength = map[string]Rows{"": {
	Edges: []string{"1", "900000", "1500000", "2100000", "3000000", "4500000", "5700000", "6900000"},
	Write: []string{"480000", "1320000", "1680000", "2640000", "3660000", "5220000", "6180000", "8280000"},
}}

func TestBucket(t *testing.T) {
	list := must(NewBucket(edges(t, "0", "2000", "8000"), Unit{}))
	withUnits := must(NewBucket(edges(t, "0s", "15m", "1h"), unit(t, "s")))
	decimals := must(NewBucket(edges(t, "0", "0.5", "2"), Unit{}))
	inMS := must(NewTable("video-length", unit(t, "ms"), videoLength, Unit{}))
	inS := must(NewTable("video-length", unit(t, "ms"), videoLength, unit(t, "s")))
	inMin := must(NewTable("video-length", unit(t, "ms"), videoLength, unit(t, "min")))
	for _, c := range []struct {
		name string
		t    *Bucket
		in   string
		want string
	}{
		{"lower_edge_included", list, "2000", "2000"}, {"upper_edge_excluded", list, "1999", "0"}, {"last_has_no_end", list, "99999999999999999999", "8000"},
		{"decimal_under_the_edge", list, "1999.999", "0"}, {"decimal_over_the_edge", list, "2000.001", "2000"}, {"zero", list, "0", "0"},
		{"edges_with_units", withUnits, "3599", "900"}, {"decimal_edges", decimals, "0.75", "0.5"}, {"decimal_edges_at", decimals, "0.5", "0.5"}, {"decimal_edges_below", decimals, "0.49", "0"},
		{"table_in_its_own_unit", inMS, "5640000", "5220000"}, {"table_first_edge", inMS, "1", "480000"}, {"table_last", inMS, "86400000", "8280000"},
		{"table_converted", inS, "5640", "5220"}, {"table_converted_last_before_the_edge", inS, "5699", "5220"}, {"table_converted_at_the_edge", inS, "5700", "6180"},
		{"table_converted_decimal", inS, "5699.9999", "5220"}, {"table_first_edge_between_integers", inS, "0.001", "480"}, {"table_to_minutes", inMin, "94", "87"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.t, nil, num(c.in), c.want)
			check(t, c.t, nil, text(c.in), c.want)
		})
	}
	for _, in := range []string{"-1", "-0.001"} {
		checkError(t, list, nil, num(in), ErrRange)
	}
	for _, in := range []string{"0", "0.0009", "-5"} {
		checkError(t, inS, nil, num(in), ErrRange)
	}
	checkError(t, inS, nil, text("94 min"), ErrKind)
	if got, want := inS.Detail(), "to 8 buckets of video-length"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBucketOfAnIntegerThatWouldLeaveIt(t *testing.T) {
	b := must(NewBucket(edges(t, "0", "1.4"), Unit{}))
	checkError(t, b, nil, num("2"), ErrRange)
	check(t, b, nil, num("1"), "0")
	check(t, b, nil, num("2.0"), "1.4")
	hours := must(NewTable("video-length", unit(t, "ms"), videoLength, unit(t, "h")))
	check(t, hours, nil, num("1"), "1") // 3660 s are 1.01666… h
	check(t, hours, nil, num("1.9"), "1.716666667")
}

func TestTableByClass(t *testing.T) {
	b := must(NewTable("video-rate", unit(t, "kbps"), map[string]Rows{
		"sd": {[]string{"1", "1500"}, []string{"1000", "3100"}}, "uhd": {[]string{"1", "16000"}, []string{"9000", "40000"}}, "*": {[]string{"1", "4000"}, []string{"2300", "11200"}},
	}, unit(t, "bps")))
	for class, want := range map[string]string{"sd": "3100000", "uhd": "9000000", "hd": "2300000", "": "2300000", "*": "2300000"} {
		got, err := b.ApplyClass(num("2000000"), class, nil)
		if err != nil || got.Text != want {
			t.Errorf("class %q: got %q, %v; want %q", class, got.Text, err, want)
		}
	}
	only := must(NewTable("x", Unit{}, map[string]Rows{"sd": {[]string{"0"}, []string{"0"}}}, Unit{}))
	if _, err := only.ApplyClass(num("1"), "hd", nil); !errors.Is(err, ErrRange) {
		t.Errorf("a class without rows: got %v, want an error matching ErrRange", err)
	}
}

func TestFaultsOfNumbers(t *testing.T) {
	var none, ms, kB Unit
	ms, kB = unit(t, "ms"), unit(t, "kB")
	rows := func(e, w string) map[string]Rows {
		return map[string]Rows{"": {strings.Fields(e), strings.Fields(w)}}
	}
	for name, make := range map[string]func() error{
		"zero step":                     func() error { _, err := NewRound(quantity(t, "0"), none); return err },
		"negative step":                 func() error { _, err := NewRound(quantity(t, "-5"), none); return err },
		"a duration for a size":         func() error { _, err := NewRound(quantity(t, "15m"), kB); return err },
		"a duration for no unit":        func() error { _, err := NewRound(quantity(t, "15m"), none); return err },
		"a step without end":            func() error { _, err := NewRound(quantity(t, "1s"), unit(t, "min")); return err },
		"too large":                     func() error { _, err := NewTop(quantity(t, "1e30"), none); return err },
		"no edges":                      func() error { _, err := NewBucket(nil, none); return err },
		"edges that fall":               func() error { _, err := NewBucket(edges(t, "5", "3"), none); return err },
		"edges that are equal":          func() error { _, err := NewBucket(edges(t, "60s", "1m"), ms); return err },
		"edges of another kind":         func() error { _, err := NewBucket(edges(t, "1MB"), ms); return err },
		"fewer written than edges":      func() error { _, err := NewTable("t", ms, rows("1 2", "1"), none); return err },
		"written below its bucket":      func() error { _, err := NewTable("t", ms, rows("10 20", "9 20"), none); return err },
		"written in the next bucket":    func() error { _, err := NewTable("t", ms, rows("10 20", "20 20"), none); return err },
		"a table that is empty":         func() error { _, err := NewTable("t", ms, nil, none); return err },
		"a table of another kind":       func() error { _, err := NewTable("t", ms, rows("1", "1"), kB); return err },
		"an edge that is none":          func() error { _, err := NewTable("t", ms, rows("x", "1"), none); return err },
		"more factors than shares":      func() error { _, err := NewDerive([]string{"0.5"}, []string{"0", "0.5", "1"}, none, none); return err },
		"a factor in another share":     func() error { _, err := NewDerive([]string{"0.5"}, []string{"0.6", "1"}, none, none); return err },
		"a factor above one":            func() error { _, err := NewDerive([]string{"0.5"}, []string{"0.1", "1.1"}, none, none); return err },
		"a share edge at zero":          func() error { _, err := NewDerive([]string{"0"}, []string{"0", "1"}, none, none); return err },
		"a share of another kind":       func() error { _, err := NewDerive([]string{"0.5"}, []string{"0", "1"}, ms, kB); return err },
		"a share that is not a number":  func() error { _, err := NewDerive([]string{"half"}, []string{"0", "1"}, none, none); return err },
		"an unknown unit":               func() error { _, err := ParseUnit("parsec"); return err },
		"a quantity that is none":       func() error { _, err := ParseQuantity("ms"); return err },
		"a quantity of unknown unit":    func() error { _, err := ParseQuantity("5 parsec"); return err },
		"a quantity with several parts": func() error { _, err := ParseQuantity("1h30m"); return err },
	} {
		err := make()
		var f *Fault
		if !errors.As(err, &f) || f.What == "" || f.Fix == "" {
			t.Errorf("%s: got %v, want a Fault with what and fix", name, err)
		}
	}
}

func TestParseQuantity(t *testing.T) {
	for in, want := range map[string]string{
		"15m": "15 min", "10min": "10 min", "512kbps": "512 kbps", "8MiB": "8 MiB", "90d": "90 d", "1.5h": "1.5 h", "100": "100", " 250 ms ": "250 ms", "-3": "-3", "1e3": "1e3", "2e3s": "2e3 s", "7us": "7 us",
	} {
		q, err := ParseQuantity(in)
		if err != nil || q.String() != want {
			t.Errorf("ParseQuantity(%q): got %q, %v; want %q", in, q.String(), err, want)
		}
	}
	if got, err := quantity(t, "1.5h").in(unit(t, "s")); err != nil || got.Cmp(big.NewRat(5400, 1)) != 0 {
		t.Errorf("1.5h in s: got %v, %v", got, err)
	}
	for _, name := range Units() {
		if u := unit(t, name); u.String() != name || u.Dimension() == None {
			t.Errorf("unit %q: got %q, %v", name, u.String(), u.Dimension())
		}
	}
}

func TestDerive(t *testing.T) {
	none := Unit{}
	shares := []string{"0.1", "0.5", "0.9"}
	factors := []string{"0.05", "0.3", "0.7", "1"}
	d := must(NewDerive(shares, factors, none, none))
	ms := must(NewDerive(shares, factors, unit(t, "ms"), unit(t, "s")))
	for _, c := range []struct {
		name                    string
		t                       *Derive
		self, received, written string
		want                    string
	}{
		{"to_the_end", d, "5600", "5640", "5220", "5220"}, {"hardly_begun", d, "0", "5640", "5220", "261"}, {"at_an_edge", d, "564", "5640", "5220", "1566"}, {"below_an_edge", d, "563", "5640", "5220", "261"},
		{"more_than_the_whole", d, "99999", "5640", "5220", "5220"}, {"halves_away_from_zero", d, "1", "100", "10", "1"}, {"decimal_self", d, "2820.0", "5640", "5221", "3654.7"}, {"decimal_partner", d, "2820", "5640.5", "5220", "1566"},
		{"milliseconds_of_seconds", ms, "5600000", "5640", "5220", "5220000"}, {"milliseconds_half", ms, "2820000", "5640", "5220", "3654000"}, {"partner_writes_zero", d, "5", "10", "0", "0"},
		{"very_large", d, "123456789012345678901", "123456789012345678901", "100000000000000000000", "100000000000000000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, self := range []body.Value{num(c.self), text(c.self)} {
				got, err := c.t.Apply2(self, num(c.received), text(c.written))
				if err != nil || got.Text != c.want || got.Kind != self.Kind {
					t.Errorf("got %q, %v; want %q", got.Text, err, c.want)
				}
			}
		})
	}
	for _, c := range []struct {
		name                    string
		self, received, written body.Value
		want                    error
	}{
		{"negative", num("-1"), num("10"), num("10"), ErrRange}, {"no_number", text("half"), num("10"), num("10"), ErrKind}, {"partner_missing", num("1"), body.Value{}, body.Value{}, ErrPartner},
		{"partner_zero", num("1"), num("0"), num("10"), ErrPartner}, {"partner_negative", num("1"), num("-4"), num("10"), ErrPartner}, {"partner_text", num("1"), text("x"), num("10"), ErrPartner}, {"partner_written_null", num("1"), num("5"), body.Value{Kind: body.Null}, ErrPartner},
	} {
		if got, err := d.Apply2(c.self, c.received, c.written); !errors.Is(err, c.want) {
			t.Errorf("%s: got %q, %v; want an error matching %q", c.name, got.Text, err, c.want)
		}
	}
	again, err := d.Apply2(num("1566"), num("5220"), num("5220"))
	if err != nil || again.Text != "1566" {
		t.Errorf("applied to what it wrote: got %q, %v; want 1566", again.Text, err)
	}
}

func TestFrame(t *testing.T) {
	f := NewFrame()
	for _, c := range []struct{ name, width, height, want, class string }{
		{"dvd", "720", "576", "576", "sd"}, {"wide_picture", "1280", "534", "1080", "hd"}, {"full_hd", "1920", "1080", "1080", "hd"}, {"cinema_hd", "1920", "800", "1080", "hd"},
		{"uhd", "3840", "1600", "2160", "uhd"}, {"8k", "7680", "4320", "2160", "uhd"}, {"tall", "480", "1920", "2160", "uhd"}, {"one_wider", "721", "400", "1080", "hd"}, {"decimal_over", "720.5", "576", "1080", "hd"}, {"huge", "99999999999999999999", "1", "2160", "uhd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, height := range []body.Value{num(c.height), text(c.height)} {
				got, err := f.ApplyWidth(height, num(c.width))
				if err != nil || got.Text != c.want || got.Kind != height.Kind {
					t.Errorf("got %q, %v; want %q", got.Text, err, c.want)
				}
				if again, err := f.ApplyWidth(got, num(c.width)); err != nil || again != got {
					t.Errorf("applied again: got %q, %v", again.Text, err)
				}
			}
			if got, err := FrameClass(num(c.width), num(c.height)); err != nil || got != c.class {
				t.Errorf("class: got %q, %v; want %q", got, err, c.class)
			}
		})
	}
	check(t, f, nil, num("720"), "1080")
	checkError(t, f, nil, num("0"), ErrRange)
	checkError(t, f, nil, text("1080p"), ErrKind)
	if _, err := f.ApplyWidth(num("576"), num("-1")); !errors.Is(err, ErrRange) {
		t.Errorf("negative width: got %v", err)
	}
	for _, missing := range []body.Value{{}, {Kind: body.Null}} {
		if got, err := FrameClass(missing, num("5")); got != "" || err != nil {
			t.Errorf("without a width: got %q, %v; want no class", got, err)
		}
	}
	if _, err := FrameClass(text("x"), num("5")); !errors.Is(err, ErrKind) {
		t.Errorf("a width that is no number: got %v", err)
	}
}
