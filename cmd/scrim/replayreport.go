package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// replayReport tells the person, or with --json a program, what became of each entry.
type replayReport struct {
	ui       *ui
	json     bool
	quiet    bool
	aside    bool // standard output is taken by what leaves: the report goes to standard error
	n        int
	releases []shownRelease // of --json: they follow the entries
}

// shownEntry is the verdict on one entry. The query of its URL is left out: identifiers live there.
type shownEntry struct {
	Entry   int         `json:"entry"`
	Time    time.Time   `json:"time"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Verdict string      `json:"verdict"`
	Rule    string      `json:"rule,omitempty"`
	Product string      `json:"product,omitempty"`
	Kind    string      `json:"kind,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	Parts   []shownPart `json:"parts,omitempty"`
	Edits   []shownEdit `json:"edits,omitempty"`
	Drift   []string    `json:"drift,omitempty"`
}

// shownPart is one request that an entry leaves as.
type shownPart struct {
	Name string `json:"name,omitempty"`
	Held bool   `json:"held,omitempty"`
}

// shownRelease is a held part that leaves or expires.
type shownRelease struct {
	Time    time.Time `json:"time"`
	Entry   int       `json:"entry"`
	Rule    string    `json:"rule"`
	Part    string    `json:"part,omitempty"`
	Expired bool      `json:"expired,omitempty"`
}

func (p *replayReport) begin() {
	if p.json {
		p.ui.text(`{"entries":[`)
	}
}

// render is what the report says of an entry. Workers call it at once, so it writes nothing.
func (p *replayReport) render(d *decided) ([]byte, error) {
	if p.quiet {
		return nil, nil
	}
	s := shownEntryOf(d)
	if p.json {
		s.addEdits(d)
		return json.Marshal(s)
	}
	return p.text(d, s), nil
}

// text is an entry in lines.
func (p *replayReport) text(d *decided, s *shownEntry) []byte {
	var edits []rules.Edit
	if d.outcome != nil && d.outcome.Verdict != rules.Pass {
		edits = d.outcome.Edits
	}
	b := make([]byte, 0, 256+96*len(edits))
	line := func(parts ...string) {
		from := len(b)
		for _, part := range parts {
			b = append(b, part...)
		}
		b = endLine(b, from)
	}
	u := p.ui
	line(u.paint(bold, strconv.Itoa(s.Entry)), " ", u.paint(dim, s.Time.Format(time.RFC3339)), " ", u.paint(verdictStyle(s.Verdict), s.Verdict),
		" ", s.Method, " ", s.URL, because(s.Rule, s.Reason, s.Detail), partsText(s.Parts))
	if len(edits) > 0 && d.outcome.Verdict == rules.Drop {
		line("    ", u.paint(dim, count(len(edits), "field")+", nothing of them leaves"))
		return b
	}
	for i := range edits {
		from := len(b)
		b = endLine(appendEdit(append(b, "    "...), &edits[i]), from)
	}
	for _, d := range d.outcomeDrift() {
		if d.What != "field" { // new fields are among the edits, as unlisted
			line("    ", u.paint(yellow, "new"), " ", d.What, " ", d.Name)
		}
	}
	return b
}

// endLine ends the line that begins at from, without the control characters in it.
func endLine(b []byte, from int) []byte {
	for _, c := range b[from:] {
		if c < ' ' || c >= 0x7f { // most lines are ASCII
			b = append(b[:from], clean(string(b[from:]))...)
			break
		}
	}
	return append(b, '\n')
}

func (d *decided) outcomeDrift() []rules.Drift {
	if d.outcome == nil {
		return nil
	}
	return d.outcome.Drift
}

// entry writes what was rendered, in the order of the recording.
func (p *replayReport) entry(text []byte) {
	switch {
	case p.quiet:
	case p.json:
		if p.n > 0 {
			p.ui.text(",")
		}
		p.n++
		p.ui.text("\n  ")
		p.ui.raw(text)
	case p.aside:
		for line := range bytes.Lines(text) {
			p.ui.note(string(bytes.TrimSuffix(line, []byte("\n"))))
		}
	default:
		p.ui.raw(text)
	}
}

func (p *replayReport) released(l leaving) error {
	switch {
	case p.quiet:
	case p.json:
		p.releases = append(p.releases, shownRelease{l.at, l.index, l.rule, l.part, l.expired})
	default:
		what := "leaves"
		if l.expired {
			what = "expires"
		}
		text := l.at.Format(time.RFC3339) + " " + what + ": entry " + strconv.Itoa(l.index) + " by rule " + l.rule
		if l.part != "" {
			text += ", part " + l.part
		}
		p.say(text)
	}
	return nil
}

func (p *replayReport) say(text string) {
	if p.aside {
		p.ui.note(text)
		return
	}
	p.ui.line(text)
}

func (p *replayReport) end(sum replaySum) error {
	if p.json {
		releases, err := json.Marshal(p.releases)
		if p.releases == nil {
			releases = []byte("[]")
		}
		if err != nil {
			return err
		}
		summary, err := json.Marshal(sum)
		if err != nil {
			return err
		}
		p.ui.text("\n],\n\"released\":" + string(releases) + ",\n\"summary\":" + string(summary) + "}\n")
		return nil
	}
	n := strconv.Itoa
	p.say(count(sum.Seen, "entry") + ": " + n(sum.Passed) + " passed, " + n(sum.Generalized) + " generalized, " + n(sum.Dropped) + " dropped, " +
		n(sum.Refused) + " refused, " + n(sum.Tunnelled) + " tunnelled, " + n(sum.Failed) + " failed")
	text := count(sum.Leaving, "request") + " would leave"
	if sum.Expired > 0 {
		text += ", " + count(sum.Expired, "part") + " would expire"
	}
	if sum.Waiting > 0 {
		text += ", " + count(sum.Waiting, "part") + " would wait for a pool that does not fill"
	}
	p.say(text)
	return nil
}

func shownEntryOf(d *decided) *shownEntry {
	m := d.message
	s := &shownEntry{Entry: d.entry.index, Time: m.Time, Method: m.Method, URL: m.To.Scheme + "://" + m.To.Authority() + m.Path, Verdict: d.verdict}
	if d.rule != nil {
		s.Rule, s.Product, s.Kind = d.rule.ID, d.rule.Product, d.rule.Kind
	}
	if o := d.outcome; o != nil {
		s.Reason, s.Detail = string(o.Reason), o.Detail
		for i := range o.Messages {
			s.Parts = append(s.Parts, shownPart{o.Messages[i].Part, o.Messages[i].Release != nil})
		}
	}
	return s
}

// addEdits adds what was done to the fields. Nothing was where the entry passes.
func (s *shownEntry) addEdits(d *decided) {
	if d.outcome != nil && d.outcome.Verdict != rules.Pass {
		s.Edits, s.Drift = shownEdits(d.outcome.Edits), shownDrift(d.outcome.Drift)
	}
}

// partsText names the parts of an entry that leaves as something else than one request at once.
func partsText(parts []shownPart) string {
	text := ""
	for _, part := range parts {
		switch {
		case part.Name != "" && part.Held:
			text += ", part " + part.Name + " held"
		case part.Name != "":
			text += ", part " + part.Name
		case part.Held:
			text += ", held"
		}
	}
	return text
}

// appendEdit appends an edit as one line.
func appendEdit(b []byte, e *rules.Edit) []byte {
	if e.Part != "" {
		b = append(append(b, e.Part...), ": "...)
	}
	b = append(append(b, e.Selector...), ' ')
	switch {
	case e.Transform == "unlisted" && e.Unwritten:
		b = append(b, "unlisted, removed"...)
	case e.Transform == "unlisted":
		b = append(b, "unlisted, kept"...)
	default:
		b = append(b, e.Transform...)
	}
	if e.Detail != "" {
		b = append(append(b, ' '), e.Detail...)
	}
	if e.Shape != "" || typeName(e.Kind) != "" || e.Count > 1 {
		b = append(b, " (was "...)
		if e.Shape != "" {
			b = append(b, e.Shape...)
		} else {
			b = append(b, typeName(e.Kind)...)
		}
		if e.Count > 1 {
			b = append(strconv.AppendInt(append(b, " ("...), int64(e.Count), 10), " times)"...)
		}
		b = append(b, ')')
	}
	if e.Error != "" {
		b = append(append(b, ": "...), e.Error...)
	}
	return b
}
