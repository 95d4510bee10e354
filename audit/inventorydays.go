package audit

import (
	"strings"
	"time"
)

// Day is what happened on one day. Held counts what began to wait that day, whatever came of it.
type Day struct {
	Passed      int64 `json:"passed,omitempty"`
	Generalized int64 `json:"generalized,omitempty"`
	Dropped     int64 `json:"dropped,omitempty"`
	Held        int64 `json:"held,omitempty"`
	Refused     int64 `json:"refused,omitempty"`
	Failed      int64 `json:"failed,omitempty"`
	HeldBack    int64 `json:"held_back,omitempty"` // fields
	Changed     int64 `json:"changed,omitempty"`   // fields
}

// count counts n records of a verdict.
func (d *Day) count(verdict string, n int64) {
	switch verdict {
	case "pass":
		d.Passed += n
	case "generalize":
		d.Generalized += n
	case "drop":
		d.Dropped += n
	case "hold":
		d.Held += n
	case "refuse":
		d.Refused += n
	case "failed":
		d.Failed += n
	}
}

// field counts a field of n records.
func (d *Day) field(effect string, n int64) {
	switch effect {
	case Removed:
		d.HeldBack += n
	case Changed:
		d.Changed += n
	}
}

func (d *Day) recount(from, to string, n int64) {
	switch from {
	case Removed:
		d.HeldBack -= n
	case Changed:
		d.Changed -= n
	}
	d.field(to, n)
}

const dayLayout = "2006-01-02"

// day finds or makes the day of a time. The oldest goes where there are too many.
func (v *Inventory) day(at time.Time) *Day {
	name := at.In(v.loc).Format(dayLayout)
	d := v.state.Days[name]
	if d != nil {
		return d
	}
	if len(v.state.Days) >= maxDays {
		oldest := name
		for other := range v.state.Days {
			if strings.Compare(other, oldest) < 0 {
				oldest = other
			}
		}
		delete(v.state.Days, oldest)
	}
	d = &Day{}
	v.state.Days[name] = d
	return d
}

// NamedDay is a day with its date, 2006-01-02.
type NamedDay struct {
	Name string
	Day
}

// Days lists the n days up to the one of now, oldest first, none left out.
func (v *Inventory) Days(now time.Time, n int) []NamedDay {
	v.mu.Lock()
	defer v.mu.Unlock()
	year, month, today := now.In(v.loc).Date()
	out := make([]NamedDay, 0, n)
	for i := n - 1; i >= 0; i-- {
		name := time.Date(year, month, today-i, 12, 0, 0, 0, v.loc).Format(dayLayout)
		day := NamedDay{Name: name}
		if d := v.state.Days[name]; d != nil {
			day.Day = *d
		}
		out = append(out, day)
	}
	return out
}
