package body

import (
	"bytes"
	"mime"
	"strings"
)

// multipartSource is how a multipart body is put together (RFC 2046 section 5.1, RFC 7578).
type multipartSource struct {
	boundary string
	eol      string // "\r\n", or "\n" where a client writes that
	parts    []mimePart
}

// mimePart is where one part stands.
type mimePart struct {
	node           int32
	from, body, to int32 // bytes: first header, body, one past the body
	fields         []mimeField
	bare           bool // neither header nor the empty line after it (RFC 2046 allows that where there is no body)
}

// mimeField is one piece of a part's header that is a node, or that goes with the body.
type mimeField struct {
	node     int32
	from, to int32 // with what would go with it: a parameter from its semicolon, a field with its line
	star     bool  // a parameter in the spelling of RFC 8187
	kind     int   // fixedName, fixedFilename, fixedType; fixedBody for Content-Transfer-Encoding
}

// looksMultipart wants a boundary: in the Content-Type, or on the first line with its counterpart at the end.
func looksMultipart(src []byte, media string) bool {
	if strings.HasPrefix(media, "multipart/") {
		return true
	}
	return firstBoundary(src) != ""
}

// firstBoundary takes the boundary from the first line, where the last delimiter of the body is the same one.
func firstBoundary(src []byte) string {
	line, _, ok := bytes.Cut(src, []byte("\n"))
	line = bytes.TrimRight(line, "\r \t")
	if !ok || len(line) < 3 || len(line) > 72 || !bytes.HasPrefix(line, []byte("--")) || !isText(line) {
		return ""
	}
	if !bytes.Contains(src, append(line[:len(line):len(line)], "--"...)) {
		return ""
	}
	return string(line[2:])
}

// decodeMultipart makes an array of {name, filename, type, body}; what a part lacks is no member. body is a String where
// it is text, else Bytes. The boundary comes from the Content-Type, or is found by looking at the first line.
func decodeMultipart(src []byte, contentType string, lim Limits) (*Tree, error) {
	boundary := ""
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		boundary = params["boundary"]
	}
	if boundary == "" {
		boundary = firstBoundary(src)
	}
	if boundary == "" || len(boundary) > 70 || strings.ContainsAny(boundary, "\r\n") {
		return nil, faultAt(Multipart, src, 0, "no boundary")
	}
	t := newTree(Multipart, src, lim)
	t.mime = &multipartSource{boundary: boundary, eol: "\r\n"}
	if err := t.parseParts(); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

func (t *Tree) parseParts() error {
	root, err := t.add(Array, encAssembly, none, 0, len(t.src))
	if err != nil {
		return err
	}
	_, at, last := t.delimiter(0)
	if at < 0 {
		return t.fault(0, "the boundary is nowhere")
	}
	if at >= 2 && t.src[at-1] == '\n' && t.src[at-2] != '\r' {
		t.mime.eol = "\n"
	}
	for !last {
		var to, next int
		if to, next, last = t.delimiter(at); next < 0 {
			return t.fault(len(t.src), "ends without its last boundary")
		}
		if err := t.parsePart(at, to, root); err != nil {
			return err
		}
		at = next
	}
	t.close(root, len(t.src))
	return nil
}

// delimiter finds the next boundary line at or after from: to is where the content before it ends, next where the line
// after it begins (-1: there is none), last whether it is the final one.
func (t *Tree) delimiter(from int) (to, next int, last bool) {
	mark := []byte("--" + t.mime.boundary)
	for at := from; ; {
		i := bytes.Index(t.src[at:], mark)
		if i < 0 {
			return 0, -1, false
		}
		start := at + i
		at = start + len(mark)
		if start > from && t.src[start-1] != '\n' || start == from && from > 0 && t.src[start-1] != '\n' {
			continue
		}
		to = start
		if to > from && t.src[to-1] == '\n' {
			to--
			if to > from && t.src[to-1] == '\r' {
				to--
			}
		}
		if bytes.HasPrefix(t.src[at:], []byte("--")) {
			return to, len(t.src), true
		}
		rest := bytes.TrimLeft(t.src[at:], " \t")
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return to, len(t.src) - len(rest) + 2, false
		case bytes.HasPrefix(rest, []byte("\n")):
			return to, len(t.src) - len(rest) + 1, false
		}
	}
}

// parsePart adds the part src[from:to].
func (t *Tree) parsePart(from, to int, root int32) error {
	n, err := t.add(Object, encAssembly, root, from, to)
	if err != nil {
		return err
	}
	part := mimePart{node: n, from: int32(from), to: int32(to)}
	at := from
	for {
		if at > to {
			return t.fault(to, "part without an end of its header")
		}
		line := t.headerField(at, to)
		if text := bytes.TrimRight(t.src[at:line], "\r\n"); len(text) == 0 {
			if line > at && t.src[line-1] != '\n' {
				return t.fault(at, "part without an end of its header")
			}
			part.bare = line == at
			at = line
			break
		}
		if line == to {
			return t.fault(at, "part without an end of its header")
		}
		if err := t.parseField(at, line, &part); err != nil {
			return err
		}
		at = line
	}
	part.body = int32(at)
	body, err := t.add(contentKind(t.src[at:to]), encRaw, n, at, to)
	if err != nil {
		return err
	}
	t.fix(body, fixedBody)
	t.close(n, to)
	t.mime.parts = append(t.mime.parts, part)
	return nil
}

// headerField returns where the field that begins at from ends, with its continuation lines.
func (t *Tree) headerField(from, to int) int {
	for at := from; ; {
		i := bytes.IndexByte(t.src[at:to], '\n')
		if i < 0 {
			return to
		}
		at += i + 1
		if len(bytes.TrimRight(t.src[from:at], "\r\n")) == 0 || at >= to || t.src[at] != ' ' && t.src[at] != '\t' {
			return at
		}
	}
}

// parseField adds what the header field src[from:to] says of name, filename and type.
func (t *Tree) parseField(from, to int, part *mimePart) error {
	colon := bytes.IndexByte(t.src[from:to], ':')
	if colon < 0 {
		return t.fault(from, "header line without a colon")
	}
	if line := t.src[from:to]; bytes.Count(line, []byte("\r")) != bytes.Count(line, []byte("\r\n")) {
		return t.fault(from, "carriage return within a header line")
	}
	value := from + colon + 1
	for value < to && (t.src[value] == ' ' || t.src[value] == '\t') {
		value++
	}
	end := value + len(bytes.TrimRight(t.src[value:to], " \t\r\n"))
	switch strings.ToLower(strings.TrimSpace(t.str[from : from+colon])) {
	case "content-disposition":
		return t.parseDisposition(value, end, part)
	case "content-type":
		n, err := t.add(String, encRaw, part.node, value, end)
		if err != nil {
			return err
		}
		t.fix(n, fixedType)
		part.fields = append(part.fields, mimeField{node: n, from: int32(from), to: int32(to), kind: fixedType})
	case "content-transfer-encoding":
		part.fields = append(part.fields, mimeField{node: none, from: int32(from), to: int32(to), kind: fixedBody})
	}
	return nil
}

// parseDisposition adds the parameters name and filename (RFC 7578, section 4.2).
func (t *Tree) parseDisposition(from, to int, part *mimePart) error {
	at := from
	for {
		i := bytes.IndexByte(t.src[at:to], ';')
		if i < 0 {
			return nil
		}
		param := at + i
		name, start, end, next, ok := t.parameter(param+1, to)
		if at = next; !ok {
			return t.fault(param, "quoted string without an end")
		}
		f := mimeField{from: int32(param), to: int32(next)}
		switch strings.ToLower(name) {
		case "name":
			f.kind = fixedName
		case "filename":
			f.kind = fixedFilename
		case "filename*", "name*":
			f.kind, f.star = fixedFilename, true
			if name[0]|0x20 == 'n' {
				f.kind = fixedName
			}
		default:
			continue
		}
		n, err := t.add(String, encRaw, part.node, start, end)
		if err != nil {
			return err
		}
		t.fix(n, f.kind)
		f.node = n
		part.fields = append(part.fields, f)
		if text := t.str[start:end]; f.star {
			t.say(n, extendedValue(text))
		} else if strings.IndexByte(text, '\\') >= 0 {
			t.say(n, strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(text))
		}
	}
}

// parameter reads name=value at from: the value's bytes without quotes, where what follows begins, and
// whether its quotes are closed.
func (t *Tree) parameter(from, to int) (name string, start, end, next int, ok bool) {
	eq := bytes.IndexAny(t.src[from:to], "=;")
	if eq < 0 {
		return strings.TrimSpace(t.str[from:to]), to, to, to, true
	}
	name = strings.TrimSpace(t.str[from : from+eq])
	start = from + eq
	if t.src[start] == ';' {
		return name, start, start, start, true
	}
	for start++; start < to && (t.src[start] == ' ' || t.src[start] == '\t'); start++ {
	}
	if start < to && t.src[start] == '"' {
		for end = start + 1; end < to && t.src[end] != '"'; end++ {
			if t.src[end] == '\\' && end+1 < to {
				end++
			}
		}
		return name, start + 1, end, end + 1, end < to
	}
	end = to
	if i := bytes.IndexByte(t.src[start:to], ';'); i >= 0 {
		end = start + i
	}
	return name, start, start + len(bytes.TrimRight(t.src[start:end], " \t\r\n")), end, true
}

// extendedValue decodes charset'language'text (RFC 8187, section 3.2), taking the charset for UTF-8.
func extendedValue(s string) string {
	if _, rest, ok := strings.Cut(s, "'"); ok {
		if _, text, ok := strings.Cut(rest, "'"); ok {
			s = text
		}
	}
	return unescapePct(strings.ReplaceAll(s, "+", "%2B"))
}
