package transform

import (
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
)

// moment is a time as a text has it: RFC 3339, section 5.6, date-time or full-date, its parts kept as written. Two
// forms of ISO 8601 that telemetry often has are read too: an offset without its colon, and none at all.
type moment struct {
	year, month, day     int
	hour, minute, second int
	date                 bool   // full-date alone
	separator            byte   // T, t or a blank
	fraction             string // with its point; "" for none
	zone                 string // as written
}

// readMoment reads s whole. It does not allocate.
func readMoment(s string) (m moment, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return m, false
	}
	ok = twoDigits(s[0:2], 99, &m.hour) && twoDigits(s[2:4], 99, &m.year) && twoDigits(s[5:7], 12, &m.month) && twoDigits(s[8:10], 31, &m.day)
	m.year, m.hour = m.hour*100+m.year, 0
	if !ok || m.month == 0 || m.day == 0 || m.day > daysIn(m.year, m.month) {
		return m, false
	}
	if len(s) == 10 {
		m.date = true
		return m, true
	}
	if m.separator = s[10]; m.separator != 'T' && m.separator != 't' && m.separator != ' ' {
		return m, false
	}
	if len(s) < 19 || s[13] != ':' || s[16] != ':' {
		return m, false
	}
	if !twoDigits(s[11:13], 23, &m.hour) || !twoDigits(s[14:16], 59, &m.minute) || !twoDigits(s[17:19], 60, &m.second) {
		return m, false
	}
	rest := s[19:]
	if len(rest) > 1 && rest[0] == '.' {
		i := 1
		for i < len(rest) && isDigit(rest[i]) {
			i++
		}
		if i == 1 {
			return m, false
		}
		m.fraction, rest = rest[:i], rest[i:]
	}
	m.zone = rest
	return m, isZone(rest)
}

func twoDigits(s string, most int, to *int) bool {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return false
	}
	*to = int(s[0]-'0')*10 + int(s[1]-'0')
	return *to <= most
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func isZone(s string) bool {
	if s == "" || s == "Z" || s == "z" {
		return true
	}
	if len(s) < 5 || s[0] != '+' && s[0] != '-' {
		return false
	}
	var h, m int
	rest := s[3:]
	if rest[0] == ':' {
		rest = rest[1:]
	}
	return len(rest) == 2 && twoDigits(s[1:3], 23, &h) && twoDigits(rest, 59, &m)
}

// append writes m as it was read. Only years 0 to 9999 have a form.
func (m *moment) append(dst []byte) []byte {
	dst = appendPadded(dst, m.year/100, "")
	dst = appendPadded(dst, m.year%100, "-")
	dst = appendPadded(dst, m.month, "-")
	dst = appendPadded(dst, m.day, "")
	if m.date {
		return dst
	}
	dst = append(dst, m.separator)
	dst = appendPadded(dst, m.hour, ":")
	dst = appendPadded(dst, m.minute, ":")
	dst = appendPadded(dst, m.second, "")
	dst = append(dst, m.fraction...)
	return append(dst, m.zone...)
}

func appendPadded(dst []byte, n int, after string) []byte {
	return append(append(dst, byte('0'+n/10), byte('0'+n%10)), after...)
}

// startOfDay clears the time of the day.
func (m *moment) startOfDay() {
	m.hour = 0
	m.startOfHour()
}

// startOfHour clears minute and second, and the digits of the fraction, of which there stay as many.
func (m *moment) startOfHour() {
	const zeros = ".000000000000"
	m.minute, m.second = 0, 0
	if len(m.fraction) <= len(zeros) {
		m.fraction = zeros[:len(m.fraction)]
		return
	}
	long := []byte(m.fraction)
	for i := 1; i < len(long); i++ {
		long[i] = '0'
	}
	m.fraction = string(long)
}

// setDate takes the calendar day of t.
func (m *moment) setDate(t time.Time) bool {
	year, month, day := t.Date()
	m.year, m.month, m.day = year, int(month), day
	return year >= 0 && year <= 9999
}

// text is m as a value like in; what is the same already is kept.
func (m *moment) text(in body.Value) body.Value {
	var buf [48]byte
	out := m.append(buf[:0])
	if string(out) == in.Text {
		return in
	}
	return written(in, string(out))
}

// lastSecond is the end of year 9999: epochs beyond it are no times.
const lastSecond = 253402300799

// epoch is a count of units since 1970.
type epoch struct{ perSecond int64 }

// newEpoch takes a unit of at most a second; the zero Unit gives no epoch, and then numbers are not read.
func newEpoch(unit Unit) (epoch, error) {
	if unit.dim == None {
		return epoch{}, nil
	}
	if unit.dim != Duration || unit.scale > 1e9 {
		return epoch{}, &Fault{"a time in " + unit.name, "write unit: s or ms for epochs; RFC 3339 needs none"}
	}
	return epoch{perSecond: 1e9 / unit.scale}, nil
}

// read gives the time of a number, cut to whole seconds.
func (e epoch) read(in body.Value, loc *time.Location) (time.Time, error) {
	n, err := readNumber(in)
	if err != nil {
		return time.Time{}, err
	}
	sec, ok := e.seconds(n)
	if !ok || sec > lastSecond || sec < -62167219200 || sec > e.lastWritable() || sec < -e.lastWritable() {
		return time.Time{}, &RangeError{"the time is outside the years 0 to 9999"}
	}
	return time.Unix(sec, 0).In(loc), nil
}

// seconds is n in seconds, cut to whole ones; ok is false where there are too many.
func (e epoch) seconds(n number) (sec int64, ok bool) {
	if n.big != nil { // nanoseconds of this century have 19 digits
		q := new(big.Rat).Quo(n.big, big.NewRat(e.perSecond, 1))
		whole := new(big.Int).Div(q.Num(), q.Denom())
		return whole.Int64(), whole.IsInt64()
	}
	f, _ := n.floor()
	sec = f / e.perSecond
	if f%e.perSecond < 0 {
		sec--
	}
	return sec, true
}

// lastWritable is the last second whose week still fits an int64 in units of e.
func (e epoch) lastWritable() int64 { return math.MaxInt64/e.perSecond - 8*24*3600 }

func (e epoch) write(in body.Value, t time.Time) body.Value {
	return writtenInt(in, t.Unix()*e.perSecond)
}

// startOfLocalDay is the first instant of t's day in its location: midnight, or where clocks are put forward at
// midnight the moment they show after it.
func startOfLocalDay(t time.Time) time.Time {
	year, month, day := t.Date()
	start := time.Date(year, month, day, 0, 0, 0, 0, t.Location())
	if start.Day() == day {
		return start
	}
	if _, end := start.ZoneBounds(); !end.IsZero() {
		return end
	}
	return start
}

// localDay numbers calendar days, 1970-01-01 being 0.
func localDay(t time.Time) int64 {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// sinceMonday is the number of days since the Monday that begins the week (ISO 8601).
func sinceMonday(d time.Weekday) int { return (int(d) + 6) % 7 }

// kindOfTime is the error for a value that is no time in any form that is read here.
func (e epoch) kindOfTime(in body.Value) error {
	if e.perSecond == 0 && in.Kind == body.Number {
		return &KindError{Got: in.Kind, Want: "an RFC 3339 time (an epoch needs its unit)"}
	}
	return &KindError{Got: in.Kind, Want: "an RFC 3339 time or an epoch" + e.perText()}
}

func (e epoch) perText() string {
	if e.perSecond <= 1 {
		return ""
	}
	return " of " + strconv.FormatInt(e.perSecond, 10) + " a second"
}
