package rules

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// ExampleFault is an example whose outcome is not what its rule file says.
type ExampleFault struct {
	Rule    string
	Example string
	Pos     Pos
	What    string   // one line
	Diff    []string // "$.properties.duration: got 5640, want 5220"; values come from the rule file
}

// Error is the fault and its differences, one a line.
func (f ExampleFault) Error() string {
	text := fmt.Sprintf("%s:%d:%d: rule %q: example %q: %s", f.Pos.File, f.Pos.Line, f.Pos.Column, f.Rule, f.Example, f.What)
	for _, line := range f.Diff {
		text += "\n    " + line
	}
	return text
}

// RunExamples holds each rule to its own examples, as `scrim check` and every load do. An example runs through the
// rules of its own file, from the first, with every switch at generalize, under the profile that it names; chance is
// a fixed stream, so that the result is the same each time.
func (s *Set) RunExamples() []ExampleFault {
	var faults []ExampleFault
	for _, r := range s.rules {
		for i := range r.ast.Examples {
			ex := &r.ast.Examples[i]
			if f := s.runExample(r, ex); f != nil {
				f.Rule, f.Example, f.Pos = r.info.ID, ex.Name, ex.Pos
				faults = append(faults, *f)
			}
		}
	}
	return faults
}

// exampleTime is when an example happens that does not say: a Tuesday, at noon in UTC.
func exampleTime() time.Time { return time.Date(2025, time.January, 14, 12, 0, 0, 0, time.UTC) }

func (s *Set) runExample(r *rule, ex *Example) *ExampleFault {
	set, ok := s.forExample(ex.Profile)
	if !ok {
		return &ExampleFault{What: fmt.Sprintf("unknown profile %q; write generalized or strict", ex.Profile)}
	}
	m, moved, err := r.exampleMessage(&ex.In)
	if err != nil {
		return &ExampleFault{What: err.Error()}
	}
	out, decided := set.applyFile(r, m, Env{Now: m.Time, Location: time.UTC, Random: newStream(), Key: []byte("example")})
	switch host, _ := s.class(m.To.Host); {
	case decided == nil && host.Class == Mixed:
		out = &Outcome{Verdict: Pass, Reason: Unmatched} // an example may show what a rule leaves alone
	case decided == nil:
		return &ExampleFault{What: "no rule of the file matches it"}
	case decided != r:
		return &ExampleFault{What: fmt.Sprintf("rule %q decides it instead", decided.info.ID)}
	}
	return compare(r, m, out, ex, moved)
}

// forExample is the set with every switch at generalize, under one profile for all.
func (s *Set) forExample(name string) (*Set, bool) {
	p, ok := profileNamed(name)
	w := &Set{core: s.core, switches: make([]Verdict, len(s.kinds)), profile: make([]profile, len(s.products)), pause: make([]time.Time, len(s.products))}
	for i := range w.switches {
		w.switches[i] = Generalize
	}
	for i := range w.profile {
		w.profile[i] = p
	}
	return w, ok
}

// applyFile is Apply among the rules of one file alone.
func (s *Set) applyFile(own *rule, m *Message, env Env) (*Outcome, *rule) {
	x := s.begin(m, env)
	defer x.end()
	for _, number := range x.rules() {
		r := s.rules[number]
		if r.file != own.file || r.refuses {
			continue
		}
		switch a, why := x.holds(r.match, false); a {
		case yes:
			return x.decide(r), r
		case unclear:
			return x.unclear(r, why), r
		}
	}
	return nil, nil
}

// exampleMessage makes a message of what an example gives; what is missing comes from the first literals of the
// match. moved: the host is that of the rule, since it is used elsewhere than where the example says.
func (r *rule) exampleMessage(ex *ExampleMessage) (m *Message, moved bool, err error) {
	match := &r.ast.Match
	m = &Message{Time: ex.Time, Method: ex.Method, Header: ex.Header}
	if m.Time.IsZero() {
		m.Time = exampleTime()
	}
	if m.Body, err = ex.bytes(); err != nil {
		return nil, false, err
	}
	if m.Method == "" {
		m.Method = r.exampleMethod(m.Body)
	}
	m.To = Destination{Scheme: "https", Port: 443, Evidence: FromAuthority}
	if err = r.exampleTarget(m, ex.URL); err != nil {
		return nil, false, err
	}
	if !r.names(m.To.Host) {
		moved = m.To.Host != ""
		m.To.Host = exampleHost(match.Hosts)
	}
	r.exampleHeader(m)
	for _, c := range match.Client {
		if m.ClientName = c.Name; c.Name == "" {
			m.Client = c.Prefix.Addr()
		}
		break
	}
	return m, moved, nil
}

func (ex *ExampleMessage) bytes() ([]byte, error) {
	switch {
	case len(ex.Body64) > 0:
		return ex.Body64, nil
	case ex.Body == nil:
		return nil, nil
	}
	return []byte(ex.Body.Plain()), nil
}

func (r *rule) exampleMethod(content []byte) string {
	switch methods := r.ast.Match.Methods; {
	case len(methods) > 0:
		return methods[0]
	case len(content) > 0:
		return "POST"
	}
	return "GET"
}

// exampleTarget takes scheme, host, path and query from a URL, which may be a path alone, and from the match.
func (r *rule) exampleTarget(m *Message, url string) error {
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		m.To.Scheme = strings.ToLower(scheme)
		if m.To.Scheme != "http" && m.To.Scheme != "https" {
			return fmt.Errorf("url: scheme %q is neither http nor https", scheme)
		}
		if m.To.Scheme == "http" {
			m.To.Port = 80
		}
		authority := rest
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			authority, url = rest[:i], rest[i:]
		} else {
			url = "/"
		}
		if ap, err := netip.ParseAddrPort(authority); err == nil {
			m.To.Host, m.To.Port = ap.Addr().String(), ap.Port()
		} else {
			host, port, hasPort := strings.Cut(authority, ":")
			m.To.Host = cleanHost(host)
			if n := 0; hasPort {
				if _, err := fmt.Sscanf(port, "%d", &n); err != nil || n < 1 || n > 65535 {
					return fmt.Errorf("url: %q is not a port", port)
				}
				m.To.Port = uint16(n)
			}
		}
	}
	url, _, _ = strings.Cut(url, "#")
	m.Path, m.Query, m.HasQuery = strings.Cut(url, "?")
	if m.Path == "" {
		m.Path = r.examplePath()
	}
	if !m.HasQuery && url == "" {
		r.exampleQuery(m)
	}
	return nil
}

// examplePath is the first path of the match; what a glob leaves open is x.
func (r *rule) examplePath() string {
	if len(r.ast.Match.Paths) == 0 {
		return "/"
	}
	path := strings.ReplaceAll(strings.ReplaceAll(r.ast.Match.Paths[0], "**", "x"), "*", "x")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// exampleQuery gives the parameters that the match wants.
func (r *rule) exampleQuery(m *Message) {
	var query []byte
	for _, q := range r.ast.Match.Query {
		value, ok := literalOf(&q.Cond)
		if !ok {
			continue
		}
		if len(query) > 0 {
			query = append(query, '&')
		}
		query = appendEscaped(appendEscaped2(query, q.Name), value)
	}
	m.Query, m.HasQuery = string(query), len(query) > 0
}

func appendEscaped2(dst []byte, name string) []byte { return append(appendEscaped(dst, name), '=') }

// exampleHeader gives the header fields that the match wants and the example does not have.
func (r *rule) exampleHeader(m *Message) {
	header := m.Header[:len(m.Header):len(m.Header)]
	for _, h := range r.ast.Match.Header {
		if value, ok := literalOf(&h.Cond); ok && m.Get(h.Name) == "" {
			header = append(header, Field{h.Name, value})
		}
	}
	if c := r.ast.Match.ContentType; c != nil && m.Get("Content-Type") == "" {
		if value, ok := literalOf(c); ok {
			header = append(header, Field{"Content-Type", value})
		}
	}
	m.Header = header
}

// literalOf is the first value that a condition holds for, as text.
func literalOf(c *Condition) (string, bool) {
	switch {
	case c.Exists != nil:
		return "x", *c.Exists
	case c.Min != "":
		return c.Min, true
	case c.Max != "":
		return c.Max, true
	case len(c.Any) == 0:
		return "", false
	}
	v := c.Any[0]
	if v.Kind == body.String {
		return strings.ReplaceAll(v.Text, "*", "x"), true
	}
	return v.Plain(), true
}

// names reports whether the rule is for a host.
func (r *rule) names(host string) bool {
	for _, p := range r.ast.Match.Hosts {
		if p.holds(host) {
			return true
		}
	}
	return len(r.ast.Match.Hosts) == 0 && host != ""
}

func exampleHost(hosts []HostPattern) string {
	switch {
	case len(hosts) == 0:
		return "example.invalid"
	case hosts[0].Suffix:
		return "host." + hosts[0].Name
	}
	return hosts[0].Name
}
