package ledger

import (
	"context"
	"testing"
)

// hold appends the records of a request in parts, and returns the held ones.
func hold(t *testing.T, l *Ledger, flow string, atOnce string, parts ...string) (held []*Record) {
	t.Helper()
	var all []*Record
	if atOnce != "" {
		all = append(all, &Record{Type: Sent, Flow: flow, Part: atOnce, Verdict: "generalize", Request: &Request{Method: "POST", Target: "/"}})
	}
	for _, p := range parts {
		r := &Record{Type: Kept, Flow: flow, Part: p, Verdict: "hold"}
		held = append(held, r)
		all = append(all, r)
	}
	if err := l.Append(context.Background(), all...); err != nil {
		t.Fatal(err)
	}
	return held
}

func end(t *testing.T, l *Ledger, kind Type, verdict string, h *Record) {
	t.Helper()
	r := &Record{Type: kind, Flow: h.Flow, Part: h.Part, Verdict: verdict, RefSeq: h.Seq}
	if kind == Sent {
		r.Request = &Request{Method: "POST", Target: "/"}
	}
	if err := l.Append(context.Background(), r); err != nil {
		t.Fatal(err)
	}
}

// TestHeldRequestsCountOnce holds SPEC, section 5: held until the last part left or expired, then generalized if any
// left, else dropped; also over a restart in between.
func TestHeldRequestsCountOnce(t *testing.T) {
	for _, restart := range []bool{false, true} {
		name := "in_one_run"
		if restart {
			name = "over_a_restart"
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx := context.Background()
			open := func() *Ledger {
				l, err := Open(ctx, Config{Store: "sqlite", Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			l := open()
			defer func() { l.Close() }()
			again := func() {
				if restart {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					l = open()
				}
			}
			want := func(held, generalized, dropped int64) {
				t.Helper()
				n, err := l.Counters(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if n.Held != held || n.Generalized != generalized || n.Dropped != dropped || n.Seen != held+generalized+dropped {
					t.Errorf("held %d, generalized %d, dropped %d of %d; want %d, %d, %d", n.Held, n.Generalized, n.Dropped, n.Seen, held, generalized, dropped)
				}
			}
			both := hold(t, l, "a", "", "play", "technical")
			none := hold(t, l, "b", "", "play", "technical")
			want(2, 0, 0)
			again()
			end(t, l, Sent, "generalize", both[0])
			end(t, l, Kept, "drop", none[0])
			want(2, 0, 0)
			again()
			if open, err := l.Held(ctx); err != nil || len(open) != 2 || open[0].Part != "technical" || open[1].Flow != "b" {
				t.Errorf("held: %+v, %v", open, err)
			}
			end(t, l, Kept, "drop", both[1])
			end(t, l, Kept, "unknown", none[1])
			want(0, 1, 1)
			again()
			want(0, 1, 1)
		})
	}
}

func TestPartThatLeftAtOnceCounts(t *testing.T) {
	l, err := Open(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := hold(t, l, "a", "now", "later")
	end(t, l, Kept, "drop", h[0])
	if n, err := l.Counters(context.Background()); err != nil || n.Generalized != 1 || n.Dropped != 0 || n.Seen != 1 {
		t.Errorf("counters %+v, %v; want one generalized", n, err)
	}
}

func TestHeldRequestWhoseOriginDidNotAnswerHasLeft(t *testing.T) {
	l, err := Open(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := hold(t, l, "a", "", "play")
	end(t, l, Sent, "generalize", h[0])
	l.Post(&Record{Type: Result, Flow: "a", Part: "play", Verdict: "failed"})
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Counters(context.Background()); err != nil || n.Generalized != 1 || n.Failed != 0 || n.Seen != 1 {
		t.Errorf("counters %+v, %v; want one generalized", n, err)
	}
}
