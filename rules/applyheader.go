package rules

import (
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// userAgent is what every generalized request calls itself.
const userAgent = "scrim"

// fixedNames are the header fields that a generalized request has without being listed: what the origin needs to read
// the body, and nothing that tells one client from another.
var fixedNames = [...]string{"User-Agent", "Accept", "Content-Type", "Content-Encoding", "Content-Length"}

// isFixed reports whether name is one of them.
func isFixed(name string) bool {
	for _, fixed := range fixedNames {
		if equalFold(name, fixed) {
			return true
		}
	}
	return false
}

// writeHeader writes the header of what leaves. out.Body is already there.
func (t *target) writeHeader(out *Message) {
	header := make([]Field, 0, len(fixedNames)+2)
	keep := t.part.unlisted == UnlistedKeep
	if !keep {
		header = t.fixed(header, out)
	}
	var cookies []byte
	for i := range t.slots {
		s := &t.slots[i]
		switch {
		case s.place != inHeader && s.place != inCookie || s.to == toRemove:
		case s.place == inCookie:
			cookies = appendCookie(cookies, s)
		case equalFold(s.name, "Content-Length"):
			if keep {
				header = append(header, Field{s.name, strconv.Itoa(len(out.Body))})
			}
		case s.field != nil && s.to == toReplace:
			header = append(header, Field{s.name, fieldValue(s.written)})
		case keep || s.field != nil:
			header = append(header, Field{s.name, s.raw})
		}
	}
	if len(cookies) > 0 {
		header = append(header, Field{"Cookie", string(cookies)})
	}
	out.Header = header
}

// fixed writes the header fields that every generalized request has, but those that a field lists.
func (t *target) fixed(header []Field, out *Message) []Field {
	for _, name := range fixedNames {
		if t.lists(inHeader, name, 0) != nil && name != "Content-Length" {
			continue
		}
		value := t.x.m.Get(name)
		switch name {
		case "User-Agent":
			value = userAgent
		case "Accept":
			value = plainAccept(value)
		case "Content-Type", "Content-Encoding":
			if len(out.Body) == 0 {
				value = ""
			}
		case "Content-Length":
			if value = ""; len(out.Body) > 0 || out.Method == "POST" || out.Method == "PUT" || out.Method == "PATCH" {
				value = strconv.Itoa(len(out.Body))
			}
		}
		if value != "" {
			header = append(header, Field{name, value})
		}
	}
	return header
}

// plainAccept is Accept where it names one media type and nothing else; longer lists tell one client from another.
func plainAccept(value string) string {
	if value == "" || strings.ContainsAny(value, ",;") || len(value) > 40 {
		return "*/*"
	}
	return value
}

func appendCookie(dst []byte, s *slot) []byte {
	if len(dst) > 0 {
		dst = append(dst, "; "...)
	}
	if s.to != toReplace {
		return append(dst, s.raw...)
	}
	dst = append(append(dst, s.name...), '=')
	for i := range len(s.written) {
		// RFC 6265, section 4.1.1: cookie-octet
		if c := s.written[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\",;\\", c) >= 0 {
			dst = appendEscaped(dst, string(c))
			continue
		}
		dst = append(dst, s.written[i])
	}
	return dst
}

// fieldValue makes a text fit for a header field (RFC 9110, section 5.5): control characters become spaces.
func fieldValue(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text))
}

// report appends what was done outside the body.
func (t *target) report(dst []Edit) []Edit {
	for i := range t.slots {
		s := &t.slots[i]
		if s.place != inPath || s.field != nil {
			dst = append(dst, t.edit(s))
		}
	}
	return append(dst, t.edits...)
}

// edit is what was done to one slot.
func (t *target) edit(s *slot) Edit {
	e := Edit{
		Part: t.part.name, Selector: t.x.selector(s), Transform: "unlisted", Kind: body.String,
		Shape: t.x.shapes.Shape(body.Value{Kind: body.String, Text: s.value}), Unwritten: s.to == toRemove, Error: s.fault,
	}
	switch {
	case s.field != nil:
		e.Transform, e.Detail, e.Listed = s.field.name, s.field.detail, true
	case s.place == inHeader && t.part.unlisted != UnlistedKeep && isFixed(s.name):
		e.Transform, e.Unwritten = "keep", false
		if equalFold(s.name, "User-Agent") {
			e.Transform, e.Detail = "replace", "by "+userAgent
		}
	}
	return e
}

// drift names the parameters and cookies that no field lists.
func (t *target) drift(dst []Drift) []Drift {
	for i := range t.slots {
		if s := &t.slots[i]; s.unlisted && (s.place == inQuery || s.place == inCookie) {
			dst = append(dst, Drift{"field", s.selector()})
		}
	}
	return dst
}
