package cli

import (
	"context"
	"errors"

	"sluicegate.dev/sluice/internal/client"
)

// Exit codes. Scripts rely on them; exitHelp documents them.
const (
	exitOK          = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitTimedOut    = 4
)

const exitHelp = `Exit codes:
  0  done
  1  refused or invalid: the gateway said no, or a document is wrong
  2  usage: the command line is wrong
  3  unreachable: no gateway answered
  4  timed out: a gateway was there, but did not answer in time; what was waited for is not so yet`

// What a command that waits ends with when it has not seen what it waited for.
var (
	errNotYet      = errors.New("not yet")
	errInterrupted = errors.New("interrupted")
)

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage usageError
	var unreachable *client.Unreachable
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unreachable):
		return exitUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotYet), errors.Is(err, errInterrupted):
		return exitTimedOut
	}
	return exitRefused
}
