package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/audit"
	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// verdictOfCheck is what check found; --json prints it.
type verdictOfCheck struct {
	Good     bool         `json:"good"`
	Rules    int          `json:"rules"`
	Examples int          `json:"examples"`
	Faults   []checkFault `json:"faults"`
	Warnings []checkFault `json:"warnings"`
	book     *rulebook    // nil where the rules do not compile
}

// checkFault is one fault or warning with its place.
type checkFault struct {
	File   string   `json:"file,omitempty"`
	Line   int      `json:"line,omitempty"`
	Column int      `json:"column,omitempty"`
	Path   string   `json:"path,omitempty"`
	What   string   `json:"what"`
	Fix    string   `json:"fix,omitempty"`
	Diff   []string `json:"diff,omitempty"` // of an example
}

func newCheckCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "load the configuration and the rules, run their examples",
		Long: `check loads the configuration and the rules it names, or the files given: a configuration
or rule files. It runs every example and prints faults as file:line:column, all at once.
Exit code 3: there are faults.`,
		Example: "  scrim check\n  scrim check rules/home.yaml\n  scrim check --config /etc/scrim/config.yaml --json",
		Args:    rangeArgs(0, -1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.check(args) },
	}
	addJSON(a, c)
	return c
}

func (a *app) check(args []string) error {
	v, err := a.judgeFiles(args)
	if err != nil {
		return err
	}
	v.Good = len(v.Faults) == 0
	if a.json {
		if err := a.ui.json(v); err != nil {
			return err
		}
	} else {
		a.showCheck(v)
	}
	if !v.Good {
		return exitWith(exitFaults)
	}
	return nil
}

// judgeFiles finds the faults of the configuration or of the files named.
func (a *app) judgeFiles(args []string) (*verdictOfCheck, error) {
	v := &verdictOfCheck{Faults: []checkFault{}, Warnings: []checkFault{}}
	configs, ruleFiles, err := sortFiles(args)
	if err != nil {
		return nil, err
	}
	if len(configs) > 1 {
		return nil, misused(fmt.Errorf("%s and %s are both configurations", configs[0], configs[1]), "check one configuration at a time")
	}
	cfg, err := a.configToCheck(configs, len(args) > 0)
	if err != nil {
		return nil, err
	}
	own, _ := cfg.ruleFiles()
	for _, name := range ruleFiles {
		if !slices.Contains(own, cfg.resolve(name)) && !slices.Contains(own, name) {
			own = append(own, name)
		}
	}
	faults := cfg.faults
	cfg.faults = nil
	book, err := cfg.compile(own)
	if faults, err = merge(faults, err); err != nil {
		return nil, err
	}
	if book != nil {
		cfg.checkProducts(book)
		v.examine(book)
	}
	for _, f := range append(faults, cfg.faults...).Sorted() {
		v.Faults = append(v.Faults, checkFault{File: f.File, Line: f.Line, Column: f.Column, Path: f.Path, What: f.What, Fix: f.Fix})
	}
	return v, nil
}

// configToCheck is the configuration named as a file, else that of --config; rule files alone are
// held against the defaults.
func (a *app) configToCheck(configs []string, named bool) (*config, error) {
	file := ""
	var err error
	switch {
	case len(configs) == 1:
		file = configs[0]
	case !named || a.configFile != "":
		if file, err = findConfig(a.configFile); err != nil {
			return nil, err
		}
	}
	cfg, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	return cfg, cfg.readChoices()
}

// examine runs the examples and collects the warnings.
func (v *verdictOfCheck) examine(book *rulebook) {
	v.book = book
	for _, file := range book.files {
		v.Rules += len(file.Rules)
		for _, rule := range file.Rules {
			v.Examples += len(rule.Examples)
		}
	}
	for _, f := range book.plain.RunExamples() {
		what := fmt.Sprintf("rule %s: example %q: %s", f.Rule, f.Example, f.What)
		v.Faults = append(v.Faults, checkFault{File: f.Pos.File, Line: f.Pos.Line, Column: f.Pos.Column, What: what, Diff: f.Diff})
	}
	for _, w := range book.plain.Warnings() {
		what := w.What
		if w.Other != (rules.Pos{}) {
			what += " (" + place(w.Other) + ")"
		}
		v.Warnings = append(v.Warnings, checkFault{File: w.Pos.File, Line: w.Pos.Line, Column: w.Pos.Column, What: what})
	}
	for _, d := range audit.Doubts(book.set.Cells(), audit.Shipped()) {
		v.Warnings = append(v.Warnings, checkFault{File: d.Pos.File, Line: d.Pos.Line, Column: d.Pos.Column, What: d.What})
	}
}

func place(p rules.Pos) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// sortFiles tells configurations from rule files by the keys at the top; what cannot be told is a rule file.
func sortFiles(names []string) (configs, ruleFiles []string, err error) {
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("checking %q: %s", name, cause(err))
		}
		if isConfig(name, data) {
			configs = append(configs, name)
		} else {
			ruleFiles = append(ruleFiles, name)
		}
	}
	return configs, ruleFiles, nil
}

func isConfig(name string, data []byte) bool {
	root, _ := strict.Read(name, data)
	if root == nil || !root.IsMap() {
		return false
	}
	words, _ := below("")
	config, other := 0, 0
	for _, e := range root.Entries() {
		switch {
		case slices.Contains(words, e.Key):
			config++
		case slices.Contains([]string{"rules", "product", "template", "hosts", "kinds", "tables"}, e.Key):
			other++
		}
	}
	return config > other
}

// showCheck prints what check found: faults and warnings on standard error, the sum on standard output.
func (a *app) showCheck(v *verdictOfCheck) {
	for _, f := range v.Faults {
		fault := strict.Fault{File: f.File, Line: f.Line, Column: f.Column, Path: f.Path, What: f.What, Fix: f.Fix}
		a.ui.fault(strict.Faults{fault})
		for _, d := range f.Diff {
			a.ui.note("    ", d)
		}
	}
	for _, w := range v.Warnings {
		a.ui.warn(place(rules.Pos{File: w.File, Line: w.Line, Column: w.Column}), w.What)
	}
	switch {
	case len(v.Faults) > 0:
		a.ui.note(count(len(v.Faults), "fault"))
	case v.book != nil:
		a.ui.line(a.ui.paint(green, "good"), ": ", count(v.Rules, "rule"), ", ", count(v.Examples, "example"))
	}
}

// count is "1 fault", "2 faults".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		noun = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// isFaults reports whether err is faults of a file rather than a failure.
func isFaults(err error) bool {
	var faults strict.Faults
	return errors.As(err, &faults)
}
