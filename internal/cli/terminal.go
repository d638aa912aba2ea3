package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// person says whether somebody sits in front of c who can answer.
func person(c *cobra.Command) bool {
	in, ok := c.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && isTerminal(c.ErrOrStderr())
}

var errNoAnswer = errors.New("nothing was changed: there was no answer")

// asked asks the person in front of c and returns the line that was typed. It gives up when
// the command is interrupted.
func asked(c *cobra.Command, question string) (string, error) {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	defer func() { _ = terminal.Close() }()
	// A read that waits for a person ends when the command does.
	defer context.AfterFunc(c.Context(), func() { _ = terminal.SetReadDeadline(time.Unix(1, 0)) })()
	fmt.Fprint(c.ErrOrStderr(), question)
	line, err := bufio.NewReader(terminal).ReadString('\n')
	if c.Context().Err() != nil || errors.Is(err, io.EOF) {
		fmt.Fprintln(c.ErrOrStderr())
		return "", errNoAnswer
	}
	if err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// shortest and longest reason that the API takes.
const (
	shortestReason = 3
	longestReason  = 500
)

// why makes sure that a change has a reason: from the flag, or from the person in front.
func why(c *cobra.Command, reason *string) error {
	if *reason == "" && person(c) {
		said, err := asked(c, "Why? It is kept in the audit log: ")
		if err != nil {
			return err
		}
		*reason = said
	}
	switch n := len([]rune(*reason)); {
	case n == 0:
		return usageError{errors.New("say why with --reason")}
	case n < shortestReason:
		return usageError{fmt.Errorf("a reason has at least %d letters: somebody will read it one day", shortestReason)}
	case n > longestReason:
		return usageError{fmt.Errorf("a reason has at most %d letters", longestReason)}
	}
	return nil
}

// sure asks before something that people will notice. Without a terminal --yes has to say it.
func sure(c *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	if !person(c) {
		return usageError{errors.New("nothing was changed: there is no terminal to ask on; add --yes to go on without a question, or --dry-run to look")}
	}
	said, err := asked(c, question+" [y/N] ")
	if err != nil {
		return err
	}
	if said = strings.ToLower(said); said != "y" && said != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
