package audit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Library is the lengths of the owner's own titles. It holds no name.
type Library struct {
	Titles  int                   `json:"titles"`
	Without int                   `json:"without_length"` // rows without a length that can be read
	of      map[string]*Histogram // by table
}

// LibraryFit is how the events look to somebody who knows the library.
type LibraryFit struct {
	Library
	Measured int    `json:"measured"`
	Smallest *int64 `json:"smallest,omitempty"` // own titles that fit an event; nil: not measured
	Alone    int    `json:"alone"`              // events that one own title alone fits
	None     int    `json:"none"`               // events that no own title fits: what was watched is not in the library
}

// ReadLibrary reads CSV with a header: a column of lengths named for its unit (minutes, seconds, ms, or duration with
// times such as 1:34:20), and, where there is music too, a column "type" (movie, episode, track). Rows without a length
// are counted and left out.
func ReadLibrary(data []byte) (*Library, error) {
	rows, err := readCSV(string(data))
	if err != nil {
		return nil, err
	}
	column := slices.IndexFunc(rows[0], func(name string) bool { return scale(unitOf(name)) > 0 && unitOf(name) != "kbps" })
	if i := slices.IndexFunc(rows[0], func(name string) bool { return name == "duration" || name == "length" || name == "time" }); column < 0 {
		column = i
	}
	if column < 0 {
		return nil, errors.New("no column holds lengths: name one minutes, seconds or ms")
	}
	kind := slices.Index(rows[0], "type")
	lib := &Library{of: map[string]*Histogram{}}
	unit := scale(unitOf(rows[0][column]))
	for i, row := range rows[1:] {
		seconds, ok, err := lengthOf(row[column], unit)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+2, err)
		}
		if !ok {
			lib.Without++
			continue
		}
		name := ""
		if kind >= 0 {
			name = row[kind]
		}
		lib.Add(name, seconds)
	}
	if lib.Titles == 0 {
		return nil, fmt.Errorf("none of its %d rows has a length: nothing can be measured", len(rows)-1)
	}
	return lib, nil
}

// NewLibrary makes a library without titles.
func NewLibrary() *Library { return &Library{of: map[string]*Histogram{}} }

// Add adds one title of a kind (track, audio and music are heard, all else is watched) and its length in seconds.
func (l *Library) Add(kind string, seconds float64) {
	table := "video-length"
	switch strings.ToLower(kind) {
	case "track", "audio", "music", "song", "album":
		table = "audio-length"
	}
	h := l.of[table]
	if h == nil {
		h = &Histogram{Table: table, Unit: "s", Own: true}
		l.of[table] = h
	}
	l.Titles++
	h.Titles++
	h.Bars = append(h.Bars, Bar{Value: seconds, Titles: 1})
}

// lengthOf reads a length: a number in unit seconds, or h:mm:ss. Missing, zero and negative ones are not there.
func lengthOf(text string, unit float64) (seconds float64, ok bool, err error) {
	if text == "" || strings.EqualFold(text, "null") || strings.EqualFold(text, "n/a") || text == "-" {
		return 0, false, nil
	}
	if strings.Contains(text, ":") {
		for part := range strings.SplitSeq(text, ":") {
			n, err := strconv.ParseFloat(part, 64)
			if err != nil || n < 0 || n >= 1e4 {
				return 0, false, errors.New("the length is not a time such as 1:34:20")
			}
			seconds = seconds*60 + n
		}
		return seconds, seconds > 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, false, errors.New("the length is not a number")
	}
	if n <= 0 {
		return 0, false, nil
	}
	if unit == 0 {
		return 0, false, errors.New("the column does not say the unit of a length: name it minutes, seconds or ms")
	}
	return n * unit, true, nil
}

// fit sums up how many own titles fit each event.
func (l *Library) fit(list []EventCrowd) *LibraryFit {
	out := &LibraryFit{Library: Library{Titles: l.Titles, Without: l.Without}}
	for i := range list {
		own := list[i].Own
		if own == nil {
			continue
		}
		out.Measured++
		switch *own {
		case 0:
			out.None++
			continue
		case 1:
			out.Alone++
		}
		out.Smallest = least(out.Smallest, *own)
	}
	return out
}
