package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/certs"
	"github.com/scrimproxy/scrim/rules"
)

func newCACommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ca",
		Short: "the certificate authority: show, export, rotate, seal",
		Example: `  scrim ca show
  scrim ca export --out scrim-ca.pem
  scrim ca export --format der --out scrim-ca.crt
  scrim ca seal --yes`,
		Args: subcommandArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCAShowCommand(a), newCAExportCommand(a), newCARotateCommand(a), newCASealCommand(a))
	return c
}

// certConfig is the certs room's part of the settings.
func (c *config) certConfig() certs.Config {
	return certs.Config{Dir: c.statePath("ca"), Mode: certs.Mode(c.CA.Root)}
}

// groups are the hosts that the authority may sign: one group for each pack, the owner's files before them.
func groups(set *rules.Set) []certs.Group {
	var all []certs.Group
	at := map[string]int{}
	for _, h := range set.Hosts() {
		if h.Refused {
			continue
		}
		name := h.Product
		if name == "" {
			name = "own rules"
		}
		i, known := at[name]
		if !known {
			i = len(all)
			at[name] = i
			all = append(all, certs.Group{Name: name})
		}
		all[i].Hosts = append(all[i].Hosts, h.Name)
	}
	return all
}

// openCA opens the authority of a state directory; nothing is made where there is none.
func (a *app) openCA() (*certs.Authority, *config, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(cfg.certConfig().Dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, hinted(fmt.Errorf("there is no certificate authority in %q yet", cfg.stateDir()), "start \"scrim serve\": it makes one at first start")
	}
	authority, err := certs.Open(certs.Config{Dir: cfg.certConfig().Dir}, nil)
	if err != nil {
		return nil, nil, explainCA(err)
	}
	return authority, cfg, nil
}

// explainCA splits a fault of the authority into what is wrong and the way out.
func explainCA(err error) error {
	var fault *certs.Fault
	var uncovered *certs.UncoveredError
	switch {
	case errors.As(err, &fault):
		return hinted(fmt.Errorf("%s: %s", fault.Path, fault.What), fault.Fix)
	case errors.As(err, &uncovered):
		what, fix, _ := strings.Cut(uncovered.Error(), "; ")
		return hinted(errors.New(what), fix)
	}
	return err
}

// caFacts is what ca show prints.
type caFacts struct {
	Subject     string     `json:"subject"`
	Fingerprint string     `json:"fingerprint"` // SHA-256
	NotBefore   time.Time  `json:"not_before"`
	NotAfter    time.Time  `json:"not_after"`
	Sealed      bool       `json:"sealed"`
	Issuers     []caIssuer `json:"issuers"`
}

type caIssuer struct {
	Name     string    `json:"name"`
	Hosts    []string  `json:"hosts"`
	NotAfter time.Time `json:"not_after"`
}

func newCAShowCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "show",
		Short:   "show the root, its fingerprint, and what it may sign",
		Example: "  scrim ca show\n  scrim ca show --json",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			authority, _, err := a.openCA()
			if err != nil {
				return err
			}
			return a.showCA(authority)
		},
	}
	addJSON(a, c)
	return c
}

func (a *app) showCA(authority *certs.Authority) error {
	root := authority.Root()
	f := caFacts{root.Subject.String(), authority.Fingerprint(), root.NotBefore, root.NotAfter, authority.Sealed(), []caIssuer{}}
	for _, i := range authority.Issuers() {
		f.Issuers = append(f.Issuers, caIssuer{i.Name, i.Permitted, i.NotAfter})
	}
	if a.json {
		return a.ui.json(f)
	}
	u := a.ui
	u.line("root         ", u.paint(bold, f.Subject))
	u.line("fingerprint  ", f.Fingerprint)
	u.line("valid        ", f.NotBefore.Format(time.DateOnly), " to ", f.NotAfter.Format(time.DateOnly))
	key := "kept: new hosts in rules just work"
	if f.Sealed {
		key = "sealed: nothing beyond the hosts below can ever be signed"
	}
	u.line("key          ", key)
	for _, i := range f.Issuers {
		u.line("signs        ", u.paint(bold, i.Name), ": ", strings.Join(i.Hosts, ", "))
	}
	return nil
}

func newCAExportCommand(a *app) *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export",
		Short: "write the root certificate, for devices to trust",
		Example: `  scrim ca export > scrim-ca.pem
  scrim ca export --format der --out scrim-ca.crt`,
		Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if format != "crt" && format != "cer" && !containsWord(certs.Formats(), format) {
				return misused(fmt.Errorf("--format: %q is not known here", format), choose(format, certs.Formats()))
			}
			authority, _, err := a.openCA()
			if err != nil {
				return err
			}
			data, err := authority.Export(format)
			if err != nil {
				return err
			}
			if out == "-" {
				a.ui.text(string(data))
				return nil
			}
			if err := os.WriteFile(out, data, 0o644); err != nil {
				return fmt.Errorf("writing %q: %s", out, cause(err))
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "pem", "`format`: "+strings.Join(certs.Formats(), ", "))
	c.Flags().StringVar(&out, "out", "-", "write to this `file`; - is standard output")
	return c
}

func newCARotateCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "rotate",
		Short: "make a new root; every device has to be given it",
		Long: `rotate makes a new root with new intermediates. Until a device trusts the new root, its
intercepted connections fail. A root that is foreign or expired is set aside, not destroyed.`,
		Example: "  scrim ca rotate\n  scrim ca rotate --yes",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.rotateCA(yes) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// beforeCAChange loads what a change of the authority needs, and asks whether it is meant.
func (a *app) beforeCAChange(yes bool, question string) (*config, *rulebook, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return nil, nil, err
	}
	return cfg, book, a.confirm(yes, question)
}

func (a *app) rotateCA(yes bool) error {
	cfg, book, err := a.beforeCAChange(yes, "Make a new root? Every device has to be given it.")
	if err != nil {
		return err
	}
	hosts := groups(book.set)
	plain := certs.Config{Dir: cfg.certConfig().Dir}
	authority, err := certs.Open(plain, nil)
	switch {
	case errors.Is(err, certs.ErrForeign), errors.Is(err, certs.ErrExpired):
		authority, err = certs.Replace(plain, hosts)
	case err == nil:
		if _, err = authority.Rotate(); err == nil {
			err = authority.SetGroups(hosts)
		}
	}
	if err != nil {
		return explainCA(err)
	}
	a.ui.line("the new root is ", authority.Fingerprint())
	if err := a.useNewCA(cfg); err != nil {
		return err
	}
	a.ui.note("give devices the new root: scrim ca export")
	return nil
}

// useNewCA lets a scrim that runs take over what was done to its authority.
func (a *app) useNewCA(cfg *config) error {
	r, err := askRunning(cfg)
	if err != nil {
		return nil // the next start finds it
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var s reloadState
	if err := r.get(ctx, "POST", "/reload", nil, &s); err != nil {
		return hinted(fmt.Errorf("the running scrim does not use it yet: %w", err), "restart it")
	}
	if !s.Good {
		return hinted(fmt.Errorf("the running scrim does not use it yet: %s", strings.Join(s.Faults, "; ")), "mend that; scrim reloads by itself")
	}
	a.ui.note("the running scrim uses it from now on")
	return nil
}

func newCASealCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "seal",
		Short: "destroy the root's key: nobody can widen what devices trust",
		Long: `seal makes an intermediate for every host of the rules, then destroys the root's key for good.
A rule with a host that is not covered is refused from then on; the way out is "scrim ca rotate".`,
		Example: "  scrim ca seal\n  scrim ca seal --yes",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.sealCA(yes) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) sealCA(yes bool) error {
	cfg, book, err := a.beforeCAChange(yes, "Destroy the root's key? This cannot be undone.")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.stateDir(), 0o700); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	authority, err := certs.Open(certs.Config{Dir: cfg.certConfig().Dir}, groups(book.set))
	if err != nil {
		return explainCA(err)
	}
	if err := authority.Seal(); err != nil {
		return explainCA(err)
	}
	a.ui.line("sealed: ", authority.Fingerprint())
	if err := a.useNewCA(cfg); err != nil {
		return err
	}
	if cfg.CA.Root != "sealed" {
		a.ui.note("write ca: {root: sealed} into the configuration, so that it says what is so")
	}
	return nil
}

// confirm asks where somebody can be asked: on a terminal.
func (a *app) confirm(yes bool, question string) error {
	f, ok := a.in.(*os.File)
	if yes || !ok || !isTerminal(f) {
		return nil
	}
	a.ui.note(question, " Type yes:")
	answer, _ := bufio.NewReader(a.in).ReadString('\n') // a closed terminal is a no
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
