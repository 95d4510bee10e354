package web

import (
	"net/http"
	"time"

	"github.com/scrimproxy/scrim/audit"
)

// Fields is the inventory: every field seen, by product, host and event.
type Fields struct {
	Since    *time.Time     `json:"since"`
	Missed   int64          `json:"missed"`
	Full     bool           `json:"full"`
	Products []FieldProduct `json:"products"`
}

// FieldProduct is one product; Product is "" for what belongs to none.
type FieldProduct struct {
	Product string      `json:"product"`
	Title   string      `json:"title"`
	Hosts   []FieldHost `json:"hosts"`
}

// FieldHost is one host.
type FieldHost struct {
	Host   string       `json:"host"`
	Events []FieldEvent `json:"events"`
}

// FieldEvent is one event.
type FieldEvent struct {
	Event     string    `json:"event"`
	Rule      string    `json:"rule,omitempty"`
	Kind      string    `json:"kind,omitempty"`
	Title     string    `json:"title,omitempty"`
	Count     int64     `json:"count"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	New       bool      `json:"new"`
	Fields    []Field   `json:"fields"`
}

// Field is one field.
type Field struct {
	Selector  string            `json:"selector"`
	Types     []audit.TypeCount `json:"types"`
	LooksLike string            `json:"looks_like"`
	Count     int64             `json:"count"`
	Distinct  *int64            `json:"distinct"`
	FirstSeen time.Time         `json:"first_seen"`
	LastSeen  time.Time         `json:"last_seen"`
	Treatment string            `json:"treatment"`
	Detail    string            `json:"detail,omitempty"`
	Effect    string            `json:"effect"`
	Part      string            `json:"part,omitempty"`
	Listed    bool              `json:"listed"`
	Vendor    *bool             `json:"vendor"`
	New       bool              `json:"new"`
}

// FieldsOf makes the answer of an inventory's tree. title names products and kinds ("plex", "plex/playback"); vendor says
// whether the vendor lists a field, nil where it publishes no list.
func FieldsOf(t audit.Tree, title func(name string) string, vendor func(product, selector string) *bool) Fields {
	out := Fields{Missed: t.Missed, Full: t.Full, Products: make([]FieldProduct, len(t.Products))}
	if !t.Since.IsZero() {
		out.Since = &t.Since
	}
	for i, p := range t.Products {
		to := &out.Products[i]
		*to = FieldProduct{Product: p.Name, Title: title(p.Name), Hosts: make([]FieldHost, len(p.Hosts))}
		for j, h := range p.Hosts {
			to.Hosts[j] = FieldHost{Host: h.Name, Events: make([]FieldEvent, len(h.Events))}
			for k, e := range h.Events {
				to.Hosts[j].Events[k] = fieldEvent(p.Name, &e, title, vendor)
			}
		}
	}
	return out
}

func fieldEvent(product string, e *audit.EventTree, title func(string) string, vendor func(product, selector string) *bool) FieldEvent {
	out := FieldEvent{Event: e.Name, Rule: e.Rule, Kind: e.Kind, Count: e.Count, FirstSeen: e.First, LastSeen: e.Last, New: e.New, Fields: make([]Field, len(e.Fields))}
	if e.Kind != "" {
		out.Title = title(product + "/" + e.Kind)
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		out.Fields[i] = Field{Selector: f.Selector, Types: orEmpty(f.Types), LooksLike: f.LooksLike, Count: f.Count, FirstSeen: f.First, LastSeen: f.Last,
			Treatment: f.Treatment, Detail: f.Detail, Effect: f.Effect, Part: f.Part, Listed: f.Listed, Vendor: vendor(product, f.Selector), New: f.New}
		if f.Distinct > 0 {
			distinct := f.Distinct
			out.Fields[i].Distinct = &distinct
		}
	}
	return out
}

func (s *Server) fields(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	t := s.cfg.Inventory.Tree(s.cfg.Now(), q.Get("product"), q.Get("host"))
	return FieldsOf(t, s.titles.get(s).title, s.cfg.House.Vendor), nil
}

func (s *Server) drift(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, err := number(r, "limit", 100, 1, 500)
	if err != nil {
		return nil, err
	}
	list := []Drift{}
	for _, d := range s.cfg.Inventory.Drift(limit) {
		list = append(list, shownDrift(d))
	}
	return map[string]any{"drift": list}, nil
}
