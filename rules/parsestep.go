package rules

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

// readArgs reads the argument of a transform into step.
func readArgs(n *strict.Node, step *Step) {
	switch step.Name {
	case "keep":
		if n.Word("all") == "all" {
			step.Args[""] = "all"
		}
	case "remove":
		n.Fault("remove has no argument", "write remove alone")
	case "replace":
		step.JSON = readReplace(n)
	case "round", "top", "bottom":
		step.Args[""] = readQuantityText(n)
	case "bucket":
		readBucket(n, step)
	case "frame":
		readSelectorArg(n, step, "width")
	case "truncate":
		step.Args[""] = n.Word("hour", "day", "week")
	case "stamp":
		step.Args[""] = n.Word("day")
	case "map":
		step.Map = readMap(n)
	case "shorten":
		step.Args[""] = strconv.Itoa(readCount(n))
	case "prefix":
		step.Args[""] = readPrefix(n)
	case "pseudonym":
		readPseudonym(n, step)
	case "random":
		readRandom(n, step)
	case "derive":
		readDerive(n, step)
	}
}

func readReplace(n *strict.Node) string {
	if n.IsEmpty() {
		n.Fault("replace without a value", `write it as in {replace: 0}, {replace: ""} or {replace: null}`)
		return ""
	}
	text, _ := n.JSON()
	return text
}

var quantityText = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([A-Za-z]+)?$`)

// readQuantityText reads a number with or without a unit, as written.
func readQuantityText(n *strict.Node) string {
	text := n.Text()
	if text == "" {
		return ""
	}
	m := quantityText.FindStringSubmatch(text)
	switch {
	case m == nil || n.IsNumber() && n.Number() == "":
		if m == nil {
			n.Fault(strconv.Quote(text)+" is not a quantity", "write a number, or one with a unit, as in 15m, 512kbps or 8MiB")
		}
		return ""
	case m[2] != "" && m[2] != "m" && !slices.Contains(unitNames(), m[2]):
		n.Fault("unit "+strconv.Quote(m[2])+" is not known here", unitHint(m[2]))
	}
	return text
}

func unitHint(word string) string {
	if near := strict.Nearest(word, unitNames()); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	return "write one of " + strings.Join(unitNames(), ", ")
}

func readBucket(n *strict.Node, step *Step) {
	if !n.IsList() {
		step.Args[""] = n.Str()
		return
	}
	items := n.Items()
	if len(items) == 0 {
		n.Fault("no edges", "write lower edges, as in [0, 2000, 8000], or the name of a table")
	}
	bare := true
	for _, item := range items {
		text := readQuantityText(item)
		bare = bare && jsonNumber(text)
		step.List = append(step.List, text)
	}
	if bare {
		rising(n, step.List)
	}
}

func jsonNumber(text string) bool {
	_, ok := new(big.Rat).SetString(text)
	return ok
}

func readSelectorArg(n *strict.Node, step *Step, key string) {
	f := n.Fields(key)
	if n.IsMap() && f[key] == nil {
		n.Fault(step.Name+" without "+key, "write it as in "+stepExamples[step.Name])
		return
	}
	selector := f[key].Str()
	if selector != "" {
		checkSelector(f[key], selector, "")
	}
	step.Args[key] = selector
}

func readMap(n *strict.Node) []MapEntry {
	var entries []MapEntry
	all := n.Entries()
	if n.IsMap() && len(all) == 0 {
		n.Fault("an empty map", "write it as in "+stepExamples["map"])
	}
	for _, e := range all {
		to, ok := readScalar(e.Value)
		if ok {
			entries = append(entries, MapEntry{From: e.Key, To: to})
		}
	}
	checkMapChains(all, entries)
	return entries
}

// checkMapChains finds what a map writes and would itself map to something else.
func checkMapChains(all []strict.Entry, entries []MapEntry) {
	if len(all) != len(entries) {
		return
	}
	for i, entry := range entries {
		if entry.To.Kind != body.String {
			continue
		}
		for _, other := range entries {
			if other.From == entry.To.Text && other.To != entry.To {
				all[i].Value.Fault("a chain: "+strconv.Quote(entry.To.Text)+" is itself mapped to "+strconv.Quote(other.To.Text), "write the last value at once")
				break
			}
		}
	}
}

func readPrefix(n *strict.Node) string {
	before := len(n.Faults())
	bits := n.Int()
	if len(n.Faults()) == before && (bits < 0 || bits > 128) {
		n.Fault(strconv.Itoa(bits)+" is not the length of a prefix", "write 0 to 32 for IPv4; IPv6 takes 0 to 128")
	}
	return strconv.Itoa(bits)
}

func readPseudonym(n *strict.Node, step *Step) {
	f := n.Fields("rotate")
	if n.IsMap() && f["rotate"] == nil {
		n.Fault("pseudonym without rotate", "say how long a stand-in lasts, as in "+stepExamples["pseudonym"])
		return
	}
	before := len(n.Faults())
	d := f["rotate"].Duration()
	if len(n.Faults()) == before && d <= 0 && f["rotate"] != nil {
		f["rotate"].Fault("a stand-in that lasts no time", "write it as in 24h, or use random")
	}
	step.Args["rotate"] = f["rotate"].Text()
}

func readRandom(n *strict.Node, step *Step) {
	f := n.Fields("link")
	if n.IsMap() && f["link"] == nil {
		n.Fault("random without link", "write random alone, or "+stepExamples["random"])
		return
	}
	step.Args["link"] = readWordOf(f["link"], "device")
}

func readDerive(n *strict.Node, step *Step) {
	f := n.Fields("share_of", "edges", "factors")
	if !n.IsMap() {
		return
	}
	for _, key := range []string{"share_of", "edges", "factors"} {
		if f[key] == nil {
			n.Fault("derive without "+key, "write it as in "+stepExamples["derive"])
			return
		}
	}
	step.Args["share_of"] = f["share_of"].Str()
	checkSelector(f["share_of"], step.Args["share_of"], "")
	edges, factors := readNumbers(f["edges"]), readNumbers(f["factors"])
	step.Lists = map[string][]string{"edges": edges, "factors": factors}
	values, ok := rising(f["edges"], edges)
	if ok && (values[0].Sign() <= 0 || values[len(values)-1].Cmp(big.NewRat(1, 1)) > 0) {
		f["edges"].Fault("a share outside 0 to 1", "write shares, as in [0.1, 0.5, 0.9]")
	}
	if len(factors) != len(edges)+1 {
		f["factors"].Fault(strconv.Itoa(len(factors))+" factors for "+strconv.Itoa(len(edges)+1)+" shares", "write one factor below the first edge and one from each edge on")
	}
}
