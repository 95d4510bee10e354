package rules

import (
	"net/netip"
	"strconv"
	"time"
)

// Evidence says where the name of a destination came from. An address alone is
// weaker than a name: a rule never holds for it.
type Evidence uint8

// The kinds of evidence, each at most once in a set.
const (
	FromAuthority Evidence = 1 << iota // CONNECT authority, SOCKS request or absolute-form target
	FromSNI                            // TLS server name (RFC 6066, section 3)
	FromHost                           // Host field (RFC 9110, section 7.2)
	FromPath                           // first path segment of the collector door
	FromAddress                        // original address alone
	FromDNS                            // what DNS last answered to this client for the address
)

// Destination is where a message is going.
type Destination struct {
	Scheme   string     // "http" or "https"
	Host     string     // lower case, A-label, no final dot, no port; an IP address without brackets
	Port     uint16     // never 0
	Addr     netip.Addr // the address the client wanted, where the door knows it
	Evidence Evidence
}

// Authority is host:port as RFC 3986 section 3.2 writes it, the port left out where it is the scheme's own.
func (d Destination) Authority() string {
	host := d.Host
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	if d.Port == 0 || (d.Scheme == "https" && d.Port == 443) || (d.Scheme == "http" && d.Port == 80) {
		return host
	}
	return host + ":" + strconv.Itoa(int(d.Port))
}

// Field is one header field, as received.
type Field struct{ Name, Value string }

// BodyFault says why the content of a message is not there to be read. The zero value: it is there.
type BodyFault string

// The faults a door can hand in.
const (
	BodyTooLarge   BodyFault = "over max_body"
	BodyIncomplete BodyFault = "ended early"
)

// Message is one request: all that a rule can see. It is plain data; Apply never changes it.
// Path and Query are as received: percent-encoded, Query without its question mark.
type Message struct {
	Time       time.Time  // arrival
	Client     netip.Addr // who sent it
	ClientName string     // the owner's name for that address, or ""
	To         Destination
	Method     string
	Path       string // begins with "/"; "*" for OPTIONS *
	Query      string
	HasQuery   bool    // tells "/a?" from "/a"
	Header     []Field // end-to-end fields without Host
	Body       []byte  // content as received, content codings still on; nil: none
	BodyFault  BodyFault
}

// Get returns the first value of the header field name (case-insensitive, RFC 9110 section 5.1), or "".
func (m *Message) Get(name string) string {
	for i := range m.Header {
		if equalFold(m.Header[i].Name, name) {
			return m.Header[i].Value
		}
	}
	return ""
}

// Target is the origin-form of the request target (RFC 9112, section 3.2.1).
func (m *Message) Target() string {
	if m.HasQuery || m.Query != "" {
		return m.Path + "?" + m.Query
	}
	return m.Path
}

// URL is the target URI (RFC 9110, section 7.1).
func (m *Message) URL() string {
	return m.To.Scheme + "://" + m.To.Authority() + m.Target()
}

// equalFold compares field names, which are ASCII (RFC 9110, section 5.6.2).
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}
