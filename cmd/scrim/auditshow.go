package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/audit"
)

// showAudit prints plain words first, numbers second, and what cannot be seen last.
func (a *app) showAudit(r *audit.Report, each bool) {
	a.showCrowd(r)
	a.showTiming(&r.Timing)
	a.showLinks(r)
	a.showLibrary(r.Library)
	if r.Events > 0 {
		a.ui.line()
		a.showParts(r)
		a.showFields(r)
	}
	if each {
		a.ui.line()
		a.showEach(r)
	}
	a.ui.line()
	for _, h := range r.References {
		a.showReference(h)
	}
	a.ui.line("Not seen from here:")
	for _, what := range unseen() {
		a.ui.line("  ", what)
	}
}

// showCrowd says how many titles could have sent what left.
func (a *app) showCrowd(r *audit.Report) {
	if r.Events == 0 {
		a.ui.line("Nothing has left that a rule decided: there is nothing to measure.")
		return
	}
	a.ui.line(fmt.Sprintf("%s left between %s and %s.", count(r.Events, "request"), stampText(r.From), stampText(r.To)))
	if r.Measured == 0 {
		a.ui.line("None of them has a length that a reference knows: crowd not measured.")
		return
	}
	a.ui.line(fmt.Sprintf("%s of a title. Each could have been sent by one of many titles; the smallest crowd is %s of %s%s.",
		speaks(r.Measured), thousands(*r.Smallest.Crowd), thousands(r.Smallest.Of), where(r.Smallest)))
	if r.Week == nil {
		a.ui.line("In the last seven days nothing left whose crowd could be counted.")
	} else if r.Week != r.Smallest {
		a.ui.line(fmt.Sprintf("In the last seven days it is %s of %s%s.", thousands(*r.Week.Crowd), thousands(r.Week.Of), where(r.Week)))
	}
	if *r.Smallest.Crowd == 1 {
		a.ui.line(a.ui.paint(red, "One title alone could have sent that event."), " Set its kind to generalize or drop.")
	}
}

func speaks(n int) string {
	if n == 1 {
		return "1 speaks"
	}
	return thousands(int64(n)) + " speak"
}

func where(e *audit.EventCrowd) string {
	text := " (" + e.Rule
	if e.Part != "" {
		text += ", " + e.Part
	}
	return text + ", entry " + e.ID + ")"
}

// stampText is a local time to the minute.
func stampText(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// showTiming says what the times and the number of the requests add.
func (a *app) showTiming(t *audit.Timing) {
	if t.Bits == nil {
		return
	}
	switch {
	case t.AtOnce == 0:
		a.ui.line(fmt.Sprintf("All of them left in releases on schedule, at most %d at a time: their times do not tell when somebody watched.", t.MostInOne))
	default:
		a.ui.line(fmt.Sprintf("%s left when somebody had watched: who sees them arrive knows when, and often for how long.", thousands(int64(t.AtOnce))))
	}
	if t.OffSchedule > 0 {
		a.ui.line(fmt.Sprintf("%d of the held ones left at another time than their rule says.", t.OffSchedule))
	}
	a.ui.line(fmt.Sprintf("Times and numbers add %s bits a play, at most %s.", bitsText(t.Bits), bitsText(t.Most)))
}

// showLinks says which values make a diary of the requests.
func (a *app) showLinks(r *audit.Report) {
	links := r.Links
	switch {
	case r.Events == 0:
		return
	case r.To.Sub(r.From) <= 24*time.Hour:
		a.ui.line("Whether values stay the same for more than a day: not measured, all of it left within one day.")
		return
	case len(links) == 0:
		a.ui.line("No value of one home stayed the same for more than a day: requests of two days cannot be put together by what is in them.")
		return
	}
	a.ui.line(a.ui.paint(yellow, count(len(links), "field")), " held the same value for more than a day, so that requests can be put together:")
	for _, l := range links {
		a.ui.line(fmt.Sprintf("  %s: %s (%s), %d requests over %s", l.Host, l.Selector, l.Shape, l.Records, spanText(l.Longest)))
	}
}

func spanText(d time.Duration) string {
	return strconv.Itoa(int(d.Hours()/24)) + " d " + strconv.Itoa(int(d.Hours())%24) + " h"
}

// showLibrary says how it looks to somebody who knows the owner's library.
func (a *app) showLibrary(l *audit.LibraryFit) {
	if l == nil {
		return
	}
	if l.Without > 0 {
		a.ui.line(fmt.Sprintf("%s of your library have no length and are left out.", count(l.Without, "row")))
	}
	if l.Measured == 0 {
		a.ui.line(fmt.Sprintf("Against your own %s: not measured, nothing that left has a length.", count(l.Titles, "title")))
		return
	}
	if l.Smallest == nil {
		a.ui.line(fmt.Sprintf("None of your own %s fits what left.", count(l.Titles, "title")))
		return
	}
	a.ui.line(fmt.Sprintf("To somebody who knows your %s: at least %s fit each event that any of them fits; one alone fits %s; none fits %s.",
		count(l.Titles, "title"), thousands(*l.Smallest), count(l.Alone, "event"), count(l.None, "event")))
}

// showParts is a line for each part of a rule.
func (a *app) showParts(r *audit.Report) {
	var rows [][]cell
	for _, p := range r.Parts {
		crowd, of, week := "not measured", "", ""
		if p.Crowd != nil {
			crowd, of = thousands(*p.Crowd), thousands(p.Of)
		}
		if p.Week != nil {
			week = thousands(*p.Week)
		}
		look := plain
		if p.Crowd != nil && *p.Crowd < int64(max(p.Stated, 2)) {
			look = red
		}
		rows = append(rows, []cell{{p.Rule, bold}, {p.Part, plain}, {strconv.Itoa(p.Events), plain}, {crowd, look}, {week, plain}, {of, plain},
			{bitsText(p.Bits), plain}, {strings.Join(p.Notes, "; "), dim}})
	}
	a.ui.table([]string{"RULE", "PART", "LEFT", "SMALLEST CROWD", "THIS WEEK", "OF TITLES", "BITS A RECORD", "NOTE"}, rows)
}

// showFields is what each field gives away, most first.
func (a *app) showFields(r *audit.Report) {
	var rows [][]cell
	for _, p := range r.Parts {
		for _, f := range p.Fields {
			rows = append(rows, []cell{{p.Rule, dim}, {p.Part, dim}, {f.Selector, bold}, {bitsText(f.Bits), plain}, {f.Says, plain}})
		}
	}
	if len(rows) == 0 {
		return
	}
	a.ui.line()
	a.ui.table([]string{"RULE", "PART", "FIELD", "BITS OF THE TITLE", "SAYS"}, rows)
}

func (a *app) showEach(r *audit.Report) {
	var rows [][]cell
	for _, e := range r.List {
		crowd := "not measured"
		if e.Crowd != nil {
			crowd = thousands(*e.Crowd)
		}
		own := ""
		if e.Own != nil {
			own = thousands(*e.Own)
		}
		rows = append(rows, []cell{{e.ID, bold}, {stampText(e.Time), plain}, {e.Rule, plain}, {e.Part, plain}, {crowd, plain}, {bitsText(e.Bits), plain}, {own, plain}, {e.Note, dim}})
	}
	a.ui.table([]string{"ENTRY", "TIME", "RULE", "PART", "CROWD", "BITS", "OWN TITLES", "NOTE"}, rows)
}

func (a *app) showReference(h *audit.Histogram) {
	text := fmt.Sprintf("Reference for %s: %s titles", h.Table, thousands(h.Titles))
	if h.Source != "" {
		text += ", " + h.Source
	}
	if h.Without != "" {
		text += ". It leaves out " + h.Without
	}
	a.ui.line(text, ".")
}

// bitsText writes bits, or that they were not measured.
func bitsText(bits *float64) string {
	if bits == nil {
		return "not measured"
	}
	return strconv.FormatFloat(*bits, 'f', 2, 64)
}

// thousands writes 67468 as 67,468.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
