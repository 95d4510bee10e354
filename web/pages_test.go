package web

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestPagesAreServedPackedAndChecked(t *testing.T) {
	r := newRig(t)
	res, plain := r.ask("GET", "/", nil)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Etag") == "" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	csp := res.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("the policy %q has no %q", csp, part)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy %q has something unsafe", csp)
	}
	packed, data := r.ask("GET", "/", nil, header("Accept-Encoding", "br, gzip;q=0.8"))
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Etag") == res.Header.Get("Etag") {
		t.Fatalf("%v", packed.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || string(unpacked) != string(plain) {
		t.Errorf("packed and plain differ: %v", err)
	}
	again, _ := r.ask("GET", "/", nil, header("If-None-Match", res.Header.Get("Etag")))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("with the ETag: %s", again.Status)
	}
	for path, want := range map[string]int{"/nothing.js": 404, "/static/index.html": 404, "/vendor": 404} {
		if res, _ := r.ask("GET", path, nil); res.StatusCode != want {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	if res, _ := r.ask("POST", "/", nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %s", res.Status)
	}
}

func TestGzipIsGivenToWhoTakesIt(t *testing.T) {
	for accept, want := range map[string]bool{"": false, "gzip": true, "br": false, "gzip;q=0": false, "gzip; q=0.5": true, "deflate, GZIP": true, "gzip;q=0.0": false} {
		if got := takesGzip(accept); got != want {
			t.Errorf("%q: got %v", accept, got)
		}
	}
}

func TestUnknownFilesAreNotServed(t *testing.T) {
	p, err := newPages(fstest.MapFS{"index.html": {Data: []byte("<p>")}, "notes.md": {Data: []byte("x")}, "vendor/LICENSE": {Data: []byte("x")}})
	if err != nil || len(p.files) != 2 {
		t.Errorf("%v, %v", p.files, err)
	}
}

func TestProxyConfigurationHoldsOnlyNames(t *testing.T) {
	r := newRig(t)
	_, data := r.ask("GET", "/proxy.pac", nil)
	text := string(data)
	for _, want := range []string{`if (host === "metrics.plex.tv") return "PROXY 192.168.1.2:3128";`, `if (host.endsWith(".ads.example"))`, `return "DIRECT";`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if line := pacLine(`x");alert("`, "p"); line != "" {
		t.Errorf("made %s", line)
	}
}

func TestMetricsAreFewAndTrue(t *testing.T) {
	r := newRig(t)
	r.fill()
	_, data := r.ask("GET", "/metrics", nil)
	text := string(data)
	for _, want := range []string{"scrim_seen_total 6", `scrim_requests{verdict="generalize"} 2`, `scrim_requests{verdict="drop"} 1`, `scrim_requests{verdict="tunnel"} 3`,
		"scrim_held_parts 3", "scrim_ready 1", `scrim_info{version="1.2.3"} 1`, "scrim_drift_entries 1", "process_resident_memory_bytes"} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want+" ") {
			t.Errorf("no %q in\n%.3000s", want, text)
		}
	}
	if strings.Contains(text, "plex") || strings.Contains(text, "192.168") {
		t.Error("a label tells of the household")
	}
}

func TestTheBoardAsksForMetricsThatThereAre(t *testing.T) {
	board, err := os.ReadFile("../deploy/grafana/scrim.json")
	if err != nil || !json.Valid(board) {
		t.Fatalf("the board is not JSON (%v)", err)
	}
	r := newRig(t)
	_, data := r.ask("GET", "/metrics", nil)
	asked := regexp.MustCompile(`(scrim|process)_[a-z_]+`).FindAllString(string(board), -1)
	if len(asked) < 15 {
		t.Errorf("it asks for %v", asked)
	}
	for _, metric := range asked {
		if !regexp.MustCompile(`(?m)^` + metric + `[ {]`).Match(data) {
			t.Errorf("there is no %s", metric)
		}
	}
}
