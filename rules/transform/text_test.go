package transform

import (
	"errors"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Skipf("no time zone data for %s: %v", name, err)
	}
	return loc
}

func TestTruncate(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, c := range []struct {
		name, to, unit string
		loc            *time.Location
		in, want       string
	}{
		{"day", "day", "", nil, "2024-05-15T12:34:56Z", "2024-05-15T00:00:00Z"},
		{"offset_and_digits_as_written", "day", "", nil, "2024-05-15T12:34:56.7890+02:00", "2024-05-15T00:00:00.0000+02:00"},
		{"hour", "hour", "", nil, "2024-05-15T12:34:56.1-03:30", "2024-05-15T12:00:00.0-03:30"},
		{"week_begins_on_monday", "week", "", nil, "2024-05-15T12:34:56Z", "2024-05-13T00:00:00Z"},
		{"week_across_a_year", "week", "", nil, "2025-01-01T00:00:01Z", "2024-12-30T00:00:00Z"},
		{"sunday_is_last", "week", "", nil, "2024-05-19t23:59:60z", "2024-05-13t00:00:00z"},
		{"blank_between", "day", "", nil, "2024-02-29 12:34:56Z", "2024-02-29 00:00:00Z"},
		{"offset_without_colon", "day", "", nil, "2024-05-15T12:34:56+0200", "2024-05-15T00:00:00+0200"},
		{"no_offset", "hour", "", nil, "2024-05-15T12:34:56.123456789012345", "2024-05-15T12:00:00.000000000000000"},
		{"date_alone", "week", "", nil, "2024-05-15", "2024-05-13"},
		{"date_alone_to_the_hour", "hour", "", nil, "2024-05-15", "2024-05-15"},
		{"location_does_not_matter", "day", "", berlin, "2024-05-15T23:30:00Z", "2024-05-15T00:00:00Z"},
		{"time_beside_an_epoch_unit", "day", "ms", nil, "2024-05-15T12:34:56Z", "2024-05-15T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, must(NewTruncate(c.to, unit(t, c.unit))), &Env{Location: c.loc}, text(c.in), c.want)
		})
	}
	for _, c := range []struct {
		name, to, unit string
		loc            *time.Location
		in, want       string
	}{
		{"epoch_day", "day", "s", nil, "1715776496", "1715731200"},
		{"epoch_ms_day", "day", "ms", nil, "1715776496789", "1715731200000"},
		{"epoch_decimal", "day", "s", nil, "1715776496.789", "1715731200"},
		{"epoch_local_day", "day", "s", berlin, "1715810400", "1715810400"},
		{"epoch_local_day_end", "day", "s", berlin, "1715810399", "1715724000"},
		{"epoch_local_hour", "hour", "ms", berlin, "1715776496789", "1715774400000"},
		{"epoch_half_hour_zone", "hour", "s", time.FixedZone("", 19800), "1715776496", "1715776200"},
		{"epoch_local_week", "week", "s", berlin, "1715776496", "1715551200"},
		{"epoch_before_1970", "day", "s", nil, "-1", "-86400"},
		{"epoch_day_that_begins_at_one", "day", "s", zone(t, "America/Sao_Paulo"), "1541300400", "1541300400"},
		{"epoch_week_over_a_clock_change", "week", "s", berlin, "1711843200", "1711321200"},
		{"epoch_zero", "day", "s", nil, "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := must(NewTruncate(c.to, unit(t, c.unit)))
			check(t, tr, &Env{Location: c.loc}, num(c.in), c.want)
			check(t, tr, &Env{Location: c.loc}, text(c.in), c.want)
		})
	}
	plain, epoch := must(NewTruncate("day", Unit{})), must(NewTruncate("day", unit(t, "s")))
	for _, in := range []string{"", "yesterday", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2023-02-29", "2024-05-15T24:00:00Z", "2024-05-15T12:60:00Z", "2024-05-15T12:34Z", "2024-05-15T12:34:56.Z", "2024-05-15T12:34:56+2:00", "2024-05-15T12:34:56+25:00", "2024-05-15T12:34:56 CET", "2024-05-15X12:34:56Z", "24-05-15T12:34:56Z", "2024-05-15T12:34:56Zx", "1715776496"} {
		checkError(t, plain, nil, text(in), ErrKind)
	}
	checkError(t, plain, nil, num("1715776496"), ErrKind)
	checkError(t, epoch, nil, text("yesterday"), ErrKind)
	checkError(t, epoch, nil, body.Value{Kind: body.Null}, ErrKind)
	checkError(t, epoch, nil, num("1715776496789"), ErrRange)
	checkError(t, epoch, nil, num("99999999999999999999"), ErrRange)
	checkError(t, must(NewTruncate("week", Unit{})), nil, text("0000-01-01T00:00:00Z"), ErrRange)
}

func TestStamp(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	env := &Env{Now: time.Date(2024, 5, 15, 22, 30, 0, 0, time.UTC), Location: berlin} // the 16th there
	plain, s, ms := must(NewStamp("day", Unit{})), must(NewStamp("day", unit(t, "s"))), must(NewStamp("day", unit(t, "ms")))
	check(t, plain, env, text("2020-01-01T12:34:56.789Z"), "2024-05-16T00:00:00.000Z")
	check(t, plain, env, text("2020-01-01"), "2024-05-16")
	check(t, plain, env, text("2020-01-01T12:34:56-05:00"), "2024-05-16T00:00:00-05:00")
	check(t, s, env, num("5"), "1715810400")
	check(t, ms, env, text("1577882096000"), "1715810400000")
	checkError(t, plain, env, num("1577882096"), ErrKind)
	checkError(t, plain, env, text("soon"), ErrKind)
	checkError(t, s, env, body.Value{Kind: body.True}, ErrKind)
	checkError(t, plain, nil, text("2020-01-01"), ErrEnv)
}

func TestShorten(t *testing.T) {
	s := must(NewShorten(3))
	for in, want := range map[string]string{"": "", "ab": "ab", "abc": "abc", "abcd": "abc", "äöüß": "äöü", "a😀b😀": "a😀b", "\xff\xfe\xfd\xfc": "\xff\xfe\xfd"} {
		check(t, s, nil, text(in), want)
	}
	checkError(t, s, nil, num("12345"), ErrKind)
}

func TestPrefix(t *testing.T) {
	p := must(NewPrefix(24, -1))
	for in, want := range map[string]string{
		"192.0.2.77": "192.0.2.0", "192.0.2.0": "192.0.2.0", "2001:db8:1:2:3:4:5:6": "2001:db8:1::", "2001:DB8::1": "2001:db8::", "::ffff:192.0.2.77": "::ffff:192.0.2.0", "::1": "::",
	} {
		check(t, p, nil, text(in), want)
	}
	for _, in := range []string{"", "192.0.2.77:443", "192.0.2.0/24", "fe80::1%eth0", "192.0.2", "host", "192.0.2.256", "[::1]"} {
		checkError(t, p, nil, text(in), ErrKind)
	}
	checkError(t, p, nil, num("3221226061"), ErrKind)
	check(t, must(NewPrefix(16, 32)), nil, text("2001:db8:1::1"), "2001:db8::")
	check(t, must(NewPrefix(0, -1)), nil, text("192.0.2.77"), "0.0.0.0")
	check(t, must(NewPrefix(32, 128)), nil, text("192.0.2.77"), "192.0.2.77")
	six := must(NewPrefix(56, -1))
	check(t, six, nil, text("2001:db8:1:2ff::1"), "2001:db8:1:200::")
	checkError(t, six, nil, text("192.0.2.77"), ErrKind)
	checkError(t, six, nil, text("::ffff:192.0.2.77"), ErrKind)
}

func TestReplace(t *testing.T) {
	r := must(NewReplace(num("0")))
	for _, in := range []body.Value{text("x"), num("7"), {Kind: body.Null}, {Kind: body.Object, Text: "{}"}} {
		if got, err := r.Apply(in, nil); err != nil || got != num("0") {
			t.Errorf("got %v, %v; want 0", got, err)
		}
	}
}

func entries(pairs ...string) []MapEntry {
	var out []MapEntry
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, MapEntry{From: pairs[i], To: text(pairs[i+1])})
	}
	return out
}

func TestMap(t *testing.T) {
	closed := must(NewMap(entries("movie", "video", "episode", "video", "track", "audio")))
	open := must(NewMap(entries("*", "other", "Plex for *", "player", "Plex*", "server", "Chrom*", "browser")))
	for _, c := range []struct {
		name     string
		t        *Map
		in, want string
	}{
		{"key", closed, "movie", "video"}, {"what_it_writes_stays", closed, "audio", "audio"}, {"glob", open, "Chromium", "browser"}, {"first_glob", open, "Plex for LG", "player"}, {"second_glob", open, "Plex HTPC", "server"},
		{"rest_is_last", open, "curl", "other"}, {"rest_written_stays", open, "other", "other"}, {"written_before_rest", open, "browser", "browser"}, {"empty", open, "", "other"},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.t, nil, text(c.in), c.want) })
	}
	checkError(t, closed, nil, text("Movie"), ErrRange)
	checkError(t, closed, nil, text("photo"), ErrRange)
	checkError(t, closed, nil, num("1234"), ErrRange)
	checkError(t, open, nil, num("1234"), ErrKind) // "other" is no number
	checkError(t, open, nil, body.Value{Kind: body.Null}, ErrKind)
	checkError(t, open, nil, body.Value{Kind: body.Object, Text: "{}"}, ErrKind)

	levels := must(NewMap([]MapEntry{{"1", num("0")}, {"2", text("5")}, {"true", body.Value{Kind: body.False}}, {"yes", text("false")}}))
	check(t, levels, nil, num("1"), "0")
	check(t, levels, nil, num("2"), "5")
	check(t, levels, nil, text("1"), "0")
	check(t, levels, nil, text("yes"), "false")
	if got, err := levels.Apply(body.Value{Kind: body.True}, nil); err != nil || got.Kind != body.False {
		t.Errorf("true: got %c, %v; want false", got.Kind, err)
	}
}

func TestFaultsOfTexts(t *testing.T) {
	for name, make := range map[string]func() error{
		"a chain":         func() error { _, err := NewMap(entries("a", "b", "b", "c")); return err },
		"a chain by glob": func() error { _, err := NewMap(entries("movie", "video", "v*", "other")); return err },
		"a circle":        func() error { _, err := NewMap(entries("a", "b", "b", "a")); return err },
		"an empty map":    func() error { _, err := NewMap(nil); return err },
		"a key twice":     func() error { _, err := NewMap(entries("a", "b", "a", "c")); return err },
		"a map to an object": func() error {
			_, err := NewMap([]MapEntry{{"a", body.Value{Kind: body.Object, Text: "{}"}}})
			return err
		},
		"a map to null":              func() error { _, err := NewMap([]MapEntry{{"a", body.Value{Kind: body.Null}}}); return err },
		"shorten to nothing":         func() error { _, err := NewShorten(0); return err },
		"a prefix of 33 beside 48":   func() error { _, err := NewPrefix(33, 48); return err },
		"a prefix of 129":            func() error { _, err := NewPrefix(129, -1); return err },
		"no prefix":                  func() error { _, err := NewPrefix(-1, -1); return err },
		"truncate to the minute":     func() error { _, err := NewTruncate("minute", Unit{}); return err },
		"an epoch in hours":          func() error { _, err := NewTruncate("day", unit(t, "h")); return err },
		"an epoch in bytes":          func() error { _, err := NewStamp("day", unit(t, "B")); return err },
		"a stamp of the hour":        func() error { _, err := NewStamp("hour", Unit{}); return err },
		"rotation of 5 hours":        func() error { _, err := NewPseudonym(5 * time.Hour); return err },
		"rotation of 0":              func() error { _, err := NewPseudonym(0); return err },
		"rotation of a day and half": func() error { _, err := NewPseudonym(36 * time.Hour); return err },
		"nothing to replace by":      func() error { _, err := NewReplace(body.Value{}); return err },
	} {
		var f *Fault
		if err := make(); !errors.As(err, &f) || f.What == "" || f.Fix == "" {
			t.Errorf("%s: got %v, want a Fault with what and fix", name, err)
		}
	}
	if _, err := NewMap(entries("video", "video", "v*", "video", "movie", "video")); err != nil {
		t.Errorf("lines that agree: got %v, want none", err)
	}
}
