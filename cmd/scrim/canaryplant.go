package main

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// canary is a value of our own that stands where a household's would and must not be found in what leaves.
type canary struct {
	text   string
	what   string // "title", "token", "path", "id", "length"
	number bool
}

// planter puts canaries into a message as long as the same rule decides it in the same way.
type planter struct {
	set  *rules.Set
	env  func() rules.Env
	n    int // canaries made, so that no two are alike
	kept int // fields that a rule lets out as they come, by name
}

// planted is a message with canaries.
type planted struct {
	message  rules.Message
	canaries []canary
}

// plant fills a message. It tries each place: what would change the decision stays as it was, since a canary in an
// event that never leaves proves nothing.
func (p *planter) plant(m *rules.Message) planted {
	out := planted{message: *m}
	out.message.To.Scheme, out.message.To.Port = "https", 443 // of the sink
	want := p.set.Apply(&out.message, p.env())
	for _, f := range p.fields() {
		p.try(&out, want, f.canary, f.add)
	}
	p.leaves(&out, want)
	return out
}

// extra is a field that a product might add one day.
type extra struct {
	canary canary
	add    func(m *rules.Message, c canary)
}

// fields are what no rule knows: in the header, the query and the body.
func (p *planter) fields() []extra {
	inHeader := func(name string) func(*rules.Message, canary) {
		return func(m *rules.Message, c canary) {
			m.Header = append(m.Header[:len(m.Header):len(m.Header)], rules.Field{Name: name, Value: c.text})
		}
	}
	inQuery := func(m *rules.Message, c canary) {
		if m.Query != "" {
			m.Query += "&"
		}
		m.Query, m.HasQuery = m.Query+"scrimToken="+c.text, true
	}
	member := func(name string) func(*rules.Message, canary) {
		return func(m *rules.Message, c canary) { m.Body = withMember(m, name, c) }
	}
	all := []extra{
		{p.make("token", body.Value{Kind: body.String, Text: "abcdef0123456789abcd"}), inHeader("X-Plex-Token")},
		{p.make("token", body.Value{Kind: body.String, Text: "abcdef0123456789abcd"}), inHeader("Cookie")},
		{p.make("path", body.Value{Kind: body.String, Text: "https://media.example.net/x"}), inHeader("Referer")},
		{p.make("token", body.Value{Kind: body.String, Text: "abcdef0123456789abcd"}), inQuery},
		{p.make("title", body.Value{Kind: body.String, Text: "A Film"}), member("title")},
		{p.make("token", body.Value{Kind: body.String, Text: "abcdef0123456789abcd"}), member("authToken")},
		{p.make("path", body.Value{Kind: body.String, Text: "/srv/films/a.mkv"}), member("file")},
		{p.make("id", body.Value{Kind: body.String, Text: "5b1d2c3e-4f60-4a7b-8c9d-0e1f2a3b4c5d"}), member("ratingGuid")},
		{p.make("length", body.Value{Kind: body.Number, Text: "5640123"}), member("exactDuration")},
	}
	return all
}

// try adds one canary, and keeps it where the decision stays.
func (p *planter) try(to *planted, want *rules.Outcome, c canary, add func(*rules.Message, canary)) bool {
	m := to.message
	add(&m, c)
	if got := p.set.Apply(&m, p.env()); !sameDecision(want, got) {
		return false
	}
	to.message = m
	to.canaries = append(to.canaries, c)
	return true
}

func sameDecision(a, b *rules.Outcome) bool {
	return a.Rule == b.Rule && a.Verdict == b.Verdict && a.Reason == b.Reason && len(a.Messages) == len(b.Messages)
}

// leaves replaces the values of the body one by one.
func (p *planter) leaves(to *planted, want *rules.Outcome) {
	for n := int32(0); ; n++ {
		t, coding, ok := treeOf(&to.message)
		if !ok || n >= int32(t.Len()) {
			return
		}
		v := t.Value(n)
		what := kindOfCanary(v)
		if what == "" {
			continue
		}
		c := p.make(what, v)
		replaced := func(m *rules.Message, c canary) {
			plan := body.NewPlan(t, body.Keep)
			plan.ReplaceWith(n, body.Value{Kind: v.Kind, Text: c.text})
			plain, err := body.Encode(nil, t, plan)
			if err == nil {
				plain, err = coding.Apply(plain)
			}
			if err == nil {
				m.Body = plain
			}
		}
		if p.lets(to, c, t.Name(n), replaced) {
			p.kept++
			continue
		}
		p.try(to, want, c, replaced)
	}
}

// lets reports whether a rule lets the field out as it comes, by name: that is the rule's word, and no leak.
func (p *planter) lets(to *planted, c canary, name string, replace func(*rules.Message, canary)) bool {
	m := to.message
	replace(&m, c)
	out := p.set.Apply(&m, p.env())
	if out.Verdict != rules.Generalize || !leaks(out, c) {
		return false
	}
	for _, e := range out.Edits {
		if e.Transform == "keep" && e.Listed && (strings.HasSuffix(e.Selector, "."+name) || strings.HasSuffix(e.Selector, "['"+name+"']") || name == "") {
			return true
		}
	}
	return false
}

func leaks(out *rules.Outcome, c canary) bool {
	for i := range out.Messages {
		if c.in([][]byte{out.Messages[i].Message.Body}) || c.in(readings(out.Messages[i].Message.Body)) {
			return true
		}
	}
	return false
}

// treeOf decodes the body of a message.
func treeOf(m *rules.Message) (*body.Tree, body.Coding, bool) {
	plain, coding, err := body.Plain(m.Get("Content-Encoding"), m.Body, body.Limits{})
	if err != nil {
		return nil, coding, false
	}
	t, err := body.Decode("", m.Get("Content-Type"), plain, body.Limits{})
	return t, coding, err == nil
}

// withMember adds a member to a body that is one JSON object or a form.
func withMember(m *rules.Message, name string, c canary) []byte {
	t, coding, ok := treeOf(m)
	if !ok || !coding.Identity() || t.Kind(0) != body.Object {
		return m.Body
	}
	switch t.Form() {
	case body.JSON:
		value := strconv.Quote(c.text)
		if c.number {
			value = c.text
		}
		rest := bytes.TrimSpace(m.Body)[1:]
		comma := ","
		if t.First(0) < 0 {
			comma = ""
		}
		return append([]byte("{"+strconv.Quote(name)+":"+value+comma), rest...)
	case body.FormData:
		return append(bytes.Clone(m.Body), "&"+name+"="+strings.ReplaceAll(c.text, " ", "+")...)
	}
	return m.Body
}

// kindOfCanary says what a value could be in a household, or "" for what cannot be told from a common word.
func kindOfCanary(v body.Value) string {
	switch transform.Looks(v) {
	case transform.ClassInteger, transform.ClassDecimal, transform.ClassEpoch, transform.ClassEpochMS:
		if len(v.Text) < 4 || strings.ContainsAny(v.Text, ".eE-") {
			return ""
		}
		return "length"
	case transform.ClassUUID, transform.ClassHex, transform.ClassMAC:
		return "id"
	case transform.ClassToken:
		return "token"
	case transform.ClassPath, transform.ClassURL:
		return "path"
	case transform.ClassText, transform.ClassEmail, transform.ClassHost:
		if len(v.Text) < 4 {
			return ""
		}
		return "title"
	}
	return ""
}

// make makes a canary in the shape of a value.
func (p *planter) make(what string, like body.Value) canary {
	p.n++
	c := canary{what: what, number: like.Kind == body.Number}
	no := strconv.Itoa(70000 + p.n)
	switch what {
	case "length": // near the value, so that it is as plausible
		n, _ := strconv.ParseInt(like.Text, 10, 64)
		c.text, c.number = strconv.FormatInt(n+7, 10), true
		if n%1000 == 0 || n < 10_000 { // no table writes such a number
			c.text = strconv.FormatInt(n+int64(p.n%7)*2+3, 10)
		}
	case "path":
		c.text = "/srv/zyzx" + no + "/Canary.mkv"
		if strings.Contains(like.Text, "://") {
			c.text = "https://zyzx" + no + ".example/canary"
		}
	case "title":
		c.text = "Zyzx Canary " + no
		if strings.Contains(like.Text, "@") {
			c.text = "zyzx" + no + "@canary.example"
		}
	default:
		c.text = shifted(like.Text, p.n)
	}
	return c
}

// shifted is a text of the same shape: each letter and digit is another one of its kind, hexadecimal ones too.
func shifted(text string, by int) string {
	out := []byte(text)
	for i, b := range out {
		step := byte(by*7 + i*3 + 1)
		switch {
		case b >= '0' && b <= '9':
			out[i] = '0' + (b-'0'+step%9+1)%10
		case b >= 'a' && b <= 'f':
			out[i] = 'a' + (b-'a'+step%5+1)%6
		case b >= 'A' && b <= 'F':
			out[i] = 'A' + (b-'A'+step%5+1)%6
		}
	}
	return string(out)
}
