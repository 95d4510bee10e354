package transform

import (
	"errors"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

func TestNamesAndDetails(t *testing.T) {
	for _, c := range []struct {
		t            Transform
		name, detail string
	}{
		{must(NewReplace(text("x"))), "replace", "by a string of the rule"},
		{must(NewRound(quantity(t, "15min"), unit(t, "s"))), "round", "to 15 min steps"},
		{must(NewRound(quantity(t, "100"), Unit{})), "round", "to steps of 100"},
		{must(NewBucket(edges(t, "0"), Unit{})), "bucket", "to 1 bucket"},
		{must(NewTable("video-length", unit(t, "ms"), videoLength, unit(t, "s"))), "bucket", "to 8 buckets of video-length"},
		{must(NewTable("r", Unit{}, map[string]Rows{"a": {[]string{"0"}, []string{"0"}}, "*": {[]string{"0"}, []string{"0"}}}, Unit{})), "bucket", "to the buckets of r"},
		{NewFrame(), "frame", "to one of 3 standard heights"},
		{must(NewTruncate("week", Unit{})), "truncate", "to the week"},
		{must(NewStamp("day", Unit{})), "stamp", "the day of sending"},
		{must(NewTop(quantity(t, "2h"), unit(t, "s"))), "top", "at most 2 h"},
		{must(NewBottom(quantity(t, "5"), Unit{})), "bottom", "at least 5"},
		{must(NewMap(entries("a", "b"))), "map", "to 1 category"},
		{must(NewMap(entries("a", "b", "c", "d"))), "map", "to 2 categories"},
		{must(NewShorten(1)), "shorten", "to 1 character"},
		{must(NewPrefix(24, -1)), "prefix", "to 24 bits (IPv6: 48)"},
		{must(NewPrefix(56, -1)), "prefix", "to 56 bits (IPv6)"},
		{must(NewPseudonym(24 * time.Hour)), "pseudonym", "a stand-in for 1 day"},
		{must(NewPseudonym(6 * time.Hour)), "pseudonym", "a stand-in for 6 hours"},
		{must(NewRandom("")), "random", "new for each record"},
		{must(NewRandom("device")), "random", `new for each record, linked as "device"`},
		{must(NewDerive([]string{"0.5"}, []string{"0", "1"}, Unit{}, Unit{})), "derive", "to 2 shares of what the other field writes"},
	} {
		if c.t.Name() != c.name || c.t.Detail() != c.detail {
			t.Errorf("got %q %q, want %q %q", c.t.Name(), c.t.Detail(), c.name, c.detail)
		}
	}
}

func TestErrorsNameKinds(t *testing.T) {
	round := must(NewRound(quantity(t, "100"), Unit{}))
	for kind, want := range map[body.Kind]string{
		body.Null: "found null, expected a number", body.True: "found a boolean, expected a number", body.String: "found a string, expected a number",
		body.Object: "found an object, expected a number", body.Array: "found an array, expected a number", body.Bytes: "found bytes, expected a number", 0: "found nothing, expected a number",
	} {
		if _, err := round.Apply(body.Value{Kind: kind, Text: "secret"}, nil); err == nil || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	d := must(NewDerive([]string{"0.5"}, []string{"0", "1"}, Unit{}, Unit{}))
	_, err := d.Apply2(num("1"), text("secret"), num("1"))
	if want := "the other field: found a string, expected a number"; err == nil || err.Error() != want || !errors.Is(err, ErrKind) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := d.Apply(num("1"), nil); !errors.Is(err, ErrEnv) || err.Error() == "" {
		t.Errorf("derive without its partner: got %v, want an error matching ErrEnv", err)
	}
	_, err = NewTable("t", Unit{}, map[string]Rows{"sd": {[]string{"2"}, []string{"1"}}}, Unit{})
	if want := `table "t", class "sd": what is written for bucket 1 is not in it, and would change when it is generalized again; write a value from its lower edge to below the next`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestRandomOfBytes(t *testing.T) {
	in := body.Value{Kind: body.Bytes, Text: "\x00\x01\x02\x03\x04\x05\x06\x07"}
	got, err := must(NewRandom("")).Apply(in, &Env{Random: source(1)})
	if err != nil || got.Kind != body.Bytes || len(got.Text) != 8 || got.Text == in.Text {
		t.Errorf("got %q, %v; want 8 other bytes", got.Text, err)
	}
}

func TestLooksIsNotFooled(t *testing.T) {
	for in, want := range map[string]Class{
		"f47ac10b-58cc-4372-a567-0e02b2c3d47x": ClassToken, "00:1b:44:11:3a-b7": ClassText, "00-1B-44-11-3A-B7": ClassMAC, "1.2.3.4.5": ClassVersion, "999.1.1.1": ClassVersion, "a..b": ClassText, "-a.org": ClassText, "a.b1": ClassText,
		"user@host": ClassText, "jo smith@example.org": ClassText, "://x": ClassText, "1http://x": ClassText, "http://a b": ClassText, "//x": ClassText, "aAbB1122": ClassText, "en-us": ClassText, "2024-05-15T12:34": ClassText, "1.": ClassText, "-": ClassText, "1e5": ClassDecimal, "12e": ClassText,
	} {
		if got := Looks(text(in)); got != want {
			t.Errorf("Looks(%q): got %q, want %q", in, got, want)
		}
	}
}
