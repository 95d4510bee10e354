package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/scrimproxy/scrim/rules/strict"
)

// screen is a ui over buffers, as on a terminal or in a pipe.
func screen(terminal bool) (u *ui, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	u = newUI(out, errOut)
	u.terminal, u.colour, u.errColor = terminal, terminal, terminal
	return u, out, errOut
}

func TestTableIsAlignedOnATerminalAndPlainInAPipe(t *testing.T) {
	rows := [][]cell{{{"ä", plain}, {"x", green}}, {{"long", plain}, {"y", plain}}}
	for _, c := range []struct {
		name     string
		terminal bool
		want     string
	}{
		{"terminal", true, "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\nä     \x1b[32mx\x1b[0m\nlong  y\n"},
		{"pipe", false, "ä\tx\nlong\ty\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, out, _ := screen(c.terminal)
			u.table([]string{"A", "B"}, rows)
			u.flush()
			if got := out.String(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestControlCharactersOfOthersDoNotReachTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext":        "plain\ttext",
		"\x1b[2Jgone":        "\uFFFD[2Jgone",
		"\x1b]0;title\x07":   "\uFFFD]0;title\uFFFD",
		"\x1b[31mred\x1b[0m": "\x1b[31mred\x1b[0m",
		"\x1b[131mno":        "\uFFFD[131mno",
		"a\u009bb\x7f":       "a\uFFFDb\uFFFD",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q): got %q, want %q", in, got, want)
		}
	}
}

func TestFaultsBeginWithTheirPlace(t *testing.T) {
	u, _, errOut := screen(false)
	u.fault(strict.Faults{{File: "a.yaml", Line: 3, Column: 1, Path: "x", What: "wrong", Fix: "mend it"}, {File: "a.yaml", Line: 4, Column: 2, What: "too"}})
	u.fault(hinted(errors.New("no way"), "go round"))
	want := "a.yaml:3:1: x: wrong; mend it\na.yaml:4:2: too\nscrim: no way\nhint: go round\n"
	if got := errOut.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), exitFailed},
		{misused(errors.New("x"), ""), exitMisused},
		{hinted(misused(errors.New("x"), ""), "y"), exitMisused},
		{exitWith(exitFaults), exitFaults},
		{strict.Faults{{What: "x"}}, exitFailed},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}
