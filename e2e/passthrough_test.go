package e2e

import (
	"bytes"
	"strings"
	"testing"
)

// TestPassthroughIsByteForByte sends what no rule may touch twice, once straight to the origin and once through
// scrim, and compares the bytes that came off the TLS connection.
func TestPassthroughIsByteForByte(t *testing.T) {
	ca := newAuthority(t)
	o := newRawOrigin(t, ca)
	entries := corpus(t, "passthrough.har")
	hosts := map[string]string{}
	for _, e := range entries {
		hosts[e.url(t).Hostname()] = o.addr
	}
	h := newHouse(t, ca, hosts, "")
	both := bothRoots(t, h, ca)
	for _, e := range entries {
		t.Run(e.name()+" "+e.url(t).Hostname(), func(t *testing.T) {
			u := e.url(t)
			port := u.Port()
			if port == "" {
				port = "443"
			}
			if _, stderr, code := curlEntry(t, e, "--http1.1", "--cacert", both, "--connect-to", u.Hostname()+":"+port+":"+o.addr); code != 0 {
				t.Fatalf("straight: exit %d: %s", code, stderr)
			}
			straight, n := o.last(), o.count()
			if _, stderr, code := h.curl(e, "--http1.1", "--cacert", both); code != 0 {
				t.Fatalf("through scrim: exit %d: %s", code, stderr)
			}
			if o.count() != n+1 {
				t.Fatalf("%d requests arrived through scrim, want 1", o.count()-n)
			}
			if got := o.last(); !sameRequest(straight, got) {
				t.Errorf("through scrim:\n%q\nstraight:\n%q", got, straight)
			}
		})
	}
	h.verify()
}

// sameRequest compares two requests byte for byte, but for the order and the case of header fields, which HTTP
// (RFC 9110, section 5.3) leaves free and SPEC does not promise.
func sameRequest(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	headA, bodyA, _ := bytes.Cut(a, []byte("\r\n\r\n"))
	headB, bodyB, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	if !bytes.Equal(bodyA, bodyB) {
		return false
	}
	lines := func(head []byte) (first string, fields map[string]int) {
		all := strings.Split(string(head), "\r\n")
		fields = map[string]int{}
		for _, l := range all[1:] {
			name, value, _ := strings.Cut(l, ":")
			fields[strings.ToLower(name)+":"+strings.TrimSpace(value)]++
		}
		return all[0], fields
	}
	firstA, fieldsA := lines(headA)
	firstB, fieldsB := lines(headB)
	if firstA != firstB || len(fieldsA) != len(fieldsB) {
		return false
	}
	for f, n := range fieldsA {
		if fieldsB[f] != n {
			return false
		}
	}
	return true
}
