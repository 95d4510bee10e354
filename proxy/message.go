package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// hopFields are the fields that concern one connection only (RFC 9110, section 7.6.1), with those that old clients
// and proxies send.
var hopFields = [...]string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade"}

// hopByHop reports whether name, in canonical form, is hop-by-hop; listed are the fields that Connection names.
func hopByHop(name string, listed []string) bool {
	for _, h := range hopFields {
		if name == h {
			return true
		}
	}
	return slices.Contains(listed, name)
}

// connectionListed returns the canonical names that the Connection field lists; nil for the usual keep-alive.
func connectionListed(h http.Header) []string {
	var listed []string
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = textproto.TrimString(name); name != "" && !strings.EqualFold(name, "keep-alive") && !strings.EqualFold(name, "close") {
				listed = append(listed, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	return listed
}

// endToEnd lists the end-to-end fields in the order of their names: net/http has forgotten the order in which they came.
func endToEnd(h http.Header) []rules.Field {
	listed := connectionListed(h)
	names := make([]string, 0, 24)
	n := 0
	for name, values := range h {
		if !hopByHop(name, listed) {
			names = append(names, name)
			n += len(values)
		}
	}
	slices.Sort(names)
	fields := make([]rules.Field, 0, n)
	for _, name := range names {
		for _, value := range h[name] {
			fields = append(fields, rules.Field{Name: name, Value: value})
		}
	}
	return fields
}

// errTarget is the answer to a target that could mean two things to two readers.
var errTarget = errors.New("the target of the request holds a character that no target may hold")

// originForm is the path and query of a request as its client wrote them, whatever form the target has
// (RFC 9112, section 3.2).
func originForm(r *http.Request) (path, query string, hasQuery bool, err error) {
	target := r.RequestURI
	if r.URL.Scheme != "" && !strings.HasPrefix(target, "/") { // absolute-form
		_, rest, ok := strings.Cut(target, "://")
		if !ok {
			return "", "", false, errTarget
		}
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			target = rest[i:]
		} else {
			target = ""
		}
	}
	for i := 0; i < len(target); i++ {
		if target[i] <= ' ' || target[i] == 0x7f {
			return "", "", false, errTarget
		}
	}
	path, query, hasQuery = strings.Cut(target, "?")
	if path == "" {
		path = "/"
	}
	if path[0] != '/' && path != "*" {
		return "", "", false, errTarget
	}
	return path, query, hasQuery, nil
}

// message makes of r what rules see; its body is still to be read.
func (p *Proxy) message(r *http.Request, f *Flow, to rules.Destination) (*rules.Message, error) {
	path, query, hasQuery, err := originForm(r)
	if err != nil {
		return nil, err
	}
	return &rules.Message{Time: f.Start, Client: f.Client, ClientName: f.ClientName, To: to, Method: r.Method,
		Path: path, Query: query, HasQuery: hasQuery, Header: endToEnd(r.Header)}, nil
}

// readBody reads the content that a rule needs, at most limit bytes. Where there is more, or less than was announced,
// m.BodyFault says so, and what was read is returned for a message that passes all the same. The deadline for reading stays: after a fault net/http would wait for
// the rest of the body without one. pass takes it away.
func (p *Proxy) readBody(w http.ResponseWriter, r *http.Request, m *rules.Message, limit int64) []byte {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if most := p.terms.Load().body; limit <= 0 || limit > most { // the rule's own bound, below that of the configuration
		limit = most
	}
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(p.cfg.Limits.BodyTimeout))
	b, err := readAll(r.Body, r.ContentLength, limit+1)
	switch {
	case err != nil:
		m.BodyFault = rules.BodyIncomplete
	case int64(len(b)) > limit:
		m.BodyFault = rules.BodyTooLarge
	default:
		m.Body = b
	}
	return b
}

// readAll reads up to limit bytes. length is what was announced, -1 for nothing; it is a hint, never trusted for memory.
func readAll(r io.Reader, length, limit int64) ([]byte, error) {
	const first, most = 2048, 256 << 10
	size := int64(first)
	if length >= 0 {
		size = min(length+1, most)
	}
	b := make([]byte, 0, min(size, limit))
	for int64(len(b)) < limit {
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
		n, err := r.Read(b[len(b):min(int64(cap(b)), limit)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
