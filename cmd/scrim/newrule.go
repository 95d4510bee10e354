package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newRulesNewCommand(a *app) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "new --from FILE.har",
		Short: "write a starting rule for recorded requests",
		Long: `new reads a recording (HAR or NDJSON) and writes a rule for each host, method and path in it
that has a body or a query: every field seen, with a treatment suggested by its name and shape, and
unlisted: remove. Where no request has either, it lists their header fields. Read it, change it, then
"scrim check" it.`,
		Example: "  scrim rules new --from recording.har > rules/home.yaml\n  scrim check rules/home.yaml",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if from == "" {
				return misused(fmt.Errorf("scrim rules new: --from is missing"), "name a recording: scrim rules new --from recording.har")
			}
			return a.newRules(from)
		},
	}
	c.Flags().StringVar(&from, "from", "", "`recording`: HAR or NDJSON, - is standard input")
	return c
}

func (a *app) newRules(from string) error {
	in, err := a.open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	rec, err := openRecording(from, in)
	if err != nil {
		return err
	}
	seen := newSurvey()
	for {
		item, err := rec.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		m, err := item.message()
		if err != nil {
			a.ui.warn(fmt.Sprintf("%s: entry %d", from, item.index), err.Error())
			continue
		}
		seen.add(m)
	}
	text, err := seen.rules(from)
	if err != nil {
		return err
	}
	a.ui.text(text)
	return nil
}
