package transform

import (
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// Truncate cuts a time to the start of its hour, day or week, in the field's own format (ISO/IEC 20889, generalization).
// RFC 3339 keeps its offset and as many digits after the point as were written, and is cut in that offset. An epoch,
// for which the unit is given (s, ms, us or ns), is cut in Env.Location, and stays a number or a string of one. Weeks
// begin on Monday. A value that is no time yields an error matching ErrKind, one outside the years 0 to 9999 an error
// matching ErrRange.
//
// What remains inferable: the hour, day or week. The time at which a message arrives tells more than the field did,
// unless its part is held for a release. An offset tells the region.
type Truncate struct {
	to    string
	epoch epoch
}

// NewTruncate makes a Truncate to "hour", "day" or "week"; unit is that of an epoch, or the zero Unit.
func NewTruncate(to string, unit Unit) (*Truncate, error) {
	if to != "hour" && to != "day" && to != "week" {
		return nil, &Fault{"truncate: " + quote(to), "write hour, day or week"}
	}
	e, err := newEpoch(unit)
	if err != nil {
		return nil, err
	}
	return &Truncate{to, e}, nil
}

// Name is "truncate".
func (t *Truncate) Name() string { return "truncate" }

// Detail is "to the day".
func (t *Truncate) Detail() string { return "to the " + t.to }

// Apply truncates.
func (t *Truncate) Apply(in body.Value, env *Env) (body.Value, error) {
	if in.Kind == body.String {
		if m, ok := readMoment(in.Text); ok {
			return t.moment(in, m)
		}
	}
	if t.epoch.perSecond == 0 {
		return body.Value{}, t.epoch.kindOfTime(in)
	}
	at, err := t.epoch.read(in, env.location())
	if err != nil {
		return body.Value{}, t.notATime(in, err)
	}
	switch t.to {
	case "hour":
		at = at.Add(-time.Duration(at.Minute())*time.Minute - time.Duration(at.Second())*time.Second)
	case "week":
		at = time.Date(at.Year(), at.Month(), at.Day()-sinceMonday(at.Weekday()), 12, 0, 0, 0, at.Location())
		at = startOfLocalDay(at)
	default:
		at = startOfLocalDay(at)
	}
	return t.epoch.write(in, at), nil
}

func (t *Truncate) notATime(in body.Value, err error) error {
	if _, ok := err.(*KindError); ok {
		return t.epoch.kindOfTime(in)
	}
	return err
}

func (t *Truncate) moment(in body.Value, m moment) (body.Value, error) {
	switch t.to {
	case "hour":
		m.startOfHour()
		return m.text(in), nil
	case "week":
		day := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC)
		if !m.setDate(day.AddDate(0, 0, -sinceMonday(day.Weekday()))) {
			return body.Value{}, &RangeError{"the time is outside the years 0 to 9999"}
		}
	}
	m.startOfDay()
	return m.text(in), nil
}

// Stamp writes the day of sending in place of a time, in the field's own format: whatever the field said is gone
// (ISO/IEC 20889, suppression with a constant). RFC 3339 gets the calendar day in Env.Location at 00:00:00, with the
// offset and as many digits after the point as were written; an epoch gets the instant at which that day begins
// there. A value that is no time yields an error matching ErrKind.
//
// What remains inferable: the day on which the record was sent, which the receiver knows anyway; from an epoch, the
// time zone; from RFC 3339, the offset that the field had.
type Stamp struct{ epoch epoch }

// NewStamp makes a Stamp of "day"; unit is that of an epoch, or the zero Unit.
func NewStamp(of string, unit Unit) (*Stamp, error) {
	if of != "day" {
		return nil, &Fault{"stamp: " + quote(of), "write stamp: day"}
	}
	e, err := newEpoch(unit)
	if err != nil {
		return nil, err
	}
	return &Stamp{e}, nil
}

// Name is "stamp".
func (t *Stamp) Name() string { return "stamp" }

// Detail is "the day of sending".
func (t *Stamp) Detail() string { return "the day of sending" }

// Apply writes the day of env.Now.
func (t *Stamp) Apply(in body.Value, env *Env) (body.Value, error) {
	if env == nil || env.Now.IsZero() {
		return body.Value{}, &EnvError{"the time of sending is not known"}
	}
	now := env.Now.In(env.location())
	if in.Kind == body.String {
		if m, ok := readMoment(in.Text); ok {
			if !m.setDate(now) {
				return body.Value{}, &RangeError{"the time is outside the years 0 to 9999"}
			}
			m.startOfDay()
			return m.text(in), nil
		}
	}
	if t.epoch.perSecond == 0 {
		return body.Value{}, t.epoch.kindOfTime(in)
	}
	if _, err := readNumber(in); err != nil {
		return body.Value{}, t.epoch.kindOfTime(in)
	}
	return t.epoch.write(in, startOfLocalDay(now)), nil
}
