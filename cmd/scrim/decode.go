package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// section decodes a map of the file whose keys stand below prefix ("" or "listen.").
func (c *config) section(n *strict.Node, prefix string) {
	words, leaves := below(prefix)
	fields := n.Fields(words...)
	for _, word := range words {
		value, given := fields[word]
		if !given {
			continue
		}
		leaf, isLeaf := leaves[word]
		switch {
		case isLeaf:
			c.note(prefix+word, value)
			c.value(value, leaf)
		case !value.IsNull():
			c.section(value, prefix+word+".")
		}
	}
}

// below is the words that may follow a prefix, and those of them that are keys.
func below(prefix string) (words []string, leaves map[string]key) {
	leaves = map[string]key{}
	for _, k := range keys() {
		rest, ok := strings.CutPrefix(k.path, prefix)
		if !ok {
			continue
		}
		word, deeper, _ := strings.Cut(rest, ".")
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
		if deeper == "" {
			leaves[word] = k
		}
	}
	return words, leaves
}

// value decodes one key. A list or a map that is there without contents keeps its default, so that
// its lines can be commented out.
func (c *config) value(n *strict.Node, k key) {
	switch field := k.field(c.Settings).(type) {
	case *string:
		*field = c.word(n, k)
	case *address:
		*field = c.listen(n)
	case *int:
		if *field = n.Int(); k.path != "version" && *field <= 0 && n.IsNumber() {
			n.Fault(fmt.Sprintf("%d is no limit", *field), "write a whole number above 0")
		}
	case *size:
		*field = size(n.Size())
	case *time.Duration:
		*field = n.Duration()
	case *[]string:
		if !n.IsNull() {
			*field = c.words(n, k)
		}
	case *map[string]string:
		if !n.IsNull() {
			*field = c.table(n, k)
		}
	case *map[string]Product:
		if !n.IsNull() {
			*field = c.products(n)
		}
	default:
		panic("scrim: the key " + k.path + " has a type that decode does not know")
	}
}

func (c *config) word(n *strict.Node, k key) string {
	if k.words != nil {
		return n.Word(k.words...)
	}
	text := n.Str()
	if n.IsScalar() {
		judge(n, text, k.check)
	}
	return text
}

// listen is the address of a door; off, and an empty string, are a door that is off.
func (c *config) listen(n *strict.Node) address {
	text := n.Text()
	if text == "off" || text == "" {
		return ""
	}
	judge(n, text, listenAddress)
	return address(text)
}

func (c *config) words(n *strict.Node, k key) []string {
	words := []string{}
	for _, item := range n.Items() {
		text := item.Str()
		if item.IsScalar() {
			judge(item, text, k.check)
		}
		words = append(words, text)
	}
	return words
}

func (c *config) table(n *strict.Node, k key) map[string]string {
	table := map[string]string{}
	for _, e := range n.Entries() {
		judge(e.KeyNode, e.Key, k.named)
		text := e.Value.Str()
		if e.Value.IsScalar() {
			judge(e.Value, text, k.check)
		}
		table[e.Key] = text
		c.note(k.path+"."+e.Key, e.Value)
	}
	return table
}

// products are the switches: product, then kind or the word profile. Whether there is such a product
// and such a kind is asked when the rules are known (products.go).
func (c *config) products(n *strict.Node) map[string]Product {
	products := map[string]Product{}
	for _, e := range n.Entries() {
		path := "products." + e.Key
		c.note(path, e.KeyNode)
		product := Product{Switch: map[string]rules.Verdict{}}
		if e.Value.IsNull() {
			continue
		}
		for _, s := range e.Value.Entries() {
			c.note(path+"."+s.Key, s.Value)
			if s.Key == "profile" {
				product.Profile = s.Value.Word("generalized", "strict")
				continue
			}
			product.Switch[s.Key] = rules.Verdict(s.Value.Word("pass", "generalize", "drop"))
		}
		products[e.Key] = product
	}
	return products
}

func judge(n *strict.Node, text string, check func(string) (what, fix string)) {
	if check == nil {
		return
	}
	if what, fix := check(text); what != "" {
		n.Fault(what, fix)
	}
}

// together judges what single values cannot say.
func (c *config) together() {
	if n := c.nodes["version"]; n != nil && c.Version != 1 && n.IsNumber() {
		n.Fault(fmt.Sprintf("version %d is not known", c.Version), "write 1")
	}
	if n := c.nodes["ledger.originals"]; n != nil && c.Ledger.Originals == "memory" && !slices.Contains(builtDoors(), "web") {
		n.Fault("this build has no review UI that could show originals", "write none")
	}
	if n := c.nodes["dns.answer"]; n != nil && c.DNS.Answer == "origin" && c.Listen.DNS != "" && c.Listen.Transparent == "" {
		n.Fault("clients would go to the origins past scrim: the transparent door is off", "set listen.transparent and run \"scrim firewall apply\", or write self")
	}
	if n := c.nodes["firewall.scope"]; n != nil && c.Firewall.Scope == "all" && len(c.Firewall.Clients)+len(c.Firewall.LocalUsers) == 0 {
		n.Fault("all needs firewall.clients or firewall.local_users, so that nobody is taken by surprise", "name them, or write rules")
	}
	for _, d := range doors(c.Settings) {
		if n := c.nodes[d.key]; n != nil && d.addr != "" && d.word != "web" && !slices.Contains(builtDoors(), d.word) {
			n.Fault("this build does not have "+d.title+" yet", "leave the key out")
		}
	}
}

// door is a place where scrim listens.
type door struct {
	word, key, title string
	addr             address
}

// doors are all doors of the specification, in the order in which serve prints them.
func doors(s *Settings) []door {
	return []door{
		{"proxy", "listen.proxy", "the explicit proxy door", s.Listen.Proxy},
		{"socks", "listen.socks", "the SOCKS5 door", s.Listen.Socks},
		{"collector", "listen.collector", "the collector door", s.Listen.Collector},
		{"transparent", "listen.transparent", "the transparent door", s.Listen.Transparent},
		{"tls", "listen.tls", "the door for TLS redirected by DNS", s.Listen.TLS},
		{"http", "listen.http", "the door for HTTP redirected by DNS", s.Listen.HTTP},
		{"dns", "listen.dns", "the DNS door", s.Listen.DNS},
		{"web", "listen.web", "the review UI", s.Listen.Web},
	}
}

// builtDoors are the doors, and the verbs beside them, that this build has.
func builtDoors() []string {
	return []string{"proxy", "socks", "collector", "transparent", "tls", "http", "dns", "firewall", "web"}
}
