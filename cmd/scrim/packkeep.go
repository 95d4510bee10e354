package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/pack"
)

// acceptedDir holds, in state_dir, the shipped rule files as they were in force last. A new version of the binary whose
// pack would let out something that the old one held back does not take its place until the owner says yes.
const acceptedDir = "packs"

// heldPack is a shipped rule file that waits for the owner's yes; the accepted one is in force.
type heldPack struct {
	Name string   `json:"name"` // "plex"
	Why  []string `json:"why"`  // what it would let out
	file string   // of the accepted copy
	data []byte   // of the one that waits
}

// packName is the name by which an owner knows a shipped file: "plex" of plex/rules.yaml, "tables" of tables.yaml.
func packName(source pack.Source) string {
	return strings.TrimSuffix(strings.TrimSuffix(source.Name, "/rules.yaml"), ".yaml")
}

// acceptedFile is where the accepted copy of a shipped file is.
func (c *config) acceptedFile(name string) string {
	return c.statePath(filepath.Join(acceptedDir, strings.ReplaceAll(name, "/", "-")+".yaml"))
}

// packSources are the shipped rule files as they are to be in force: where the accepted copy of one differs and the new
// one is looser, the copy. What cannot be read or does not compile any more gives way to the new one.
func (c *config) packSources() (sources []pack.Source, held []heldPack) {
	shipped := pack.Files()
	var now *rules.Set
	for i, source := range shipped {
		name := packName(source)
		accepted, err := os.ReadFile(c.acceptedFile(name))
		if err != nil || bytes.Equal(accepted, source.Data) {
			sources = append(sources, source)
			continue
		}
		if now == nil {
			now = compiled(shipped)
		}
		older := slices.Clone(shipped)
		older[i].Data = accepted
		before := compiled(older)
		if before == nil || now == nil {
			sources = append(sources, source)
			continue
		}
		why := now.Looser(before)
		if len(why) == 0 {
			sources = append(sources, source)
			continue
		}
		held = append(held, heldPack{Name: name, Why: why, file: c.acceptedFile(name), data: source.Data})
		sources = append(sources, older[i])
	}
	return sources, held
}

// compiled makes a set of rule files, or nil where they have faults.
func compiled(sources []pack.Source) *rules.Set {
	var files []*rules.File
	for _, source := range sources {
		file, err := rules.Parse(source.Name, source.Data)
		if err != nil {
			return nil
		}
		files = append(files, file)
	}
	set, err := rules.Compile(files, rules.Options{})
	if err != nil || len(set.RunExamples()) > 0 {
		return nil
	}
	return set
}

// keepPacks writes down the shipped files that are in force, all but those that wait.
func (c *config) keepPacks(held []heldPack) error {
	dir := c.statePath(acceptedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keeping the packs in force: %s", cause(err))
	}
	for _, source := range pack.Files() {
		name := packName(source)
		if slices.ContainsFunc(held, func(h heldPack) bool { return h.Name == name }) {
			continue
		}
		if err := replaceFile(c.acceptedFile(name), source.Data); err != nil {
			return fmt.Errorf("keeping the packs in force: %s", cause(err))
		}
	}
	return nil
}

// replaceFile writes a file whole, or not at all, where it differs.
func replaceFile(name string, data []byte) error {
	old, err := os.ReadFile(name)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp := name + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// warnings are what the owner is told of a pack that waits.
func (h *heldPack) warnings() []string {
	lines := []string{fmt.Sprintf("the pack %s of this version would let out more than the one before it; the one before stays in force until \"scrim rules accept %s\"", h.Name, h.Name)}
	for _, why := range h.Why {
		lines = append(lines, h.Name+": "+why)
	}
	return lines
}

func newRulesAcceptCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "accept [PACK…]",
		Short: "what a new version's packs would let out, and your yes to it",
		Long: `When a pack in a new version of scrim would let out something that the old one held back, the old one stays in
force. accept shows what is looser; with --yes the new packs, or those named, take its place. A running scrim
takes them over within a second. Exit code 3: packs wait.`,
		Example: "  scrim rules accept\n  scrim rules accept plex --yes",
		Args:    rangeArgs(0, -1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.acceptPacks(args, yes) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "take the new packs")
	addJSON(a, c)
	return c
}

func (a *app) acceptPacks(names []string, yes bool) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	_, waiting := cfg.packSources()
	chosen := []heldPack{}
	for _, h := range waiting {
		if len(names) == 0 || slices.Contains(names, h.Name) {
			chosen = append(chosen, h)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(waiting, func(h heldPack) bool { return h.Name == name }) {
			return fmt.Errorf("the pack %q does not wait for a yes", name)
		}
	}
	if a.json {
		if err := a.ui.json(chosen); err != nil {
			return err
		}
	} else {
		a.showWaiting(chosen, yes)
	}
	if !yes && len(chosen) > 0 {
		return exitWith(exitFaults)
	}
	for _, h := range chosen {
		if err := replaceFile(h.file, h.data); err != nil {
			return fmt.Errorf("accepting the pack %s: %s", h.Name, cause(err))
		}
	}
	return nil
}

func (a *app) showWaiting(waiting []heldPack, yes bool) {
	if len(waiting) == 0 {
		a.ui.line("No pack waits: what this version ships is in force.")
		return
	}
	for _, h := range waiting {
		word := "waits"
		if yes {
			word = "accepted"
		}
		a.ui.line(a.ui.paint(bold, h.Name), ": ", word)
		for _, why := range h.Why {
			a.ui.line("  ", why)
		}
	}
}
