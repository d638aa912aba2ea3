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
	if s, ok := ctx.Value(key{}).(Setter); ok {
		return s
	}
	return none{}
}

// none stands in where nobody put a setter.
type none struct{}

func (none) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (none) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
