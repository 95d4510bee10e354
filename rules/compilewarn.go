package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Warning is something in the rules that is no fault and surely not meant.
type Warning struct {
	Pos   Pos
	Other Pos // where the cause stands; zero: nowhere
	What  string
}

// String is file:line:column: what (see file:line:column).
func (w Warning) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", w.Pos.File, w.Pos.Line, w.Pos.Column, w.What)
	if w.Other.File != "" {
		text += fmt.Sprintf(" (see %s:%d:%d)", w.Other.File, w.Other.Line, w.Other.Column)
	}
	return text
}

// Warnings lists rules that can never decide: an earlier rule holds wherever they do, or an earlier rule refuses their
// hosts. What needs more than a look at the conditions is not found.
func (s *Set) Warnings() []Warning {
	var warnings []Warning
	for i, r := range s.rules {
		for _, earlier := range s.rules[:i] {
			if what := shadows(earlier, r); what != "" {
				warnings = append(warnings, Warning{
					Pos: r.info.Pos, Other: earlier.info.Pos,
					What: fmt.Sprintf("rule %q never decides: rule %q %s", r.info.ID, earlier.info.ID, what),
				})
				break
			}
		}
	}
	return warnings
}

// shadows says why a later rule never decides, or "".
func shadows(earlier, later *rule) string {
	if later.ast.Match.HostFile != "" || earlier.ast.Match.HostFile != "" {
		return ""
	}
	if !hostsCover(earlier.match.hosts, later.match.hosts) || !clientsCover(earlier.match.clients, later.match.clients) {
		return ""
	}
	if earlier.refuses {
		return "refuses its hosts"
	}
	if later.refuses {
		return ""
	}
	if matchCovers(&earlier.ast.Match, &later.ast.Match) {
		return "holds wherever it does"
	}
	return ""
}

func hostsCover(wide, narrow []HostPattern) bool {
	if len(wide) == 0 {
		return true
	}
	if len(narrow) == 0 {
		return false
	}
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w HostPattern) bool { return coversAll(w, n) }) {
			return false
		}
	}
	return true
}

func clientsCover(wide, narrow []ClientPattern) bool {
	if len(wide) == 0 {
		return true
	}
	if len(narrow) == 0 {
		return false
	}
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w ClientPattern) bool {
			if w.Name != "" || n.Name != "" {
				return w.Name == n.Name && w.Name != ""
			}
			return w.Prefix.Bits() <= n.Prefix.Bits() && w.Prefix.Contains(n.Prefix.Addr())
		}) {
			return false
		}
	}
	return true
}

// matchCovers reports whether wide surely holds wherever narrow does, hosts and clients apart. A body that cannot be
// read differently makes no rule wider: the form has to be the same.
func matchCovers(wide, narrow *Match) bool {
	if wide.Not != nil && !sameMatch(wide.Not, narrow.Not) {
		return false
	}
	if len(wide.Body) > 0 && wide.Form != narrow.Form {
		return false
	}
	if len(wide.Methods) > 0 && (len(narrow.Methods) == 0 || !subset(narrow.Methods, wide.Methods)) {
		return false
	}
	if !pathsCover(wide.Paths, narrow.Paths) || !namedCover(wide.Query, narrow.Query) || !namedCover(wide.Header, narrow.Header) || !namedCover(wide.Body, narrow.Body) {
		return false
	}
	if wide.ContentType == nil {
		return true
	}
	return narrow.ContentType != nil && condCovers(wide.ContentType, narrow.ContentType)
}

// sameMatch compares what stands under two nots, places in the file apart.
func sameMatch(a, b *Match) bool {
	return a != nil && b != nil && matchCovers(a, b) && matchCovers(b, a) && reflect.DeepEqual(a.Hosts, b.Hosts)
}

func subset(small, large []string) bool {
	return !slices.ContainsFunc(small, func(s string) bool { return !slices.Contains(large, s) })
}

func pathsCover(wide, narrow []string) bool {
	if len(wide) == 0 {
		return true
	}
	if len(narrow) == 0 {
		return slices.Contains(wide, "**") || slices.Contains(wide, "/**")
	}
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w string) bool { return w == n || w == "**" || w == "/**" || globCovers(newPathGlob(w), n) }) {
			return false
		}
	}
	return true
}

// globCovers reports whether wide matches all that narrow does. A star of narrow, taken as text, can only be matched by
// one of wide; two, which go across segments, stand for none, one, and several.
func globCovers(wide pathGlob, narrow string) bool {
	for _, across := range []string{"", "*", "*/*", "*/*/*/*"} {
		if !wide.match(cleanPath(strings.ReplaceAll(narrow, "**", across))) {
			return false
		}
	}
	return true
}

// namedCover reports whether every condition of wide follows from one of narrow.
func namedCover(wide, narrow []Named) bool {
	for i := range wide {
		if !slices.ContainsFunc(narrow, func(n Named) bool {
			return n.Name == wide[i].Name && condCovers(&wide[i].Cond, &n.Cond)
		}) {
			return false
		}
	}
	return true
}

// condCovers reports whether wide holds wherever narrow does.
func condCovers(wide, narrow *Condition) bool {
	if wide.Exists != nil {
		if narrow.Exists != nil {
			return *wide.Exists == *narrow.Exists
		}
		return *wide.Exists
	}
	if len(wide.Any) == 0 || len(narrow.Any) == 0 {
		return wide.Min == narrow.Min && wide.Max == narrow.Max && len(wide.Any) == len(narrow.Any) && narrow.Exists == nil
	}
	for _, n := range narrow.Any {
		covered := false
		for _, w := range wide.Any {
			covered = covered || w == n || w.Kind == n.Kind && w.Kind == '"' && globMatch(w.Text, n.Text)
		}
		if !covered {
			return false
		}
	}
	return true
}
