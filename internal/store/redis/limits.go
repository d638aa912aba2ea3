package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/ratelimit"
)

const (
	limitPrefix = prefix + "limit:"
	ordersKey   = prefix + "limit-orders"
	mostOrders  = 10_000 // that the stream keeps, about
	ordersRead  = 500    // at once
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

// Post implements ratelimit.Ledger.
func (l *Limits) Post(ctx context.Context, o ratelimit.Order) error {
	_, err := l.store.do(ctx, "limit orders", request{key: ordersKey, words: []any{
		"XADD", ordersKey, "MAXLEN", "~", mostOrders, "*",
		"verb", string(o.Verb), "scope", o.Scope, "key", o.Key, "until", o.Until.UnixMilli(),
	}})
	return err
}

// Orders implements ratelimit.Ledger. A position is the id of an entry of the stream.
func (l *Limits) Orders(ctx context.Context, after string) ([]ratelimit.Order, string, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	replies, err := l.store.do(ctx, "limit orders", request{key: ordersKey, words: []any{
		"XRANGE", ordersKey, from, "+", "COUNT", ordersRead,
	}})
	if err != nil {
		return nil, after, err
	}
	rows, err := replies[0].table()
	if err != nil {
		return nil, after, err
	}
	var orders []ratelimit.Order
	for _, row := range rows {
		id, o, ok := readOrder(row)
		if !ok {
			continue // not ours
		}
		after = id
		orders = append(orders, o)
	}
	return orders, after, nil
}

// readOrder reads an entry of the stream: its id and a list of fields and values.
func readOrder(row any) (id string, o ratelimit.Order, ok bool) {
	entry, _ := row.([]any)
	if len(entry) != 2 {
		return "", o, false
	}
	id, _ = entry[0].(string)
	words, _ := entry[1].([]any)
	fields := map[string]string{}
	for i := 0; i+1 < len(words); i += 2 {
		name, _ := words[i].(string)
		fields[name], _ = words[i+1].(string)
	}
	until, _ := strconv.ParseInt(fields["until"], 10, 64)
	o = ratelimit.Order{
		Verb: ratelimit.Verb(fields["verb"]), Scope: fields["scope"], Key: fields["key"],
		Until: time.UnixMilli(until),
	}
	return id, o, id != ""
}
