package transform

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/rules/body"
)

// Shape says in a few words what was there, never the value: "uuid", "hex 32", "integer, 4 digits", "e-mail address",
// "text, 12 characters". Two values of one shape have the same words, and pseudonym and random write values of the
// shape they were given.
//
// What remains inferable: lengths and kinds. The shape of a title is the number of its characters.
func Shape(v body.Value) string {
	var s Shaper
	return s.Shape(v)
}

// Shaper makes the same words as Shape, and makes each only once. It is not safe for concurrent use.
type Shaper struct{ integers, decimals, tokens, texts, hexes madeWords }

// madeWords are the words that were made, by the number in them.
type madeWords [160]string

// Shape is Shape.
func (s *Shaper) Shape(v body.Value) string {
	class := Looks(v)
	switch class {
	case ClassBytes:
		return "bytes, " + strconv.Itoa(len(v.Text))
	case ClassEmpty:
		return "empty text"
	case ClassInteger, ClassEpoch, ClassEpochMS:
		return counted(&s.integers, "integer, ", digitsBefore(v.Text), " digit")
	case ClassDecimal:
		return counted(&s.decimals, "decimal, ", digitsBefore(v.Text), " digit")
	case ClassHex:
		return counted(&s.hexes, "hex ", len(v.Text), "")
	case ClassTime:
		return "RFC 3339 time"
	case ClassEmail:
		return "e-mail address"
	case ClassIPv4:
		return "IPv4 address"
	case ClassIPv6:
		return "IPv6 address"
	case ClassMAC:
		return "MAC address"
	case ClassURL:
		return "URL"
	case ClassUserAgent:
		return "user agent"
	case ClassToken:
		return counted(&s.tokens, "token, ", len(v.Text), " character")
	case ClassText:
		return counted(&s.texts, "text, ", utf8.RuneCountInString(v.Text), " character")
	}
	return string(class)
}

// counted is a class with how many there are of something; made holds those that were made before.
func counted(made *madeWords, class string, n int, noun string) string {
	if n < len(made) && made[n] != "" {
		return made[n]
	}
	text := class + strconv.Itoa(n) + noun
	if n != 1 && noun != "" {
		text += "s"
	}
	if n < len(made) {
		made[n] = text
	}
	return text
}

// digitsBefore counts the digits before point and exponent.
func digitsBefore(s string) int {
	s = strings.TrimPrefix(s, "-")
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return i
		}
	}
	return len(s)
}
