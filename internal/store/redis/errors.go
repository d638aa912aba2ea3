package redis

import (
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"sluicegate.dev/sluice/internal/store"
)

// unsentError is a connection that could not be made: nothing was sent over it.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return e.cause.Error() }
func (e *unsentError) Unwrap() error { return e.cause }

// sick are the replies of a server that cannot serve us now, whoever asks and whatever for.
// Redis refuses such a command whole.
func sick(reply string) bool {
	code, _, _ := strings.Cut(reply, " ")
	switch code {
	case "READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS",
		"NOAUTH", "WRONGPASS", "NOPERM", "OOM", "MISCONF", "BUSY":
		return true
	}
	return strings.Contains(reply, "max number of clients") ||
		strings.Contains(reply, "unauthenticated") // what a long command gets instead of NOAUTH
}

// judge turns what go-redis returned into one of the store's errors, and says whether the
// server is to blame.
func judge(err error) (result, failure error) {
	if err == nil || errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	var reply goredis.Error
	var unsent *unsentError
	switch {
	case errors.As(err, &reply) && sick(reply.Error()):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), err
	case errors.As(err, &reply): // it answers, but not to this: a wrong type, or a mistake of ours
		return err, nil
	case errors.As(err, &unsent), errors.Is(err, goredis.ErrPoolTimeout),
		errors.Is(err, goredis.ErrPoolExhausted), errors.Is(err, goredis.ErrClosed):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err), err
	default:
		return fmt.Errorf("%w: %w", store.ErrUnknown, err), err
	}
}

// isSignedOut says that the server does not, or no more, know who we are.
func isSignedOut(failure error) bool {
	return failure != nil && goredis.IsAuthError(failure)
}

// isWrongType says that somebody keeps something else under our key.
func isWrongType(err error) bool { return goredis.HasErrorPrefix(err, "WRONGTYPE") }
