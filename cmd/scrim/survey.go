package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/transform"
)

// survey collects what recorded requests are made of: names, types and shapes, never values.
type survey struct {
	groups []*surveyed
	bare   []*surveyed // of requests without body and query: what they tell stands in their header
}

// surveyed is the requests of one host, method and path.
type surveyed struct {
	host, method, path string
	count              int
	form               body.Form // of the bodies; "" where there is none
	opaque             bool      // a body has no form that fields could be listed of
	fields             []*seenField
}

// seenField is one field with the first thing that was seen in it.
type seenField struct {
	selector string
	name     string // the last name in it
	kind     body.Kind
	class    transform.Class
	shape    string
	word     bool // text that looks like a word of a vocabulary: an event's name, a platform
	several  bool // seen with more than one type
	count    int
}

func newSurvey() *survey { return &survey{} }

// add looks at one request.
func (s *survey) add(m *rules.Message) {
	if len(m.Body) == 0 && m.Query == "" {
		s.addBare(m)
		return
	}
	g := group(&s.groups, m.To.Host, m.Method, pathGlob(m.Path))
	g.count++
	for _, f := range queryOf(m.Query) {
		g.note("query:"+f.Name, f.Name, body.Value{Kind: body.String, Text: f.Value})
	}
	if len(m.Body) > 0 {
		g.addBody(m)
	}
}

// plainNames are header fields that say nothing of the sender, or that every generalized request has anyway.
var plainNames = []string{"Host", "Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Content-Encoding", "Cookie"}

// addBare looks at the header of a request that has nothing else.
func (s *survey) addBare(m *rules.Message) {
	g := group(&s.bare, m.To.Host, m.Method, pathGlob(m.Path))
	g.count++
	for _, f := range m.Header {
		if !slices.ContainsFunc(plainNames, func(plain string) bool { return strings.EqualFold(plain, f.Name) }) {
			g.note("header:"+f.Name, f.Name, body.Value{Kind: body.String, Text: f.Value})
		}
	}
}

// group finds or makes the group of a host, a method and a path.
func group(groups *[]*surveyed, host, method, path string) *surveyed {
	for _, g := range *groups {
		if g.host == host && g.method == method && g.path == path {
			return g
		}
	}
	g := &surveyed{host: host, method: method, path: path}
	*groups = append(*groups, g)
	return g
}

func (g *surveyed) addBody(m *rules.Message) {
	plain, _, err := body.Plain(m.Get("Content-Encoding"), m.Body, body.Limits{})
	if err != nil {
		g.opaque = true
		return
	}
	tree, err := body.Decode("", m.Get("Content-Type"), plain, body.Limits{})
	if err != nil || tree.Form() == body.XML || tree.Form() == body.Protobuf || tree.Form() == body.Text || g.form != "" && g.form != tree.Form() {
		g.opaque = true
		return
	}
	g.form = tree.Form()
	g.walk(tree, 0, "$", "")
}

// walk notes every scalar below node n; elements of arrays count as one field.
func (g *surveyed) walk(t *body.Tree, n int32, selector, name string) {
	if k := t.Kind(n); k != body.Object && k != body.Array {
		g.note(selector, name, t.Value(n))
		return
	}
	for c := t.First(n); c >= 0; c = t.Next(c) {
		if t.Kind(n) == body.Array {
			g.walk(t, c, selector+"[*]", name)
			continue
		}
		g.walk(t, c, selector+memberSelector(t.Name(c)), t.Name(c))
	}
}

var shortName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// memberSelector is the segment that selects a member (RFC 9535, section 2.5.1).
func memberSelector(name string) string {
	if shortName.MatchString(name) {
		return "." + name
	}
	return string(bytes.TrimPrefix(normalizedName(name), []byte("$")))
}

func (g *surveyed) note(selector, name string, v body.Value) {
	class := transform.Looks(v)
	for _, f := range g.fields {
		if f.selector == selector {
			f.count++
			f.several = f.several || f.kind != v.Kind && v.Kind != body.Null && !(isBool(f.kind) && isBool(v.Kind))
			f.word = f.word && isVocabulary(v)
			if f.kind == body.Null {
				f.kind, f.class, f.shape, f.word = v.Kind, class, transform.Shape(v), isVocabulary(v)
			}
			return
		}
	}
	g.fields = append(g.fields, &seenField{selector: selector, name: name, kind: v.Kind, class: class, shape: transform.Shape(v), word: isVocabulary(v), count: 1})
}

func isBool(k body.Kind) bool { return k == body.True || k == body.False }

var vocabulary = regexp.MustCompile(`^[A-Za-z][A-Za-z_:. -]{0,31}$`)

// isVocabulary reports whether text may be one of few words: no digits, short. Whether it is one, only the
// names of fields can say.
func isVocabulary(v body.Value) bool {
	return v.Kind == body.String && vocabulary.MatchString(v.Text)
}

// pathGlob writes a path with what varies replaced: numbers, identifiers.
func pathGlob(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		switch transform.Looks(body.Value{Kind: body.String, Text: s}) {
		case transform.ClassUUID, transform.ClassHex, transform.ClassToken, transform.ClassInteger, transform.ClassEpoch, transform.ClassEpochMS, transform.ClassEmail:
			segments[i] = "*"
		}
		if strings.ContainsAny(s, "*?[]{}\\%") || len(s) > 40 {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

// rules writes the rule file. Requests without body and query are in it where there are no others, and only with fields.
func (s *survey) rules(from string) (string, error) {
	if len(s.groups) == 0 {
		s.groups = slices.DeleteFunc(s.bare, func(g *surveyed) bool { return len(g.fields) == 0 })
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by \"scrim rules new\" from %s. Read each line: a treatment is suggested by the name and the shape\n", path.Base(from))
	b.WriteString("# of a field, and only you know what it means. What is not listed is removed.\n")
	hosts := s.hosts()
	if len(hosts) == 0 {
		return "", hinted(fmt.Errorf("%s has no request with a body, a query or a telling header that a rule could be written for", from), "record while the product sends something")
	}
	b.WriteString("hosts:\n")
	for _, h := range hosts {
		class, meaning := "mixed", "what no rule matches passes; write telemetry if the host carries nothing else"
		if telemetryName(h) {
			class, meaning = "telemetry", "what no rule matches is dropped; write mixed if the product needs the host"
		}
		fmt.Fprintf(&b, "  %s: %s # %s\n", quoteYAML(h), class, meaning)
	}
	b.WriteString("rules:\n")
	ids := map[string]int{}
	for _, g := range s.groups {
		if !slices.Contains(hosts, g.host) {
			fmt.Fprintf(&b, "  # %s is never decrypted, or is an address: no rule can be written for it.\n", g.host)
			continue
		}
		g.write(&b, ids)
	}
	return b.String(), nil
}

// hosts are the names that rules may cover.
func (s *survey) hosts() []string {
	var hosts []string
	for _, g := range s.groups {
		if _, err := netip.ParseAddr(g.host); err == nil || slices.Contains(hosts, g.host) || !coverable(g.host) {
			continue
		}
		hosts = append(hosts, g.host)
	}
	return hosts
}

// coverable asks the rules themselves whether they take the host.
func coverable(host string) bool {
	text := "hosts: {" + quoteYAML(host) + ": mixed}\nrules:\n  - {id: x, match: {host: " + quoteYAML(host) + "}, then: pass}\n"
	file, err := rules.Parse("new", []byte(text))
	if err != nil {
		return false
	}
	_, err = rules.Compile([]*rules.File{file}, rules.Options{})
	return err == nil
}

var telemetryWords = regexp.MustCompile(`telemetry|metric|analytic|stat|event|collect|crash|sentry|insight|track|usage|report|log|beacon`)

func telemetryName(host string) bool {
	first, _, _ := strings.Cut(host, ".")
	return telemetryWords.MatchString(first)
}

func (g *surveyed) write(b *strings.Builder, ids map[string]int) {
	fmt.Fprintf(b, "  - id: %s\n    why: \"\" # say what the data could tell about you\n", g.id(ids))
	fmt.Fprintf(b, "    match:\n      host: %s\n      method: %s\n      path: %s\n", quoteYAML(g.host), quoteYAML(g.method), quoteYAML(g.path))
	if g.opaque {
		b.WriteString("    then: drop # a body of a form that cannot be listed field by field\n")
		return
	}
	b.WriteString("    then: generalize\n    unlisted: remove\n    fields: # " + count(g.count, "request") + " seen\n")
	for _, f := range g.fields {
		do, why := f.suggest()
		fmt.Fprintf(b, "      %s: %s # %s\n", quoteYAML(f.selector), do, why)
	}
}

// id is a word made of host and path, counted where it stands there already.
func (g *surveyed) id(ids map[string]int) string {
	words := strings.FieldsFunc(strings.ToLower(g.host+g.path), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	id := strings.Join(words, "-")
	ids[id]++
	if ids[id] > 1 {
		id += "-" + strconv.Itoa(ids[id])
	}
	return id
}
