package web

import (
	"encoding/json"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/ledger"
)

// Entry is one line of what left: an entry of the ledger without its content.
type Entry struct {
	ID           string    `json:"id"`
	Time         time.Time `json:"time"`
	Type         string    `json:"type"`
	Flow         string    `json:"flow,omitempty"`
	Door         string    `json:"door,omitempty"`
	Client       string    `json:"client,omitempty"`
	ClientName   string    `json:"client_name,omitempty"`
	Scheme       string    `json:"scheme,omitempty"`
	Host         string    `json:"host,omitempty"`
	Port         uint16    `json:"port,omitempty"`
	Method       string    `json:"method,omitempty"`
	Target       string    `json:"target,omitempty"`
	Product      string    `json:"product,omitempty"`
	ProductTitle string    `json:"product_title,omitempty"`
	Kind         string    `json:"kind,omitempty"`
	KindTitle    string    `json:"kind_title,omitempty"`
	Rule         string    `json:"rule,omitempty"`
	Part         string    `json:"part,omitempty"`
	Verdict      string    `json:"verdict"`
	Reason       string    `json:"reason,omitempty"`
	Detail       string    `json:"detail,omitempty"`
	Edits        int       `json:"edits"`
	Changed      int       `json:"changed"`
	HeldBack     int       `json:"held_back"`
	Status       int       `json:"status,omitempty"`
	BytesIn      int64     `json:"bytes_in,omitempty"`
	BytesOut     int64     `json:"bytes_out,omitempty"`
	DurationMS   float64   `json:"duration_ms,omitempty"`
	Count        int64     `json:"count,omitempty"`
	Error        string    `json:"error,omitempty"`
	Done         bool      `json:"done"`
	PartsLeft    int       `json:"parts_left,omitempty"`
	Update       bool      `json:"update,omitempty"`
}

// Result is how a request ended.
type Result struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Status     int       `json:"status,omitempty"`
	BytesIn    int64     `json:"bytes_in"`
	BytesOut   int64     `json:"bytes_out"`
	DurationMS float64   `json:"duration_ms"`
	Error      string    `json:"error,omitempty"`
}

// Bounds of what is shown of one entry.
const (
	maxShownBody   = 256 << 10
	maxShownTarget = 4 << 10 // in a list
)

// shown makes a line of an entry.
func (s *Server) shown(e *ledger.Entry) Entry {
	out := s.shownRecord(&e.Record)
	out.Update = e.Update
	if e.Result != nil {
		out.end(e.Result)
	}
	if e.Verdict == "hold" {
		left := 0
		for _, p := range e.Parts {
			if p.Type == ledger.Sent {
				left++
			}
		}
		out.PartsLeft, out.Done = left, int64(len(e.Parts)) >= max(1, e.Count)
		out.Count = 0
	}
	return out
}

// end adds a result to a line.
func (out *Entry) end(r *ledger.Record) {
	out.Status, out.BytesIn, out.BytesOut, out.DurationMS, out.Error, out.Done = r.Status, r.BytesIn, r.BytesOut, milliseconds(r.Duration), r.Error, true
}

func (s *Server) shownRecord(r *ledger.Record) Entry {
	t := s.titles.get(s)
	out := Entry{
		ID: idOf(r), Time: r.Time, Type: string(r.Type), Flow: r.Flow, Door: r.Door, Client: r.Client, Scheme: r.Scheme, Host: r.Host, Port: r.Port,
		Product: r.Product, ProductTitle: t[r.Product], Kind: r.Kind, Rule: r.Rule, Part: r.Part, Verdict: r.Verdict, Reason: r.Reason, Detail: r.Detail,
		Edits: len(r.Edits), Status: r.Status, BytesIn: r.BytesIn, BytesOut: r.BytesOut, DurationMS: milliseconds(r.Duration), Count: r.Count, Error: r.Error,
		Done: r.Type != ledger.Sent && r.Verdict != "hold",
	}
	if r.Kind != "" {
		out.KindTitle = t[r.Product+"/"+r.Kind]
	}
	if r.Client != "" {
		out.ClientName = s.cfg.House.ClientName(r.Client)
	}
	if r.Request != nil {
		out.Method, out.Target = r.Request.Method, cut(r.Request.Target, maxShownTarget)
	}
	for i := range r.Edits {
		switch effectOf(&r.Edits[i]) {
		case "removed":
			out.HeldBack++
		case "changed":
			out.Changed++
		}
	}
	return out
}

func effectOf(e *ledger.Edit) string {
	s := sightingOf(e)
	return s.Effect()
}

func shownEdit(e *ledger.Edit) Edit {
	return Edit{Part: e.Part, Selector: e.Selector, Transform: e.Transform, Detail: e.Detail, Type: e.Type, Shape: e.Shape, Count: e.Count,
		Error: e.Error, Listed: e.Listed, Removed: e.Removed, Effect: effectOf(e)}
}

// ShownRequest makes of a request what a page can show. The ledger has masked its secrets.
func ShownRequest(q *ledger.Request) *Request {
	if q == nil {
		return nil
	}
	out := &Request{Method: q.Method, Target: q.Target, Version: q.Version, Header: make([]Header, len(q.Header)), Coding: q.Coding, Length: q.Length, Digest: q.Digest}
	for i, h := range q.Header {
		out.Header[i] = Header(h)
	}
	if len(q.Body) > 0 {
		out.Body = shownBody(q.Body, q.Cut)
	}
	return out
}

// shownBody says what content is by looking, and cuts what no page should be asked to show.
func shownBody(content []byte, incomplete bool) *Body {
	b := &Body{Bytes: len(content), Cut: incomplete}
	if !incomplete && json.Valid(content) {
		b.Form = "json"
	} else {
		b.Form = "text"
	}
	if len(content) > maxShownBody {
		content, b.Cut = content[:maxShownBody], true
		for n := 0; n < utf8.UTFMax && len(content) > 0 && !utf8.Valid(content[max(0, len(content)-utf8.UTFMax):]); n++ {
			content = content[:len(content)-1]
		}
	}
	if !printable(content) {
		b.Form, b.Base64 = "binary", content
		return b
	}
	b.Text = string(content)
	return b
}

func printable(content []byte) bool {
	for _, c := range content {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return utf8.Valid(content)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// titles are what products ("plex") and kinds ("plex/playback") are called.
type titles map[string]string

// titleCache keeps titles between changes of the rules.
type titleCache struct {
	mu   sync.Mutex
	now  titles // guarded by mu; nil: ask
	from time.Time
}

// titlesFor is how long titles may be old where nobody said that they changed.
const titlesFor = 5 * time.Second

func (c *titleCache) get(s *Server) titles {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && s.cfg.Now().Sub(c.from) < titlesFor {
		return c.now
	}
	c.now, c.from = titles{}, s.cfg.Now()
	for _, p := range s.cfg.House.Products().Products {
		c.now[p.Name] = p.Title
		for _, k := range p.Kinds {
			c.now[p.Name+"/"+k.Name] = k.Title
		}
	}
	return c.now
}

func (c *titleCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = nil
}

// title is what a product is called; its name where nobody gave it a title.
func (t titles) title(product string) string {
	if title := t[product]; title != "" {
		return title
	}
	return product
}

// record is the edit as the ledger would hold it.
func (e *Edit) record() *ledger.Edit {
	return &ledger.Edit{Part: e.Part, Selector: e.Selector, Transform: e.Transform, Detail: e.Detail, Type: e.Type, Shape: e.Shape, Count: e.Count,
		Error: e.Error, Listed: e.Listed, Removed: e.Removed}
}
