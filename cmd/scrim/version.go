package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// stamp is the version that the Makefile writes in with -ldflags "-X main.stamp=…".
// Nothing else writes it; "" means: built by go build alone.
var stamp string

func newVersionCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Example: "  scrim version\n  scrim version --json",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.ui.json(map[string]string{
					"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			a.ui.line("scrim ", version(), " ", runtime.GOOS, "/", runtime.GOARCH, " ", runtime.Version())
			return nil
		},
	}
	addJSON(a, c)
	return c
}

// version is the stamp, else what the Go tool knows of the module and its commit.
func version() string {
	if stamp != "" {
		return stamp
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
