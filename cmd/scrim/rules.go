package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules"
)

func newRulesCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "what rules there are, which decides, and help in writing them",
		Example: `  scrim rules list
  scrim rules explain POST https://analytics.plex.tv/collect/event --body event.json
  scrim rules select '$.events[*].name' body.json
  scrim rules new --from recording.har`,
		Args: subcommandArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRulesListCommand(a), newExplainCommand(a), newSelectCommand(a), newRulesNewCommand(a), newRulesAcceptCommand(a), newSchemaCommand(a))
	return c
}

func newRulesListCommand(a *app) *cobra.Command {
	var product string
	c := &cobra.Command{
		Use:     "list",
		Short:   "list the rules in the order in which they are tried",
		Example: "  scrim rules list\n  scrim rules list --product plex --json",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.listRules(product) },
	}
	c.Flags().StringVar(&product, "product", "", "only the rules of this product")
	addJSON(a, c)
	return c
}

// listedRule is a rule as list shows it.
type listedRule struct {
	ID      string `json:"id"`
	Product string `json:"product,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Then    string `json:"then"`
	Switch  string `json:"switch,omitempty"` // where it is not generalize
	Why     string `json:"why,omitempty"`
	File    string `json:"file"`
	Line    int    `json:"line"`
}

func (a *app) listRules(product string) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return err
	}
	listed := []listedRule{}
	for _, r := range book.set.Rules() {
		if product == "" || r.Product == product {
			listed = append(listed, listedRule{r.ID, r.Product, r.Kind, string(r.Then), switchOf(book.set, r), r.Why, r.Pos.File, r.Pos.Line})
		}
	}
	if a.json {
		return a.ui.json(listed)
	}
	var rows [][]cell
	for _, r := range listed {
		rows = append(rows, []cell{
			{r.ID, bold}, {r.Product, plain}, {r.Kind, plain}, {r.Then, verdictStyle(r.Then)},
			{r.Switch, verdictStyle(r.Switch)}, {r.File + ":" + strconv.Itoa(r.Line), dim},
		})
	}
	a.ui.table([]string{"RULE", "PRODUCT", "KIND", "THEN", "SWITCH", "FILE"}, rows)
	return nil
}

// switchOf is the switch over a rule where it overrides the rule's own verdict, else "".
func switchOf(set *rules.Set, r rules.RuleInfo) string {
	for _, p := range set.Products() {
		for _, k := range p.Kinds {
			if p.Name == r.Product && k.Name == r.Kind && k.Switch != rules.Generalize {
				return string(k.Switch)
			}
		}
	}
	return ""
}

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "schema [rules|config]",
		Short:   "print the JSON Schema of rule files, or of the configuration",
		Example: "  scrim rules schema > scrim-rules.schema.json\n  scrim rules schema config > scrim-config.schema.json",
		Args:    rangeArgs(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 || args[0] == "rules":
				a.ui.text(string(rules.Schema()))
				return nil
			case args[0] == "config":
				return a.ui.json(configSchema())
			}
			return misused(errUnknownSchema(args[0]), "write rules or config")
		},
	}
}
