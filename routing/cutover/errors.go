package cutover

import (
	"errors"
	"fmt"
)

// What callers tell apart when a command is refused. The error that they get says more: who
// is concerned and what to do.
var (
	ErrRunning     = errors.New("a cutover is running")
	ErrNoCutover   = errors.New("no cutover is running")
	ErrPastReturn  = errors.New("the point of no return is behind")
	ErrNotNow      = errors.New("not in this phase")
	ErrInvalidPlan = errors.New("the plan cannot be carried out")
)

// refusal is one of those with a sentence for people.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}
