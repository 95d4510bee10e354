package transform

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scrimproxy/scrim/rules/body"
)

// reshape draws a value of the same type, length and character classes as in from r. It takes nothing of in but its
// shape:
//
//   - a UUID keeps its version and variant, its hyphens and case; hex stays hex of its case; an IP or MAC address, a
//     time or a date stays one;
//   - in other text, what is no ASCII letter or figure stays where it is; a run of letters gets letters of the same
//     case, a run of figures gets figures, a run of both gets any of the classes it has, so that the pattern of
//     figures in a token is not a fingerprint; characters outside ASCII get ASCII letters;
//   - a number keeps its sign, its digits before and after the point, and its exponent, begins with 0 only if it did,
//     and stays within the integer type that it fitted (32, 53 or 64 bits).
//
// A value that does not come out in its shape is drawn again, up to maxDraws times.
func reshape(in body.Value, r io.Reader) (body.Value, error) {
	d := &drawer{r: r}
	var draw func() string
	switch in.Kind {
	case body.String:
		draw = d.stringLike(in.Text)
	case body.Number:
		draw = func() string { return d.numberLike(in.Text) }
	case body.Bytes:
		draw = func() string { return d.bytes(len(in.Text)) }
	default:
		return body.Value{}, &KindError{Got: in.Kind, Want: "a string or a number"}
	}
	shape := Shape(in)
	var out body.Value
	for range maxDraws {
		if out = written(in, draw()); d.err != nil {
			return body.Value{}, &EnvError{"the source of chance gave nothing"}
		}
		if Shape(out) == shape && (in.Kind != body.Number || fitsAs(in.Text, out.Text)) {
			return out, nil
		}
	}
	return out, nil
}

const maxDraws = 256

// drawer draws uniformly from a source; the first error stays in err.
type drawer struct {
	r    io.Reader
	buf  [64]byte
	left []byte
	err  error
}

func (d *drawer) byte() byte {
	if len(d.left) == 0 {
		if d.err != nil {
			return 0
		}
		if _, d.err = io.ReadFull(d.r, d.buf[:]); d.err != nil {
			return 0
		}
		d.left = d.buf[:]
	}
	b := d.left[0]
	d.left = d.left[1:]
	return b
}

// below draws from 0 to n-1, each as likely; n is 1 to 256.
func (d *drawer) below(n int) int {
	for {
		if b := int(d.byte()); b < 256-256%n || d.err != nil {
			return b % n
		}
	}
}

func (d *drawer) of(alphabet string) byte { return alphabet[d.below(len(alphabet))] }

func (d *drawer) bytes(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = d.byte()
	}
	return string(out)
}

const (
	figures = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// stringLike chooses how to draw by what s looks like.
func (d *drawer) stringLike(s string) func() string {
	switch Looks(body.Value{Kind: body.String, Text: s}) {
	case ClassInteger, ClassDecimal, ClassEpoch, ClassEpochMS:
		return func() string { return d.numberLike(s) }
	case ClassUUID:
		return func() string { return d.uuidLike(s) }
	case ClassHex, ClassMAC:
		return func() string { return d.hexLike(s) }
	case ClassIPv4:
		return func() string { return d.ipv4Like(s) }
	case ClassIPv6:
		return func() string { return d.ipv6Like(s) }
	case ClassTime, ClassDate:
		return func() string { return d.timeLike(s) }
	case ClassURL:
		scheme := strings.Index(s, "://") + len("://")
		return func() string { return s[:scheme] + d.textLike(s[scheme:]) }
	case ClassVersion:
		rest := strings.TrimPrefix(s, "v")
		return func() string { return s[:len(s)-len(rest)] + d.textLike(rest) }
	case ClassToken:
		return func() string { return d.tokenLike(s) }
	}
	return func() string { return d.textLike(s) }
}

// hexAlphabet is that of the letters in s: lower case, upper case, or both.
func hexAlphabet(s string) string {
	switch set := alphabetOf(s); {
	case set.lower && set.upper:
		return "0123456789abcdefABCDEF"
	case set.upper:
		return "0123456789ABCDEF"
	}
	return "0123456789abcdef"
}

// hexLike replaces hexadecimal digits and keeps the rest.
func (d *drawer) hexLike(s string) string {
	alphabet := hexAlphabet(s)
	out := []byte(s)
	for i, c := range out {
		if isHexDigit(c) {
			out[i] = d.of(alphabet)
		}
	}
	return string(out)
}

// uuidLike keeps the version and the bits of the variant (RFC 9562, section 4).
func (d *drawer) uuidLike(s string) string {
	out := []byte(d.hexLike(s))
	out[14] = s[14]
	switch c := s[19]; {
	case '8' <= c && c <= '9' || c|0x20 == 'a' || c|0x20 == 'b':
		out[19] = d.of("89" + hexAlphabet(s)[10:12])
	default:
		out[19] = c
	}
	return string(out)
}

func (d *drawer) ipv4Like(s string) string {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		switch len(p) {
		case 1:
			parts[i] = strconv.Itoa(d.below(10))
		case 2:
			parts[i] = strconv.Itoa(10 + d.below(90))
		default:
			parts[i] = strconv.Itoa(100 + d.below(156))
		}
	}
	return strings.Join(parts, ".")
}

// ipv6Like keeps the groups; an embedded IPv4 address is drawn as one. A zone, which names an interface, is drawn as text.
func (d *drawer) ipv6Like(s string) string {
	addr, zone, hasZone := strings.Cut(s, "%")
	out := addr
	if i := strings.LastIndexByte(addr, ':'); strings.Contains(addr, ".") {
		out = d.hexLike(addr[:i+1]) + d.ipv4Like(addr[i+1:])
		if a, err := netip.ParseAddr(addr); err == nil && a.Is4In6() {
			out = addr[:i+1] + d.ipv4Like(addr[i+1:])
		}
	} else {
		out = d.hexLike(addr)
	}
	if hasZone {
		return out + "%" + d.textLike(zone)
	}
	return out
}

// timeLike draws a time of 2000 to 2099 with the offset as it was and as many digits after the point.
func (d *drawer) timeLike(s string) string {
	m, _ := readMoment(s)
	m.year, m.month, m.day = 2000+d.below(100), 1+d.below(12), 1+d.below(28)
	m.hour, m.minute, m.second = d.below(24), d.below(60), d.below(60)
	fraction := []byte(m.fraction)
	for i := 1; i < len(fraction); i++ {
		fraction[i] = d.of(figures)
	}
	m.fraction = string(fraction)
	return string(m.append(nil))
}

// tokenLike treats a token as one run, its - _ + / among its letters, where it has letters of both cases and figures,
// as base64 has; where the separators stand would otherwise be part of what is written.
func (d *drawer) tokenLike(s string) string {
	set := alphabetOf(s)
	if !set.lower || !set.upper || !set.digit || strings.Count(s, "-")+strings.Count(s, "_")+strings.Count(s, "+")+strings.Count(s, "/") > len(s)/6 {
		return d.textLike(s)
	}
	alphabet := lower + upper + figures
	switch {
	case strings.ContainsAny(s, "-_"):
		alphabet += "-_"
	case strings.ContainsAny(s, "+/"):
		alphabet += "+/"
	}
	out := []byte(s)
	for i, c := range out {
		if strings.IndexByte(".~=", c) < 0 {
			out[i] = d.of(alphabet)
		}
	}
	return string(out)
}

// textLike replaces runs of letters and figures and keeps what is between them.
func (d *drawer) textLike(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			out = append(out, d.of(lettersFor(r)))
			i += size
			continue
		}
		end := i
		for end < len(s) && isAlnum(s[end]) {
			end++
		}
		if end == i {
			out = append(out, s[i])
			i++
			continue
		}
		out = d.runLike(out, s[i:end])
		i = end
	}
	return string(out)
}

func lettersFor(r rune) string {
	if unicode.IsUpper(r) {
		return upper
	}
	return lower
}

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// runLike draws one run of ASCII letters and figures.
func (d *drawer) runLike(out []byte, run string) []byte {
	set := alphabetOf(run)
	switch {
	case !set.digit: // letters: case kept, letter by letter
		for i := range run {
			if run[i] >= 'a' {
				out = append(out, d.of(lower))
			} else {
				out = append(out, d.of(upper))
			}
		}
		return out
	case !set.lower && !set.upper:
		for range run {
			out = append(out, d.of(figures))
		}
		return out
	}
	alphabet := figures
	switch {
	case !set.beyondF:
		alphabet = hexAlphabet(run)
	case set.lower && set.upper:
		alphabet += lower + upper
	case set.lower:
		alphabet += lower
	default:
		alphabet += upper
	}
	for range run {
		out = append(out, d.of(alphabet))
	}
	return out
}

// numberLike replaces the digits of a number, those of its exponent left aside.
func (d *drawer) numberLike(s string) string {
	out := []byte(s)
	first := true
	for i, c := range out {
		if c == 'e' || c == 'E' {
			break
		}
		if !isDigit(c) {
			continue
		}
		more := i+1 < len(out) && isDigit(out[i+1])
		switch {
		case first && c == '0' && (more || i+1 < len(out) && out[i+1] == '.'): // 007, 0.5
		case first && more:
			out[i] = d.of(figures[1:])
		default:
			out[i] = d.of(figures)
		}
		first = false
	}
	return string(out)
}

// fitsAs reports whether the integer out fits each integer type that in fits.
func fitsAs(in, out string) bool {
	if len(in) < len("2147483647") {
		return true
	}
	a, ok := scan(in)
	b, ok2 := scan(out)
	if !ok || !ok2 || !a.whole {
		return true
	}
	for _, most := range [...]string{"2147483647", "4294967295", "9007199254740991", "9223372036854775807", "18446744073709551615"} {
		m, _ := scan(most)
		if x := m.rat(); a.rat().Abs(a.rat()).Cmp(x) <= 0 {
			return b.rat().Abs(b.rat()).Cmp(x) <= 0
		}
	}
	return true
}
