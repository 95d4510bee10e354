package certs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxGroupHosts is how many names one intermediate is constrained to: 4,000 work,
// 5,000 make the handshake too large for curl; 500 keep it small.
const maxGroupHosts = 500

// Group is a set of hosts that share an intermediate: a pack, or the owner's files.
type Group struct {
	Name  string   // shown in the intermediate's subject: "plex"
	Hosts []string // lower-case A-labels: "name", or "*.name" for any subdomain
}

// cleanHost lower-cases, takes the final dot off, and refuses what cannot be a DNS name.
func cleanHost(host string) (string, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 253 {
		return "", &HostError{Host: host, What: "not a host name"}
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return "", &HostError{Host: host, What: "an IP address; only names are signed"}
	}
	for label := range strings.SplitSeq(host, ".") {
		if !validLabel(label) {
			return "", &HostError{Host: host, What: "not a host name"}
		}
	}
	return host, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// cleanPattern is cleanHost for "name" and "*.name".
func cleanPattern(pattern string) (string, error) {
	name, wild := strings.CutPrefix(pattern, "*.")
	name, err := cleanHost(name)
	if err != nil {
		return "", fmt.Errorf("host %q of a group: %w", pattern, err)
	}
	if wild {
		return "*." + name, nil
	}
	return name, nil
}

// chunk is what one intermediate is made for.
type chunk struct {
	name  string
	hosts []string // clean, sorted, unique
}

// chunks cleans the groups and splits those of more than maxGroupHosts.
func chunks(groups []Group) ([]chunk, error) {
	var out []chunk
	for _, g := range groups {
		hosts := make([]string, 0, len(g.Hosts))
		for _, h := range g.Hosts {
			clean, err := cleanPattern(h)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, clean)
		}
		slices.Sort(hosts)
		hosts = slices.Compact(hosts)
		if len(hosts) <= maxGroupHosts {
			if len(hosts) > 0 {
				out = append(out, chunk{g.Name, hosts})
			}
			continue
		}
		n := 0
		for part := range slices.Chunk(hosts, maxGroupHosts) {
			n++
			out = append(out, chunk{fmt.Sprintf("%s %d", g.Name, n), part})
		}
	}
	return out, nil
}

// constraints gives the permitted DNS names for hosts. By RFC 5280, section 4.2.1.10,
// a name permits itself and everything below it, so "a.b" and "*.a.b" are both "a.b"
// and what lies below another name is left out.
func constraints(hosts []string) []string {
	set := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		set[strings.TrimPrefix(h, "*.")] = true
	}
	out := make([]string, 0, len(set))
	for name := range set {
		if !parentIn(set, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func parentIn(set map[string]bool, name string) bool {
	for {
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		if set[parent] {
			return true
		}
		name = parent
	}
}
