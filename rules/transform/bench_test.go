package transform

import (
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

func BenchmarkApply(b *testing.B) {
	env := &Env{Now: time.Date(2024, 5, 15, 12, 0, 0, 0, time.UTC), Random: source(1), Key: make([]byte, 32), Scope: "plex/play/$.a"}
	table := must(NewTable("video-length", unit(b, "ms"), videoLength, unit(b, "s")))
	for _, c := range []struct {
		name string
		t    Transform
		in   body.Value
	}{
		{"round", must(NewRound(quantity(b, "15m"), unit(b, "s"))), num("5640")},
		{"round_decimal", must(NewRound(quantity(b, "15m"), unit(b, "s"))), num("5640.123")},
		{"bucket", table, num("5640")},
		{"bucket_decimal", table, text("5640.123")},
		{"top", must(NewTop(quantity(b, "100"), Unit{})), num("5640")},
		{"frame", NewFrame(), num("800")},
		{"truncate", must(NewTruncate("day", Unit{})), text("2024-05-15T12:34:56.789Z")},
		{"truncate_epoch", must(NewTruncate("day", unit(b, "ms"))), num("1715776496789")},
		{"stamp", must(NewStamp("day", Unit{})), text("2024-05-15T12:34:56.789Z")},
		{"map", must(NewMap(entries("movie", "video", "episode", "video", "clip*", "video"))), text("episode")},
		{"shorten", must(NewShorten(3)), text("4.116.1")},
		{"prefix", must(NewPrefix(24, -1)), text("192.0.2.77")},
		{"replace", must(NewReplace(num("0"))), num("1")},
		{"random_uuid", must(NewRandom("")), text("f47ac10b-58cc-4372-a567-0e02b2c3d479")},
		{"pseudonym_hex", must(NewPseudonym(24 * time.Hour)), text("00112233445566778899aabbccddeeff")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.t.Apply(c.in, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("derive", func(b *testing.B) {
		d := must(NewDerive([]string{"0.1", "0.5", "0.9"}, []string{"0.05", "0.3", "0.7", "1"}, Unit{}, Unit{}))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Apply2(num("5600"), num("5640"), num("5220")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("shape", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Shape(text("Living room TV"))
		}
	})
}
