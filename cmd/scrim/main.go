// Command scrim is a transparent egress proxy for home networks: it lets a media server's traffic pass
// and generalizes or drops its telemetry, by rules that the owner can read.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// verbs is the command table, in the order in which help shows it.
func verbs() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newServeCommand,
		newDemoCommand,
		newCheckCommand,
		newConfigCommand,
		newRulesCommand,
		newReplayCommand,
		newLogCommand,
		newFieldsCommand,
		newAuditCommand,
		newPasswordCommand,
		newCACommand,
		newSetupCommand,
		newDoctorCommand,
		newFirewallCommand,
		newHealthcheckCommand,
		newVersionCommand,
		newCompletionCommand,
	}
}

// app is what every verb is handed: the terminal, the standard input and the flags that all verbs share.
type app struct {
	ui         *ui
	in         io.Reader
	configFile string // of --config; "" where it was not given
	json       bool   // of --json
}

// run runs one command line and returns its exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	// A second signal ends the process at once: after the first, the handler is gone.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	a := &app{ui: newUI(out, errOut), in: in}
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if flushErr := a.ui.flush(); err == nil && flushErr != nil && !errors.Is(flushErr, syscall.EPIPE) {
		err = flushErr
	}
	if err == nil {
		return exitDone
	}
	a.ui.fault(err)
	return exitCode(err)
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "scrim",
		Short: "let a media server's traffic pass, and its telemetry leave generalized or not at all",
		Long: `scrim stands between a media server and the internet. What the server needs passes
untouched; its telemetry is generalized or dropped by rules that you can read, and a
ledger shows what left the house.`,
		Example: `  scrim serve                      run the proxy with its defaults
  scrim check                      load the configuration and rules, run their examples
  scrim log                        what left the house
  scrim rules explain POST https://analytics.plex.tv/collect/event --body event.json`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommandArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration `file` (default ./scrim.yaml, else /etc/scrim/config.yaml, else the defaults)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return misused(err, "see \""+c.CommandPath()+" --help\"")
	})
	for _, verb := range verbs() {
		root.AddCommand(verb(a))
	}
	return root
}

// addJSON gives a verb that prints data its --json flag.
func addJSON(a *app, c *cobra.Command) {
	c.Flags().BoolVar(&a.json, "json", false, "print JSON")
}
