package rules

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/scrimproxy/scrim/rules/strict"
)

// String is the pattern as it is written in rules: "name" or "*.name".
func (h HostPattern) String() string {
	if h.Suffix {
		return "*." + h.Name
	}
	return h.Name
}

// readHostPattern reads a name or *.name: lower case, as A-labels (RFC 5890, section 2.3.2.1). ok is false, and there
// is a fault, where text is neither.
func readHostPattern(n *strict.Node, text string) (HostPattern, bool) {
	name, suffix := text, false
	if rest, ok := strings.CutPrefix(text, "*."); ok {
		name, suffix = rest, true
	}
	name, what, fix := hostName(name)
	if text == "*" || text == "**" {
		what, fix = "a lone * would cover every host there is", "name the hosts, or write *.name for everything below a name"
	}
	if what != "" {
		n.Fault(what, fix)
		return HostPattern{}, false
	}
	return HostPattern{Name: name, Suffix: suffix, Pos: posOf(n)}, true
}

// hostName normalizes a host name, or says what is wrong with it.
func hostName(text string) (name, what, fix string) {
	quoted := strconv.Quote(text)
	switch {
	case text == "":
		return "", "an empty host name", ""
	case strings.Contains(text, "://") || strings.Contains(text, "/"):
		return "", quoted + " is not a host name", "write the name alone, without scheme and path"
	case strings.Contains(text, "*"):
		return "", quoted + " has a * that is no first label", "write *.name for everything below a name"
	case strings.HasSuffix(text, "."):
		return "", quoted + " ends in a dot", "write " + strconv.Quote(strings.TrimRight(text, "."))
	}
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return "", quoted + " is an address", "write a name: a rule never holds for an address alone"
	}
	if strings.Contains(text, ":") {
		return "", quoted + " has a port", "write the name alone: rules hold for every port"
	}
	name = strings.ToLower(text)
	if !isASCII(text) {
		ascii, err := idna.Lookup.ToASCII(text)
		if err != nil {
			return "", quoted + " is not an internationalized host name", "write it as it looks on the wire, in ASCII (xn--…)"
		}
		name = ascii
	}
	if !validName(name) {
		return "", quoted + " is not a host name", "labels are letters, digits, - and _, 63 at most each and 253 in all"
	}
	return name, "", ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// validName holds names to RFC 1035, section 2.3.4 (lengths), with the underscore that names in use have.
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// ParseHosts reads a host file: one pattern a line, # begins a comment. name is used in faults alone. A line of a
// hosts(5) file, with an address first, is read too.
func ParseHosts(name string, data []byte) ([]HostPattern, error) {
	var patterns []HostPattern
	var faults strict.Faults
	line := 0
	for text := range strings.SplitSeq(string(data), "\n") {
		line++
		text, _, _ = strings.Cut(text, "#")
		words := strings.Fields(text)
		if len(words) > 1 {
			if _, err := netip.ParseAddr(words[0]); err == nil {
				words = words[1:]
			}
		}
		for _, word := range words {
			rest, suffix := strings.CutPrefix(word, "*.")
			host, what, fix := hostName(rest)
			if word == "*" {
				what, fix = "a lone * would cover every host there is", "name the hosts"
			}
			if what != "" {
				faults = append(faults, strict.Fault{File: name, Line: line, Column: 1 + strings.Index(text, word), What: what, Fix: fix})
				continue
			}
			patterns = append(patterns, HostPattern{Name: host, Suffix: suffix, Pos: Pos{File: name, Line: line, Column: 1 + strings.Index(text, word)}})
		}
	}
	return patterns, faults.Err()
}

// readClient reads an address, a prefix, or the owner's name for a client.
func readClient(n *strict.Node) ClientPattern {
	text := n.Str()
	pattern := ClientPattern{Pos: posOf(n)}
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			n.Fault(strconv.Quote(text)+" is not a prefix", "write it as in 192.168.1.0/24 or 2001:db8::/64")
			return pattern
		}
		if prefix != prefix.Masked() {
			n.Fault(strconv.Quote(text)+" has bits set after the prefix", "write "+prefix.Masked().String())
		}
		pattern.Prefix = prefix.Masked()
		return pattern
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		pattern.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return pattern
	}
	pattern.Name = text
	if text == "" && n.IsScalar() && !n.IsNumber() && !n.IsBool() {
		n.Fault("an empty client", "write an address, a prefix, or a name from clients.names")
	}
	return pattern
}
