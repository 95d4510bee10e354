package rules

import (
	"slices"
	"strconv"
	"time"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

var partKeys = []string{"name", "fields", "each", "release", "profiles", "unlisted", "crowd"}

// profileNames are the profiles that a part or an example can name.
var profileNames = []string{"generalized", "strict"}

// readParts reads parts, or fields, each, release and crowd of the rule itself as one part.
func (r *reader) readParts(n *strict.Node, f map[string]*strict.Node, rule *Rule) []Part {
	if f["parts"] == nil {
		if f["fields"] == nil && f["each"] == nil {
			if f["release"] != nil {
				f["release"].Fault("release without fields", "list the fields that may leave")
			}
			return nil
		}
		part := Part{Unlisted: rule.Unlisted, Pos: rule.Pos}
		r.readPart(f, rule, &part)
		return []Part{part}
	}
	for _, key := range []string{"fields", "each", "release", "crowd"} {
		if f[key] != nil {
			f[key].Fault(key+" beside parts", "move it into a part")
		}
	}
	items := f["parts"].Items()
	if f["parts"].IsList() && len(items) == 0 {
		f["parts"].Fault("no parts", "list at least one, or write then: drop")
	}
	var parts []Part
	for _, item := range items {
		p := item.Fields(partKeys...)
		part := Part{Name: readWordOf(p["name"], "play"), Unlisted: rule.Unlisted, Pos: posOf(item)}
		if item.IsMap() && p["name"] == nil {
			item.Fault("a part without name", "give it one, as in name: play")
		}
		if slices.ContainsFunc(parts, func(other Part) bool { return other.Name == part.Name && part.Name != "" }) {
			p["name"].Fault("a second part "+strconv.Quote(part.Name), "give every part of a rule its own name")
		}
		if item.IsMap() && p["fields"] == nil && p["each"] == nil {
			item.Fault("a part without fields", "list the fields that may leave")
		}
		r.readPart(p, rule, &part)
		parts = append(parts, part)
	}
	return parts
}

func (r *reader) readPart(f map[string]*strict.Node, rule *Rule, part *Part) {
	if f["unlisted"] != nil {
		part.Unlisted = readUnlisted(f["unlisted"])
	}
	part.Fields = readFields(f["fields"], rule.Match.Form, part.Unlisted)
	if f["each"] != nil {
		part.Each = r.readEach(f["each"], rule.Match.Form, Event{Unlisted: part.Unlisted, OnError: rule.OnError})
	}
	part.Release = readRelease(f["release"])
	if part.Release != nil && rule.Reply == nil {
		f["release"].Fault("release without reply", "write what the client is told at once, as in reply: {status: 200}")
	}
	if f["profiles"] != nil {
		for _, item := range f["profiles"].OneOrMore() {
			part.Profiles = append(part.Profiles, item.Word(profileNames...))
		}
	}
	if f["crowd"] != nil {
		part.Crowd = readCount(f["crowd"])
	}
}

// readCount reads an integer that is more than zero.
func readCount(n *strict.Node) int {
	before := len(n.Faults())
	v := n.Int()
	if v <= 0 && len(n.Faults()) == before {
		n.Fault(strconv.Itoa(v)+" is too small", "write 1 or more, or leave it out")
	}
	return v
}

func readRelease(n *strict.Node) *Release {
	if n == nil {
		return nil
	}
	f := n.Fields("at", "cap", "pool", "max_age", "pad")
	rel := &Release{Pos: posOf(n)}
	if n.IsMap() && f["at"] == nil {
		n.Fault("release without at", `write a local time, as in at: "04:00"`)
	}
	rel.At = readTimes(f["at"])
	if f["cap"] != nil {
		rel.Cap = readCount(f["cap"])
	}
	if f["pool"] != nil {
		rel.Pool = readCount(f["pool"])
	}
	if f["max_age"] != nil {
		rel.MaxAge = f["max_age"].Duration()
		if rel.MaxAge > 0 && rel.MaxAge < time.Hour {
			f["max_age"].Fault("records would be dropped before they are released", "write an hour or more, as in 7d")
		}
	}
	if f["pad"] != nil {
		rel.Pad = readPad(f["pad"])
	}
	return rel
}

// readPad reads bytes, bare or with their unit.
func readPad(n *strict.Node) int {
	if n.IsNumber() {
		return readCount(n)
	}
	return int(n.Size())
}

func readTimes(n *strict.Node) []string {
	var times []string
	for _, item := range n.OneOrMore() {
		text := item.Str()
		if text == "" && !item.IsScalar() || item.IsNumber() || item.IsBool() {
			continue
		}
		if _, err := time.Parse("15:04", text); err != nil || len(text) != 5 {
			item.Fault(strconv.Quote(text)+" is not a time of day", `write it as in "04:00"`)
			continue
		}
		if slices.Contains(times, text) {
			item.Fault(text+" stands there twice", "")
			continue
		}
		times = append(times, text)
	}
	slices.Sort(times)
	return times
}

var eventKeys = []string{"match", "fields", "unlisted", "on_error", "each", "kind", "then"}

// readEach reads the treatment of a batch. around says what holds where an element does not say otherwise.
func (r *reader) readEach(n *strict.Node, form body.Form, around Event) *Each {
	f := n.Fields("path", "events")
	each := &Each{Path: f["path"].Str(), Pos: posOf(n)}
	if each.Path != "" && checkSelector(f["path"], each.Path, form) && !treeSelector(each.Path) {
		f["path"].Fault(strconv.Quote(each.Path)+" is not in the body", "write the selector of the elements, as in $.batch[*]")
	}
	if n.IsMap() && f["path"] == nil {
		n.Fault("each without path", "write the selector of the elements, as in path: $.batch[*]")
	}
	items := f["events"].Items()
	if n.IsMap() && len(items) == 0 && (f["events"] == nil || f["events"].IsList()) {
		n.Fault("each without events", "say what becomes of an element: events: [{fields: {…}}]")
	}
	for _, item := range items {
		each.Events = append(each.Events, r.readEvent(item, form, around))
	}
	return each
}

func (r *reader) readEvent(n *strict.Node, form body.Form, around Event) Event {
	f := n.Fields(eventKeys...)
	event := Event{Unlisted: around.Unlisted, OnError: around.OnError, Then: Generalize, Pos: posOf(n)}
	event.Match, event.Not = readEventMatch(f["match"], form)
	if f["unlisted"] != nil {
		event.Unlisted = readUnlisted(f["unlisted"])
	}
	event.Kind = r.readKind(f["kind"])
	if f["then"] != nil {
		event.Then = Verdict(f["then"].Word(string(Pass), string(Generalize), string(Drop)))
	}
	event.OnError = readOnError(f["on_error"], event.Then, around.OnError)
	event.Fields = readFields(f["fields"], form, event.Unlisted)
	if f["each"] != nil {
		event.Each = r.readEach(f["each"], form, event)
	}
	if event.Then == Generalize && n.IsMap() && f["fields"] == nil && f["each"] == nil {
		n.Fault("an element without fields", "list the fields that may leave, or write then: drop")
	}
	if (event.Then == Drop || event.Then == Pass) && (f["fields"] != nil || f["each"] != nil) {
		n.Fault("fields have no effect under then: "+string(event.Then), "remove them, or write then: generalize")
	}
	return event
}
