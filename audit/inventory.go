// Package audit says what is known of what was seen: the inventory of fields and its drift, and the crowds in which
// events hide. It is pure: facts in, facts out.
package audit

import (
	"strings"
	"sync"
	"time"

	"github.com/axiomhq/hyperloglog"
)

// Fact is what the inventory takes of one record: names, types and shapes, never a value.
type Fact struct {
	Seq     int64
	Time    time.Time
	Flow    string // records of one flow in a row count once
	Product string
	Kind    string
	Host    string
	Rule    string // "" where none matched
	Event   string // method and path shape where no rule matched
	Verdict string
	Later   bool // it belongs to a fact that was counted before: what left of something held
	Times   int  // how many records in a row said just this, each of a flow of its own; 0 is 1
	Fields  []Sighting
}

// times is how many records f stands for.
func (f *Fact) times() int64 { return int64(max(1, f.Times)) }

// Sighting is one field, or all fields of one name in a batch, in one message.
type Sighting struct {
	Part      string
	Selector  string
	Transform string
	Detail    string
	Type      string
	Shape     string // "uuid", "integer, 4 digits"
	Count     int    // 0 is 1
	Listed    bool
	Removed   bool
}

// Effect of a treatment.
const (
	Kept    = "kept"
	Changed = "changed"
	Removed = "removed"
)

// Effect says what became of the field.
func (s *Sighting) Effect() string {
	switch {
	case s.Removed, s.Transform == "drop":
		return Removed
	case s.Transform == "keep", s.Transform == "unlisted":
		return Kept
	}
	return Changed
}

// Bounds of an inventory: whoever sends telemetry chooses the names, so they need an end.
const (
	maxEvents     = 4096 // of product, host and event
	maxFields     = 1024 // of one event
	maxAllFields  = 65536
	maxTypes      = 8 // of one field
	maxName       = 256
	maxDrift      = 500
	maxTallies    = 4096 // rules, kinds
	maxDays       = 400
	knownAfter    = 3              // occurrences after which the shape of an event counts as known
	settledAfter  = 24 * time.Hour // after which the events and hosts of a product do
	newFor        = 7 * 24 * time.Hour
	otherEvent    = "other"
	unknownDetail = "no rule matched"
)

// Inventory counts what was seen: fields by product, host and event, hits by rule and kind, verdicts by day.
// Its methods may be called concurrently.
type Inventory struct {
	loc *time.Location

	mu       sync.Mutex // guards what follows
	state    state
	fields   int // in all events
	sketches int // of all fields
	marks    map[string]*eventState
	onNew    func(Drift)
}

// state is what is kept over a restart.
type state struct {
	Version  int                  `json:"version"`
	Since    time.Time            `json:"since"`
	Seq      int64                `json:"seq"`    // the newest fact that was counted
	Cursor   string               `json:"cursor"` // a place of the ledger at or before it
	Missed   int64                `json:"missed,omitempty"`
	Full     bool                 `json:"full,omitempty"`
	Products map[string]time.Time `json:"products"` // first seen
	Events   []*eventState        `json:"events"`
	Rules    map[string]*Tally    `json:"rules"`
	Kinds    map[string]*Tally    `json:"kinds"` // by product/kind
	Days     map[string]*Day      `json:"days"`
	Drift    []Drift              `json:"drift"` // oldest first
}

type eventState struct {
	Product string        `json:"product,omitempty"`
	Host    string        `json:"host"`
	Event   string        `json:"event"`
	Rule    string        `json:"rule,omitempty"`
	Kind    string        `json:"kind,omitempty"`
	Count   int64         `json:"count"`
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	Fresh   bool          `json:"fresh,omitempty"` // came when its product was known already
	Fields  []*fieldState `json:"fields"`

	index map[string]*fieldState
	flow  string // that was counted last
	mark  int64  // of the sighting under way
}

type fieldState struct {
	Selector  string      `json:"selector"`
	Types     []TypeCount `json:"types"`
	Looks     []TypeCount `json:"looks"`
	Count     int64       `json:"count"`
	Distinct  int64       `json:"distinct,omitempty"` // estimated at the last look; 0: not measured
	First     time.Time   `json:"first"`
	Last      time.Time   `json:"last"`
	Part      string      `json:"part,omitempty"`
	Transform string      `json:"transform"`
	Detail    string      `json:"detail,omitempty"`
	Effect    string      `json:"effect"`
	Listed    bool        `json:"listed,omitempty"`
	Fresh     bool        `json:"fresh,omitempty"` // came when its event was known already

	mark   int64               // of the sighting that counted last
	sketch *hyperloglog.Sketch // of its values; nil: not measured
}

// TypeCount is how often a type, or a look, was seen.
type TypeCount struct {
	Type  string `json:"type"`
	Count int64  `json:"count"`
}

// Tally is how often something was seen, and when last.
type Tally struct {
	Count int64     `json:"count"`
	Last  time.Time `json:"last"`
}

// NewInventory makes an empty inventory. Days are those of loc. onNew, which may be nil, is told of drift; it is called
// with the inventory locked and must not block or ask it anything.
func NewInventory(loc *time.Location, onNew func(Drift)) *Inventory {
	v := &Inventory{loc: loc, onNew: onNew}
	v.take(state{Version: stateVersion})
	return v
}

// Add counts one fact, and keeps nothing of it. That none comes twice is up to the caller.
func (v *Inventory) Add(f *Fact) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Seq = max(v.state.Seq, f.Seq)
	if v.state.Since.IsZero() {
		v.state.Since = f.Time
	}
	if f.Later {
		return
	}
	e := v.event(f)
	again := f.Flow != "" && e.flow == f.Flow
	e.flow = f.Flow
	if again {
		return // another part of the same message: its record lists the same fields
	}
	e.Count += f.times()
	e.Last = f.Time
	e.Kind = reuse(e.Kind, f.Kind)
	e.mark++
	day := v.day(f.Time)
	day.count(f.Verdict, f.times())
	for i := range f.Fields {
		v.field(e, f, &f.Fields[i], day)
	}
	v.tally(v.state.Rules, f.Rule, f.Time, f.times())
	if f.Kind != "" {
		v.tally(v.state.Kinds, f.Product+"/"+f.Kind, f.Time, f.times())
	}
}

// event finds or makes the event of f. Beyond the bound all share one.
func (v *Inventory) event(f *Fact) *eventState {
	name := f.Rule
	if name == "" {
		name = short(f.Event)
	}
	key := f.Product + "\x00" + f.Host + "\x00" + name
	if e := v.marks[key]; e != nil {
		return e
	}
	since, known := v.state.Products[f.Product]
	settled := known && f.Time.Sub(since) >= settledAfter
	if len(v.marks) >= maxEvents {
		v.state.Full = true
		key, name = "\x00\x00"+otherEvent, otherEvent
		if e := v.marks[key]; e != nil {
			return e
		}
		f = &Fact{Time: f.Time}
		settled = false
	}
	v.noteEvent(f, name, settled)
	if !known && len(v.state.Products) < maxTallies {
		v.state.Products[strings.Clone(f.Product)] = f.Time
	}
	e := &eventState{Product: strings.Clone(f.Product), Host: strings.Clone(f.Host), Event: strings.Clone(name), Rule: strings.Clone(f.Rule),
		First: f.Time, Fresh: settled, index: map[string]*fieldState{}}
	v.marks[key] = e
	v.state.Events = append(v.state.Events, e)
	return e
}

// field counts one sighting in e.
func (v *Inventory) field(e *eventState, f *Fact, s *Sighting, day *Day) {
	selector := short(s.Selector)
	n := int64(max(1, s.Count)) * f.times()
	p := e.index[selector]
	if p == nil {
		if len(e.Fields) >= maxFields || v.fields >= maxAllFields {
			v.state.Full = true
			return
		}
		p = &fieldState{Selector: strings.Clone(selector), First: f.Time, Fresh: e.Count-f.times() >= knownAfter}
		if p.Fresh {
			v.noteField(e, f, s, p.Selector)
		}
		e.index[p.Selector] = p
		e.Fields = append(e.Fields, p)
		v.fields++
	}
	if p.mark == e.mark { // another part treats it too: the mildest treatment is what counts
		if exposure(s.Effect()) > exposure(p.Effect) {
			day.recount(p.Effect, s.Effect(), f.times())
			p.treat(s)
		}
		return
	}
	p.mark = e.mark
	v.types(e, f, p, s, n)
	p.Count += n
	p.Last = f.Time
	p.treat(s)
	day.field(p.Effect, f.times())
}

func (p *fieldState) treat(s *Sighting) {
	p.Effect, p.Listed = s.Effect(), s.Listed
	p.Part, p.Transform, p.Detail = reuse(p.Part, s.Part), reuse(p.Transform, s.Transform), reuse(p.Detail, short(s.Detail))
}

// types counts the type and the look of a sighting.
func (v *Inventory) types(e *eventState, f *Fact, p *fieldState, s *Sighting, n int64) {
	fresh := false
	p.Types, fresh = bump(p.Types, s.Type, n)
	if fresh && p.Count >= knownAfter && s.Type != "null" && len(p.Types) > 1 {
		v.noteType(e, f, p, s.Type)
	}
	look, _, _ := strings.Cut(s.Shape, ",")
	if look != "" {
		p.Looks, _ = bump(p.Looks, look, n)
	}
}

// bump counts word in list.
func bump(list []TypeCount, word string, n int64) (out []TypeCount, fresh bool) {
	if word == "" {
		return list, false
	}
	for i := range list {
		if list[i].Type == word {
			list[i].Count += n
			return list, false
		}
	}
	if len(list) >= maxTypes {
		return list, false
	}
	return append(list, TypeCount{strings.Clone(short(word)), n}), true
}

func (v *Inventory) tally(of map[string]*Tally, name string, at time.Time, n int64) {
	if name == "" {
		return
	}
	t := of[name]
	if t == nil {
		if len(of) >= maxTallies {
			v.state.Full = true
			return
		}
		t = &Tally{}
		of[strings.Clone(name)] = t
	}
	t.Count += n
	t.Last = at
}

// Missed says that n records could not be counted.
func (v *Inventory) Missed(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Missed += n
}

// exposure orders effects by how much is left of the field.
func exposure(effect string) int {
	switch effect {
	case Kept:
		return 2
	case Changed:
		return 1
	}
	return 0
}

// short bounds a name that was chosen elsewhere.
func short(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return name
}

// reuse keeps old where it says the same, so that the fact it came from can go.
func reuse(old, new string) string {
	if old == new {
		return old
	}
	return strings.Clone(new)
}
