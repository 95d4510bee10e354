package audit

import (
	"slices"
	"strings"
	"time"
)

// Drift is something that was not there before.
type Drift struct {
	Time    time.Time `json:"time"`
	What    string    `json:"what"` // host, event, field, type, request
	Product string    `json:"product,omitempty"`
	Host    string    `json:"host"`
	Event   string    `json:"event,omitempty"`
	Name    string    `json:"name"`
	Detail  string    `json:"detail,omitempty"`
}

func (v *Inventory) note(d Drift) {
	d.Host, d.Event, d.Product = strings.Clone(d.Host), strings.Clone(d.Event), strings.Clone(d.Product)
	if len(v.state.Drift) >= maxDrift {
		v.state.Drift = slices.Delete(v.state.Drift, 0, 1)
	}
	v.state.Drift = append(v.state.Drift, d)
	if v.onNew != nil {
		v.onNew(d)
	}
}

// noteEvent notes an event that is seen for the first time: always where no rule matched it, else where its
// product has been known for long enough to be surprised.
func (v *Inventory) noteEvent(f *Fact, name string, settled bool) {
	if settled && !v.hostKnown(f.Product, f.Host) {
		v.note(Drift{Time: f.Time, What: "host", Product: f.Product, Host: f.Host, Name: strings.Clone(f.Host)})
	}
	switch {
	case f.Rule == "" && f.Event != "":
		v.note(Drift{Time: f.Time, What: "request", Product: f.Product, Host: f.Host, Event: name, Name: strings.Clone(name), Detail: unknownDetail})
	case settled && f.Rule != "":
		v.note(Drift{Time: f.Time, What: "event", Product: f.Product, Host: f.Host, Event: name, Name: strings.Clone(name)})
	}
}

func (v *Inventory) hostKnown(product, host string) bool {
	return slices.ContainsFunc(v.state.Events, func(e *eventState) bool { return e.Product == product && e.Host == host })
}

// noteField notes a field that an event did not have when it became known.
func (v *Inventory) noteField(e *eventState, f *Fact, s *Sighting, selector string) {
	detail := s.Type
	if look, _, _ := strings.Cut(s.Shape, ","); look != "" && look != detail {
		detail += ", " + look
	}
	v.note(Drift{Time: f.Time, What: "field", Product: e.Product, Host: e.Host, Event: e.Event, Name: selector, Detail: strings.TrimPrefix(detail, ", ")})
}

func (v *Inventory) noteType(e *eventState, f *Fact, p *fieldState, fresh string) {
	v.note(Drift{Time: f.Time, What: "type", Product: e.Product, Host: e.Host, Event: e.Event, Name: p.Selector,
		Detail: p.Types[0].Type + " before, now also " + strings.Clone(fresh)})
}

// Drift lists what was new, newest first, at most limit.
func (v *Inventory) Drift(limit int) []Drift {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.state.Drift
	if len(all) > limit {
		all = all[len(all)-limit:]
	}
	out := slices.Clone(all)
	slices.Reverse(out)
	return out
}

// DriftSince counts what is in the list, and what of it is newer than a time.
func (v *Inventory) DriftSince(since time.Time) (all, newer int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.state.Drift {
		if v.state.Drift[i].Time.After(since) {
			newer++
		}
	}
	return len(v.state.Drift), newer
}
