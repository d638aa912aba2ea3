package deadline

import (
	"context"
	"errors"
	"time"
)

// Setter sets the deadlines of one request's connection or stream. *http.ResponseController
// is one.
type Setter interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

type key struct{}

// NewContext returns ctx with s.
func NewContext(ctx context.Context, s Setter) context.Context {
	return context.WithValue(ctx, key{}, s)
}

// FromContext returns the setter that ctx carries. It is never nil: without one, the
// deadlines stay what the server made them.
func FromContext(ctx context.Context) Setter {
	if s, ok := Lookup(ctx); ok {
		return s
	}
	return none{}
}

// Lookup is FromContext for callers that know of another setter when there is none.
func Lookup(ctx context.Context) (Setter, bool) {
	s, ok := ctx.Value(key{}).(Setter)
	return s, ok
}

// none stands in where nobody put a setter.
type none struct{}

func (none) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (none) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
