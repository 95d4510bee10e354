package path

import "strconv"

// Normalized appends the normalized path of node n (RFC 9535, section 2.7) to dst: "$['batch'][0]['user id']".
// parent gives the parent of a node and -1 for the root of the path. Members with equal names have equal paths.
func Normalized(dst []byte, t Tree, n int32, parent func(int32) int32) []byte {
	var buf [32]int32
	line := buf[:0]
	for p := parent(n); p >= 0; p = parent(n) {
		line = append(line, n)
		n = p
	}
	dst = append(dst, '$')
	for i := len(line) - 1; i >= 0; i-- {
		child := line[i]
		if t.Kind(n) == '[' {
			index := 0
			for c := t.First(n); c != child && c >= 0; c = t.Next(c) {
				index++
			}
			dst = append(dst, '[')
			dst = strconv.AppendInt(dst, int64(index), 10)
			dst = append(dst, ']')
		} else {
			dst = append(dst, '[')
			dst = appendQuoted(dst, t.Name(child))
			dst = append(dst, ']')
		}
		n = child
	}
	return dst
}

// appendQuoted writes a normalized name: single quotes, the short escapes, and \u00xx in lower case for the other
// control characters.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '\'')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '\'')
}
