package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletionCommand(a *app) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "print a completion script for a shell",
		Example:   "  source <(scrim completion bash)\n  scrim completion fish > ~/.config/fish/completions/scrim.fish",
		ValidArgs: shells,
		Args:      exactArgs("the shell"),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.ui.out, true)
			case "zsh":
				return root.GenZshCompletion(a.ui.out)
			case "fish":
				return root.GenFishCompletion(a.ui.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.ui.out)
			}
			return misused(fmt.Errorf("unknown shell %q", args[0]), "shells are bash, zsh, fish, powershell")
		},
	}
}
