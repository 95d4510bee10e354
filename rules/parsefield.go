package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

// transformNames are the transforms as rules name them, in the order of the manual.
var transformNames = []string{
	"keep", "remove", "replace", "round", "bucket", "frame", "truncate", "stamp", "top", "bottom", "map", "shorten", "prefix", "pseudonym",
	"random", "derive",
}

// bareNames are the transforms that can stand alone as a word.
var bareNames = []string{"keep", "remove", "random"}

// fieldModifiers can stand beside a transform.
var fieldModifiers = []string{"unit", "by", "on_error", "as"}

// fieldKeys are all keys of a field that is a map.
var fieldKeys = slices.Concat(transformNames, []string{"inside", "fields", "unlisted"}, fieldModifiers)

// protoTypes are the readings of a Protobuf field.
var protoTypes = []string{"string", "bytes", "message", "varint", "sint", "fixed", "double"}

// readFields reads fields: what happens to what each selector finds, in written order.
func readFields(n *strict.Node, form body.Form, unlisted Unlisted) []FieldRule {
	var fields []FieldRule
	entries := n.Entries()
	for _, e := range entries {
		checkSelector(e.KeyNode, e.Key, form)
		fields = append(fields, readField(e, unlisted))
	}
	checkDerives(entries, fields)
	return fields
}

func readField(e strict.Entry, unlisted Unlisted) FieldRule {
	n := e.Value
	field := FieldRule{Selector: e.Key, Pos: posOf(e.KeyNode)}
	if !n.IsMap() {
		if name := readBare(n); name != "" {
			field.Do = []Step{{Name: name, Pos: posOf(n)}}
		}
		return field
	}
	f := n.Fields(fieldKeys...)
	field.OnError = OnError(f["on_error"].Word(string(ErrorDrop), string(ErrorRemove)))
	field.As = f["as"].Word(protoTypes...)
	if f["as"] != nil && !strings.HasPrefix(e.Key, "proto:") {
		f["as"].Fault("as is for proto: selectors", "remove it")
	}
	if f["inside"] != nil {
		field.Inside = readInside(n, f, unlisted)
		return field
	}
	for _, key := range []string{"fields", "unlisted"} {
		if f[key] != nil {
			f[key].Fault(key+" without inside", "say how the value is encoded, as in inside: [base64, json]")
		}
	}
	if step, ok := readStep(n, f); ok {
		field.Do = []Step{step}
	}
	return field
}

// readBare reads a transform that is a word alone.
func readBare(n *strict.Node) string {
	name := n.Str()
	switch {
	case name == "" || slices.Contains(bareNames, name):
		return name
	case slices.Contains(transformNames, name):
		n.Fault(name+" needs an argument", "write it as in "+stepExamples[name])
		return ""
	}
	n.Word(transformNames...)
	return ""
}

// stepExamples show each transform with its argument, for faults.
var stepExamples = map[string]string{
	"keep": "{keep: all}", "remove": "remove", "replace": "{replace: 0}", "round": "{round: 15m, unit: s}", "bucket": "{bucket: [0, 2000, 8000]}",
	"frame": "{frame: {width: $.width}}", "truncate": "{truncate: day}", "stamp": "{stamp: day}", "top": "{top: 100}", "bottom": "{bottom: 1}",
	"map": `{map: {movie: video, "*": other}}`, "shorten": "{shorten: 8}", "prefix": "{prefix: 24}", "pseudonym": "{pseudonym: {rotate: 24h}}",
	"random": "{random: {link: device}}", "derive": "{derive: {share_of: $.duration, edges: [0.5], factors: [0.3, 1]}}",
}

// readStep reads the one transform of a field.
func readStep(n *strict.Node, f map[string]*strict.Node) (Step, bool) {
	var names []string
	for _, e := range n.Entries() {
		if slices.Contains(transformNames, e.Key) {
			names = append(names, e.Key)
		}
	}
	switch len(names) {
	case 0:
		n.Fault("a field without a transform", "write keep, remove, or one of "+strings.Join(transformNames[2:], ", "))
		return Step{}, false
	case 1:
	default:
		n.Fault("two transforms, "+names[0]+" and "+names[1], "a field has one")
		return Step{}, false
	}
	step := Step{Name: names[0], Args: map[string]string{}, Pos: posOf(n)}
	before := len(n.Faults())
	readArgs(f[names[0]], &step)
	if f["unit"] != nil {
		step.Args["unit"] = readUnit(f["unit"], step.Name)
	}
	readBy(f["by"], &step)
	return step, len(n.Faults()) == before
}

// withUnit are the transforms of quantities and times, which know units.
var withUnit = []string{"round", "bucket", "truncate", "stamp", "top", "bottom", "derive"}

func readUnit(n *strict.Node, transform string) string {
	unit := n.Word(unitNames()...)
	if !slices.Contains(withUnit, transform) {
		n.Fault("unit beside "+transform, "remove it: units are for "+strings.Join(withUnit, ", "))
	}
	if (transform == "truncate" || transform == "stamp") && unit != "" && !slices.Contains([]string{"ns", "us", "ms", "s"}, unit) {
		n.Fault("unit "+unit+" is not one of an epoch", "write s, ms, us or ns, or leave it out for times in text")
	}
	return unit
}

// readBy reads the class of a table: a selector, or {frame: [WIDTH, HEIGHT]}.
func readBy(n *strict.Node, step *Step) {
	if n == nil {
		return
	}
	if step.Name != "bucket" || step.Args[""] == "" {
		n.Fault("by without a table", "write it as in {bucket: video-rate, by: $.class}")
	}
	if !n.IsMap() {
		step.By = n.Str()
		if step.By != "" {
			checkSelector(n, step.By, "")
		}
		return
	}
	f := n.Fields("frame")
	for _, item := range f["frame"].Items() {
		selector := item.Str()
		checkSelector(item, selector, "")
		step.ByFrame = append(step.ByFrame, selector)
	}
	if len(step.ByFrame) != 2 {
		n.Fault("a frame has a width and a height", "write it as in by: {frame: [$.width, $.height]}")
	}
}

// readInside reads an encoded value and the fields in it.
func readInside(n *strict.Node, f map[string]*strict.Node, unlisted Unlisted) *Inside {
	in := &Inside{Unlisted: unlisted, Pos: posOf(n)}
	codecs := f["inside"].OneOrMore()
	for i, item := range codecs {
		codec := item.Word("base64", "base64url", "gzip", "json", "form", "query")
		if isTreeCodec(codec) && i+1 < len(codecs) {
			item.Fault(codec+" is a tree, and nothing is inside it", "put it last, and open what it holds with another inside")
		}
		in.Codecs = append(in.Codecs, codec)
	}
	if last := len(in.Codecs) - 1; last >= 0 && in.Codecs[last] != "" && !isTreeCodec(in.Codecs[last]) {
		codecs[last].Fault("nothing says what is in the "+in.Codecs[last], "add json, form or query")
	}
	for _, name := range slices.Concat(transformNames, []string{"unit", "by"}) {
		if f[name] != nil {
			f[name].Fault(name+" beside inside", "an encoded value is opened or transformed, not both")
		}
	}
	if f["unlisted"] != nil {
		in.Unlisted = readUnlisted(f["unlisted"])
	}
	if f["fields"] == nil {
		n.Fault("inside without fields", "list the fields in it that may leave")
	}
	in.Fields = readFields(f["fields"], body.JSON, in.Unlisted)
	for i, e := range f["fields"].Entries() {
		if i < len(in.Fields) && !treeSelector(e.Key) {
			e.KeyNode.Fault(strconv.Quote(e.Key)+" is not in the value", "selectors of inside begin at the value, with $")
		}
	}
	return in
}

func isTreeCodec(codec string) bool { return codec == "json" || codec == "form" || codec == "query" }

// checkDerives finds partners that no field lists, and derived fields that wait for each other.
func checkDerives(entries []strict.Entry, fields []FieldRule) {
	partner := map[string]string{}
	for i := range fields {
		for _, step := range fields[i].Do {
			if step.Name == "derive" {
				partner[fields[i].Selector] = step.Args["share_of"]
			}
		}
	}
	for i := range fields {
		start, ok := partner[fields[i].Selector]
		if !ok || start == "" {
			continue
		}
		if !slices.ContainsFunc(fields, func(f FieldRule) bool { return f.Selector == start }) {
			entries[i].Value.Fault("share_of "+strconv.Quote(start)+" is not a listed field", "list it among the same fields, written in the same way")
			continue
		}
		for at, steps := start, 0; at != "" && steps <= len(fields); at, steps = partner[at], steps+1 {
			if at == fields[i].Selector {
				entries[i].Value.Fault("derived from itself", "a derived field needs a partner that is not derived from it")
				break
			}
		}
	}
}
