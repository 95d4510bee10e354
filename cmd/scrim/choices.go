package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// choicesName is the file in state_dir that holds what the owner switched while scrim ran. It is read
// after the configuration, and wins.
const choicesName = "choices.yaml"

// readChoices reads the choices, if there are any, and lays them over the settings.
func (c *config) readChoices() error {
	c.choices, c.before = noChoices(), c.beforeChoices()
	file := c.statePath(choicesName)
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the choices: %w", err)
	}
	if err == nil {
		c.decodeChoices(file, data)
	}
	c.collectChoices()
	return nil
}

func noChoices() rules.Choices {
	return rules.Choices{Switch: map[string]map[string]rules.Verdict{}, Profile: map[string]string{}, Pause: map[string]time.Time{}}
}

func (c *config) decodeChoices(file string, data []byte) {
	root, faults := strict.Read(file, data)
	if root == nil {
		c.faults = append(c.faults, faults...)
		return
	}
	if !root.IsEmpty() {
		fields := root.Fields("version", "profile", "products", "pause")
		if n, ok := fields["version"]; ok && n.Int() != 1 && n.IsNumber() {
			n.Fault("this version is not known", "write 1")
		}
		if n, ok := fields["profile"]; ok {
			c.note("profile", n)
			c.Profile = n.Word("generalized", "strict")
		}
		if n, ok := fields["products"]; ok && !n.IsNull() {
			c.overlay(c.products(n))
		}
		if n, ok := fields["pause"]; ok && !n.IsNull() {
			c.pauses(n)
		}
	}
	c.faults = append(c.faults, root.Faults()...)
}

// overlay lays chosen products over those of the configuration, switch by switch.
func (c *config) overlay(chosen map[string]Product) {
	for name, choice := range chosen {
		product, ok := c.Products[name]
		if !ok {
			product.Switch = map[string]rules.Verdict{}
		}
		if choice.Profile != "" {
			product.Profile = choice.Profile
		}
		for kind, verdict := range choice.Switch {
			product.Switch[kind] = verdict
		}
		c.Products[name] = product
	}
}

// pauses are the products that pass unchanged until a time.
func (c *config) pauses(n *strict.Node) {
	for _, e := range n.Entries() {
		until, err := time.Parse(time.RFC3339, e.Value.Text())
		if err != nil {
			e.Value.Fault("not a time", "write it as in 2026-03-01T20:00:00+01:00")
			continue
		}
		c.note("pause."+e.Key, e.Value)
		c.choices.Pause[e.Key] = until
	}
}

// collectChoices puts switches and profiles, wherever they were written, into the form the rules take.
func (c *config) collectChoices() {
	for name, product := range c.Products {
		if len(product.Switch) > 0 {
			c.choices.Switch[name] = product.Switch
		}
		if product.Profile != "" {
			c.choices.Profile[name] = product.Profile
		}
	}
}
