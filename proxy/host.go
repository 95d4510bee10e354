package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// maxHostLen is the length of a name (RFC 1035, section 2.3.4).
const maxHostLen = 253

// cleanHost brings a host into the one form that rules see: lower case, A-label, no final dot, an address without brackets
// and zone. The odd spellings of addresses that some resolvers take (0x7f.1, 2130706433) are refused.
func cleanHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		return addr.WithZone("").Unmap().String(), nil
	}
	host = strings.TrimSuffix(host, ".")
	if plainName(host) {
		return host, nil
	}
	name, err := idna.Lookup.ToASCII(host)
	if err != nil || !plainName(strings.ToLower(name)) {
		if lower := strings.ToLower(host); plainName(lower) { // "_" is no letter of IDNA, but of names in use
			return lower, nil
		}
		return "", fmt.Errorf("%q is not a host name", clip(host))
	}
	return strings.ToLower(name), nil
}

// plainName reports whether host is a name in its final form.
func plainName(host string) bool {
	if host == "" || len(host) > maxHostLen {
		return false
	}
	label, digits := 0, true // digits: of the last label
	for i := 0; i < len(host); i++ {
		c := host[i]
		switch {
		case c == '.':
			if label == 0 {
				return false
			}
			label, digits = -1, true
		case '0' <= c && c <= '9':
		case 'a' <= c && c <= 'z', c == '_':
			digits = false
		case c == '-':
			digits = false
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	lastHex := strings.HasPrefix(host[strings.LastIndexByte(host, '.')+1:], "0x")
	return label > 0 && !digits && !lastHex // a last label of digits is an address in disguise (WHATWG URL, "ends in a number")
}

// splitAuthority reads host and port of an authority; port is def where none is given.
func splitAuthority(authority string, def uint16) (host string, port uint16, err error) {
	h, p, port := authority, "", def
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		if h, p, err = net.SplitHostPort(authority); err != nil {
			return "", 0, fmt.Errorf("%q is not host:port", clip(authority))
		}
		if port, err = parsePort(p); err != nil {
			return "", 0, err
		}
	}
	host, err = cleanHost(h)
	return host, port, err
}

// clip shortens what a client wrote before it is shown.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
