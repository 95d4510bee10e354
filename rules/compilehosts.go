package rules

import (
	"cmp"
	"slices"
)

// hostEntry is a host as a file lists it.
type hostEntry struct {
	pattern HostPattern
	class   Class
	file    int
	pos     Pos
}

// addClasses indexes the hosts that have a class. Where several entries speak of one host, that of the first file
// holds, and in it the closest: an exact name before *.name, a longer one before a shorter.
func (c *compiler) addClasses() {
	entries := c.hostEntries()
	slices.SortStableFunc(entries, func(a, b hostEntry) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(rank(a.pattern), rank(b.pattern)))
	})
	c.classOf = newHostIndex(len(entries))
	for _, e := range entries {
		c.classOf.add(e.pattern, int32(len(c.classes)))
		c.classes = append(c.classes, HostInfo{Name: e.pattern.String(), Class: e.class, Product: c.files[e.file].Product})
	}
}

// rank orders patterns from close to wide.
func rank(p HostPattern) int {
	if !p.Suffix {
		return -1 << 16
	}
	return -labels(p.Name)
}

func (c *compiler) hostEntries() []hostEntry {
	var entries []hostEntry
	for i, f := range c.files {
		for _, h := range f.Hosts {
			p := hostPattern(h.Name)
			if !validName(p.Name) {
				c.fault(h.Pos, `name a host, or "*.example.org" for the names below it`, "host %q is not a name", h.Name)
				continue
			}
			if name := danger(p, c.never); name != "" {
				c.fault(h.Pos, "leave it out: sign-in, discovery and certificates of the product depend on it",
					"host %q covers %s, which is never decrypted", h.Name, name)
				continue
			}
			entries = append(entries, hostEntry{p, h.Class, i, h.Pos})
		}
	}
	return entries
}

// hasClass reports whether every name of the pattern has a class.
func (c *compiler) hasClass(p HostPattern) bool {
	for i := range c.classes {
		if coversAll(hostPattern(c.classes[i].Name), p) {
			return true
		}
	}
	return false
}

// coversAll reports whether wide holds for every name that narrow holds for.
func coversAll(wide, narrow HostPattern) bool {
	if !narrow.Suffix {
		return wide.holds(narrow.Name)
	}
	return wide.Suffix && (wide.Name == narrow.Name || wide.holds(narrow.Name))
}

// class is the entry that gives host its class.
func (c *core) class(host string) (HostInfo, bool) {
	var room [8]int32
	found := c.classOf.find(room[:0], host)
	if len(found) == 0 {
		return HostInfo{}, false
	}
	return c.classes[found[0]], true
}
