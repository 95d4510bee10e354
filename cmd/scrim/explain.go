package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/idna"

	"github.com/scrimproxy/scrim/rules"
)

// asked is the request that explain is asked about.
type asked struct {
	body, client string
	headers      []string
}

func newExplainCommand(a *app) *cobra.Command {
	var q asked
	c := &cobra.Command{
		Use:   "explain METHOD URL",
		Short: "say which rule decides a request, and why the others do not",
		Long: `explain holds a request against the rules: what the gate says of its host, every rule that
was tried and the first condition of it that failed, and what would leave. Nothing is sent.`,
		Example: `  scrim rules explain POST https://analytics.plex.tv/collect/event --body event.json
  scrim rules explain GET 'https://updates.example/check?v=1' --header 'User-Agent: x' --client 192.168.1.20`,
		Args: exactArgs("METHOD", "URL"),
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args[0], args[1], q) },
	}
	c.Flags().StringVar(&q.body, "body", "", "`file` with the body; - is standard input")
	c.Flags().StringArrayVar(&q.headers, "header", nil, "header `field` as Name: value; may be repeated")
	c.Flags().StringVar(&q.client, "client", "127.0.0.1", "`address` of the client")
	addJSON(a, c)
	return c
}

func (a *app) explain(method, target string, q asked) error {
	m, err := a.askedMessage(method, target, q)
	if err != nil {
		return err
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return err
	}
	m.ClientName = cfg.Clients.Names[m.Client.String()]
	env := rules.Env{Now: m.Time, Location: time.Local, Random: rand.Reader, Key: cfg.previewKey()}
	x := explained(m, book.set.Explain(m, env))
	if a.json {
		return a.ui.json(x)
	}
	a.showExplanation(x)
	return nil
}

func (a *app) askedMessage(method, target string, q asked) (*rules.Message, error) {
	m := &rules.Message{Time: time.Now(), Method: strings.ToUpper(method)}
	if err := setTarget(m, target); err != nil {
		return nil, misused(err, "write the whole URL, as in https://metrics.plex.tv/collect/event")
	}
	var err error
	if m.Client, err = netip.ParseAddr(q.client); err != nil {
		return nil, misused(fmt.Errorf("--client: %q is not an IP address", q.client), "write it as in 192.168.1.20")
	}
	for _, field := range q.headers {
		name, value, ok := strings.Cut(field, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, misused(fmt.Errorf("--header: %q is not a field", field), "write it as in 'Content-Type: application/json'")
		}
		m.Header = append(m.Header, rules.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if q.body != "" {
		if m.Body, err = a.readFile(q.body); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// readFile reads a file, or standard input where name is "-".
func (a *app) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %s", name, cause(err))
	}
	return data, nil
}

// setTarget splits a target URI (RFC 9110, section 7.1) into destination, path and query.
func setTarget(m *rules.Message, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("%q is not a URL", target)
	}
	to := rules.Destination{Scheme: strings.ToLower(u.Scheme), Evidence: rules.FromAuthority}
	switch to.Scheme {
	case "https", "wss":
		to.Scheme, to.Port = "https", 443
	case "http", "ws":
		to.Scheme, to.Port = "http", 80
	default:
		return fmt.Errorf("%q is not an http or https URL", target)
	}
	if to.Host = cleanHost(u.Hostname()); to.Host == "" {
		return fmt.Errorf("%q names no host", target)
	}
	if p := u.Port(); p != "" {
		if _, err := fmt.Sscanf(p, "%d", &to.Port); err != nil || to.Port == 0 {
			return fmt.Errorf("%q is not a port", p)
		}
	}
	m.To, m.Path, m.Query, m.HasQuery = to, rawPath(target), u.RawQuery, u.RawQuery != "" || u.ForceQuery
	return nil
}

// cleanHost is a host as rules know it: lower case, A-label, no final dot.
func cleanHost(host string) string {
	host = strings.TrimSuffix(host, ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	return strings.ToLower(host)
}

// rawPath is the path of a URL as it is written; url.URL would decode and encode it again.
func rawPath(target string) string {
	_, rest, _ := strings.Cut(target, "://")
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// shownExplanation is an explanation as it is printed.
type shownExplanation struct {
	URL     string      `json:"url"`
	Gate    string      `json:"gate"`
	Class   string      `json:"class,omitempty"`
	Tried   []shownRule `json:"tried"`
	Verdict string      `json:"verdict"` // "tunnel" and "refuse" where the gate decides
	Rule    string      `json:"rule,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	Edits   []shownEdit `json:"edits,omitempty"`
	Drift   []string    `json:"drift,omitempty"`
	Leaves  []shownOut  `json:"leaves,omitempty"`
}

// shownRule is one rule that was tried.
type shownRule struct {
	Rule   string `json:"rule"`
	Held   bool   `json:"held"`
	Failed string `json:"failed,omitempty"`
}

// shownOut is one request that would leave.
type shownOut struct {
	Part    string   `json:"part,omitempty"`
	Request string   `json:"request"`
	Header  []string `json:"header,omitempty"`
	Body    string   `json:"body,omitempty"`
	Held    bool     `json:"held,omitempty"` // until its release
}

func explained(m *rules.Message, e *rules.Explanation) *shownExplanation {
	x := &shownExplanation{URL: m.URL(), Gate: string(e.Gate.Answer), Class: string(e.Gate.Class), Tried: []shownRule{}, Verdict: string(e.Gate.Answer)}
	if e.Gate.Rule != nil {
		x.Rule = e.Gate.Rule.ID
	}
	for _, t := range e.Tried {
		x.Tried = append(x.Tried, shownRule{t.Rule.ID, t.Held, t.Failed})
	}
	if o := e.Outcome; o != nil && e.Gate.Answer == rules.Intercept {
		x.Verdict, x.Reason, x.Detail = string(o.Verdict), string(o.Reason), o.Detail
		if o.Rule != nil {
			x.Rule = o.Rule.ID
		}
		x.Edits = shownEdits(o.Edits)
		x.Drift = shownDrift(o.Drift)
		for i := range o.Messages {
			x.Leaves = append(x.Leaves, outOf(&o.Messages[i]))
		}
	}
	return x
}

func outOf(o *rules.Out) shownOut {
	s := shownOut{Part: o.Part, Request: o.Message.Method + " " + o.Message.URL(), Held: o.Release != nil}
	for _, f := range o.Message.Header {
		s.Header = append(s.Header, f.Name+": "+f.Value)
	}
	s.Body = readableBody(&o.Message)
	return s
}

func (a *app) showExplanation(x *shownExplanation) {
	u := a.ui
	u.line(x.URL)
	class := ""
	if x.Class != "" {
		class = " (" + x.Class + ")"
	}
	u.line("gate: ", u.paint(verdictStyle(x.Gate), x.Gate), class)
	for _, t := range x.Tried {
		if t.Held {
			u.line("  ", u.paint(bold, t.Rule), ": decides")
		} else {
			u.line("  ", u.paint(dim, t.Rule), ": ", t.Failed)
		}
	}
	u.line("verdict: ", u.paint(verdictStyle(x.Verdict), x.Verdict), because(x.Rule, x.Reason, x.Detail))
	isNewField := func(drift string) bool { return strings.HasPrefix(drift, "field ") } // they are among the edits, as unlisted
	a.showEdits(x.Edits, slices.DeleteFunc(slices.Clone(x.Drift), isNewField))
	for _, out := range x.Leaves {
		a.showOut(out)
	}
}

func (a *app) showOut(out shownOut) {
	part := ""
	if out.Part != "" {
		part = " (part " + out.Part + ")"
	}
	held := ""
	if out.Held {
		held = ", held until its release"
	}
	a.ui.line("leaves", part, held, ":")
	a.ui.line("  ", out.Request)
	for _, h := range out.Header {
		a.ui.line("  ", h)
	}
	if out.Body == "" {
		return
	}
	a.ui.line()
	body := strings.TrimRight(out.Body, " \r\n")
	for line := range strings.SplitSeq(body, "\n") {
		a.ui.line("  ", line)
	}
	if pad := len(out.Body) - len(body); pad > 1 {
		a.ui.line("  ", a.ui.paint(dim, "[and "+strconv.Itoa(pad)+" bytes of white space]"))
	}
}
