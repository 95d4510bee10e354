package main

import "github.com/spf13/cobra"

func newSetupCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "setup",
		Short:   "set up what stands beside scrim",
		Example: "  scrim setup dns --format pihole",
		Args:    subcommandArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSetupDNS(a))
	return c
}
