package main

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	out    string
	failOn []string
	client string
	quiet  bool
}

// failWords are what --fail-on knows.
func failWords() []string { return []string{"unlisted", "drop", "pass"} }

func newReplayCommand(a *app) *cobra.Command {
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "show what would leave of recorded requests; sends nothing",
		Long: `replay runs a recording through the rules and the release schedule, with the entries' own times
as the clock, until the queues are empty. It prints the verdict and the edits of each entry, and
with --out writes what would leave, and when, in the format of the recording.

A recording is a HAR file, or NDJSON: {"time", "method", "url", "headers", "body"} a line. Nothing is sent.

--fail-on ends with exit code 3 where an entry has a field or a request that no rule lists
(unlisted), is dropped (drop), or would leave unchanged (pass).`,
		Example: `  scrim replay recording.har
  scrim replay recording.har --out leaves.har --fail-on unlisted,pass
  scrim replay - --json < events.ndjson`,
		Args: exactArgs("FILE"),
		RunE: func(c *cobra.Command, args []string) error { return a.replay(c, args[0], o) },
	}
	c.Flags().StringVar(&o.out, "out", "", "write what would leave to this `file`; - is standard output")
	c.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "`what` to fail on: "+strings.Join(failWords(), ", "))
	c.Flags().StringVar(&o.client, "client", "127.0.0.1", "`address` that the requests count as sent from")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "print the sum alone")
	addJSON(a, c)
	return c
}

func (a *app) replay(c *cobra.Command, file string, o replayOptions) error {
	for _, word := range o.failOn {
		if !slices.Contains(failWords(), word) {
			return misused(fmt.Errorf("--fail-on: %q is not known here", word), choose(word, failWords()))
		}
	}
	if a.json && o.out == "-" {
		return misused(errors.New("--json and --out - both want standard output"), "name a file: --out leaves.har")
	}
	client, err := netip.ParseAddr(o.client)
	if err != nil {
		return misused(fmt.Errorf("--client: %q is not an IP address", o.client), "write it as in 192.168.1.20")
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return err
	}
	in, err := a.open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	rec, err := openRecording(file, in)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // a run is short, and memory is there: half the time of many small entries
	run := newReplayRun(a, cfg, book, client, o)
	if err := run.open(rec.format, o.out); err != nil {
		return err
	}
	if err := run.all(c.Context(), rec); err != nil {
		run.abandon()
		return err
	}
	return run.finish()
}
