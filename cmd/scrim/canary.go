package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules"
)

// canaryReport is what became of the canaries.
type canaryReport struct {
	Good     bool         `json:"good"`
	Messages int          `json:"messages"` // of products' shapes, each sent once or twice
	Canaries int          `json:"canaries"` // values of ours in them
	Left     int          `json:"left"`     // requests that reached the sink
	Kept     int          `json:"kept"`     // fields that a rule lets out as they come, by name: no canary was put there
	Passed   []string     `json:"passed"`   // products that the owner passes: not tried
	Needed   []string     `json:"needed"`   // rules that let through what the product needs, all but what they name: not tried
	Leaks    []canaryLeak `json:"leaks"`
	Failed   []canaryFail `json:"failed"`
}

// canaryLeak is a canary that was found.
type canaryLeak struct {
	Rule    string `json:"rule"`
	Example string `json:"example"`
	What    string `json:"what"`  // title, token, path, id, length
	Where   string `json:"where"` // "request" or "ledger"
}

// canaryFail is a message that could not be tried.
type canaryFail struct {
	Rule    string `json:"rule"`
	Example string `json:"example"`
	Why     string `json:"why"`
}

// canaries sends titles, tokens, paths, ids and lengths of our own, in the shapes of every example of every rule,
// through a proxy of their own into a local sink, and looks for them in what arrives: under the owner's switches, and
// with every kind generalized.
func (c *config) canaries(ctx context.Context, loaded *rulebook) (*canaryReport, error) {
	report := &canaryReport{Passed: []string{}, Needed: []string{}, Leaks: []canaryLeak{}, Failed: []canaryFail{}}
	all := rules.Choices{Switch: map[string]map[string]rules.Verdict{}, Profile: c.choices.Profile}
	for _, p := range loaded.set.Products() {
		all.Switch[p.Name] = map[string]rules.Verdict{}
		for _, k := range p.Kinds {
			all.Switch[p.Name][k.Name] = rules.Generalize
			if k.Switch == rules.Pass {
				report.Passed = append(report.Passed, p.Name+"/"+k.Name)
			}
		}
	}
	var set atomic.Pointer[rules.Set]
	set.Store(loaded.set)
	w, err := openCanaryWorld(ctx, c, set.Load)
	if err != nil {
		return nil, err
	}
	defer w.close()
	err = w.run(ctx, func(ctx context.Context) error {
		for _, inForce := range []*rules.Set{loaded.set, loaded.plain.With(all)} {
			set.Store(inForce)
			if err := report.try(ctx, w, inForce, canaryEnv(c)); err != nil {
				return err
			}
		}
		return nil
	})
	report.Good = len(report.Leaks) == 0 && len(report.Failed) == 0
	return report, err
}

// try sends every example once.
func (r *canaryReport) try(ctx context.Context, w *canaryWorld, set *rules.Set, env func() rules.Env) error {
	p := &planter{set: set, env: env}
	open := openRules(set)
	for _, c := range set.ExampleCases() {
		if err := ctx.Err(); err != nil {
			return err
		}
		out := set.Apply(c.Message, env())
		if out.Verdict == rules.Pass || c.Message.ClientName != "" || c.Message.Client.IsValid() && !c.Message.Client.IsLoopback() {
			continue // what passes is not looked at, and no client but this one can be played
		}
		if open[c.Rule.ID] && set.Route(c.Message).Class == rules.Mixed {
			if !slices.Contains(r.Needed, c.Rule.ID) {
				r.Needed = append(r.Needed, c.Rule.ID)
			}
			continue
		}
		sent := p.plant(c.Message)
		received, said, err := w.send(ctx, &sent.message)
		if err != nil {
			r.Failed = append(r.Failed, canaryFail{c.Rule.ID, c.Name, err.Error()})
			continue
		}
		r.Messages++
		r.Canaries += len(sent.canaries)
		r.Left += len(received) / 2
		r.look(&c, sent.canaries, received, said)
	}
	r.Kept = max(r.Kept, p.kept)
	return nil
}

// openRules are the rules that let out what they do not name.
func openRules(set *rules.Set) map[string]bool {
	open := map[string]bool{}
	for _, c := range set.Cells() {
		open[c.Rule.ID] = open[c.Rule.ID] || c.Open
	}
	return open
}

// look searches what arrived, in every encoding, and what the ledger was told.
func (r *canaryReport) look(c *rules.ExampleCase, canaries []canary, received [][]byte, said []byte) {
	var texts [][]byte
	for _, raw := range received {
		texts = append(texts, readings(raw)...)
	}
	for i := range canaries {
		for _, place := range []struct {
			name  string
			texts [][]byte
		}{{"request", texts}, {"ledger", [][]byte{said}}} {
			leak := canaryLeak{c.Rule.ID, c.Name, canaries[i].what, place.name}
			if canaries[i].in(place.texts) && !slices.Contains(r.Leaks, leak) {
				r.Leaks = append(r.Leaks, leak)
			}
		}
	}
}

// addCanary gives doctor its --canary.
func addCanary(a *app, c *cobra.Command) {
	var canary bool
	c.Flags().BoolVar(&canary, "canary", false, "only this: send values of our own, in every shape that the rules know, through a proxy of their own, and look for them in what comes out")
	examine := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if canary {
			return a.doctorCanary(c.Context())
		}
		return examine(c, args)
	}
}

// doctorCanary is scrim doctor --canary. Exit code 3: something was found.
func (a *app) doctorCanary(ctx context.Context) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	loaded, err := cfg.loadProven()
	if err != nil {
		return err
	}
	report, err := cfg.canaries(ctx, loaded)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.ui.json(report); err != nil {
			return err
		}
	} else {
		a.showCanaries(report)
	}
	if !report.Good {
		return exitWith(exitFaults)
	}
	return nil
}

func (a *app) showCanaries(r *canaryReport) {
	for _, l := range r.Leaks {
		where := "left the house"
		if l.Where == "ledger" {
			where = "is in the ledger"
		}
		a.ui.line(a.ui.paint(red, "found: "), fmt.Sprintf("a %s %s: rule %s, example %q", l.What, where, l.Rule, l.Example))
	}
	for _, f := range r.Failed {
		a.ui.line(a.ui.paint(yellow, "not tried: "), fmt.Sprintf("rule %s, example %q: %s", f.Rule, f.Example, f.Why))
	}
	for _, p := range r.Passed {
		a.ui.line("not tried: ", p, " passes, by your switch")
	}
	for _, n := range r.Needed {
		a.ui.line("not tried: rule ", n, " lets through what the product needs, all but the fields that it names")
	}
	text := fmt.Sprintf("%s with %s of our own went through the proxy; %s came out", count(r.Messages, "message"), count(r.Canaries, "value"), count(r.Left, "request"))
	if r.Good {
		a.ui.line(a.ui.paint(green, "good"), ": ", text, ", and none of the values was in them, in any encoding")
		return
	}
	a.ui.line(text)
}
