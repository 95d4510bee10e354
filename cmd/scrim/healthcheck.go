package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheckCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "say whether scrim is running and answers",
		Long: `healthcheck asks the scrim that runs with this configuration. Exit code 0: it answers.
A reload that was refused is no illness: what was in force stays in force.`,
		Example: "  scrim healthcheck\n  scrim healthcheck --json",
		Args:    exactArgs(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.healthcheck(c.Context()) },
	}
	addJSON(a, c)
	return c
}

func (a *app) healthcheck(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	r, err := askRunning(cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	s, err := r.status(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.ui.json(s)
	}
	a.ui.line(a.ui.paint(green, "healthy"), ": scrim ", s.Version, ", ", count(int(s.Proxy.Seen), "request"), " seen")
	if s.Outbox.Records > 0 {
		a.ui.line("waiting: ", count(s.Outbox.Records, "record"), ", next release ", s.Outbox.Next.Local().Format("2006-01-02 15:04"))
	}
	if s.Reload != nil && !s.Reload.Good {
		for _, f := range s.Reload.Faults {
			a.ui.warn("", "the last reload was refused: "+f)
		}
	}
	return nil
}
