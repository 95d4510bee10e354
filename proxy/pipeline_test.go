package proxy

import (
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/scrimproxy/scrim/ledger"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

const play = `{"event":"end","duration":5640,"userId":12345,"deviceIdentifier":"aaaa1111"}`

// eachVersion runs f for HTTP/1.1 and HTTP/2 clients.
func eachVersion(t *testing.T, f func(t *testing.T, h2 bool)) {
	t.Run("http1", func(t *testing.T) { f(t, false) })
	t.Run("http2", func(t *testing.T) { f(t, true) })
}

func TestGeneralizedRequestLeavesAsTheRuleSays(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		resp, text := r.do(r.client(h2), "POST", "https://analytics.example/collect?X-Plex-Token=secret", play,
			"Content-Type", "text/plain", "X-Device", "living room", "Cookie", "id=1", "User-Agent", "Player/1.0")
		if resp.StatusCode != 200 || text != "origin" {
			t.Errorf("client got %d %q, want the origin's answer", resp.StatusCode, text)
		}
		if h2 != (resp.ProtoMajor == 2) {
			t.Errorf("client spoke %s", resp.Proto)
		}
		got := r.origin.only()
		if want := `{"event":"end","duration":5400}`; got.Body != want {
			t.Errorf("body %q, want %q", got.Body, want)
		}
		if got.Target != "/collect" || got.Host != telemetryHost || got.Header.Get("User-Agent") != "scrim" {
			t.Errorf("target %q, host %q, agent %q", got.Target, got.Host, got.Header.Get("User-Agent"))
		}
		for name := range got.Header {
			switch name {
			case "Content-Type", "Content-Length", "User-Agent", "Accept":
			default:
				t.Errorf("field %s left", name)
			}
		}
		c := r.counters(1)
		if c.Generalized != 1 {
			t.Errorf("counters %+v", c)
		}
		e := r.entries(ledger.Sent)
		if len(e) != 1 || string(e[0].Request.Body) != got.Body || e[0].Rule != "play" || e[0].Verdict != "generalize" || e[0].Product != "demo" {
			t.Fatalf("entries %+v", e)
		}
		if e[0].Result == nil || e[0].Result.Status != 200 {
			t.Errorf("result %+v", e[0].Result)
		}
		for _, f := range e[0].Request.Header {
			if f.Name == "Host" {
				if f.Value != telemetryHost {
					t.Errorf("recorded host %q", f.Value)
				}
				continue
			}
			if v := got.Header.Get(f.Name); v != f.Value {
				t.Errorf("recorded %s: %q, the origin has %q", f.Name, f.Value, v)
			}
		}
		if len(e[0].Request.Header) != len(got.Header)+1 {
			t.Errorf("recorded %v, received %v", e[0].Request.Header, got.Header)
		}
	})
}

func TestWhatCannotBeReadStaysInTheHouse(t *testing.T) {
	big := `{"event":"end","x":"` + strings.Repeat("a", 70<<10) + `"}`
	for name, c := range map[string]struct {
		body   string
		header []string
	}{
		"not_json":        {`{"event":"end"`, nil},
		"value_of_a_kind": {`{"event":"end","duration":"long"}`, nil},
		"over_max_body":   {big, nil},
		"bad_gzip":        {"\x1f\x8b\x08garbage", []string{"Content-Encoding", "gzip"}},
		"unmatched":       {`{"event":"start"}`, nil},
		"empty":           {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.Body = 64 << 10 })
			resp, _ := r.do(r.client(false), "POST", "https://analytics.example/collect", c.body, c.header...)
			if resp.StatusCode/100 != 2 {
				t.Errorf("status %d, want a plausible success", resp.StatusCode)
			}
			r.origin.nothing()
			e := r.entries()
			if len(e) != 1 || e[0].Type != ledger.Kept || e[0].Verdict != "drop" || e[0].Request != nil {
				t.Errorf("entries %+v", e)
			}
			if c := r.counters(1); c.Dropped != 1 {
				t.Errorf("counters %+v", c)
			}
		})
	}
}

func TestDroppedRequestHasTheRulesReply(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		resp, text := r.do(r.client(h2), "POST", "https://analytics.example/crash", "dump of /home/me", "Origin", "https://web.example")
		if resp.StatusCode != 201 || text != "thanks" || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %d %q %v", resp.StatusCode, text, resp.Header)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://web.example" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
		r.origin.nothing()
	})
}

func TestUnmatchedOnMixedHostPasses(t *testing.T) {
	r := newRig(t)
	_, text := r.do(r.client(false), "POST", "https://app.example/library", "secret film")
	if got := r.origin.only(); text != "origin" || got.Body != "secret film" {
		t.Errorf("got %q, origin %+v", text, got)
	}
	e := r.entries()
	if len(e) != 1 || e[0].Type != ledger.Sent || e[0].Verdict != "pass" || e[0].Request.Body != nil {
		t.Errorf("entries %+v", e)
	}
}

func TestLedgerThatCannotAppendKeepsTelemetryInside(t *testing.T) {
	r := newRig(t)
	r.broken.fault.Store(true)
	c := r.client(false)
	resp, text := r.do(c, "POST", "https://analytics.example/collect", play)
	if resp.StatusCode != 202 || text != `{"ok":true}` {
		t.Errorf("client got %d %q, want the rule's reply", resp.StatusCode, text)
	}
	if resp, _ := r.do(c, "POST", "https://analytics.example/open", "x"); resp.StatusCode != 200 {
		t.Errorf("a passed kind: status %d", resp.StatusCode)
	}
	r.do(c, "POST", "https://app.example/collect", play)
	r.origin.nothing()
	if _, text := r.do(c, "GET", "https://app.example/library", ""); text != "origin" {
		t.Errorf("other traffic got %q", text)
	}
	r.origin.only()
	if n := r.counters(4); n.Dropped != 3 || n.Passed != 1 || n.LedgerFault != 3 {
		t.Errorf("counters %+v", n)
	}
}

func TestPreflightIsAnsweredHereOnTelemetryHosts(t *testing.T) {
	r := newRig(t)
	c := r.client(false)
	ask := []string{"Origin", "https://web.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-a,content-type"}
	resp, _ := r.do(c, "OPTIONS", "https://analytics.example/collect", "", ask...)
	h := resp.Header
	if resp.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://web.example" ||
		h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Allow-Headers") != "x-a,content-type" {
		t.Errorf("got %d %v", resp.StatusCode, h)
	}
	r.origin.nothing()
	r.do(c, "OPTIONS", "https://app.example/collect", "", ask...)
	if got := r.origin.only(); got.Method != "OPTIONS" {
		t.Errorf("mixed host: %+v", got)
	}
}

func TestTelemetryAnswersLoseCookiesAndAltSvc(t *testing.T) {
	r := newRig(t)
	r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "id=1")
		w.Header().Set("Alt-Svc", `h3=":443"`)
		w.Header().Set("X-Kept", "yes")
	})
	c := r.client(true)
	for _, target := range []string{"/collect", "/open"} {
		resp, _ := r.do(c, "POST", "https://analytics.example"+target, play)
		if resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Alt-Svc") != "" || resp.Header.Get("X-Kept") != "yes" {
			t.Errorf("%s: %v", target, resp.Header)
		}
	}
	if resp, _ := r.do(c, "GET", "https://app.example/", ""); resp.Header.Get("Set-Cookie") != "id=1" {
		t.Errorf("mixed host: %v", resp.Header)
	}
}

func TestReloadActsOnTheNextRequestOfAnOpenConnection(t *testing.T) {
	r := newRig(t)
	c := r.client(false)
	r.do(c, "POST", "https://analytics.example/collect", play)
	r.setRules(strings.Replace(testRules, "playback: {title: Playback, default: generalize}", "playback: {title: Playback, default: drop}", 1))
	if resp, _ := r.do(c, "POST", "https://analytics.example/collect", play); resp.StatusCode != 202 {
		t.Errorf("status %d, want the rule's reply", resp.StatusCode)
	}
	r.origin.only()
}

func TestWrongAuthorityIsMisdirected(t *testing.T) {
	eachVersion(t, func(t *testing.T, h2 bool) {
		r := newRig(t)
		req, _ := http.NewRequest("POST", "https://app.example/x", strings.NewReader(play))
		req.Host = telemetryHost
		resp, err := r.client(h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("status %d, want 421", resp.StatusCode)
		}
		r.origin.nothing()
	})
}
