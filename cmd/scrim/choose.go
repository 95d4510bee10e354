package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
	"github.com/scrimproxy/scrim/web"
)

// beforeChoices is what the configuration says of what can be chosen, so that a choice can be taken back.
type beforeChoices struct {
	profile  string
	products map[string]Product
	origins  map[string]origin
}

func (c *config) beforeChoices() beforeChoices {
	return beforeChoices{c.Profile, cloned(c.Products), maps.Clone(c.origins)}
}

func cloned(products map[string]Product) map[string]Product {
	out := make(map[string]Product, len(products))
	for name, p := range products {
		p.Switch = maps.Clone(p.Switch)
		out[name] = p
	}
	return out
}

// rechosen is the configuration under other choices: data is what stands in the file of choices.
func (c *config) rechosen(data []byte) (*config, error) {
	out, settings := *c, *c.Settings
	settings.Profile, settings.Products = c.before.profile, cloned(c.before.products)
	out.Settings, out.origins, out.nodes, out.faults = &settings, maps.Clone(c.before.origins), maps.Clone(c.nodes), nil
	out.choices = noChoices()
	out.decodeChoices(c.statePath(choicesName), data)
	out.collectChoices()
	return &out, out.faults.Err()
}

// effective are the choices as a set takes them. The profile is named for every product, so that one which was taken
// back does not linger.
func (c *config) effective(set *rules.Set) rules.Choices {
	choices := c.choices
	choices.Profile = map[string]string{}
	for _, p := range set.Products() {
		choices.Profile[p.Name] = c.Profile
		if own := c.Products[p.Name].Profile; own != "" {
			choices.Profile[p.Name] = own
		}
	}
	return choices
}

// chosen is what stands in the file of choices.
type chosen struct {
	profile  string
	products map[string]Product
	pause    map[string]time.Time
}

func readChosen(file string, data []byte) (*chosen, error) {
	c := &config{Settings: &Settings{Products: map[string]Product{}}, origins: map[string]origin{}, nodes: map[string]*strict.Node{}, choices: noChoices()}
	c.decodeChoices(file, data)
	return &chosen{c.Profile, c.Products, c.choices.Pause}, c.faults.Err()
}

// apply makes one change. Pauses that are over go.
func (c *chosen) apply(choice web.Choice, now time.Time) {
	maps.DeleteFunc(c.pause, func(_ string, until time.Time) bool { return !until.After(now) })
	p := c.products[choice.Product]
	if p.Switch == nil {
		p.Switch = map[string]rules.Verdict{}
	}
	word := func(given string) string {
		if given == web.Default {
			return ""
		}
		return given
	}
	switch {
	case choice.Resume:
		delete(c.pause, choice.Product)
	case !choice.Pause.IsZero():
		c.pause[choice.Product] = choice.Pause
	case choice.Kind != "" && choice.Switch == web.Default:
		delete(p.Switch, choice.Kind)
	case choice.Kind != "":
		p.Switch[choice.Kind] = rules.Verdict(choice.Switch)
	case choice.Product == "":
		c.profile = word(choice.Profile)
	default:
		p.Profile = word(choice.Profile)
	}
	if choice.Product == "" {
		return
	}
	if c.products[choice.Product] = p; p.Profile == "" && len(p.Switch) == 0 {
		delete(c.products, choice.Product)
	}
}

// yaml is the file of choices.
func (c *chosen) yaml() []byte {
	var b strings.Builder
	b.WriteString("# What was switched while scrim ran. It is read after the configuration, and wins.\nversion: 1\n")
	if c.profile != "" {
		b.WriteString("profile: " + c.profile + "\n")
	}
	if len(c.products) > 0 {
		b.WriteString("products:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(c.products)) {
		p := c.products[name]
		b.WriteString("  " + yamlKey(name) + ":\n")
		if p.Profile != "" {
			b.WriteString("    profile: " + p.Profile + "\n")
		}
		for _, kind := range slices.Sorted(maps.Keys(p.Switch)) {
			b.WriteString("    " + yamlKey(kind) + ": " + string(p.Switch[kind]) + "\n")
		}
	}
	if len(c.pause) > 0 {
		b.WriteString("pause:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(c.pause)) {
		b.WriteString("  " + yamlKey(name) + ": \"" + c.pause[name].Format(time.RFC3339) + "\"\n")
	}
	return []byte(b.String())
}

// yamlKey is a name as a key: quoted, unless it is plainly a word.
func yamlKey(name string) string {
	if regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(name) && !slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, name) {
		return name
	}
	return strconv.Quote(name)
}

// entryTimeout is how long the answer to a choice waits for its entry in the ledger. The choice is in force by then.
const entryTimeout = time.Second

// choose makes a choice of the owner's, and enters it into the ledger: who, when, what.
func (h *house) choose(who string, choice web.Choice) error {
	what, err := h.makeChoice(choice)
	if err != nil {
		return err
	}
	h.log.Info("switched", "what", what, "by", who)
	ctx, cancel := context.WithTimeout(context.Background(), entryTimeout)
	defer cancel()
	rec := &ledger.Record{Time: time.Now(), Type: ledger.Event, Product: choice.Product, Kind: choice.Kind, Reason: "choice", Detail: what + ", by " + who}
	if err := h.ledger.Append(ctx, rec); err != nil {
		h.log.Error("the ledger does not take the entry of a switch", "what", what, "error", err)
	}
	return nil
}

// makeChoice puts a choice in force for every request that begins afterwards, and keeps it; where it cannot be kept,
// everything is as before.
func (h *house) makeChoice(choice web.Choice) (what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	file := h.cfg.statePath(choicesName)
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the choices: %w", err)
	}
	c, err := readChosen(file, data)
	if err != nil {
		return "", fmt.Errorf("the choices cannot be changed: %w", err)
	}
	c.apply(choice, time.Now())
	data = c.yaml()
	cfg, err := h.cfg.rechosen(data)
	if err != nil {
		return "", fmt.Errorf("the choice does not hold: %w", err)
	}
	before, beforeBook := h.cfg, h.book
	book := *h.book
	book.set = book.plain.With(cfg.effective(book.plain))
	h.putInForce(cfg, &book)
	if err := web.WriteFile(file, data); err != nil {
		h.putInForce(before, beforeBook)
		return "", fmt.Errorf("keeping the choice: %w", err)
	}
	h.ownChoices = stampOf(file)
	return choiceWords(choice, before, beforeBook), nil
}

func (h *house) putInForce(cfg *config, book *rulebook) {
	h.set.Store(book.set)
	h.cfg, h.book = cfg, book
	h.origins.renew(h.dns.seen, decider(h.set.Load, cfg.clientNames(), time.Now))
}

// choiceWords says what was changed, from what to what.
func choiceWords(c web.Choice, cfg *config, book *rulebook) string {
	switch {
	case c.Resume:
		return c.Product + ": the pause ends"
	case !c.Pause.IsZero():
		return c.Product + ": passes unchanged until " + c.Pause.Local().Format("2006-01-02 15:04")
	case c.Kind != "":
		return c.Product + "/" + c.Kind + ": " + string(standing(book.set, c.Product, c.Kind)) + " to " + c.Switch
	case c.Product != "":
		return c.Product + ": profile " + profileOf(book.set, c.Product) + " to " + c.Profile
	}
	return "profile " + cfg.Profile + " to " + c.Profile
}

func standing(set *rules.Set, product, kind string) rules.Verdict {
	for _, p := range set.Products() {
		for _, k := range p.Kinds {
			if p.Name == product && k.Name == kind {
				return k.Switch
			}
		}
	}
	return ""
}

func profileOf(set *rules.Set, product string) string {
	for _, p := range set.Products() {
		if p.Name == product {
			return p.Profile
		}
	}
	return ""
}

// stampOf is the state of a file: what changes when it is written. It is "" where there is none.
func stampOf(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
}
