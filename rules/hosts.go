package rules

import (
	"slices"
	"strings"
)

// hostIndex finds what is said of a host: an exact look-up, and one for each longer suffix that any name of the
// index has as many labels as. Its cost does not depend on the number of names.
type hostIndex struct {
	exact  map[string]int32 // name: group
	suffix map[string]int32 // name of *.name: group
	depths uint64           // bit n: some suffix has n labels; bit 63: 63 or more
	groups [][]int32        // what the names of a group stand for, rising
	single map[int32]int32  // value: the group of it alone
}

func newHostIndex(size int) *hostIndex {
	return &hostIndex{exact: make(map[string]int32, size), suffix: map[string]int32{}, single: map[int32]int32{}}
}

// add says that value speaks of pattern. Values are added in rising order.
func (x *hostIndex) add(pattern HostPattern, value int32) {
	names := x.exact
	if pattern.Suffix {
		names = x.suffix
		x.depths |= 1 << min(labels(pattern.Name), 63)
	}
	group, known := names[pattern.Name]
	switch {
	case !known:
		names[pattern.Name] = x.alone(value)
	case !slices.Contains(x.groups[group], value):
		x.groups = append(x.groups, append(slices.Clone(x.groups[group]), value))
		names[pattern.Name] = int32(len(x.groups) - 1)
	}
}

// alone is the group of one value.
func (x *hostIndex) alone(value int32) int32 {
	group, ok := x.single[value]
	if !ok {
		group = int32(len(x.groups))
		x.groups = append(x.groups, []int32{value})
		x.single[value] = group
	}
	return group
}

// find appends to dst what is said of host, in rising order, each once.
func (x *hostIndex) find(dst []int32, host string) []int32 {
	start := len(dst)
	if group, ok := x.exact[host]; ok {
		dst = append(dst, x.groups[group]...)
	}
	if x.depths != 0 {
		dst = x.findSuffixes(dst, host)
	}
	if len(dst)-start > 1 {
		slices.Sort(dst[start:])
		dst = dst[:start+len(slices.Compact(dst[start:]))]
	}
	return dst
}

func (x *hostIndex) findSuffixes(dst []int32, host string) []int32 {
	n := labels(host)
	for dot := strings.IndexByte(host, '.'); dot >= 0; dot = strings.IndexByte(host, '.') {
		host = host[dot+1:]
		n--
		if x.depths&(1<<min(n, 63)) == 0 {
			continue
		}
		if group, ok := x.suffix[host]; ok {
			dst = append(dst, x.groups[group]...)
		}
	}
	return dst
}

// labels counts the labels of a name.
func labels(name string) int { return strings.Count(name, ".") + 1 }

// cleanHost brings a name to the form of Destination.Host: lower case, no final dot.
func cleanHost(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// hostPattern reads a name or *.name.
func hostPattern(s string) HostPattern {
	name, wild := strings.CutPrefix(cleanHost(s), "*.")
	return HostPattern{Name: name, Suffix: wild}
}

// holds reports whether the pattern holds for a host.
func (p HostPattern) holds(host string) bool {
	if p.Suffix {
		return len(host) > len(p.Name)+1 && strings.HasSuffix(host, p.Name) && host[len(host)-len(p.Name)-1] == '.'
	}
	return host == p.Name
}
