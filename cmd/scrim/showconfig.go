package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// setting is one effective value and where it came from.
type setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"` // "default" or file:line:column
	Doc    string `json:"-"`
}

func newConfigCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "print the effective settings and switches, each with its origin",
		Long: `config prints every setting in effect and where its value came from: the default, a line of
the configuration, or a line of the choices that were made while scrim ran.`,
		Example: "  scrim config\n  scrim config --config /etc/scrim/config.yaml --json",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.showConfig() },
	}
	addJSON(a, c)
	return c
}

func (a *app) showConfig() error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	book, err := cfg.loadRules()
	if err != nil {
		return err
	}
	all := append(cfg.settings(), cfg.switches(book)...)
	if a.json {
		return a.ui.json(all)
	}
	var rows [][]cell
	for _, s := range all {
		mark := plain
		if s.Origin == "default" {
			mark = dim
		}
		rows = append(rows, []cell{{s.Key, bold}, {shown(s.Value), plain}, {s.Origin, mark}})
	}
	a.ui.table([]string{"KEY", "VALUE", "ORIGIN"}, rows)
	return nil
}

// settings is every key in the order of the table, maps entry by entry; switches come apart.
func (c *config) settings() []setting {
	var all []setting
	for _, k := range keys() {
		switch value := k.field(c.Settings).(type) {
		case *map[string]Product:
		case *map[string]string:
			if len(*value) == 0 {
				all = append(all, c.setting(k.path, map[string]string{}))
			}
			for _, name := range slices.Sorted(maps.Keys(*value)) {
				all = append(all, c.setting(k.path+"."+name, (*value)[name]))
			}
		default:
			all = append(all, c.setting(k.path, written(value)))
		}
	}
	return all
}

func (c *config) setting(path string, value any) setting {
	return setting{Key: path, Value: value, Origin: c.origin(path).String()}
}

// switches are the profile, the pause and the switch of every kind of every product.
func (c *config) switches(book *rulebook) []setting {
	var all []setting
	for _, p := range book.set.Products() {
		if p.Name == "" { // rules of no product have no switches
			continue
		}
		path := "products." + p.Name
		profile := c.setting(path+".profile", p.Profile)
		if profile.Origin == "default" {
			profile.Origin = c.origin("profile").String()
			profile.Value = c.Profile
		}
		all = append(all, profile)
		for _, k := range p.Kinds {
			all = append(all, c.setting(path+"."+k.Name, string(k.Switch)))
		}
		if !p.Pause.IsZero() {
			all = append(all, c.setting("pause."+p.Name, p.Pause.Format(time.RFC3339)))
		}
	}
	return all
}

// written is a value as it is written in the file; field is a pointer from the table of keys.
func written(field any) any {
	switch v := field.(type) {
	case *string:
		return *v
	case *address:
		return string(*v)
	case *int:
		return *v
	case *size:
		return v.String()
	case *time.Duration:
		return durationText(*v)
	case *[]string:
		return *v
	case *map[string]string:
		return *v
	}
	panic("scrim: a key has a type that config does not print")
}

// shown is a value on one line.
func shown(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return `""`
		}
		return v
	case int:
		return strconv.Itoa(v)
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case map[string]string:
		return "{}"
	}
	panic("scrim: a setting has a type that config does not print")
}

// String is the size in the largest unit that leaves a whole number.
func (s size) String() string {
	for _, u := range []struct {
		name string
		size size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// durationText is a duration as the file takes it: 90d, 24h, 15m, 30s.
func durationText(d time.Duration) string {
	for _, u := range []struct {
		name string
		span time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if d != 0 && d%u.span == 0 && (u.name != "d" || d >= 48*time.Hour) {
			return strconv.FormatInt(int64(d/u.span), 10) + u.name
		}
	}
	return d.String()
}
