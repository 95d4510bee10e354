package transform

import (
	"net/netip"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// Class is what a value looks like. It says how a value is written, not what it means.
type Class string

// The classes, most telling first where a value could have several.
const (
	ClassNull      Class = "null"
	ClassBoolean   Class = "boolean"
	ClassObject    Class = "object"
	ClassArray     Class = "array"
	ClassBytes     Class = "bytes"
	ClassEmpty     Class = "empty"     // a string without characters
	ClassInteger   Class = "integer"   // also in a string
	ClassDecimal   Class = "decimal"   // also in a string; with an exponent too
	ClassEpoch     Class = "epoch s"   // an integer of 10 digits between 2001 and 2100
	ClassEpochMS   Class = "epoch ms"  // likewise in milliseconds
	ClassUUID      Class = "uuid"      // RFC 9562, 8-4-4-4-12
	ClassHex       Class = "hex"       // 8 or more hexadecimal digits of one case, letters and figures among them
	ClassTime      Class = "time"      // RFC 3339 date-time
	ClassDate      Class = "date"      // RFC 3339 full-date
	ClassEmail     Class = "e-mail"    //
	ClassIPv4      Class = "ipv4"      //
	ClassIPv6      Class = "ipv6"      //
	ClassMAC       Class = "mac"       // six pairs of hexadecimal digits
	ClassURL       Class = "url"       // scheme://
	ClassPath      Class = "path"      // of a file: /…/…, C:\…, \\…
	ClassVersion   Class = "version"   // 4.116.1, v1.2
	ClassLocale    Class = "locale"    // en-US
	ClassUserAgent Class = "agent"     // Mozilla/5.0 (…)
	ClassHost      Class = "host name" // a domain name of two labels or more
	ClassToken     Class = "token"     // 16 or more letters, figures and - _ . ~ + / =, letters and figures among them
	ClassText      Class = "text"
)

// Looks classifies a value by how it is written.
func Looks(v body.Value) Class {
	switch v.Kind {
	case body.Null, 0:
		return ClassNull
	case body.True, body.False:
		return ClassBoolean
	case body.Object:
		return ClassObject
	case body.Array:
		return ClassArray
	case body.Bytes:
		return ClassBytes
	}
	if c := numberClass(v.Text); c != "" {
		return c
	}
	if v.Kind == body.Number {
		return ClassDecimal
	}
	switch s := v.Text; {
	case s == "":
		return ClassEmpty
	case isWord(s):
		return ClassText // most strings are words, and a word is nothing else
	case isUUID(s):
		return ClassUUID
	case isHex(s):
		return ClassHex
	case isTime(s):
		return ClassTime
	case isDate(s):
		return ClassDate
	case isMAC(s):
		return ClassMAC
	case isIPv4(s):
		return ClassIPv4
	case isIPv6(s):
		return ClassIPv6
	case isURL(s):
		return ClassURL
	case isEmail(s):
		return ClassEmail
	case isPath(s):
		return ClassPath
	case isVersion(s):
		return ClassVersion
	case isLocale(s):
		return ClassLocale
	case isAgent(s):
		return ClassUserAgent
	case isHost(s):
		return ClassHost
	case isToken(s):
		return ClassToken
	}
	return ClassText
}

// isWord reports letters alone.
func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// numberClass is the class of a number or of a string that holds one, else "". Integers in a string may have leading
// zeros.
func numberClass(s string) Class {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || !isDigit(digits[0]) {
		return ""
	}
	for i := 1; i < len(digits); i++ {
		if isDigit(digits[i]) {
			continue
		}
		if _, ok := scan(s); ok {
			return ClassDecimal
		}
		return ""
	}
	switch {
	case len(s) == 10 && s[0] >= '1' && s <= "4102444800":
		return ClassEpoch
	case len(s) == 13 && s[0] >= '1' && s <= "4102444800000":
		return ClassEpochMS
	}
	return ClassInteger
}

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

// isHex wants a letter and a figure, and letters of one case, so that words and numbers do not count.
func isHex(s string) bool {
	if len(s) < 8 || !isHexDigit(s[0]) || !isHexDigit(s[len(s)-1]) {
		return false
	}
	set := alphabetOf(s)
	return set.digit && set.lower != set.upper && !set.beyondF && !set.other
}

// alphabet is what characters a text has.
type alphabet struct{ lower, upper, digit, beyondF, other bool }

func alphabetOf(s string) (a alphabet) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			a.digit = true
		case 'a' <= c && c <= 'z':
			a.lower, a.beyondF = true, a.beyondF || c > 'f'
		case 'A' <= c && c <= 'Z':
			a.upper, a.beyondF = true, a.beyondF || c > 'F'
		default:
			a.other = true
		}
	}
	return a
}

func isTime(s string) bool {
	m, ok := readMoment(s)
	return ok && !m.date
}

func isDate(s string) bool {
	m, ok := readMoment(s)
	return ok && m.date
}

func isMAC(s string) bool {
	if len(s) != 17 || s[2] != ':' && s[2] != '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if i%3 == 2 && s[i] != s[2] || i%3 != 2 && !isHexDigit(s[i]) {
			return false
		}
	}
	return true
}

// isIPv4 and isIPv6 look before they parse: an error of ParseAddr costs more than all other classes together.
func isIPv4(s string) bool {
	if s == "" || len(s) > len("255.255.255.255") || !isDigit(s[0]) || strings.IndexByte(s, '.') < 0 {
		return false
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func isIPv6(s string) bool {
	if strings.IndexByte(s, ':') < 0 || s[0] != ':' && !isHexDigit(s[0]) || strings.IndexByte(s, ' ') >= 0 {
		return false
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}

func isURL(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || rest == "" {
		return false
	}
	for i := 0; i < len(scheme); i++ {
		if c := scheme[i] | 0x20; (c < 'a' || c > 'z') && (i == 0 || !isDigit(scheme[i]) && strings.IndexByte("+-.", scheme[i]) < 0) {
			return false
		}
	}
	return !strings.ContainsAny(rest, " \t\r\n")
}

func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && !strings.ContainsAny(local, " \t\r\n\"<>") && isHost(domain)
}

// isPath takes absolute paths, and relative ones only by their drive or share.
func isPath(s string) bool {
	if len(s) < 2 {
		return false
	}
	drive := len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/') && !isDigit(s[0])
	return s[0] == '/' && s[1] != '/' || drive || strings.HasPrefix(s, `\\`) || strings.HasPrefix(s, "~/")
}

// isVersion takes figures in two to five groups, with "v" before or a word behind a hyphen or plus.
func isVersion(s string) bool {
	s = strings.TrimPrefix(s, "v")
	if i := strings.IndexAny(s, "-+"); i > 0 {
		if tail := alphabetOf(s[i+1:]); len(s)-i > 24 || !tail.lower && !tail.upper && !tail.digit {
			return false
		}
		s = s[:i]
	}
	groups := 1
	for i := 0; i < len(s); i++ {
		switch {
		case isDigit(s[i]):
		case s[i] == '.' && i > 0 && i+1 < len(s) && s[i-1] != '.':
			groups++
		default:
			return false
		}
	}
	return groups >= 2 && groups <= 5 && len(s) <= 32
}

// isLocale takes en-US and en_US.
func isLocale(s string) bool {
	if len(s) != 5 || s[2] != '-' && s[2] != '_' {
		return false
	}
	first, second := alphabetOf(s[:2]), alphabetOf(s[3:])
	return first == alphabet{lower: true, beyondF: first.beyondF} && second == alphabet{upper: true, beyondF: second.beyondF}
}

func isAgent(s string) bool {
	product, rest, ok := strings.Cut(s, "/")
	return ok && product != "" && len(rest) > 0 && isDigit(rest[0]) && !strings.ContainsAny(product, " \t@:\\") && strings.Contains(rest, " (")
}

// isHost takes two labels or more, the last of two letters or more.
func isHost(s string) bool {
	if len(s) > 253 || strings.IndexByte(s, '.') < 0 {
		return false
	}
	for rest, more := s, true; more; {
		var label string
		label, rest, more = strings.Cut(rest, ".")
		if !isLabel(label) {
			return false
		}
		if last := alphabetOf(label); !more && (len(label) < 2 || last.digit || last.other) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '-' && !isAlnum(s[i]) {
			return false
		}
	}
	return true
}

func isToken(s string) bool {
	if len(s) < 16 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte("-_.~+/=", c) < 0 {
			return false
		}
	}
	set := alphabetOf(s)
	return set.digit && (set.lower || set.upper)
}
