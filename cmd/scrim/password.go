package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scrimproxy/scrim/web"
)

func newPasswordCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "password",
		Short: "set the password of the review UI",
		Long: `password sets the password that the review UI asks for off this machine. It is asked for twice
on a terminal, and else read as one line of standard input. A scrim that runs takes it over at
once; open sessions end, tokens stay.`,
		Example: "  scrim password\n  pass show scrim | scrim password --config /etc/scrim/config.yaml",
		Args:    exactArgs(),
		RunE:    func(*cobra.Command, []string) error { return a.setPassword() },
	}
}

func (a *app) setPassword() error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if err := prepareState(cfg.stateDir()); err != nil {
		return err
	}
	password, err := a.askPassword()
	if err != nil {
		return err
	}
	if err := web.CheckPassword(password); err != nil {
		return misused(err, "a few words that you can remember make a good one")
	}
	if err := web.SetPassword(cfg.stateDir(), password); err != nil {
		return err
	}
	a.ui.line("the password is set")
	return nil
}

// askPassword reads a password without showing it, or a line where nobody sits there.
func (a *app) askPassword() (string, error) {
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := a.hidden(in, "new password: ")
	if err != nil {
		return "", err
	}
	again, err := a.hidden(in, "once more: ")
	if err == nil && first != again {
		err = misused(errors.New("the two are not the same"), "try again")
	}
	return first, err
}

func (a *app) hidden(in *os.File, prompt string) (string, error) {
	a.ui.note(prompt)
	if err := a.ui.flush(); err != nil {
		return "", err
	}
	word, err := term.ReadPassword(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(word), nil
}
