package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/ledger"
)

// Entries is one page of them, newest first.
type Entries struct {
	Entries []Entry `json:"entries"`
	Older   string  `json:"older,omitempty"`
	Newer   string  `json:"newer,omitempty"`
}

// EntryDetail is one entry whole.
type EntryDetail struct {
	Entry     Entry     `json:"entry"`
	Edits     []Edit    `json:"edits"`
	Request   *Request  `json:"request"`
	Result    *Result   `json:"result"`
	Parts     []Entry   `json:"parts"`
	SameFlow  []Entry   `json:"same_flow"`
	Why       string    `json:"why,omitempty"`
	RuleKnown bool      `json:"rule_known"`
	Original  *Original `json:"original"`
	Chain     Chain     `json:"chain"`
}

// Chain is the place of a record in the ledger.
type Chain struct {
	Node string `json:"node"`
	Seq  int64  `json:"seq"`
	Prev string `json:"prev"`
	Hash string `json:"hash"`
}

// filterParams are the parameters that filterOf reads.
func filterParams() []string {
	return []string{"type", "product", "kind", "host", "verdict", "client", "rule", "door", "text", "since", "until", "flow"}
}

// filterOf reads the filter of a question. Parameters that more does not name either are refused: a misspelt filter
// must not be taken for none.
func filterOf(q url.Values, more ...string) (f ledger.Filter, err error) {
	known := append(filterParams(), more...)
	for name := range q {
		if !slices.Contains(known, name) {
			return f, badRequest("there is no parameter %q", name).hint("there are %s", strings.Join(known, ", "))
		}
	}
	for _, word := range list(q, "type") {
		t := ledger.Type(word)
		if !slices.Contains([]ledger.Type{ledger.Kept, ledger.Sent, ledger.Tunnel, ledger.Event}, t) {
			return f, badRequest("there is no type %q", word).hint("there are kept, sent, tunnel, event")
		}
		f.Types = append(f.Types, t)
	}
	f.Product, f.Kind, f.Host, f.Verdict = list(q, "product"), list(q, "kind"), list(q, "host"), list(q, "verdict")
	f.Client, f.Rule, f.Door = list(q, "client"), list(q, "rule"), list(q, "door")
	f.Text, f.Flow = q.Get("text"), q.Get("flow")
	if f.Since, err = moment(q, "since"); err != nil {
		return f, err
	}
	f.Until, err = moment(q, "until")
	return f, err
}

// list is a parameter that may be repeated, or hold several words between commas.
func list(q url.Values, name string) []string {
	var words []string
	for _, value := range q[name] {
		for word := range strings.SplitSeq(value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

func moment(q url.Values, name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, badRequest("%s is not a time", name).hint("write it as in 2026-03-01T20:00:00Z")
	}
	return t, nil
}

// place reads a cursor.
func place(q url.Values, name string) (ledger.Cursor, error) {
	text := q.Get(name)
	if text == "" {
		return "", nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < 0 {
		return "", badRequest("%s is not a cursor", name).hint("take it from older or newer of an answer")
	}
	return ledger.Cursor(text), nil
}

func (s *Server) entries(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	f, err := filterOf(q, "before", "after", "limit")
	if err != nil {
		return nil, err
	}
	if f.Before, err = place(q, "before"); err != nil {
		return nil, err
	}
	if f.After, err = place(q, "after"); err != nil {
		return nil, err
	}
	if f.Before != "" && f.After != "" {
		return nil, badRequest("before and after stand together").hint("give one of them")
	}
	if f.Limit, err = number(r, "limit", 50, 1, 1000); err != nil {
		return nil, err
	}
	page, err := s.cfg.Book.List(r.Context(), f)
	if err != nil {
		return nil, err
	}
	return s.shownPage(&page), nil
}

func (s *Server) shownPage(page *ledger.Page) Entries {
	out := Entries{Entries: make([]Entry, len(page.Entries)), Older: string(page.Older), Newer: string(page.Newer)}
	for i := range page.Entries {
		out.Entries[i] = s.shown(&page.Entries[i])
	}
	return out
}

func (s *Server) entry(_ http.ResponseWriter, r *http.Request) (any, error) {
	e, err := s.cfg.Book.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	out := EntryDetail{Entry: s.shown(e), Edits: make([]Edit, len(e.Edits)), Request: ShownRequest(e.Request), Parts: []Entry{}, SameFlow: []Entry{},
		Chain: Chain{Node: e.Node, Seq: e.Seq, Prev: e.Prev, Hash: e.Hash}}
	for i := range e.Edits {
		out.Edits[i] = shownEdit(&e.Edits[i])
	}
	if e.Result != nil {
		out.Result = shownResult(e.Result)
	}
	for _, p := range e.Parts {
		out.Parts = append(out.Parts, s.shownRecord(p))
	}
	if e.Flow != "" {
		if out.SameFlow, err = s.sameFlow(r, e); err != nil {
			return nil, err
		}
		out.Original = s.cfg.House.Original(e.Flow)
	}
	out.Why, out.RuleKnown = s.reasonOf(e.Rule)
	return out, nil
}

func shownResult(r *ledger.Record) *Result {
	return &Result{ID: idOf(r), Time: r.Time, Status: r.Status, BytesIn: r.BytesIn, BytesOut: r.BytesOut, DurationMS: milliseconds(r.Duration), Error: r.Error}
}

// sameFlow lists the other entries of an exchange. They are near in time: parts that left at once. What left later of a
// held entry is among its parts.
func (s *Server) sameFlow(r *http.Request, e *ledger.Entry) ([]Entry, error) {
	f := ledger.Filter{Flow: e.Flow, Node: e.Node, Since: e.Time.Add(-flowSpan), Until: e.Time.Add(flowSpan), Limit: 20}
	if e.Host != "" {
		f.Host = []string{e.Host}
	}
	page, err := s.cfg.Book.List(r.Context(), f)
	if err != nil {
		return nil, err
	}
	out := []Entry{}
	for i := range page.Entries {
		if page.Entries[i].ID != e.ID {
			out = append(out, s.shown(&page.Entries[i]))
		}
	}
	return out, nil
}

// flowSpan is how far the parts of one exchange may stand from one another. It bounds what is looked through.
const flowSpan = 5 * time.Second

func idOf(r *ledger.Record) string { return r.Node + "-" + strconv.FormatInt(r.Seq, 10) }

// reasonOf is why a rule exists, in its own words.
func (s *Server) reasonOf(rule string) (why string, known bool) {
	if rule == "" {
		return "", false
	}
	rules, _ := s.cfg.House.Rules()
	for i := range rules {
		if rules[i].ID == rule {
			return rules[i].Why, true
		}
	}
	return "", false
}

func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, err := filterOf(q, "format")
	if err != nil {
		refuse(w, err)
		return
	}
	format := q.Get("format")
	kinds := map[string]string{"har": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
	if format == "" {
		format = "ndjson"
	}
	if kinds[format] == "" {
		refuse(w, badRequest("there is no format %q", format).hint("there are har, ndjson, csv"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", kinds[format])
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="scrim-`+s.cfg.Now().UTC().Format("20060102-150405")+`.`+format+`"`)
	unhurried(w)
	if err := s.cfg.Book.Export(r.Context(), w, format, f); err != nil {
		panic(http.ErrAbortHandler) // so that the other end sees that it is not whole
	}
}

func (s *Server) verify(w http.ResponseWriter, r *http.Request) (any, error) {
	unhurried(w)
	report, err := s.cfg.Book.Verify(r.Context())
	if err != nil {
		return nil, err
	}
	out := struct {
		OK      bool   `json:"ok"`
		Records int64  `json:"records"`
		From    string `json:"from,omitempty"`
		Fault   string `json:"fault,omitempty"`
	}{OK: report.Good}
	for _, c := range report.Chains {
		if c.From > 0 {
			out.Records += c.To - c.From + 1
			if out.From == "" {
				out.From = c.Node + "-" + strconv.FormatInt(c.From, 10)
			}
		}
		if c.Fault != "" && out.Fault == "" {
			out.Fault = c.Node + "-" + strconv.FormatInt(c.Bad, 10) + ": " + c.Fault
		}
	}
	return out, nil
}

// unhurried lifts the deadlines of a request: a large ledger and a slow line take their time.
func unhurried(w http.ResponseWriter) {
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Time{})
	ctl.SetWriteDeadline(time.Time{})
}
