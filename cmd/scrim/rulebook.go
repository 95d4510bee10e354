package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
	"github.com/scrimproxy/scrim/rules/strict"
)

// rulebook is the owner's rules and the packs, compiled.
type rulebook struct {
	owned []string      // the owner's files, as they were read
	files []*rules.File // the owner's first, then the packs
	plain *rules.Set    // without switches
	set   *rules.Set    // with the switches of the configuration and the choices
	held  []heldPack    // shipped files that wait for the owner's yes: older ones are in force
}

// loadRules reads and compiles the rules of the configuration and lays its switches over them.
// It runs no examples. Its error is strict.Faults where the rules are wrong; the faults of the
// configuration that need the rules to be seen are among them.
func (c *config) loadRules() (*rulebook, error) {
	files, faults := c.ruleFiles()
	book, err := c.compile(files)
	faults, err = merge(faults, err)
	if err != nil {
		return nil, err
	}
	if len(faults) == 0 {
		c.checkProducts(book)
		faults = append(faults, c.faults...)
	}
	return book, faults.Err()
}

// loadProven is loadRules and the examples: what serve starts with, and what a reload takes over.
func (c *config) loadProven() (*rulebook, error) {
	book, err := c.loadRules()
	if err != nil {
		return nil, err
	}
	var faults strict.Faults
	for _, f := range book.plain.RunExamples() {
		faults = append(faults, exampleFault(f))
	}
	return book, faults.Err()
}

// exampleFault is a failing example as a fault of one line; the differences go to check alone.
func exampleFault(f rules.ExampleFault) strict.Fault {
	what := fmt.Sprintf("rule %s: example %q: %s", f.Rule, f.Example, f.What)
	return strict.Fault{File: f.Pos.File, Line: f.Pos.Line, Column: f.Pos.Column, What: what, Fix: "\"scrim check\" shows the differences"}
}

// ruleFiles are the owner's files with their globs resolved, in the order of the configuration.
func (c *config) ruleFiles() ([]string, strict.Faults) {
	var files []string
	before := len(c.faults)
	for _, name := range c.RuleFiles {
		path := c.resolve(name)
		if !strings.ContainsAny(name, "*?[") {
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(path)
		if err != nil {
			c.fault("rule_files", fmt.Sprintf("%q is not a pattern", name), "write a file name, or a pattern as in rules/*.yaml")
		}
		files = append(files, found...)
	}
	return files, c.faults[before:]
}

// compile reads the owner's files and the packs and makes one set of them.
func (c *config) compile(names []string) (*rulebook, error) {
	book := &rulebook{owned: names}
	var faults strict.Faults
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			c.fault("rule_files", fmt.Sprintf("%q is named twice", name), "name it once")
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			f := strict.Fault{File: name, What: "the rule file cannot be read: " + cause(err)}
			if o := c.origins["rule_files"]; o.file != "" {
				f.Fix = "it is named in " + o.String()
			}
			faults = append(faults, f)
			continue
		}
		if faults, err = book.parse(name, data, faults); err != nil {
			return nil, err
		}
	}
	var packs []pack.Source
	packs, book.held = c.packSources()
	for _, source := range packs {
		var err error
		if faults, err = book.parse(source.Name, source.Data, faults); err != nil {
			return nil, err
		}
	}
	if len(faults) > 0 {
		return nil, faults.Err()
	}
	var err error
	book.plain, err = rules.Compile(book.files, c.ruleOptions())
	if err != nil {
		return nil, err
	}
	book.set = book.plain.With(c.choices)
	return book, nil
}

func (b *rulebook) parse(name string, data []byte, faults strict.Faults) (strict.Faults, error) {
	file, err := rules.Parse(name, data)
	if err == nil {
		b.files = append(b.files, file)
	}
	return merge(faults, err)
}

// ruleOptions is what the rules room has to know of the settings.
func (c *config) ruleOptions() rules.Options {
	return rules.Options{
		Limits:         rules.Limits{MaxBody: int64(c.Limits.MaxBody), MaxRatio: c.Limits.Ratio, MaxDepth: c.Limits.Depth},
		Profile:        c.Profile,
		ProductProfile: c.choices.Profile,
		Files:          c.readList,
	}
}

// readList reads a list that a rule names, and remembers it for the watch.
func (c *config) readList(name string) ([]byte, error) {
	file := c.resolve(name)
	c.lists = append(c.lists, file)
	return os.ReadFile(file)
}

// merge adds err to faults where it is some; another error comes back.
func merge(faults strict.Faults, err error) (strict.Faults, error) {
	var more strict.Faults
	switch {
	case err == nil:
		return faults, nil
	case errors.As(err, &more):
		return append(faults, more...), nil
	}
	return faults, err
}

// cause is the last link of an error's chain: "no such file or directory" without the path.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// checkProducts finds switches of products and kinds that no rule knows.
func (c *config) checkProducts(book *rulebook) {
	products := map[string][]string{}
	var names []string
	for _, p := range book.set.Products() {
		names = append(names, p.Name)
		for _, k := range p.Kinds {
			products[p.Name] = append(products[p.Name], k.Name)
		}
	}
	for path := range c.nodes {
		section, rest, _ := strings.Cut(path, ".")
		product, kind, deeper := strings.Cut(rest, ".")
		kinds, known := products[product]
		switch {
		case rest == "" || section != "products" && section != "pause":
		case !known && !deeper:
			c.fault(path, fmt.Sprintf("unknown product %q", product), choose(product, names))
		case known && deeper && section == "products" && kind != "profile" && !slices.Contains(kinds, kind):
			c.fault(path, fmt.Sprintf("%s has no kind of data %q", product, kind), choose(kind, kinds))
		}
	}
}

// choose says what to write in place of word.
func choose(word string, known []string) string {
	if near := strict.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "leave it out"
	}
	return "known are " + strings.Join(known, ", ")
}
