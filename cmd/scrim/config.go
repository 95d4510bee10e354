package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/scrimproxy/scrim/rules"
	"github.com/scrimproxy/scrim/rules/strict"
)

// configPlaces is where a configuration is looked for when none is named.
func configPlaces() []string { return []string{"scrim.yaml", "/etc/scrim/config.yaml"} }

// origin is where a value came from; the zero value is the default.
type origin struct {
	file         string
	line, column int
}

// String is "default" or file:line:column.
func (o origin) String() string {
	if o.file == "" {
		return "default"
	}
	return o.file + ":" + strconv.Itoa(o.line) + ":" + strconv.Itoa(o.column)
}

// config is the settings in effect, and where each came from. It is not changed after loading.
type config struct {
	*Settings
	file    string // "" : no file, the defaults hold
	dir     string // relative paths of the file start here
	origins map[string]origin
	choices rules.Choices
	before  beforeChoices           // what holds where a choice is taken back
	nodes   map[string]*strict.Node // of what can only be judged when the rules are known
	lists   []string                // files that rules name: {file: hosts.txt}
	faults  strict.Faults
}

// loadConfig reads the configuration of --config, or the first that is found, or none, and the choices
// after it. All faults come at once, as strict.Faults.
func (a *app) loadConfig() (*config, error) {
	file, err := findConfig(a.configFile)
	if err != nil {
		return nil, err
	}
	cfg, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	if err := cfg.readChoices(); err != nil {
		return nil, err
	}
	return cfg, cfg.faults.Err()
}

// findConfig is the file to read; "" where none was named and none is there.
func findConfig(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	for _, place := range configPlaces() {
		_, err := os.Stat(place)
		if err == nil {
			return place, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the configuration: %w", err)
		}
	}
	return "", nil
}

// readConfig reads one file; "" gives the defaults. Faults are in the config, not in the error.
func readConfig(file string) (*config, error) {
	cfg := &config{Settings: defaults(), file: file, dir: ".", origins: map[string]origin{}, nodes: map[string]*strict.Node{}}
	if file == "" {
		return cfg, nil
	}
	cfg.dir = filepath.Dir(file)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hinted(fmt.Errorf("configuration %q does not exist", file), "copy config.example.yaml there, or leave --config out to run with the defaults")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	cfg.decode(file, data)
	return cfg, nil
}

// decode lays a file over the settings.
func (c *config) decode(file string, data []byte) {
	root, faults := strict.Read(file, data)
	if root == nil {
		c.faults = append(c.faults, faults...)
		return
	}
	if !root.IsEmpty() {
		c.section(root, "")
		c.together()
	}
	c.faults = append(c.faults, root.Faults()...)
}

// resolve is a path of the file, seen from where we run.
func (c *config) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// stateDir is the state folder, seen from where we run.
func (c *config) stateDir() string { return c.resolve(c.StateDir) }

// statePath is a file in the state folder.
func (c *config) statePath(name string) string { return filepath.Join(c.stateDir(), name) }

// origin is where the value of a key came from.
func (c *config) origin(path string) origin { return c.origins[path] }

// note remembers where a value came from.
func (c *config) note(path string, n *strict.Node) {
	file, line, column := n.Pos()
	c.origins[path] = origin{file, line, column}
	c.nodes[path] = n
}

// fault adds a fault at the place of a key, or without a place where the value is a default.
func (c *config) fault(path, what, fix string) {
	f := strict.Fault{File: c.file, Path: path, What: what, Fix: fix}
	if o := c.origins[path]; o.file != "" {
		f.File, f.Line, f.Column = o.file, o.line, o.column
	}
	c.faults = append(c.faults, f)
}
