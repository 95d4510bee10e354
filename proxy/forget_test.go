package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a telemetry host says before and after its answer is not remembered either (SPEC, section 2).
func TestInterimAnswersAndTrailersOfTelemetryHosts(t *testing.T) {
	r := newRig(t)
	r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Set-Cookie", "early=1")
		h.Set("Alt-Svc", `h3=":1"`)
		h.Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		h.Set("Trailer", "X-Sum, Set-Cookie, Alt-Svc")
		w.Write([]byte("ok"))
		h.Set("X-Sum", "1")
		h.Set("Set-Cookie", "late=1")
		h.Set("Alt-Svc", `h3=":2"`)
	})
	for _, request := range []string{
		"GET /open HTTP/1.1\r\nHost: analytics.example\r\nConnection: close\r\n\r\n",
		"POST /collect HTTP/1.1\r\nHost: analytics.example\r\nConnection: close\r\nContent-Length: 31\r\n\r\n" + `{"event":"end","duration":5640}`,
	} {
		got := r.sayTo(telemetryHost, request)
		if !strings.Contains(got, "HTTP/1.1 200") {
			t.Errorf("answer %q", got)
		}
		for _, word := range []string{"early=1", "late=1", `h3=`} {
			if strings.Contains(got, word) {
				t.Errorf("the client got %q: %q", word, got)
			}
		}
	}
}

// An origin may announce trailers and send none.
func TestAnnouncedTrailersThatDoNotCome(t *testing.T) {
	r := newRig(t)
	r.origin.handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Write([]byte("ok"))
	})
	for _, h2 := range []bool{false, true} {
		client := r.client(h2)
		client.Timeout = 5 * time.Second
		for _, path := range []string{"/open", "/collect"} {
			_, body := r.do(client, "POST", "https://"+telemetryHost+path, `{"event":"end","duration":5640}`)
			if body != "ok" {
				t.Errorf("%s, HTTP/2 %t: answer %q", path, h2, body)
			}
		}
	}
}
