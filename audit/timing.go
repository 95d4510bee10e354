package audit

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// What an observer of arrival times is taken to do.
const (
	gapReach    = 6 * time.Hour    // how far before the end of a play its beginning may lie
	gapBlur     = 60 * time.Second // how well a gap tells a runtime
	releaseGap  = 30 * time.Minute // requests of one release follow each other at least so closely
	onTime      = 90 * time.Minute // a release that leaves so long after its time left on schedule
	wholePlay   = 0.9              // a share from which a gap tells the runtime
	secondsADay = 86400
)

// Timing is what the times and the number of the requests add to what is in them.
type Timing struct {
	Plays       int      `json:"plays"`              // requests that speak of a title
	Held        int      `json:"held"`               // of them, left in a release
	AtOnce      int      `json:"at_once"`            // of them, left when they came: their times tell when somebody watched
	OffSchedule int      `json:"off_schedule"`       // held, and yet not at a time of their schedule
	Bits        *float64 `json:"bits,omitempty"`     // a play, on average; nil: not measured
	Most        *float64 `json:"most,omitempty"`     // the worst play
	Releases    int      `json:"releases,omitempty"` // days or parts of days with something in them
	MostInOne   int      `json:"most_in_one,omitempty"`
}

// timing reads the arrival times as somebody would who sees each request come in: where requests leave at once, the
// gap before the end of a play tells how long it ran; where they are held, all plays of one release must have fitted
// into a day, on one device.
func (m *meter) timing(seen []*sight) Timing {
	var t Timing
	order := slices.Clone(seen)
	slices.SortStableFunc(order, func(a, b *sight) int { return a.event.Time.Compare(b.event.Time) })
	var held []*sight
	sum, most := 0.0, 0.0
	for i, s := range order {
		if s.crowd.Crowd == nil {
			continue
		}
		t.Plays++
		if s.cells.Release != nil && !s.passed {
			t.Held++
			held = append(held, s)
			if !m.scheduled(s) {
				t.OffSchedule++
			}
			continue
		}
		t.AtOnce++
		bits := m.gaps(s, order[:i])
		s.crowd.Timing = &bits
	}
	m.releases(held, &t)
	for _, s := range order {
		if s.crowd.Timing != nil {
			sum, most = sum+*s.crowd.Timing, max(most, *s.crowd.Timing)
		}
	}
	if t.Plays > 0 {
		mean := sum / float64(t.Plays)
		t.Bits, t.Most = &mean, &most
	}
	return t
}

// scheduled reports whether a held request left soon after a time of its release.
func (m *meter) scheduled(s *sight) bool {
	loc := cmp.Or(m.opt.Location, time.UTC)
	local := s.event.Time.In(loc)
	for _, at := range s.cells.Release.At {
		clock, err := time.Parse("15:04", at)
		if err != nil {
			continue
		}
		for _, day := range []int{-1, 0} {
			due := time.Date(local.Year(), local.Month(), local.Day()+day, clock.Hour(), clock.Minute(), 0, 0, loc)
			if late := local.Sub(due); late >= -time.Minute && late <= onTime {
				return true
			}
		}
	}
	return false
}

// gaps is what the time since an earlier request of the same product adds, where one of them is the start of the play:
// the observer is given the one that tells most.
func (m *meter) gaps(s *sight, before []*sight) float64 {
	h := m.opt.References[s.table]
	if s.share >= 0 && s.share < wholePlay || h == nil {
		return 0
	}
	fewest := *s.crowd.Crowd
	for i := len(before) - 1; i >= 0; i-- {
		gap := s.event.Time.Sub(before[i].event.Time)
		if gap > gapReach {
			break
		}
		if before[i].event.Product != s.event.Product {
			continue
		}
		if n := h.countBoth(s.spans, span{"*", (gap - gapBlur).Seconds(), (gap + gapBlur).Seconds()}); n > 0 {
			fewest = min(fewest, n)
		}
	}
	return math.Log2(float64(*s.crowd.Crowd) / float64(fewest))
}

// releases looks at what left together.
func (m *meter) releases(held []*sight, t *Timing) {
	for from := 0; from < len(held); {
		to := from + 1
		for to < len(held) && held[to].event.Time.Sub(held[to-1].event.Time) <= releaseGap {
			to++
		}
		m.release(held[from:to])
		t.Releases++
		t.MostInOne = max(t.MostInOne, to-from)
		from = to
	}
}

// release gives each play what the day leaves it when the others have taken their shortest time. Plays of a length
// that would not fit can be ruled out.
func (m *meter) release(plays []*sight) {
	shortest := 0.0
	for _, s := range plays {
		shortest += s.least()
	}
	for _, s := range plays {
		bits := 0.0
		share := s.leastShare()
		left := secondsADay - (shortest - s.least())
		if h := m.opt.References[s.table]; h != nil && share > 0 && left > 0 {
			if n := h.countBoth(s.spans, span{"*", 0, math.Nextafter(left/share, math.Inf(1))}); n > 0 {
				bits = math.Log2(float64(*s.crowd.Crowd) / float64(n))
			}
		}
		s.crowd.Timing = &bits
	}
}

// least is the shortest time that a play can have taken, in seconds.
func (s *sight) least() float64 {
	if len(s.spans) == 0 {
		return 0
	}
	from := math.Inf(1)
	for _, sp := range s.spans {
		from = min(from, sp.from)
	}
	return from * s.leastShare()
}

// leastShare is the smallest share that is written as the factor seen.
func (s *sight) leastShare() float64 {
	for i := range s.cells.Fields {
		f := &s.cells.Fields[i]
		if f.Says == rules.SaysShare && s.share >= 0 {
			return shareFrom(f, s.share)
		}
	}
	return 0
}

// shareFrom is the lower edge of the shares that are written as a factor: the nearest, since what is written is whole.
func shareFrom(f *rules.CellField, factor float64) float64 {
	best, from := math.Inf(1), 0.0
	for i, text := range f.Factors {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(v-factor) >= best {
			continue
		}
		best, from = math.Abs(v-factor), 0
		if i > 0 && i <= len(f.Edges) {
			from, _ = strconv.ParseFloat(f.Edges[i-1], 64)
		}
	}
	return from
}
