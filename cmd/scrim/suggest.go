package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/path"
	"github.com/scrimproxy/scrim/rules/transform"
)

// What the names of fields say. Names are looked at in lower case, without separators.
var (
	secretName   = regexp.MustCompile(`token|secret|passw|apikey|authorization|cookie|credential|signature`)
	personalName = regexp.MustCompile(`mail|phone|address|latitude|longitude|^lat$|^lon$|^lng$|city|zip|postal|hostname|machine|serial|mac$|ssid|user(name)?$|login|owner|path|file|folder|directory|title|url|uri|referrer|referer|query|search|message|stack|exception`)
	idName       = regexp.MustCompile(`(id|identifier|uuid|guid|fingerprint|session|visitor|client|install)$`)
	spanName     = regexp.MustCompile(`duration|length|elapsed|position|offset|runtime|playbacktime|watched|viewtime|latency|uptime`)
	vocabName    = regexp.MustCompile(`^(event|eventname|type|kind|action|category|name|platform|product|os|osname|layout|state|status|method|result|level|channel|branch|arch|architecture|runtime|language|codec|container|protocol|mode|source|medium)$`)
)

// suggest is a treatment for a field and the reason, in words that fit behind a #.
func (f *seenField) suggest() (do, why string) {
	name := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "", ".", "", "$", "").Replace(f.name))
	why = f.shape
	switch {
	case f.kind == body.Bytes || f.several:
		return "remove", why + "; several types, or bytes"
	case secretName.MatchString(name):
		return "remove", why + "; a secret by its name"
	case f.kind == body.Null:
		return "remove", "only seen empty"
	case isBool(f.kind):
		return "keep", "true or false"
	}
	if do, why, ok := f.byClass(name); ok {
		return do, why
	}
	switch {
	case personalName.MatchString(name):
		return "remove", why + "; personal by its name"
	case idName.MatchString(name):
		return "random", why + "; an identifier by its name"
	case vocabName.MatchString(name) && f.word:
		return "keep", why + "; a word of few"
	}
	return "remove", why
}

// byClass is the treatment of text or a number whose shape says enough.
func (f *seenField) byClass(name string) (do, why string, ok bool) {
	switch f.class {
	case transform.ClassUUID, transform.ClassHex:
		return "random", f.shape + "; a new one for each record", true
	case transform.ClassToken, transform.ClassEmail, transform.ClassMAC, transform.ClassURL, transform.ClassPath, transform.ClassUserAgent:
		return "remove", f.shape, true
	case transform.ClassHost, transform.ClassDate, transform.ClassEmpty:
		return "remove", f.shape, true
	case transform.ClassVersion:
		return "keep", f.shape + "; exact builds can be rare", true
	case transform.ClassLocale:
		return "{shorten: 2}", f.shape + "; the language without the country", true
	case transform.ClassInteger, transform.ClassDecimal:
		do, why = f.number(name)
		return do, why, true
	case transform.ClassIPv4:
		return "{prefix: 16}", f.shape, true
	case transform.ClassIPv6:
		return "{prefix: 32}", f.shape, true
	case transform.ClassTime:
		return "{truncate: day}", f.shape, true
	case transform.ClassEpoch:
		if idName.MatchString(name) {
			return "random", f.shape + "; an identifier by its name", true
		}
		return "{truncate: day, unit: s}", f.shape + "; seconds since 1970", true
	case transform.ClassEpochMS:
		if idName.MatchString(name) {
			return "random", f.shape + "; an identifier by its name", true
		}
		return "{truncate: day, unit: ms}", f.shape + "; milliseconds since 1970", true
	}
	return "", "", false
}

// number is the treatment of a number by its name.
func (f *seenField) number(name string) (do, why string) {
	digits := digitsOf(f.shape)
	switch {
	case spanName.MatchString(name) && digits >= 6:
		return "{round: 15m, unit: ms}", f.shape + "; a span of time by its name: check the unit"
	case spanName.MatchString(name):
		return "{round: 15m, unit: s}", f.shape + "; a span of time by its name: check the unit"
	case idName.MatchString(name) || personalName.MatchString(name):
		return "random", f.shape + "; an identifier by its name"
	case digits <= 1:
		return "keep", f.shape
	}
	return "{round: " + strconv.Itoa(tenTo(digits-1)) + "}", f.shape + "; its first digit stays"
}

var digitCount = regexp.MustCompile(`(\d+) digit`)

// digitsOf reads the number of digits out of a shape.
func digitsOf(shape string) int {
	if m := digitCount.FindStringSubmatch(shape); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits, by the pattern
		return n
	}
	return 0
}

func tenTo(n int) int {
	p := 1
	for range min(n, 17) {
		p *= 10
	}
	return p
}

// quoteYAML writes a string that YAML takes for nothing else.
func quoteYAML(s string) string { return string(body.AppendJSONString(nil, s)) }

// oneMember is a tree of an object with one member, for the normalized path of that member.
type oneMember struct{ name string }

func (oneMember) Kind(n int32) byte {
	if n == 0 {
		return body.Object
	}
	return body.Null
}

func (oneMember) First(n int32) int32 { return 1 - 2*n }
func (oneMember) Next(int32) int32    { return -1 }
func (oneMember) Text(int32) string   { return "" }

func (o oneMember) Name(n int32) string {
	if n == 0 {
		return ""
	}
	return o.name
}

// normalizedName is "$['name']", with the escapes that the path room writes.
func normalizedName(name string) []byte {
	return path.Normalized(nil, oneMember{name}, 1, func(n int32) int32 { return n - 1 })
}
