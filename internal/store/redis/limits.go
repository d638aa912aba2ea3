package redis

import (
	"context"
	"errors"
	"fmt"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/ratelimit"
)

const (
	limitPrefix = prefix + "limit:"
)

// Limits is the ledger of rate limits: one hash for each cell, changed by one script.
type Limits struct {
	store  *Store
	script *Script
}

// Limits returns the ledger of rate limits.
func (s *Store) Limits() *Limits {
	return &Limits{store: s, script: NewScript("limits", ratelimit.Script)}
}

// Healthy implements ratelimit.Ledger. In a cluster one server may be away: a call to it fails
// at once, and must not keep tenants whose limits are elsewhere from theirs.
func (l *Limits) Healthy() bool {
	_, several := l.store.servers.(*cluster)
	return several || l.store.Healthy()
}

// Do implements ratelimit.Ledger. All calls to one server share a round trip.
func (l *Limits) Do(ctx context.Context, calls []*ratelimit.Call) {
	requests := make([]request, len(calls))
	for i, c := range calls {
		requests[i] = l.script.call(c.Keys(limitPrefix), c.Args()...)
	}
	replies, err := l.store.do(ctx, l.script.op, requests...)
	for i, c := range calls {
		c.Err = l.outcome(c, replies[i], err)
	}
}

func (l *Limits) outcome(c *ratelimit.Call, r reply, all error) error {
	if r.value == nil && r.err == nil {
		r.err = all // the whole round trip was given up
	}
	switch {
	case errors.Is(r.err, store.ErrUnavailable):
		return fmt.Errorf("%w: %w", ratelimit.ErrNotSent, r.err)
	case r.err != nil:
		return r.err
	}
	rows, err := r.table()
	if err != nil {
		return err
	}
	return c.Decode(rows)
}
