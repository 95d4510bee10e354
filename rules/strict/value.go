package strict

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Str is a string. Numbers and booleans have to be quoted to be one.
func (n *Node) Str() string {
	if n == nil {
		return ""
	}
	switch {
	case !n.IsScalar():
		n.wants("a word", "")
	case n.IsNumber() || n.IsBool():
		n.wants("a word", "quote it: "+strconv.Quote(n.y.Value))
	default:
		return n.y.Value
	}
	return ""
}

// Text is any single value as it is written: a string, a number, true or false.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	if !n.IsScalar() {
		n.wants("a single value", "")
		return ""
	}
	return n.y.Value
}

// Word is one of the given words; anything else is a fault with the nearest of them.
func (n *Node) Word(words ...string) string {
	if n == nil {
		return ""
	}
	word := n.Str()
	if word == "" && !n.IsScalar() || n.IsNumber() || n.IsBool() || contains(words, word) {
		return word
	}
	n.Fault(strconv.Quote(word)+" is not known here", hint(word, words, writeOne))
	return ""
}

var plainInt = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// Int is an integer in plain decimal notation: not 1.0, 010, 0x8 or 1_000.
func (n *Node) Int() int {
	if n == nil {
		return 0
	}
	if !n.IsScalar() || n.y.Style != 0 || !plainInt.MatchString(n.y.Value) {
		n.wants("a whole number", "write plain digits, as in 8")
		return 0
	}
	v, err := strconv.Atoi(n.y.Value)
	if err != nil {
		n.Fault(n.y.Value+" is too large", "")
	}
	return v
}

// Bool is true or false.
func (n *Node) Bool() bool {
	if n == nil {
		return false
	}
	if !n.IsBool() || n.y.Value != "true" && n.y.Value != "false" {
		n.wants("true or false", "")
		return false
	}
	return n.y.Value == "true"
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Number is a number in the notation of JSON, as it is written.
func (n *Node) Number() string {
	if n == nil {
		return ""
	}
	if !n.IsScalar() || n.y.Style != 0 || !jsonNumber.MatchString(n.y.Value) {
		n.wants("a number", "write plain digits, as in 1500 or 0.5")
		return ""
	}
	return n.y.Value
}

// Float is a number in the notation of JSON.
func (n *Node) Float() float64 {
	text := n.Number()
	if text == "" {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		n.Fault(text+" is too large", "")
		return 0
	}
	return v
}

type unit struct {
	name string
	size int64
}

var durationUnits = []unit{
	{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"w", 7 * 86400e9},
}

var sizeUnits = []unit{
	{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
}

// Duration is a time span with its unit: 30s, 15m, 1h30m, 90d. It is never negative.
func (n *Node) Duration() time.Duration {
	return time.Duration(n.quantity("a duration", "write it with a unit, as in 30s, 15m, 24h or 90d", durationUnits))
}

// Size is a number of bytes with its unit: 512B, 64KiB, 256MiB. It is never negative.
func (n *Node) Size() int64 {
	return n.quantity("a size", "write it with a unit, as in 512B, 64KiB or 256MiB", sizeUnits)
}

func (n *Node) quantity(what, fix string, units []unit) int64 {
	if n == nil {
		return 0
	}
	if !n.IsScalar() {
		n.wants(what, fix)
		return 0
	}
	v, ok := parseQuantity(n.y.Value, units)
	if !ok {
		n.wants(what, fix)
	}
	return v
}

// ParseDuration reads a duration as Node.Duration does; ok is false where it is none.
func ParseDuration(text string) (d time.Duration, ok bool) {
	v, ok := parseQuantity(text, durationUnits)
	return time.Duration(v), ok
}

// ParseSize reads a size as Node.Size does; ok is false where it is none.
func ParseSize(text string) (bytes int64, ok bool) { return parseQuantity(text, sizeUnits) }

var quantityPart = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)?([A-Za-zµ]+)`)

func parseQuantity(text string, units []unit) (int64, bool) {
	if text == "" {
		return 0, false
	}
	var total float64
	for text != "" {
		m := quantityPart.FindStringSubmatch(text)
		if m == nil {
			return 0, false
		}
		size := unitSize(m[3], units)
		number, err := strconv.ParseFloat(m[1]+m[2], 64)
		if err != nil || size == 0 {
			return 0, false
		}
		total += number * float64(size)
		text = text[len(m[0]):]
	}
	if total >= math.MaxInt64 {
		return 0, false
	}
	return int64(math.Round(total)), true
}

func unitSize(name string, units []unit) int64 {
	for _, u := range units {
		if u.name == name {
			return u.size
		}
	}
	return 0
}

// JSON is the value, of whatever kind, as compact JSON. Numbers stay as they are written; ok
// is false, and there is a fault, where one is not written as JSON writes it.
func (n *Node) JSON() (text string, ok bool) {
	if n == nil {
		return "null", true
	}
	var b strings.Builder
	ok = n.appendJSON(&b)
	return b.String(), ok
}

func (n *Node) appendJSON(b *strings.Builder) bool {
	switch n.y.Kind {
	case yaml.MappingNode:
		return n.appendObject(b)
	case yaml.SequenceNode:
		good := true
		b.WriteByte('[')
		for i, item := range n.Items() {
			if i > 0 {
				b.WriteByte(',')
			}
			good = item.appendJSON(b) && good
		}
		b.WriteByte(']')
		return good
	case yaml.AliasNode:
		b.WriteString("null")
		return false
	}
	switch {
	case n.IsNull():
		b.WriteString("null")
	case n.IsBool():
		b.WriteString(strconv.FormatBool(n.Bool()))
	case n.IsNumber():
		if !jsonNumber.MatchString(n.y.Value) {
			n.wants("a number as JSON writes it", "write plain digits, or quote it")
			return false
		}
		b.WriteString(n.y.Value)
	default:
		b.WriteString(quoteJSON(n.y.Value))
	}
	return true
}

func (n *Node) appendObject(b *strings.Builder) bool {
	good := true
	b.WriteByte('{')
	for i, e := range n.Entries() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoteJSON(e.Key))
		b.WriteByte(':')
		good = e.Value.appendJSON(b) && good
	}
	b.WriteByte('}')
	return good
}

// quoteJSON writes a JSON string without the escapes that only HTML needs.
func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("strict: a string did not encode as JSON: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
