package rules

import "strings"

// Tried is one rule that was held against a message.
type Tried struct {
	Rule   *RuleInfo
	Held   bool
	Failed string // the first condition that did not hold, in words; "" where all held
}

// Explanation says which rule decides a message and why the others do not.
type Explanation struct {
	Gate    Gate
	Tried   []Tried // every rule that speaks of the host, in order
	Outcome *Outcome
}

// Explain says what becomes of m, and of each rule that speaks of its host why it does not hold. It quotes the rules,
// never the message.
func (s *Set) Explain(m *Message, env Env) *Explanation {
	e := &Explanation{
		Gate:    s.Gate(Client{Addr: m.Client, Name: m.ClientName, Now: env.Now}, m.To.Host),
		Outcome: s.Apply(m, env),
	}
	x := s.begin(m, env)
	defer x.end()
	for _, number := range x.rules() {
		r := s.rules[number]
		t := Tried{Rule: &r.info}
		switch a, why := x.holds(r.match, false); {
		case e.decided():
			t.Failed = "comes after the rule that decides"
		case a == yes:
			t.Held = true
		default:
			t.Failed = why.words(r.match)
			t.Held = a == unclear
		}
		e.Tried = append(e.Tried, t)
	}
	return e
}

// decided reports whether a rule has been found that decides.
func (e *Explanation) decided() bool {
	return len(e.Tried) > 0 && (e.Tried[len(e.Tried)-1].Held || strings.HasPrefix(e.Tried[len(e.Tried)-1].Failed, "comes after"))
}

// words says which condition did not hold: what the rule wants, not what the message has.
func (f failure) words(m *match) string {
	at := strings.TrimSpace(f.what + " " + f.name)
	if f.faults != "" {
		return at + " " + f.faults + ": on_error decides"
	}
	switch f.what {
	case "method":
		return "method is not " + strings.Join(m.methods, ", ")
	case "client":
		return "client is not " + clientWords(m.clients)
	case "path":
		globs := make([]string, len(m.paths))
		for i, g := range m.paths {
			globs[i] = g.src
		}
		return "path is not " + strings.Join(globs, ", ")
	case "not":
		return "what stands under not holds"
	}
	return at + " is not " + f.cond.String()
}

func clientWords(patterns []ClientPattern) string {
	all := make([]string, len(patterns))
	for i, p := range patterns {
		if all[i] = p.Name; p.Name == "" {
			all[i] = p.Prefix.String()
		}
	}
	return strings.Join(all, ", ")
}
