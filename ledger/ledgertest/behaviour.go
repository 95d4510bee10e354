package ledgertest

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrimproxy/scrim/ledger"
)

// plainly is what a filter means, said again without cleverness.
func plainly(f ledger.Filter, r *ledger.Record) bool {
	in := func(list []string, s string) bool { return list == nil || slices.Contains(list, s) }
	host := f.Host == nil
	for _, h := range f.Host {
		host = host || r.Host == h || strings.HasPrefix(h, "*") && strings.HasSuffix(r.Host, h[1:])
	}
	types := f.Types == nil || slices.Contains(f.Types, r.Type)
	text := strings.ToLower(f.Text)
	return types && host && in(f.Product, r.Product) && in(f.Kind, r.Kind) && in(f.Verdict, r.Verdict) && in(f.Client, r.Client) &&
		in(f.Rule, r.Rule) && in(f.Door, r.Door) && (f.Flow == "" || f.Flow == r.Flow) &&
		(f.Since.IsZero() || !r.Time.Before(f.Since)) && (f.Until.IsZero() || r.Time.Before(f.Until)) &&
		(strings.Contains(strings.ToLower(r.Host), text) || strings.Contains(strings.ToLower(r.Rule), text))
}

func filtersAgree(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	recs := various(t, l, 3700)
	filters := map[string]ledger.Filter{
		"all":        {},
		"product":    {Product: []string{"navidrome"}},
		"two":        {Product: []string{"plex"}, Kind: []string{"crash"}, Verdict: []string{"drop"}},
		"rare host":  {Host: []string{"h7.example"}},
		"wildcard":   {Host: []string{"*.metrics.example"}},
		"client":     {Client: []string{"192.0.2.2"}, Types: []ledger.Type{ledger.Kept}},
		"rule":       {Rule: []string{"Two"}},
		"text":       {Text: "TWO"},
		"text host":  {Text: "h1"},
		"since":      {Since: start.Add(50 * time.Minute)},
		"until":      {Until: start.Add(10 * time.Minute), Types: []ledger.Type{ledger.Event}},
		"between":    {Since: start.Add(20 * time.Minute), Until: start.Add(21 * time.Minute)},
		"before all": {Until: start.Add(-2 * time.Hour)},
		"after all":  {Since: start.Add(200 * time.Hour)},
		"flow":       {Flow: "f13"},
		"nothing":    {Product: []string{"none"}},
		"door":       {Door: []string{"socks"}},
	}
	for name, f := range filters {
		var want, got, up []string
		for _, r := range slices.Backward(recs) {
			if plainly(f, r) {
				want = append(want, fmt.Sprintf("local-%d", r.Seq))
			}
		}
		f.Limit = 70
		for {
			page := list(t, l, f)
			for _, e := range page.Entries {
				got = append(got, e.ID)
			}
			if page.Older == "" {
				break
			}
			f.Before = page.Older
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (got, want):\n%s", name, diff)
		}
		f.Before, f.After = "", "0"
		for {
			page := list(t, l, f)
			for _, e := range slices.Backward(page.Entries) {
				up = append(up, e.ID)
			}
			if len(page.Entries) == 0 {
				break
			}
			f.After = page.Newer
		}
		slices.Reverse(up)
		if diff := cmp.Diff(up, want); diff != "" {
			t.Errorf("%s upwards (got, want):\n%s", name, diff)
		}
	}
}

func countersAddUp(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	verdicts := []string{"pass", "generalize", "drop", "refuse", "failed"}
	for i, v := range verdicts {
		typ := ledger.Kept
		if v == "pass" || v == "generalize" {
			typ = ledger.Sent
		}
		add(t, l, &ledger.Record{Type: typ, Verdict: v, Flow: fmt.Sprint(i)})
	}
	// Two parts of one request are one request.
	add(t, l, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "p", Part: "a"}, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "p", Part: "b"})
	// One that left in part has left.
	add(t, l, &ledger.Record{Type: ledger.Kept, Verdict: "drop", Flow: "q", Part: "a"}, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "q", Part: "b"})
	// A request of which nothing left has failed.
	add(t, l, &ledger.Record{Type: ledger.Sent, Verdict: "pass", Flow: "x"}, &ledger.Record{Type: ledger.Result, Verdict: "failed", Flow: "x", Error: "no route"})
	// One of which a part came to its origin has not.
	add(t, l, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "y", Part: "a"}, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "y", Part: "b"})
	add(t, l, &ledger.Record{Type: ledger.Result, Flow: "y", Part: "a", Status: 200}, &ledger.Record{Type: ledger.Result, Verdict: "failed", Flow: "y", Part: "b"})
	l.AddTunnel("192.0.2.1", "cdn.example", 443, 10, 20)
	add(t, l, &ledger.Record{Type: ledger.Event, Reason: "reload"})
	want := ledger.Counters{Seen: 10, Passed: 1, Generalized: 4, Dropped: 1, Refused: 1, Tunnelled: 1, Failed: 2}
	got := counters(t, l)
	got.Records = 0
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("counters (got, want):\n%s", diff)
	}
	if !m.Lasting {
		return
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got = counters(t, open(t, m, ledger.Config{}))
	got.Records = 0
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("counters after opening again (got, want):\n%s", diff)
	}
}

func holdEnds(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	hold := func(flow, part string, n int64) *ledger.Record {
		return &ledger.Record{Type: ledger.Kept, Verdict: "hold", Flow: flow, Part: part, Count: n}
	}
	add(t, l, hold("two", "", 2), hold("gone", "rate", 1))
	add(t, l, &ledger.Record{Type: ledger.Sent, Verdict: "generalize", Flow: "mix", Part: "now"}, hold("mix", "later", 1))
	if n := counters(t, l); n.Held != 3 || n.Seen != 3 {
		t.Errorf("held: %+v", n)
	}
	if m.Lasting {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, m, ledger.Config{})
	}
	play, rate := sent("two"), sent("two")
	play.Part, rate.Part = "play", "rate"
	add(t, l, play)
	if n := counters(t, l); n.Held != 3 {
		t.Errorf("one of two parts left: %+v", n)
	}
	add(t, l, rate)
	add(t, l, &ledger.Record{Type: ledger.Kept, Verdict: "drop", Reason: "expired", Flow: "gone", Part: "rate"})
	add(t, l, &ledger.Record{Type: ledger.Kept, Verdict: "drop", Reason: "expired", Flow: "mix", Part: "later"})
	n := counters(t, l)
	if n.Held != 0 || n.Generalized+n.Dropped != 3 || n.Seen != 3 {
		t.Errorf("after all: %+v", n)
	}
	e, err := l.Get(t.Context(), "1")
	if err != nil || len(e.Parts) != 2 || e.Parts[0].Part != "play" || e.Parts[1].Part != "rate" {
		t.Errorf("what came of the held entry: %+v, %v", e, err)
	}
}

func tunnelsAreTotals(t *testing.T, m Maker) {
	now := start
	l := open(t, m, ledger.Config{Now: func() time.Time { return now }})
	for range 3 {
		l.AddTunnel("192.0.2.1", "cdn.example", 443, 100, 10)
	}
	l.GrowTunnel("192.0.2.1", "cdn.example", 443, 1, 1)
	now = start.Add(time.Hour)
	l.AddTunnel("192.0.2.1", "cdn.example", 443, 5, 5)
	hour := start.Truncate(time.Hour)
	want := []ledger.TunnelTotal{
		{Hour: hour.Add(time.Hour), Client: "192.0.2.1", Host: "cdn.example", Port: 443, Count: 1, BytesIn: 5, BytesOut: 5},
		{Hour: hour, Client: "192.0.2.1", Host: "cdn.example", Port: 443, Count: 3, BytesIn: 301, BytesOut: 31},
	}
	check := func(l *ledger.Ledger) {
		t.Helper()
		got, err := l.Tunnels(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("tunnels (got, want):\n%s", diff)
		}
	}
	check(l)
	if m.Lasting {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		check(open(t, m, ledger.Config{Now: func() time.Time { return now }}))
	}
}

func followSees(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	add(t, l, sent("before"))
	var seen []string
	began := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := errors.New("done")
	go func() {
		<-began
		for _, flow := range []string{"a", "b"} {
			if err := l.Append(ctx, sent(flow), &ledger.Record{Type: ledger.Kept, Product: "other"}); err != nil {
				t.Error(err)
			}
		}
		l.Post(&ledger.Record{Type: ledger.Result, Flow: "a", Status: 200})
	}()
	page := list(t, l, ledger.Filter{})
	close(began)
	err := l.Follow(ctx, ledger.Filter{Product: []string{"plex"}, After: page.Newer}, func(e ledger.Entry) error {
		text := e.Flow
		if e.Update {
			text += fmt.Sprint(" ", e.Result.Status)
		}
		seen = append(seen, text)
		if len(seen) == 3 {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Fatalf("Follow ended with %v after %q", err, seen)
	}
	if want := []string{"a", "b", "a 200"}; !slices.Equal(seen, want) {
		t.Errorf("followed %q; want %q", seen, want)
	}
}

func ageRemoves(t *testing.T, m Maker) {
	now := start
	l := open(t, m, ledger.Config{KeepAge: 24 * time.Hour, Now: func() time.Time { return now }})
	for i := range 60 {
		now = start.Add(time.Duration(i) * time.Hour)
		add(t, l, sent(fmt.Sprint(i)))
	}
	if err := l.Retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := whole(t, l)
	if report.From != 36 || report.Removed != 35 || report.To != 61 {
		t.Errorf("after retention: %+v", report)
	}
	entries := list(t, l, ledger.Filter{Limit: 100}).Entries
	if len(entries) != 25 || entries[24].Flow != "35" {
		t.Errorf("%d entries are left", len(entries))
	}
	if n := counters(t, l); n.Seen != 60 {
		t.Errorf("retention changed the counters: %+v", n)
	}
	now = now.Add(1000 * time.Hour)
	if err := l.Retain(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(t, l, sent("after"))
	whole(t, l)
}

func sizeRemoves(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{KeepSize: ledger.MinKeepSize})
	r := sent("flood")
	r.Request.Body = bytes.Repeat([]byte("x"), 3000)
	for range 1500 {
		one, q := *r, *r.Request
		one.Request = &q
		add(t, l, &one)
	}
	used, limit, err := l.Usage(t.Context())
	if err != nil || used > limit || limit > ledger.MinKeepSize {
		t.Errorf("uses %d of %d bytes, %v", used, limit, err)
	}
	report := whole(t, l)
	if report.Removed == 0 || report.From != report.Removed+1 {
		t.Errorf("after the flood: %+v", report)
	}
}

func secretsMasked(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{KeepSize: ledger.MinKeepSize})
	r := sent("a")
	r.Request.Target = "/x?X-Plex-Token=hunter2"
	r.Request.Header = append(r.Request.Header, ledger.Field{Name: "Authorization", Value: "Bearer hunter2"})
	r.Request.Body = bytes.Repeat([]byte("y"), 1<<20)
	add(t, l, r)
	e, err := l.Get(t.Context(), "last")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(e); bytes.Contains(text, []byte("hunter2")) {
		t.Errorf("a secret is in the ledger: %s", text[:200])
	}
	if !e.Request.Cut || len(e.Request.Body) >= 1<<20 {
		t.Errorf("a body of %d bytes is in a ledger of %d, cut: %v", len(e.Request.Body), ledger.MinKeepSize, e.Request.Cut)
	}
	whole(t, l)
}

func exportsAre(t *testing.T, m Maker) {
	l := open(t, m, ledger.Config{})
	r := sent("=cmd|' /C calc'!A0\r\n2026 forged line")
	r.Reason = "+1"
	add(t, l, r, &ledger.Record{Type: ledger.Kept, Verdict: "drop", Host: "metrics.example"})
	add(t, l, &ledger.Record{Type: ledger.Result, RefSeq: 1, Status: 200, BytesIn: 2, Duration: 1500 * time.Microsecond})
	export := func(format string) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := l.Export(t.Context(), &b, format, ledger.Filter{}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	lines, err := csv.NewReader(bytes.NewReader(export("csv"))).ReadAll()
	if err != nil || len(lines) != 3 {
		t.Fatalf("csv: %d lines, %v", len(lines), err)
	}
	for _, cell := range lines[1] {
		if strings.ContainsAny(cell, "\r\n\u202e") || cell != "" && strings.ContainsAny(cell[:1], "=@") {
			t.Errorf("csv cell %q is not safe", cell)
		}
	}
	if n := bytes.Count(export("ndjson"), []byte("\n")); n != 2 {
		t.Errorf("ndjson has %d lines", n)
	}
	var entry ledger.Entry
	if err := json.Unmarshal(bytes.SplitN(export("ndjson"), []byte("\n"), 2)[0], &entry); err != nil || entry.Flow != r.Flow || entry.Result.Status != 200 || string(entry.Request.Body) != string(r.Request.Body) {
		t.Errorf("ndjson reads as %+v, %v", entry, err)
	}
	var har struct {
		Log struct {
			Version string
			Creator struct{ Name string }
			Entries []struct {
				StartedDateTime string
				Time            float64
				Request         struct {
					Method, URL, HTTPVersion string
					PostData                 struct{ Text, MimeType string }
				}
				Response struct{ Status int }
				Cache    *struct{}
				Timings  struct{ Send, Wait, Receive *float64 }
			}
		}
	}
	if err := json.Unmarshal(export("har"), &har); err != nil {
		t.Fatal(err)
	}
	if har.Log.Version != "1.2" || len(har.Log.Entries) != 1 {
		t.Fatalf("har: %+v", har.Log)
	}
	e := har.Log.Entries[0]
	if e.Request.URL != "https://metrics.example"+r.Request.Target || e.Response.Status != 200 || e.Time != 1.5 || e.Cache == nil || e.Timings.Wait == nil ||
		e.Request.PostData.Text != string(r.Request.Body) || e.Request.PostData.MimeType != "application/json" {
		t.Errorf("har entry: %+v", e)
	}
	if err := l.Export(t.Context(), &bytes.Buffer{}, "xml", ledger.Filter{}); err == nil || !strings.Contains(err.Error(), "har, ndjson, csv") {
		t.Errorf("an unknown format gives %v", err)
	}
}
