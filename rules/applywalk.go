package rules

import (
	"strings"
	"time"
)

// Apply decides a message: the first rule in order whose match holds. m.Body is read only where Route says NeedBody.
// The message is never changed; what leaves is in Outcome.Messages, or m itself where the verdict is pass. Apply never
// panics: a fault of our own drops the message.
func (s *Set) Apply(m *Message, env Env) (out *Outcome) {
	x := s.begin(m, env)
	at := new(trying)
	defer func() {
		if recover() != nil {
			// The exchange is not given back: nobody knows what it holds.
			out = &Outcome{Verdict: Drop, Reason: OnFault, Detail: "a fault of scrim itself"}
			if at.rule != nil {
				out.Rule, out.Reply = &at.rule.info, at.rule.ast.Reply
			}
			return
		}
		x.end()
	}()
	return x.walk(at)
}

// trying is the rule at hand, for the report of a panic.
type trying struct{ rule *rule }

// walk tries the rules in order.
func (x *exchange) walk(at *trying) *Outcome {
	host, _ := x.s.class(x.m.To.Host)
	if host.Class == Telemetry && x.m.Preflight() && !x.s.paused(x.s.productNo(host.Product), x.env.Now) {
		return &Outcome{Verdict: Drop, Reason: BuiltIn, Detail: "a preflight is answered here", Reply: x.m.PreflightReply()}
	}
	for _, number := range x.rules() {
		r := x.s.rules[number]
		at.rule = r
		switch a, why := x.holds(r.match, false); a {
		case yes:
			return x.decide(r)
		case unclear:
			return x.unclear(r, why)
		}
	}
	at.rule = nil
	return x.unmatched(host)
}

// productNo numbers a product that exists.
func (c *core) productNo(name string) int {
	for i := range c.products {
		if c.products[i].Name == name {
			return i
		}
	}
	return 0
}

// decide does what the rule that matched says.
func (x *exchange) decide(r *rule) *Outcome {
	verdict, reason := x.s.verdict(r, x.now())
	out := &Outcome{Verdict: verdict, Rule: &r.info, Reason: reason, Reply: r.ast.Reply, Word: x.word(r)}
	switch verdict {
	case Pass:
		out.Reply = nil
	case Generalize:
		x.generalize(r, out)
	case Refuse: // an intercepted host that is refused too: no bytes of it leave
		out.Verdict = Drop
		x.dropped(out, fault{})
	default:
		x.dropped(out, fault{})
	}
	return out
}

func (x *exchange) now() time.Time {
	if x.env.Now.IsZero() {
		return x.m.Time
	}
	return x.env.Now
}

// unclear does what the on_error of a rule says whose conditions cannot be read: the message is dropped. A switch or
// a pause that passes the rule's messages passes this one too.
func (x *exchange) unclear(r *rule, why failure) *Outcome {
	verdict, reason := x.s.verdict(r, x.now())
	out := &Outcome{Verdict: verdict, Rule: &r.info, Reason: reason}
	if verdict == Pass && reason != ByRule {
		return out
	}
	out.Verdict, out.Reason, out.Reply = Drop, OnFault, r.ast.Reply
	out.Detail = strings.TrimSpace("match." + why.what + " " + why.name + ": " + why.faults)
	x.dropped(out, fault{})
	return out
}

// unmatched is the outcome where no rule matches: telemetry hosts carry nothing that the product needs.
func (x *exchange) unmatched(host HostInfo) *Outcome {
	out := &Outcome{Verdict: Pass, Reason: Unmatched}
	if host.Class == Telemetry && host.Product != "" && x.s.paused(x.s.productNo(host.Product), x.now()) {
		out.Reason = ByPause
		return out
	}
	if host.Class == Telemetry {
		out.Verdict = Drop
		out.Drift = []Drift{{What: "request", Name: x.m.Method + " " + pathShape(x.path())}}
	}
	return out
}

// pathShape is a path without the segments that look like names of something: they become *.
func pathShape(path string) string {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		digits := 0
		for j := range len(seg) {
			if '0' <= seg[j] && seg[j] <= '9' {
				digits++
			}
		}
		if digits > 2 || len(seg) > 24 || strings.ContainsAny(seg, "@%:") {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

// generalize writes the parts of a rule. One that fails takes the others with it: the event is dropped.
func (x *exchange) generalize(r *rule, out *Outcome) {
	parts := r.parts[x.s.profile[r.product]]
	if len(parts) == 0 {
		out.Verdict, out.Reason = Drop, ByProfile
		x.dropped(out, fault{})
		return
	}
	if f := x.tooLarge(r); f.why != "" {
		x.faulted(out, f)
		return
	}
	messages := make([]Out, 0, len(parts))
	for _, p := range parts {
		o, f := x.part(r, p, out)
		if f.why != "" {
			x.faulted(out, f)
			return
		}
		messages = append(messages, o)
	}
	out.Messages = messages
	if len(parts) == 1 && parts[0].release == nil {
		out.Messages[0].Origin = true
	}
}

// faulted turns an outcome into a drop: nothing that was written leaves.
func (x *exchange) faulted(out *Outcome, f fault) {
	out.Verdict, out.Messages, out.Edits, out.Told = Drop, nil, nil, nil
	out.Reason, out.Detail = f.reason, f.text()
	x.dropped(out, f)
}

// tooLarge reports a body over what the rule reads.
func (x *exchange) tooLarge(r *rule) fault {
	if plain, err := x.content(); err == nil && int64(len(plain)) > x.s.maxBody(r) {
		return fault{reason: OnFault, why: "the body is over max_body"}
	}
	return fault{}
}

// fault is why an event cannot leave. It holds no value.
type fault struct {
	reason Reason
	at     string // selector, as in edits
	name   string // of the transform
	why    string
}

func (f fault) text() string {
	text := f.why
	if f.name != "" {
		text = f.name + ": " + text
	}
	if f.at != "" {
		text = f.at + ": " + text
	}
	return text
}

// Preflight reports whether m is a CORS preflight (Fetch standard, "CORS-preflight request").
func (m *Message) Preflight() bool {
	return m.Method == "OPTIONS" && m.Get("Origin") != "" && m.Get("Access-Control-Request-Method") != ""
}

// PreflightReply is the answer to a preflight that a telemetry host gets here: 204, with origin, method and headers
// as asked for.
func (m *Message) PreflightReply() *Reply {
	r := &Reply{Status: 204, Header: []Field{
		{"Access-Control-Allow-Origin", m.Get("Origin")},
		{"Access-Control-Allow-Methods", m.Get("Access-Control-Request-Method")},
	}}
	if h := m.Get("Access-Control-Request-Headers"); h != "" {
		r.Header = append(r.Header, Field{"Access-Control-Allow-Headers", h})
	}
	r.Header = append(r.Header, Field{"Access-Control-Allow-Credentials", "true"}, Field{"Access-Control-Max-Age", "86400"}, Field{"Vary", "Origin"})
	return r
}
