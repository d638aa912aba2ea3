package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Order is what an operator wants of every replica.
type Order struct {
	Verb  Verb
	Scope string
	Key   string
	Until time.Time // of a block
	Text  string    // of an answer
}

// Verb says what is wanted.
type Verb string

// The orders.
const (
	DoBlock Verb = "block" // refuse the key until a time; a time in the past lifts it
	DoReset Verb = "reset" // forget what the key has spent

	doAsk  Verb = "ask"  // tell what was asked of you in the scope; the key names the question
	doTell Verb = "tell" // the answer
)

// Talk says that the order means something to replicas that run now only.
func (v Verb) Talk() bool { return v == doAsk || v == doTell }

// mostOrders are kept for replicas that have not heard them.
const mostOrders = 10_000

// Block refuses a key under every policy of a scope until a time, on every replica within a
// second. A time that has passed lifts the block. On an error it holds here only.
func (l *Limiter) Block(ctx context.Context, scope, key string, until time.Time) error {
	o := Order{Verb: DoBlock, Scope: scope, Key: key, Until: until}
	l.obey(o)
	if err := l.ledger.Post(ctx, o); err != nil {
		return fmt.Errorf("block in %s: only this replica knows, say it again once the store is back: %w", scope, err)
	}
	return nil
}

// Reset forgets what a key has spent under every policy of a scope, on every replica within a
// second.
func (l *Limiter) Reset(ctx context.Context, scope, key string) error {
	o := Order{Verb: DoReset, Scope: scope, Key: key}
	l.obey(o)
	if err := l.ledger.Post(ctx, o); err != nil {
		return fmt.Errorf("reset in %s: only this replica knows, say it again once the store is back: %w", scope, err)
	}
	return nil
}

// follow hears the orders of other replicas.
func (l *Limiter) follow(ctx context.Context) {
	if l.inline || !l.ledger.Healthy() {
		return
	}
	for {
		orders, last, err := l.ledger.Orders(ctx, l.heard.last)
		if err != nil {
			return // the store reports its own state; blocks that are known here hold
		}
		l.heard.last = last
		for _, o := range orders {
			l.heed(ctx, o)
		}
		if len(orders) == 0 {
			l.heard.all = true
			return
		}
	}
}

// heed does one order. Those from before this replica's start are done, but for blocks.
func (l *Limiter) heed(ctx context.Context, o Order) {
	switch {
	case o.Verb == DoBlock:
		l.obey(o)
	case !l.heard.all:
	case o.Verb == DoReset:
		l.obey(o)
	case o.Verb == doAsk:
		l.tell(ctx, o)
	case o.Verb == doTell:
		l.questions.hear(o)
	}
}

// heard is how far this replica has read the orders.
type heard struct {
	last string
	all  bool // what was there at the start is read: resets in it were for those before us
}

func (l *Limiter) obey(o Order) {
	now := l.now()
	s := l.scope(o.Scope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Verb == DoBlock {
		s.block(o.Key, o.Until, now)
		return
	}
	for _, m := range s.meters {
		if m.policy == nil {
			continue
		}
		for _, c := range s.bucket(m.policy, o.Key).cells {
			c.denied, c.alone, c.debt = denial{}, nil, 0
			c.reset = true
			s.tell(c)
		}
	}
	s.dispatch(now)
}

func (s *scope) block(key string, until, now time.Time) {
	for k, t := range s.blocked {
		if !now.Before(t) {
			delete(s.blocked, k)
		}
	}
	if now.Before(until) && len(s.blocked) < mostOrders {
		s.blocked[key] = until
	} else {
		delete(s.blocked, key)
	}
}

// isBlocked refuses what an operator has blocked.
func (s *scope) isBlocked(charges []Charge, now time.Time, d *Decision) bool {
	if len(s.blocked) == 0 {
		return false
	}
	for _, c := range charges {
		until, ok := s.blocked[c.Key]
		if !ok || !now.Before(until) {
			continue
		}
		s.bucket(c.Policy, c.Key).blocked(now)
		d.Allowed, d.Blocked = false, true
		d.Violated = append(d.Violated, c.Policy.Name)
		d.RetryAfter = max(d.RetryAfter, until.Sub(now))
		return true
	}
	return false
}
