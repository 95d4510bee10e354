package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

var ruleKeys = []string{
	"id", "kind", "why", "match", "then", "parts", "fields", "each", "release", "crowd", "unlisted", "on_error", "reply", "examples", "max_body",
}

var useKeys = []string{"use", "match", "class", "kind"}

func (r *reader) readRules(n *strict.Node) {
	lines := map[string]int{}
	for _, item := range n.Items() {
		if isUse(item) {
			r.file.Rules = append(r.file.Rules, r.readUse(item))
			continue
		}
		rule, id := r.readRule(item)
		if line, twice := lines[rule.ID]; twice && rule.ID != "" {
			id.Fault("rule "+strconv.Quote(rule.ID)+" stands on line "+strconv.Itoa(line)+" already", "give every rule its own id")
		}
		lines[rule.ID] = rule.Pos.Line
		r.file.Rules = append(r.file.Rules, rule)
	}
}

func isUse(n *strict.Node) bool {
	if !n.IsMap() {
		return false
	}
	for _, e := range n.Entries() {
		if e.Key == "use" {
			return true
		}
	}
	return false
}

func (r *reader) readUse(n *strict.Node) Rule {
	f := n.Fields(useKeys...)
	use := &Use{Template: readTemplateName(f["use"]), Product: r.file.Product, Pos: posOf(n)}
	if f["match"] != nil {
		m := f["match"].Fields("host", "client")
		use.Match.Pos = posOf(f["match"])
		use.Match.Hosts, use.Match.HostFile = readHostMatch(m["host"])
		for _, item := range m["client"].OneOrMore() {
			use.Match.Client = append(use.Match.Client, readClient(item))
		}
	}
	if use.Match.HostFile != "" {
		f["match"].Fault("a host file under use", "host files are for refuse; name the hosts")
	}
	use.Class = Class(f["class"].Word(string(Telemetry), string(Mixed)))
	if f["kind"] != nil {
		use.Kind = r.readKind(f["kind"])
	}
	if r.file.Template != "" {
		n.Fault("a template in a template", "write its rules out")
	}
	return Rule{Product: r.file.Product, Use: use, Pos: use.Pos}
}

// readRule reads one rule; id is the node of its id, for faults.
func (r *reader) readRule(n *strict.Node) (rule Rule, id *strict.Node) {
	f := n.Fields(ruleKeys...)
	rule = Rule{Product: r.file.Product, Unlisted: UnlistedRemove, OnError: ErrorDrop, Pos: posOf(n)}
	if !n.IsMap() {
		return rule, n
	}
	rule.ID = r.readID(n, f["id"])
	rule.Kind = r.readKind(f["kind"])
	rule.Why = f["why"].Str()
	if f["match"] == nil {
		n.Fault("a rule without match", "name at least the hosts: match: {host: [...]}")
	} else {
		rule.Match = readMatch(f["match"], "")
	}
	rule.Then = readThen(n, f["then"])
	if f["unlisted"] != nil {
		rule.Unlisted = readUnlisted(f["unlisted"])
	}
	rule.OnError = readOnError(f["on_error"], rule.Then, ErrorDrop)
	if f["max_body"] != nil {
		rule.MaxBody = f["max_body"].Size()
	}
	rule.Reply = readReply(f["reply"])
	rule.Parts = r.readParts(n, f, &rule)
	r.readExamples(f["examples"], &rule)
	r.checkRule(n, f, &rule)
	if f["id"] == nil {
		return rule, n
	}
	return rule, f["id"]
}

func (r *reader) readID(n, id *strict.Node) string {
	if id == nil {
		n.Fault("a rule without id", "give it a name of its own, as in id: plex-playback")
		return ""
	}
	text := id.Str()
	if strings.ContainsAny(text, " \t\n\r/") {
		id.Fault(strconv.Quote(text)+" has a space or a slash", "write it as in plex-playback")
	}
	return text
}

func readThen(n, then *strict.Node) Verdict {
	if then == nil {
		n.Fault("a rule without then", "write then: pass, generalize, drop or refuse")
		return ""
	}
	return Verdict(then.Word(string(Pass), string(Generalize), string(Drop), string(Refuse)))
}

func readUnlisted(n *strict.Node) Unlisted {
	u := Unlisted(n.Word(string(UnlistedKeep), string(UnlistedRemove), string(UnlistedDrop)))
	if u == "" && n != nil {
		return UnlistedRemove
	}
	return u
}

// readOnError reads what a rule, or an element of a batch, says for those of its fields that say nothing themselves.
// What stands beside fields, a body or a condition that cannot be read, is always dropped.
func readOnError(n *strict.Node, then Verdict, otherwise OnError) OnError {
	words := []string{string(ErrorDrop)}
	if then == Generalize {
		words = append(words, string(ErrorRemove))
	}
	if word := n.Word(words...); word != "" {
		return OnError(word)
	}
	return otherwise
}

// checkRule finds what does not fit together in one rule.
func (r *reader) checkRule(n *strict.Node, f map[string]*strict.Node, rule *Rule) {
	match := f["match"]
	if match != nil && rule.Match.HostFile != "" && rule.Then != Refuse && rule.Then != "" {
		match.Fault("a host file in a rule that is not refuse", "name the hosts: what is decrypted stands in the rule")
	}
	if match.IsMap() && len(rule.Match.Hosts) == 0 && rule.Match.HostFile == "" && r.file.Template == "" && !writesHost(match) {
		r.takeHosts(match, rule)
	}
	switch rule.Then {
	case Generalize:
		if len(rule.Parts) == 0 && f["parts"] == nil {
			n.Fault("then: generalize without fields", "list the fields that may leave, or write then: drop")
		}
	case Refuse:
		r.checkRefuse(n, f, rule)
	}
	if rule.Then == Pass || rule.Then == Drop || rule.Then == Refuse {
		for _, key := range []string{"parts", "fields", "each", "release", "crowd", "unlisted"} {
			if f[key] != nil {
				f[key].Fault(key+" has no effect under then: "+string(rule.Then), "remove it, or write then: generalize")
			}
		}
	}
	if f["reply"] != nil && (rule.Then == Pass || rule.Then == Refuse) {
		f["reply"].Fault("reply has no effect under then: "+string(rule.Then), "remove it")
	}
}

func writesHost(match *strict.Node) bool {
	for _, e := range match.Entries() {
		if e.Key == "host" {
			return true
		}
	}
	return false
}

// takeHosts gives a rule that names no host the hosts of its file.
func (r *reader) takeHosts(match *strict.Node, rule *Rule) {
	if len(r.file.Hosts) == 0 || rule.Then == Refuse {
		match.Fault("a match without host", "name the hosts that the rule is for")
		return
	}
	for _, h := range r.file.Hosts {
		name, suffix := strings.CutPrefix(h.Name, "*.")
		rule.Match.Hosts = append(rule.Match.Hosts, HostPattern{Name: name, Suffix: suffix, Pos: h.Pos})
	}
}

// checkRefuse holds a refuse rule to what the gate can know.
func (r *reader) checkRefuse(n *strict.Node, f map[string]*strict.Node, rule *Rule) {
	for _, e := range f["match"].Entries() {
		if e.Key != "host" && e.Key != "client" && slices.Contains(matchKeys, e.Key) {
			e.KeyNode.Fault(e.Key+" under then: refuse", "a refused host is never decrypted: match host and client alone")
		}
	}
	for _, key := range []string{"examples", "max_body", "on_error"} {
		if f[key] != nil {
			f[key].Fault(key+" has no effect under then: refuse", "remove it")
		}
	}
}

// readReply reads what a client is told.
func readReply(n *strict.Node) *Reply {
	if n == nil {
		return nil
	}
	f := n.Fields("status", "type", "header", "body")
	reply := &Reply{Status: 200, Type: f["type"].Str(), Pos: posOf(n)}
	if f["status"] != nil {
		reply.Status = f["status"].Int()
		if reply.Status != 0 && (reply.Status < 200 || reply.Status > 599) {
			f["status"].Fault(strconv.Itoa(reply.Status)+" is not a final status", "write 200 to 599")
		}
	}
	if reply.Type != "" && !strings.Contains(reply.Type, "/") {
		f["type"].Fault(strconv.Quote(reply.Type)+" is not a media type", "write it as in application/json")
	}
	reply.Header = readHeader(f["header"])
	reply.Body = readText(f["body"])
	if reply.Body != "" && (reply.Status == 204 || reply.Status == 304) {
		f["body"].Fault("a body under status "+strconv.Itoa(reply.Status), "write status: 200, or leave the body out")
	}
	return reply
}

// readText reads a string, or any other value as compact JSON.
func readText(n *strict.Node) string {
	if n == nil {
		return ""
	}
	if n.IsScalar() && !n.IsNumber() && !n.IsBool() {
		return n.Str()
	}
	text, _ := n.JSON()
	return text
}

// readHeader reads {Name: value} and {Name: [value, value]}.
func readHeader(n *strict.Node) []Field {
	var fields []Field
	for _, e := range n.Entries() {
		checkFieldName(e.KeyNode, e.Key)
		for _, item := range e.Value.OneOrMore() {
			value := item.Text()
			if strings.ContainsAny(value, "\r\n\x00") {
				item.Fault("a line break in a header field", "")
			}
			fields = append(fields, Field{Name: e.Key, Value: value})
		}
	}
	return fields
}

// readBody reads the body of an example: a string is text, anything else JSON.
func readBody(n *strict.Node) *body.Value {
	if n == nil {
		return nil
	}
	switch {
	case n.IsMap():
		text, _ := n.JSON()
		return &body.Value{Kind: body.Object, Text: text}
	case n.IsList():
		text, _ := n.JSON()
		return &body.Value{Kind: body.Array, Text: text}
	case n.IsEmpty():
		n.Fault("an empty body", `leave body out, or write "" or null`)
		return nil
	}
	v, _ := readScalar(n)
	return &v
}
