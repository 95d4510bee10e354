package transform

import (
	"testing"

	"github.com/scrimproxy/scrim/rules/body"
)

// TestNanoseconds cuts times of OTLP, which have 19 digits and come as numbers and as strings.
func TestNanoseconds(t *testing.T) {
	u, err := ParseUnit("ns")
	if err != nil {
		t.Fatal(err)
	}
	cut, err := NewTruncate("day", u)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []body.Kind{body.Number, body.String} {
		for in, want := range map[string]string{
			"1705349500000000001": "1705276800000000000",
			"1705276800000000000": "1705276800000000000",
			"1":                   "0",
		} {
			got, err := cut.Apply(body.Value{Kind: kind, Text: in}, &Env{})
			if err != nil || got != (body.Value{Kind: kind, Text: want}) {
				t.Errorf("%s: got %v, %v, want %s", in, got, err, want)
			}
		}
		for _, in := range []string{"9223372036854775807", "18446744073709551615", "-9223372036854775808"} {
			if got, err := cut.Apply(body.Value{Kind: kind, Text: in}, &Env{}); err == nil {
				t.Errorf("%s: got %v, want an error", in, got)
			}
		}
	}
}
