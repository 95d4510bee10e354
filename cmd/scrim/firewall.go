package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/deploy/nft"
)

func newFirewallCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "firewall",
		Short: "the nftables rules of the transparent door",
		Long: `firewall writes, applies and removes the nftables rules that bring connections to the transparent
door (listen.transparent). They live in a table of their own, "inet scrim"; no other table is
read or changed. The keys below firewall in the configuration say what is taken.

The rules stay when scrim stops: connections to ruled names are then refused, everything else goes on.`,
		Example: "  scrim firewall print\n  scrim firewall apply\n  scrim firewall remove",
		Args:    subcommandArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newFirewallPrint(a), newFirewallApply(a), newFirewallRemove(a))
	return c
}

func newFirewallPrint(a *app) *cobra.Command {
	var openwrt bool
	c := &cobra.Command{
		Use:     "print",
		Short:   "print the rules, as nft -f takes them",
		Example: "  scrim firewall print | nft -c -f -\n  scrim firewall print --openwrt > " + nft.OpenWrtPath,
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.firewallPrint(openwrt) },
	}
	c.Flags().BoolVar(&openwrt, "openwrt", false, "as an include for OpenWrt's fw4")
	return c
}

func newFirewallApply(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "apply",
		Short: "check the rules with the kernel and put them in place",
		Long: `apply checks the rules with the kernel (nft -c) and puts them in place in one transaction, with
the routes that mode: tproxy needs. Applying twice changes nothing.`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error { return a.firewallApply(c.Context()) },
	}
}

func newFirewallRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove",
		Short: "take the rules and routes away, all of them",
		Args:  exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := nft.Remove(c.Context()); err != nil {
				return err
			}
			a.ui.line("removed: table inet ", nft.Table, ", and the routes of tproxy")
			return nil
		},
	}
}

func (a *app) firewallPrint(openwrt bool) error {
	settings, err := a.firewallSettings()
	if err != nil {
		return err
	}
	render := nft.Render
	if openwrt {
		render = nft.RenderOpenWrt
	}
	text, err := render(settings)
	if err != nil {
		return err
	}
	if routes := nft.Routes(settings); len(routes) > 0 && !openwrt {
		text = "# mode: tproxy needs these routes too, which \"scrim firewall apply\" adds:\n#   " + strings.Join(routes, "\n#   ") + "\n" + text
	}
	a.ui.text(text)
	return nil
}

func (a *app) firewallApply(ctx context.Context) error {
	settings, err := a.firewallSettings()
	if err != nil {
		return err
	}
	if err := nft.Apply(ctx, settings); err != nil {
		return err
	}
	a.ui.line("applied: table inet ", nft.Table, ", mode ", string(settings.Mode), ", scope ", string(settings.Scope), ", to port ", strconv.Itoa(int(settings.Port)))
	return nil
}

// firewallSettings are those of the configuration, for a person who asks.
func (a *app) firewallSettings() (nft.Config, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nft.Config{}, err
	}
	return cfg.firewallConfig()
}

// firewallConfig is the firewall's part of the settings.
func (c *config) firewallConfig() (nft.Config, error) {
	settings := nft.Config{
		Mode: nft.Mode(c.Firewall.Mode), Scope: nft.Scope(c.Firewall.Scope), LocalUsers: c.Firewall.LocalUsers, OwnUID: c.ownUID(),
	}
	for _, text := range c.Firewall.Clients {
		settings.Clients = append(settings.Clients, prefixOf(text))
	}
	if settings.Scope == nft.ScopeAll {
		settings.Exclude = insideNets()
	}
	if c.Listen.Transparent == "" {
		return settings, hinted(fmt.Errorf("the transparent door is off: there is nothing to bring connections to"), "set listen.transparent, as in listen: {transparent: \":3129\"}")
	}
	_, port, err := net.SplitHostPort(string(c.Listen.Transparent))
	if err != nil {
		return settings, err // it was checked when the configuration was read
	}
	n, err := strconv.ParseUint(port, 10, 16)
	settings.Port = uint16(n)
	return settings, err
}

// insideNets are the networks of houses: scope: all is about what goes out.
func insideNets() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8"} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// ownUID is the user that scrim runs as: whose the state directory is, which root may not be when it applies the rules.
func (c *config) ownUID() int {
	if info, err := os.Stat(c.stateDir()); err == nil {
		if uid, ok := ownerOf(info); ok {
			return uid
		}
	}
	return os.Getuid()
}
