package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// harRequest is one request of a corpus file.
type harRequest struct {
	Method, URL string
	Headers     []struct{ Name, Value string }
	PostData    struct{ Text string }
	Class       string
}

// corpus reads the requests of a corpus file as messages.
func corpus(t testing.TB, name string) []*rules.Message {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	var har struct {
		Log struct {
			Entries []struct{ Request harRequest }
		}
	}
	if err := json.Unmarshal(data, &har); err != nil {
		t.Fatal(err)
	}
	var messages []*rules.Message
	for _, e := range har.Log.Entries {
		messages = append(messages, message(t, e.Request))
	}
	return messages
}

func message(t testing.TB, r harRequest) *rules.Message {
	t.Helper()
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	m := &rules.Message{
		Time: noon(), Method: r.Method, Path: u.EscapedPath(), Query: u.RawQuery, HasQuery: u.RawQuery != "",
		To: rules.Destination{Scheme: u.Scheme, Host: strings.ToLower(u.Hostname()), Port: 443, Evidence: rules.FromAuthority},
	}
	for _, h := range r.Headers {
		if !strings.EqualFold(h.Name, "Host") && !strings.HasPrefix(h.Name, ":") {
			m.Header = append(m.Header, rules.Field{Name: h.Name, Value: h.Value})
		}
	}
	if r.PostData.Text != "" {
		m.Body = []byte(r.PostData.Text)
	}
	return m
}

func noon() time.Time { return time.Date(2025, 1, 14, 12, 0, 0, 0, time.UTC) }

func testEnv() rules.Env {
	return rules.Env{Now: noon(), Location: time.UTC, Random: rand.NewChaCha8([32]byte{}), Key: []byte("key of a test, 32 bytes long....")}
}

// eventRules make one message of one event, as SPEC section 4 shows a rule.
const eventRules = `
hosts: {analytics.plex.tv: telemetry}
rules:
  - id: other
    match: {host: analytics.plex.tv, method: POST, path: /collect/event, body: {$.event: ["client:click", "client:view"]}}
    then: drop
  - id: playback
    match: {host: analytics.plex.tv, method: POST, path: /collect/event, body: {$.event: "playback:itemend", $.properties.type: [movie, episode]}}
    then: generalize
    fields:
      $.event: keep
      $.properties.type: {map: {movie: video, episode: video, video: video}}
      $.properties.duration: {bucket: video-length, unit: s, on_error: remove}
      $.properties.playbackTime: {derive: {share_of: $.properties.duration, edges: [0.1, 0.5, 0.9], factors: [0.05, 0.3, 0.7, 1]}}
      $.deviceIdentifier: random
`

// BenchmarkEvent is one event of Plex Web, about 1 KB: match, generalize, encode, list what was done. With the shipped
// pack it leaves in two parts.
func BenchmarkEvent(b *testing.B) {
	b.Run("one_part", func(b *testing.B) {
		benchmarkEvent(b, load(b, rules.Options{}, eventRules, shipped(b, "tables.yaml")))
	})
	b.Run("plex_pack", func(b *testing.B) { benchmarkEvent(b, plex(b)) })
}

func benchmarkEvent(b *testing.B, set *rules.Set) {
	var event *rules.Message
	for _, m := range corpus(b, "plex-web.har") {
		if bytes.Contains(m.Body, []byte(`"playback:itemend"`)) {
			event = m
		}
	}
	env := testEnv()
	b.SetBytes(int64(len(event.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if out := set.Apply(event, env); out.Verdict != rules.Generalize {
			b.Fatal(out.Verdict, out.Detail)
		}
	}
}

// batchRules are 12 field rules and unlisted: remove.
const batchRules = `
hosts: {stats.example.org: telemetry}
rules:
  - id: batch
    match: {host: stats.example.org, path: /batch}
    then: generalize
    fields:
      $.sentAt: {truncate: day}
      $.batch[*].event: keep
      $.batch[*].type: keep
      $.batch[*].timestamp: {truncate: day}
      $.batch[*].properties.duration: {round: 15m, unit: s}
      $.batch[*].properties.bitrate: {bucket: [0, 2000, 8000]}
      $.batch[*].properties.type: {map: {movie: video, episode: video, "*": other}}
      $.batch[*].properties.player: keep
      $.batch[*].context.library: {keep: all}
      $.batch[*].context.ip: {prefix: 24}
      $.batch[*].context.version: {shorten: 3}
      $.batch[*].anonymousId: remove
`

// batch is a body of about size bytes, of events with many fields that no rule names.
func batch(size, untouched int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"sentAt":"2025-01-14T11:59:59.123Z","writeKey":"abcdefgh","batch":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"track","event":"playback:itemend","anonymousId":"507f191e-810c-4197-29de-%012d","timestamp":"2025-01-14T11:%02d:%02d.000Z",`+
			`"context":{"library":{"name":"analytics.js","version":"2.11.1"},"ip":"192.0.2.%d","version":"4.116.1","locale":"en-US","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},`+
			`"properties":{"duration":%d,"bitrate":%d,"type":"movie","player":"html","title":"A film of %d"`, i, i%60, i%59, i%250, 5000+i, 3000+i, i)
		for j := range untouched {
			fmt.Fprintf(&b, `,"extra%d":%d`, j, i+j)
		}
		b.WriteString(`}}`)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func batchMessage(content []byte) *rules.Message {
	return &rules.Message{
		Time: noon(), Method: "POST", Path: "/batch", To: rules.Destination{Scheme: "https", Host: "stats.example.org", Port: 443},
		Header: []rules.Field{{Name: "Content-Type", Value: "application/json"}}, Body: content,
	}
}

// BenchmarkBatch is 1 MB of events under 12 field rules and unlisted: remove.
func BenchmarkBatch(b *testing.B) {
	set := load(b, rules.Options{}, batchRules)
	m := batchMessage(batch(1<<20, 10))
	env := testEnv()
	b.SetBytes(int64(len(m.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if out := set.Apply(m, env); out.Verdict != rules.Generalize {
			b.Fatal(out.Verdict, out.Detail)
		}
	}
}

// refused is a list of n names.
func refused(n int) rules.Options {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "ads%d.tracker%d.example.com\n", i, i%977)
	}
	return rules.Options{Files: func(string) ([]byte, error) { return []byte(list.String()), nil }}
}

const refuseRules = `
rules:
  - id: list
    match: {host: {file: hosts.txt}}
    then: refuse
`

func BenchmarkGate(b *testing.B) {
	for _, n := range []int{10, 100000} {
		set := load(b, refused(n), refuseRules)
		for _, host := range []string{"ads7.tracker7.example.com", "www.example.org"} {
			b.Run(fmt.Sprintf("%d/%s", n, host), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					set.Gate(rules.Client{}, host)
				}
			})
		}
	}
}

// BenchmarkCompileList compiles a list of 100,000 refused names.
func BenchmarkCompileList(b *testing.B) {
	opt := refused(100000)
	file, err := rules.Parse("list.yaml", []byte(refuseRules))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := rules.Compile([]*rules.File{file}, opt); err != nil {
			b.Fatal(err)
		}
	}
}
