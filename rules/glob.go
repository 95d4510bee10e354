package rules

import "strings"

// globMatch reports whether text matches pattern, in which * stands for any run of characters, also none.
// Every other character stands for itself. It takes time proportional to the product of both lengths at most.
func globMatch(pattern, text string) bool {
	p, t := 0, 0
	star, from := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// pathGlob is a compiled path condition: its alternatives, of which one has to match.
type pathGlob struct {
	src  string
	alts []string
}

// maxSpans is how many "/**/" of one path are also tried as "/".
const maxSpans = 4

// newPathGlob compiles a path glob: * within a segment, ** across; "/**/" also stands for "/".
func newPathGlob(src string) pathGlob {
	g := pathGlob{src: src, alts: []string{decodePath(src)}}
	for i := 0; i < len(g.alts) && len(g.alts) < 1<<maxSpans; i++ {
		for at := 0; ; {
			j := strings.Index(g.alts[i][at:], "/**/")
			if j < 0 {
				break
			}
			j += at
			g.alts = append(g.alts, g.alts[i][:j]+g.alts[i][j+3:])
			at = j + 3
		}
	}
	return g
}

// match holds path, as cleanPath returns it, against the glob.
func (g pathGlob) match(path string) bool {
	for _, alt := range g.alts {
		if pathMatch(alt, path) {
			return true
		}
	}
	return false
}

// literal is the path where the glob is one.
func (g pathGlob) literal() (string, bool) { return g.src, !strings.Contains(g.src, "*") }

// pathMatch is globMatch where * stops at a slash and ** does not. On a mismatch the last * takes one more
// character; where that is a slash, the last ** does.
func pathMatch(pattern, text string) bool {
	p, t := 0, 0
	star, starFrom := -1, 0
	span, spanFrom := -1, 0
	for t < len(text) {
		switch {
		case strings.HasPrefix(pattern[p:], "**"):
			span, spanFrom, star = p, t, -1
			p += 2
		case p < len(pattern) && pattern[p] == '*':
			star, starFrom = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0 && text[starFrom] != '/':
			starFrom++
			p, t = star+1, starFrom
		case span >= 0:
			spanFrom++
			p, t, star = span+2, spanFrom, -1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// cleanPath undoes percent-encoding and resolves dot segments (RFC 3986, sections 2.1 and 5.2.4), so that one
// resource has one spelling. An encoded slash stays encoded: it is no border of segments.
func cleanPath(raw string) string {
	path := decodePath(raw)
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		switch seg {
		case ".", "..":
			if seg == ".." && len(out) > 1 {
				out = out[:len(out)-1]
			}
			if i == len(segments)-1 {
				out = append(out, "")
			}
		default:
			out = append(out, seg)
		}
	}
	if path = strings.Join(out, "/"); path == "" {
		return "/"
	}
	return path
}

// decodePath undoes percent-encoding but for slashes; what is not a valid escape stays as it is.
func decodePath(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := escape(s, i); ok {
			if c == '/' {
				out = append(out, "%2F"...)
			} else {
				out = append(out, c)
			}
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

// escape reads the percent escape at s[i].
func escape(s string, i int) (byte, bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	hi, ok1 := unhex(s[i+1])
	lo, ok2 := unhex(s[i+2])
	return hi<<4 | lo, ok1 && ok2
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// unescape undoes percent-encoding; with plus also the + of form encoding.
func unescape(s string, plus bool) string {
	if !strings.Contains(s, "%") && !(plus && strings.Contains(s, "+")) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c, ok := escape(s, i)
		switch {
		case ok:
			out = append(out, c)
			i += 2
		case plus && s[i] == '+':
			out = append(out, ' ')
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

// appendEscaped writes text percent-encoded: all but the unreserved characters (RFC 3986, section 2.3).
func appendEscaped(dst []byte, text string) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(text); i++ {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}
