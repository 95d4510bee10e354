package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrimproxy/scrim/rules/strict"
)

// The exit codes, which scripts rely on.
const (
	exitDone       = 0 // done, or yes
	exitFailed     = 1
	exitMisused    = 2 // the command line is wrong
	exitFaults     = 3 // a check found faults
	exitUnverified = 4 // the ledger does not verify
)

// codeError is an error with an exit code and, where we know the way out, a hint.
type codeError struct {
	err  error // nil: everything has been said already
	code int
	hint string
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// misused is a fault of the command line.
func misused(err error, hint string) error {
	return &codeError{err: err, code: exitMisused, hint: hint}
}

// hinted adds the way out to an error.
func hinted(err error, hint string) error {
	return &codeError{err: err, code: exitCode(err), hint: hint}
}

// exitWith ends with code when all that is to be said is on the terminal already.
func exitWith(code int) error { return &codeError{code: code} }

// exitCode is the exit code of an error that a verb returned.
func exitCode(err error) int {
	var coded *codeError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailed
}

// hintOf is the hint of an error, or "".
func hintOf(err error) string {
	var coded *codeError
	for errors.As(err, &coded) {
		if coded.hint != "" {
			return coded.hint
		}
		err = coded.err
	}
	return ""
}

// subcommandArgs refuses a word that is no subcommand and names the nearest one.
func subcommandArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	hint := "commands are " + strings.Join(known, ", ")
	if near := strict.Nearest(args[0], known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", c.CommandPath()+" "+near)
	}
	return misused(fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath()), hint)
}

// exactArgs demands as many arguments as names are given.
func exactArgs(names ...string) cobra.PositionalArgs {
	return rangeArgs(len(names), len(names), names...)
}

// rangeArgs demands between least and most arguments; most < 0 is no limit.
func rangeArgs(least, most int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		hint := "usage: " + c.UseLine()
		switch {
		case len(args) < least:
			return misused(fmt.Errorf("%s: %s is missing", c.CommandPath(), names[len(args)]), hint)
		case most >= 0 && len(args) > most:
			return misused(fmt.Errorf("%s: unexpected argument %q", c.CommandPath(), args[most]), hint)
		}
		return nil
	}
}
