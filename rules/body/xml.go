package body

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

func looksXML(src []byte, _ string) bool { return firstByte(src) == '<' }

// xmlReader builds a tree from the tokens of encoding/xml, which checks what is well-formed; offsets are ours.
type xmlReader struct {
	t    *Tree
	dec  *xml.Decoder
	open []int32 // the elements we are in
	run  int     // where the character data we are in began, or -1
}

// decodeXML makes an object whose one member is the document element (XML 1.0, fifth edition). An element is an object:
// its attributes as "@name", runs of text as "#text", its elements by name, in source order. Text of white space alone is
// no member. Only the five predefined entities and character references are known; a document type is read over and
// never acted upon.
func decodeXML(src []byte, _ string, lim Limits) (*Tree, error) {
	r := xmlReader{t: newTree(XML, src, lim), run: none}
	from := 0
	if bytes.HasPrefix(src, []byte(bom)) {
		from = len(bom)
	}
	r.dec = xml.NewDecoder(bytes.NewReader(src[from:]))
	if err := r.read(from); err != nil {
		r.t.Release()
		return nil, err
	}
	return r.t, nil
}

func (r *xmlReader) read(from int) error {
	t := r.t
	root, err := t.add(Object, encAssembly, none, 0, len(t.src))
	if err != nil {
		return err
	}
	r.open = append(r.open, root)
	for {
		start := from + int(r.dec.InputOffset())
		token, err := r.dec.RawToken()
		end := from + int(r.dec.InputOffset())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t.fault(end, "not well-formed")
		}
		if data, ok := token.(xml.CharData); ok {
			if len(r.open) == 1 && len(bytes.TrimSpace(data)) > 0 {
				return t.fault(start, "text outside the document element")
			}
			if r.run == none {
				r.run = start
			}
			continue
		}
		if err := r.endRun(start); err != nil {
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			err = r.element(start, end)
		case xml.EndElement:
			err = r.endElement(start, end)
		}
		if err != nil {
			return err
		}
	}
	if len(r.open) != 1 || t.Len() == 1 {
		return t.fault(len(t.src), "ends early")
	}
	t.close(root, len(t.src))
	return nil
}

// endRun adds the character data that ends at end, if it is more than white space.
func (r *xmlReader) endRun(end int) error {
	start := r.run
	r.run = none
	if start == none || len(r.open) == 1 || len(bytes.TrimSpace(r.t.src[start:end])) == 0 {
		return nil
	}
	n, err := r.t.add(String, encXML, r.open[len(r.open)-1], start, end)
	if err != nil {
		return err
	}
	r.t.fix(n, fixedText)
	return nil
}

// element adds the element whose start tag is src[start:end], with its attributes.
func (r *xmlReader) element(start, end int) error {
	t := r.t
	if len(r.open) > t.lim.MaxDepth {
		return fmt.Errorf("byte %d: over %d levels: %w", start, t.lim.MaxDepth, ErrDepth)
	}
	if len(r.open) == 1 && t.Len() > 1 {
		return t.fault(start, "a second document element")
	}
	n, err := t.add(Object, encAssembly, r.open[len(r.open)-1], start, end)
	if err != nil {
		return err
	}
	at := start + 1
	for at < end && !xmlSpace(t.src[at]) && t.src[at] != '/' && t.src[at] != '>' {
		at++
	}
	d := &t.nodes[n]
	d.name, d.nameEnd, d.named = int32(start+1), int32(at), nameSource
	r.open = append(r.open, n)
	for at < end {
		if xmlSpace(t.src[at]) {
			at++
			continue
		}
		if t.src[at] == '/' || t.src[at] == '>' {
			break
		}
		if !xmlSpace(t.src[at-1]) {
			return t.fault(at, "attribute without a space before it") // encoding/xml lets this through
		}
		if at, err = r.attribute(at, end, n); err != nil {
			return err
		}
	}
	return nil
}

// attribute adds the attribute that begins at from in a tag that ends at to. Its name begins with @, which the source
// does not have.
func (r *xmlReader) attribute(from, to int, element int32) (next int, err error) {
	t := r.t
	eq := bytes.IndexByte(t.src[from:to], '=')
	if eq < 0 {
		return 0, t.fault(from, "attribute without a value")
	}
	start := from + eq + 1
	for start < to && xmlSpace(t.src[start]) {
		start++
	}
	quote := t.src[start]
	if quote != '"' && quote != '\'' {
		return 0, t.fault(start, "attribute without quotes")
	}
	start++
	end := bytes.IndexByte(t.src[start:to], quote)
	if end < 0 {
		return 0, t.fault(start, "attribute without an end")
	}
	n, err := t.add(String, encXMLAttr, element, start, start+end)
	if err != nil {
		return 0, err
	}
	name := bytes.TrimRight(t.src[from:from+eq], " \t\r\n")
	t.call(n, "@"+string(name))
	t.nodes[n].name, t.nodes[n].nameEnd = int32(from), int32(from+len(name))
	return start + end + 1, nil
}

// endElement closes the element we are in by the end tag src[start:end]; an empty-element tag has start equal to end.
func (r *xmlReader) endElement(start, end int) error {
	t := r.t
	if len(r.open) == 1 {
		return t.fault(start, "end tag without a start")
	}
	n := r.open[len(r.open)-1]
	if start < end {
		name := strings.TrimRight(t.str[start+2:end-1], " \t\r\n")
		if name != t.Name(n) {
			return t.fault(start, "end tag of another element")
		}
	}
	t.close(n, end)
	r.open = r.open[:len(r.open)-1]
	return nil
}

func xmlSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// unescapeXML is the text that well-formed character data spells: references and CDATA sections resolved, line ends
// made one (XML 1.0, section 2.11), and in an attribute white space made spaces (section 3.3.3).
func unescapeXML(s string, attribute bool) string {
	if strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '<') < 0 && !attribute {
		return s
	}
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '&':
			var n int
			out, n = appendReference(out, s)
			s = s[n:]
			continue
		case c == '<' && strings.HasPrefix(s, "<![CDATA["):
			data, rest, _ := strings.Cut(s[len("<![CDATA["):], "]]>")
			data = strings.ReplaceAll(data, "\r\n", "\n")
			out = append(out, strings.ReplaceAll(data, "\r", "\n")...)
			s = rest
			continue
		case c == '\r':
			c = '\n'
			if len(s) > 1 && s[1] == '\n' {
				s = s[1:]
			}
		}
		if attribute && (c == '\n' || c == '\t') {
			c = ' '
		}
		out = append(out, c)
		s = s[1:]
	}
	return string(out)
}

// appendReference appends what the reference at the start of s stands for, and returns its length.
func appendReference(dst []byte, s string) ([]byte, int) {
	end := strings.IndexByte(s, ';')
	if end < 0 {
		return append(dst, '&'), 1
	}
	name := s[1:end]
	switch name {
	case "amp":
		return append(dst, '&'), end + 1
	case "lt":
		return append(dst, '<'), end + 1
	case "gt":
		return append(dst, '>'), end + 1
	case "quot":
		return append(dst, '"'), end + 1
	case "apos":
		return append(dst, '\''), end + 1
	}
	digits, base := strings.TrimPrefix(name, "#"), rune(10)
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	var r rune
	for i := range len(digits) {
		d, ok := unhex(digits[i])
		if !ok || rune(d) >= base || r > utf8.MaxRune {
			return append(dst, '&'), 1
		}
		r = r*base + rune(d)
	}
	return utf8.AppendRune(dst, r), end + 1
}
