package proxy

import (
	"io"
	"strings"
	"testing"
	"time"
)

// say sends raw bytes over an intercepted connection to mixedHost and returns what comes back until it ends.
func (r *rig) say(text string) string { return r.sayTo(mixedHost, text) }

func (r *rig) sayTo(host, text string) string {
	r.t.Helper()
	conn := r.secure(host, "http/1.1")
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		r.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	b, _ := io.ReadAll(conn) // how the connection ends is the test's business
	return string(b)
}

// A request with two lengths must be the last of its connection (RFC 9112, section 6.1).
func TestNothingIsReadBehindARequestWithTwoLengths(t *testing.T) {
	r := newRig(t)
	got := r.say("POST /a HTTP/1.1\r\nHost: app.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
		"GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n")
	if n := strings.Count(got, "HTTP/1.1 "); n != 1 || !strings.Contains(got, "Connection: close") {
		t.Errorf("answers %q, want one, and the end of the connection", got)
	}
	if path := r.origin.only().Target; path != "/a" {
		t.Errorf("the origin got %q, want /a alone", path)
	}
}

func TestContentThatBreaksOffIsTheClientsFault(t *testing.T) {
	r := newRig(t)
	got := r.say("POST /a HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n0\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("answer %q, want 400", got)
	}
}
