package rules

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/scrimproxy/scrim/rules/body"
	"github.com/scrimproxy/scrim/rules/strict"
)

// profile numbers the profiles.
type profile uint8

const (
	generalized profile = iota
	strictest
	profiles // how many there are
)

// profileNamed is the profile of a name; "" is generalized.
func profileNamed(name string) (profile, bool) {
	switch name {
	case "", "generalized":
		return generalized, true
	case "strict":
		return strictest, true
	}
	return generalized, false
}

// String is the name of the profile.
func (p profile) String() string {
	if p == strictest {
		return "strict"
	}
	return "generalized"
}

// rule is a compiled rule.
type rule struct {
	info    RuleInfo
	ast     *Rule
	file    int // of core.files
	kind    int // of core.kinds; -1: no switch
	product int // of core.products
	match   *match
	parts   [profiles][]*part
	refuses bool
}

// core is what all copies of a Set share: rules as compiled, without the owner's switches.
type core struct {
	files     []*File
	rules     []*rule
	index     *hostIndex // host: rules
	anyHost   []int32    // rules that name no host
	classes   []HostInfo // in order of preference
	classOf   *hostIndex // host: classes
	kinds     []kind
	products  []ProductInfo
	selectors []*selector             // of body conditions; a condition holds an index
	tables    map[[2]string]*tableRef // file, table
	limits    body.Limits
	opt       Options
	scratch   sync.Pool // *exchange
	blank     *body.Tree
}

// kind is one switch.
type kind struct {
	KindInfo
	product int
}

// compiler collects the faults of one Compile.
type compiler struct {
	*core
	faults    strict.Faults
	productNo map[string]int
	kindNo    map[[2]string]int
	selNo     map[string]int
	never     []string
}

// Compile makes a Set of files, the owner's first: of two that speak of one thing, the first wins. Templates (files
// with Template) stand where a rule uses them. Its error is strict.Faults: all faults at once, each with its place.
// It runs no examples: see RunExamples.
func Compile(files []*File, opt Options) (*Set, error) {
	files, faults := Expand(files)
	c := &compiler{
		core: &core{
			files:  files,
			opt:    opt,
			tables: map[[2]string]*tableRef{},
			limits: body.Limits{MaxBytes: opt.Limits.MaxBody, MaxRatio: opt.Limits.MaxRatio, MaxDepth: opt.Limits.MaxDepth},
		},
		faults:    faults,
		productNo: map[string]int{},
		kindNo:    map[[2]string]int{},
		selNo:     map[string]int{},
		never:     append(neverDecrypt(), opt.NeverDecrypt...),
	}
	c.blank, _ = body.Decode(body.JSON, "", []byte("null"), body.Limits{})
	c.scratch.New = func() any { return newExchange() }
	c.checkProfiles()
	c.addProducts()
	c.addClasses()
	c.addTables()
	c.addRules()
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	return (&Set{core: c.core}).With(Choices{}), nil
}

// fault notes what is wrong at pos and what to do about it.
func (c *compiler) fault(pos Pos, fix, format string, args ...any) {
	c.faults = append(c.faults, strict.Fault{
		File: pos.File, Line: pos.Line, Column: pos.Column, What: fmt.Sprintf(format, args...), Fix: fix,
	})
}

func (c *compiler) checkProfiles() {
	names := []string{c.opt.Profile}
	for _, name := range c.opt.ProductProfile {
		names = append(names, name)
	}
	for _, name := range names {
		if _, ok := profileNamed(name); !ok {
			c.fault(Pos{}, "write generalized or strict", "unknown profile %q", name)
		}
	}
}

// addProducts lists the products and their kinds of data, in the order of the files.
func (c *compiler) addProducts() {
	for _, f := range c.files {
		p := c.productOf(f.Product)
		if c.products[p].Title == "" {
			c.products[p].Title = f.Title
		}
		for _, k := range f.Kinds {
			owner := f.Product
			if k.Product != "" {
				owner = k.Product
			}
			key := [2]string{owner, k.Name}
			if _, known := c.kindNo[key]; known {
				continue
			}
			c.kindNo[key] = len(c.kinds)
			c.kinds = append(c.kinds, kind{
				KindInfo: KindInfo{Name: k.Name, Title: k.Title, Default: orVerdict(k.Default, Generalize)},
				product:  c.productOf(owner),
			})
		}
	}
}

func orVerdict(v, other Verdict) Verdict {
	if v == "" {
		return other
	}
	return v
}

// productOf numbers the product.
func (c *compiler) productOf(name string) int {
	no, known := c.productNo[name]
	if !known {
		no = len(c.products)
		c.productNo[name] = no
		c.products = append(c.products, ProductInfo{Name: name})
	}
	return no
}

// addRules compiles the rules in order: all of a file, then the next file's.
func (c *compiler) addRules() {
	size := 0
	for _, f := range c.files {
		for i := range f.Rules {
			size += len(f.Rules[i].Match.Hosts)
		}
	}
	c.index = newHostIndex(size)
	for no, f := range c.files {
		for i := range f.Rules {
			c.addRule(no, &f.Rules[i])
		}
	}
}

// addRule compiles one rule of file no.
func (c *compiler) addRule(no int, ast *Rule) {
	f := c.files[no]
	product := ast.Product
	if product == "" {
		product = f.Product
	}
	r := &rule{ast: ast, file: no, kind: -1, product: c.productOf(product), refuses: ast.Then == Refuse}
	r.info = RuleInfo{
		ID: ast.ID, Product: product, Title: c.products[r.product].Title, Kind: ast.Kind, Why: ast.Why, Then: ast.Then, Pos: ast.Pos,
	}
	if ast.Kind != "" {
		k, known := c.kindNo[[2]string{product, ast.Kind}]
		if !known {
			c.fault(ast.Pos, "declare it under kinds", "kind %q is not one of product %q", ast.Kind, product)
		} else {
			r.kind = k
		}
	}
	r.match = c.match(&ast.Match, ast.Match.Form)
	c.addHosts(r, int32(len(c.rules)))
	c.rules = append(c.rules, r)
	if ast.Then == Generalize {
		for p := range profiles {
			r.parts[p] = c.parts(r, p)
		}
	}
}

// addHosts puts the rule into the index, under each of its hosts.
func (c *compiler) addHosts(r *rule, no int32) {
	ast := r.ast
	for _, h := range ast.Match.Hosts {
		c.addHost(r, no, h, h.Pos)
	}
	if ast.Match.HostFile != "" {
		c.addList(r, no)
	}
	if len(ast.Match.Hosts) > 0 || ast.Match.HostFile != "" {
		return
	}
	if r.refuses {
		c.fault(ast.Pos, "name the hosts", "rule %q refuses, and names no host", ast.ID)
		return
	}
	c.anyHost = append(c.anyHost, no)
}

func (c *compiler) addHost(r *rule, no int32, h HostPattern, pos Pos) {
	if h.Name == "" || strings.Contains(h.Name, "*") {
		c.fault(pos, `name a host, or "*.example.org" for the names below it`, "host %q covers everything or nothing", h.String())
		return
	}
	if name := danger(h, c.never); name != "" {
		c.fault(pos, "leave it out: sign-in, discovery and certificates of the product depend on it",
			"host %q covers %s, which is never decrypted", h.String(), name)
		return
	}
	if !r.refuses && !c.hasClass(h) {
		c.fault(pos, "give it one under hosts: telemetry or mixed", "host %q has no class", h.String())
	}
	c.index.add(h, no)
}

// addList adds the names of a {file: hosts.txt}, one a line.
func (c *compiler) addList(r *rule, no int32) {
	pos := r.ast.Match.Pos
	name := r.ast.Match.HostFile
	if !r.refuses {
		c.fault(pos, "", "rule %q: a list of hosts can only be refused", r.ast.ID)
		return
	}
	if c.opt.Files == nil {
		c.fault(pos, "", "list of hosts %q cannot be read here", name)
		return
	}
	data, err := c.opt.Files(name)
	if err != nil {
		c.fault(pos, "", "reading list of hosts %q: %v", name, err)
		return
	}
	hosts, err := ParseHosts(name, data)
	var faults strict.Faults
	if errors.As(err, &faults) {
		c.faults = append(c.faults, faults...)
	}
	for _, h := range hosts {
		c.addHost(r, no, h, h.Pos)
	}
}

// formOf is the form that the rule with this information says its bodies have, or "".
func (c *core) formOf(info *RuleInfo) body.Form {
	for _, r := range c.rules {
		if &r.info == info {
			return r.match.form
		}
	}
	return ""
}
