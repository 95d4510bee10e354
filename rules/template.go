package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/strict"
)

// Expand puts the rules of templates where files use them, and leaves the templates themselves
// out. The ids of what it puts in are TEMPLATE/ID, with #2 and on where a template is used
// again. A rule takes the hosts of its use; without any, the template's own. The files
// given are not changed; those that use nothing are returned as they are.
func Expand(files []*File) ([]*File, strict.Faults) {
	e := &expander{templates: map[string]*File{}, uses: map[string]int{}}
	for _, f := range files {
		if f.Template != "" && e.templates[f.Template] == nil {
			e.templates[f.Template] = f
		}
	}
	var expanded []*File
	for _, f := range files {
		if f.Template != "" {
			continue
		}
		expanded = append(expanded, e.expandFile(f))
	}
	return expanded, e.faults
}

type expander struct {
	templates map[string]*File
	uses      map[string]int // how often a template was used
	faults    strict.Faults
}

func (e *expander) expandFile(f *File) *File {
	if !slices.ContainsFunc(f.Rules, func(r Rule) bool { return r.Use != nil }) {
		return f
	}
	out := *f
	out.Hosts, out.Kinds, out.Tables = slices.Clone(f.Hosts), slices.Clone(f.Kinds), slices.Clone(f.Tables)
	out.Rules = nil
	for _, rule := range f.Rules {
		if rule.Use == nil {
			out.Rules = append(out.Rules, rule)
			continue
		}
		e.expandUse(&out, rule.Use)
	}
	return &out
}

// expandUse appends to f what use stands for.
func (e *expander) expandUse(f *File, use *Use) {
	t := e.templates[use.Template]
	if t == nil {
		e.fault(use.Pos, "no template is called "+strconv.Quote(use.Template), e.templateHint(use.Template))
		return
	}
	hosts := use.Match.Hosts
	if len(hosts) == 0 {
		hosts = ownHosts(t)
	}
	if len(hosts) == 0 {
		e.fault(use.Pos, "template "+t.Template+" has no hosts of its own", "name them: match: {host: [...]}")
		return
	}
	addClasses(f, t, use, hosts)
	addKinds(f, t, use)
	for _, table := range t.Tables {
		if !slices.ContainsFunc(f.Tables, func(other Table) bool { return other.Name == table.Name }) {
			f.Tables = append(f.Tables, table)
		}
	}
	e.uses[t.Template]++
	for _, rule := range t.Rules {
		f.Rules = append(f.Rules, expandRule(rule, t, use, hosts, e.uses[t.Template]))
	}
}

func expandRule(rule Rule, t *File, use *Use, hosts []HostPattern, nth int) Rule {
	rule.ID = t.Template + "/" + rule.ID
	if nth > 1 {
		rule.ID += "#" + strconv.Itoa(nth)
	}
	rule.Product = use.Product
	if rule.Product == "" {
		rule.Product = t.Template
	}
	if use.Kind != "" {
		rule.Kind = use.Kind
	}
	if len(use.Match.Hosts) > 0 || len(rule.Match.Hosts) == 0 {
		rule.Match.Hosts = hosts
	}
	rule.Match.Client = slices.Concat(rule.Match.Client, use.Match.Client)
	return rule
}

// ownHosts are the hosts of a hosted service, as its template names them.
func ownHosts(t *File) []HostPattern {
	hosts := make([]HostPattern, 0, len(t.Hosts))
	for _, h := range t.Hosts {
		name, suffix := strings.CutPrefix(h.Name, "*.")
		hosts = append(hosts, HostPattern{Name: name, Suffix: suffix, Pos: h.Pos})
	}
	return hosts
}

// addClasses gives each host of a use its class: that of the use, or of the template's own host.
// Where neither says one, Compile finds it elsewhere or faults it.
func addClasses(f, t *File, use *Use, hosts []HostPattern) {
	for _, pattern := range hosts {
		name, class := pattern.String(), use.Class
		if class == "" {
			for _, h := range t.Hosts {
				if h.Name == name {
					class = h.Class
				}
			}
		}
		known := slices.ContainsFunc(f.Hosts, func(h Host) bool { return h.Name == name })
		if class != "" && !known {
			f.Hosts = append(f.Hosts, Host{Name: name, Class: class, Pos: pattern.Pos})
		}
	}
}

// addKinds gives f the switches of the template's kinds, unless the use puts its rules under one of f's own.
func addKinds(f, t *File, use *Use) {
	if use.Kind != "" {
		return
	}
	for _, kind := range t.Kinds {
		if f.Product == "" {
			kind.Product = t.Template
		}
		if !slices.ContainsFunc(f.Kinds, func(k Kind) bool { return k.Name == kind.Name && k.Product == kind.Product }) {
			f.Kinds = append(f.Kinds, kind)
		}
	}
}

func (e *expander) templateHint(name string) string {
	known := make([]string, 0, len(e.templates))
	for n := range e.templates {
		known = append(known, n)
	}
	slices.Sort(known)
	if near := strict.Nearest(name, known); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "there are " + strings.Join(known, ", ")
}

func (e *expander) fault(pos Pos, what, fix string) {
	e.faults = append(e.faults, strict.Fault{File: pos.File, Line: pos.Line, Column: pos.Column, What: what, Fix: fix})
}
