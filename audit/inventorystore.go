package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// stateVersion is the version of what Save writes.
const stateVersion = 1

// Save is the inventory as it is kept over a restart. It holds names, types, shapes, counts and times, never a value.
func (v *Inventory) Save() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.state.Events {
		for _, p := range e.Fields {
			p.Distinct = p.estimate()
		}
	}
	return json.Marshal(&v.state)
}

// Load takes up what Save wrote. After an error the inventory is as it was.
func (v *Inventory) Load(data []byte) error {
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("reading the inventory: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("reading the inventory: version %d is not known", s.Version)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.take(s)
	return nil
}

// take puts s in force and makes its indexes. The caller holds mu, or nobody else knows v.
func (v *Inventory) take(s state) {
	if s.Products == nil {
		s.Products = map[string]time.Time{}
	}
	for _, tallies := range []*map[string]*Tally{&s.Rules, &s.Kinds} {
		if *tallies == nil {
			*tallies = map[string]*Tally{}
		}
	}
	if s.Days == nil {
		s.Days = map[string]*Day{}
	}
	v.state, v.fields, v.sketches, v.marks = s, 0, 0, map[string]*eventState{}
	for _, e := range s.Events {
		e.index = make(map[string]*fieldState, len(e.Fields))
		for _, p := range e.Fields {
			e.index[p.Selector] = p
		}
		v.fields += len(e.Fields)
		v.marks[e.Product+"\x00"+e.Host+"\x00"+e.Event] = e
	}
}

// Place is how far the ledger has been counted: the newest record, and a cursor at or before it.
func (v *Inventory) Place() (seq int64, cursor string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.Seq, v.state.Cursor
}

// SetCursor remembers a place of the ledger before which everything has been counted.
func (v *Inventory) SetCursor(cursor string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Cursor = cursor
}

// Restart forgets the place, for a ledger that was begun anew. What was counted stays.
func (v *Inventory) Restart() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Seq, v.state.Cursor = 0, ""
}
