package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/ledger"
)

// timeLayout is how the ledger's times are shown: local, to the second.
const timeLayout = "2006-01-02 15:04:05"

func (a *app) showEntries(entries []ledger.Entry) {
	rows := make([][]cell, len(entries))
	for i := range entries {
		rows[i] = entryRow(&entries[i])
	}
	a.ui.table([]string{"ID", "TIME", "VERDICT", "CLIENT", "RULE", "REQUEST", "STATUS"}, rows)
}

func entryRow(e *ledger.Entry) []cell {
	return []cell{
		{e.ID, bold}, {e.Time.Local().Format(timeLayout), dim}, {verdictWord(e), verdictStyle(e.Verdict)}, {e.Client, plain},
		{ruleWord(e), plain}, {requestLine(e), plain}, {statusWord(e), dim},
	}
}

// verdictWord is the verdict, or the type of an entry that has none.
func verdictWord(e *ledger.Entry) string {
	if e.Verdict != "" {
		return e.Verdict
	}
	return string(e.Type)
}

func ruleWord(e *ledger.Entry) string {
	switch {
	case e.Rule != "" && e.Part != "":
		return e.Rule + "/" + e.Part
	case e.Rule != "":
		return e.Rule
	case e.Reason != "":
		return e.Reason
	}
	return "-"
}

// requestLine is method and URL, as much of them as the entry has.
func requestLine(e *ledger.Entry) string {
	if e.Type == ledger.Event {
		return strings.TrimSpace(e.Host + " " + e.Detail)
	}
	if e.Host == "" {
		return "-"
	}
	target := e.Host
	if e.Port != 0 && !(e.Scheme == "https" && e.Port == 443) && !(e.Scheme == "http" && e.Port == 80) {
		target += ":" + strconv.Itoa(int(e.Port))
	}
	if e.Request == nil {
		return target
	}
	return e.Request.Method + " " + e.Scheme + "://" + target + e.Request.Target
}

func statusWord(e *ledger.Entry) string {
	switch {
	case e.Result != nil && e.Result.Error != "":
		return e.Result.Error
	case e.Result != nil && e.Result.Status != 0:
		return strconv.Itoa(e.Result.Status)
	case e.Status != 0:
		return strconv.Itoa(e.Status)
	case e.Type == ledger.Tunnel:
		return bytesText(e.BytesOut) + " out, " + bytesText(e.BytesIn) + " in"
	}
	return "-"
}

// bytesText is a number of bytes for people: 1.5 MiB.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// showArrival prints an entry that has just arrived, or what has joined one.
func (a *app) showArrival(e ledger.Entry) error {
	if a.json {
		return a.ui.jsonLine(e)
	}
	if e.Update {
		a.ui.line(a.ui.paint(dim, e.ID), "\t", a.ui.paint(dim, "-> "+statusWord(&e)))
		return a.ui.flush()
	}
	row := entryRow(&e)
	texts := make([]string, len(row))
	for i, c := range row {
		texts[i] = a.ui.paint(c.style, clean(c.text))
	}
	a.ui.line(strings.Join(texts, "\t"))
	return a.ui.flush()
}

// showEntry prints one entry whole.
func (a *app) showEntry(e *ledger.Entry) {
	u := a.ui
	fact := func(name, value string) {
		if value != "" {
			u.line(u.paint(dim, fmt.Sprintf("%-9s", name)), value)
		}
	}
	u.line(u.paint(bold, e.ID), "  ", u.paint(verdictStyle(e.Verdict), verdictWord(e)), "  ", requestLine(e))
	fact("time", e.Time.Local().Format(time.RFC3339Nano))
	fact("client", e.Client)
	fact("door", e.Door)
	fact("product", e.Product)
	fact("kind", e.Kind)
	fact("rule", e.Rule)
	fact("part", e.Part)
	fact("reason", strings.TrimPrefix(strings.TrimSuffix(e.Reason+": "+e.Detail, ": "), ": "))
	fact("status", resultText(e))
	fact("flow", e.Flow)
	fact("hash", e.Hash)
	a.showEdits(recordedEdits(e.Edits), nil)
	if e.Request != nil {
		a.showRequest(e.Request)
	}
	for _, part := range e.Parts {
		u.line("then ", string(part.Type), " ", part.Part, " ", part.Time.Local().Format(timeLayout), " ", part.Detail)
	}
}

func resultText(e *ledger.Entry) string {
	r := e.Result
	if r == nil {
		if e.Status != 0 {
			return strconv.Itoa(e.Status) + " from scrim itself; nothing was forwarded"
		}
		return ""
	}
	if r.Error != "" {
		return r.Error
	}
	return fmt.Sprintf("%d, %s out, %s in, %s", r.Status, bytesText(r.BytesOut), bytesText(r.BytesIn), r.Duration.Round(time.Millisecond))
}

func recordedEdits(edits []ledger.Edit) []shownEdit {
	shown := make([]shownEdit, len(edits))
	for i, e := range edits {
		shown[i] = shownEdit{e.Part, e.Selector, e.Transform, e.Detail, e.Type, e.Shape, e.Count, e.Error, e.Listed, e.Removed}
	}
	return shown
}

// showRequest prints a request as it left, secrets masked.
func (a *app) showRequest(q *ledger.Request) {
	u := a.ui
	u.line()
	u.line(q.Method, " ", q.Target, " ", q.Version)
	for _, f := range q.Header {
		u.line(f.Name, ": ", f.Value)
	}
	if len(q.Body) == 0 {
		if q.Length > 0 {
			u.line()
			u.line(u.paint(dim, "["+bytesText(q.Length)+"; no rule decided the content, so it is not kept]"))
		}
		return
	}
	u.line()
	if !utf8.Valid(q.Body) {
		u.line(u.paint(dim, "["+bytesText(int64(len(q.Body)))+" that are not text]"))
		return
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(q.Body), " \n"), "\n") {
		u.line(line)
	}
	if q.Cut {
		u.line(u.paint(dim, "[cut here]"))
	}
}

// showReport prints what verify found; a chain that does not verify is exit code 4.
func (a *app) showReport(r ledger.Report) error {
	if a.json {
		if err := a.ui.json(r); err != nil {
			return err
		}
	} else {
		for _, c := range r.Chains {
			a.showChain(c)
		}
		if len(r.Chains) == 0 {
			a.ui.line("the ledger is empty")
		}
	}
	if !r.Good {
		return &codeError{code: exitUnverified, hint: "keep a copy of the state directory before anything else"}
	}
	return nil
}

func (a *app) showChain(c ledger.ChainReport) {
	if c.Fault != "" {
		a.ui.line(a.ui.paint(red, "broken"), ": node ", c.Node, ": ", c.Fault)
		return
	}
	removed := ""
	if c.Removed > 0 {
		removed = ", " + strconv.FormatInt(c.Removed, 10) + " older ones removed by retention"
	}
	a.ui.line(a.ui.paint(green, "whole"), ": node ", c.Node, ": entries ", strconv.FormatInt(c.From, 10), " to ", strconv.FormatInt(c.To, 10),
		" verify", removed, "; head ", c.Head)
}
