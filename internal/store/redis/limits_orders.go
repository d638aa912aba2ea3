package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

// stream carries orders to all replicas. Blocks are kept for those that start later; what is
// only talk among replicas must not push them out.
type stream struct {
	key  string
	most int // entries that it keeps, about
	ttl  time.Duration
}

func streams() [2]stream {
	return [2]stream{
		{prefix + "limit-orders", 10_000, 366 * 24 * time.Hour},
		{prefix + "limit-talk", 100, time.Minute},
	}
}

const ordersRead = 500 // at once, of each stream

// Post implements ratelimit.Ledger.
func (l *Limits) Post(ctx context.Context, o ratelimit.Order) error {
	to := streams()[0]
	if o.Verb.Talk() {
		to = streams()[1]
	}
	_, err := l.store.do(ctx, "limit orders",
		request{key: to.key, words: []any{
			"XADD", to.key, "MAXLEN", "~", to.most, "*",
			"verb", string(o.Verb), "scope", o.Scope, "key", o.Key, "until", o.Until.UnixMilli(), "text", o.Text,
		}},
		request{key: to.key, words: []any{"PEXPIRE", to.key, to.ttl.Milliseconds()}})
	return err
}

// Orders implements ratelimit.Ledger. A position is the last id of each stream.
func (l *Limits) Orders(ctx context.Context, after string) ([]ratelimit.Order, string, error) {
	at := [2]string{}
	at[0], at[1], _ = strings.Cut(after, " ")
	var requests []request
	for i, s := range streams() {
		from := at[i]
		if from == "" {
			from = "-"
		}
		// The entry at the position comes again: Redis 6.0 cannot leave it out.
		requests = append(requests, request{key: s.key, words: []any{"XRANGE", s.key, from, "+", "COUNT", ordersRead}})
	}
	replies, err := l.store.do(ctx, "limit orders", requests...)
	if err != nil {
		return nil, after, err
	}
	var orders []ratelimit.Order
	for i := range replies {
		rows, err := replies[i].table()
		if err != nil {
			return nil, after, fmt.Errorf("%s: %w", streams()[i].key, err)
		}
		for _, row := range rows {
			if id, o, ok := readOrder(row); ok && id != at[i] {
				at[i] = id
				orders = append(orders, o)
			}
		}
	}
	return orders, at[0] + " " + at[1], nil
}

// readOrder reads an entry of a stream: its id and a list of fields and values.
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
		Until: time.UnixMilli(until), Text: fields["text"],
	}
	return id, o, id != ""
}
