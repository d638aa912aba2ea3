package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// Unreachable says that no gateway answered.
type Unreachable struct {
	Target Target
	Err    error
}

func (e *Unreachable) Error() string {
	tried := "tried " + e.Target.Socket
	if e.Target.Server != "" {
		tried = "tried " + e.Target.Server
	}
	return fmt.Sprintf("no gateway answers: %s (%s): %s", tried, e.Target.From, e.why())
}

func (e *Unreachable) why() string {
	other := "name it with --data-dir DIR, --server URL or --context NAME"
	switch {
	case e.Target.Server != "":
		return e.Err.Error()
	case errors.Is(e.Err, fs.ErrNotExist):
		return "there is no such socket; start one with `sluice run`, or " + other
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "the socket is left over from a gateway that is gone; start it again, or " + other
	case errors.Is(e.Err, fs.ErrPermission):
		return "the socket belongs to another user; run this as the user that runs the gateway, or use --server with a token"
	}
	return e.Err.Error()
}

func (e *Unreachable) Unwrap() error { return e.Err }

// Refused says that the gateway answered no.
type Refused struct {
	Status int
	Detail string
}

func (e *Refused) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the gateway answered %d %s", e.Status, http.StatusText(e.Status))
	}
	return e.Detail
}

// refused reads an error answer. What is not Problem Details did not come from a gateway.
func refused(t Target, response *http.Response, text []byte) error {
	var problem api.ProblemDetails
	kind := response.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "application/problem+json") || json.Unmarshal(text, &problem) != nil {
		return fmt.Errorf("%s answered %s, and not as the admin API does: is that its admin address?", t, response.Status)
	}
	detail := problem.Detail
	for _, e := range problem.Errors {
		detail += fmt.Sprintf("; %s: %s", strings.TrimPrefix(e.Location, "body."), e.Message)
	}
	if response.StatusCode == http.StatusUnauthorized && t.TokenFile == "" {
		detail += " (no token was sent: use --token-file, or `sluice context set`)"
	}
	return &Refused{Status: response.StatusCode, Detail: detail}
}
