package ratelimit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says what a limiter works with.
type Config struct {
	// Ledger is shared by all replicas. Without one the limiter keeps its own in this
	// process and asks it directly.
	Ledger Ledger
	// Replica names this process to the ledger. Needed with a Ledger.
	Replica string
	// File keeps quotas and blocks over a restart when there is no Ledger. May be empty.
	File string
	// Replicas says how many share the ledger, as far as is known elsewhere. It matters for
	// keys that only this replica has seen when the ledger goes away. May be nil.
	Replicas func() int
	Metrics  prometheus.Registerer
	Log      *slog.Logger
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// Limiter decides for one replica. It is safe for concurrent use.
type Limiter struct {
	ledger  Ledger
	inline  bool // the ledger is in this process and ours alone: ask it while the request waits
	replica string
	now     func() time.Time
	log     *slog.Logger

	known sync.Map // scopes by name

	ready     ready         // calls that wait for a flusher
	busy      busyScopes    // scopes that the sweeper looks at
	offset    atomic.Int64  // the ledger's clock less ours, microseconds
	alive     func() int    // replicas that share the ledger
	buckets   atomic.Int64  // in all scopes
	trips     atomic.Uint64 // round trips to the ledger
	failed    atomic.Uint64 // calls without an answer
	questions questions     // to other replicas

	heard   heard // the follower's own
	file    string
	written string // what is in the file; the saver\'s own
}

const (
	flushers    = 4
	patience    = 60 * time.Millisecond // a request waits so long for the ledger, all in all
	sweepEvery  = 100 * time.Millisecond
	followEvery = 400 * time.Millisecond // orders are heard within a second
	parting     = time.Second            // for giving leases back at the end
)

// New returns a limiter. With a Ledger, Run must run for it to be asked.
func New(c Config) *Limiter {
	l := &Limiter{ledger: c.Ledger, replica: c.Replica, now: c.Now, log: c.Log, file: c.File}
	if l.alive = c.Replicas; l.alive == nil {
		l.alive = func() int { return 1 }
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.ledger == nil {
		l.ledger, l.inline, l.replica = NewMemory(l.now), true, "self"
	}
	l.ready.signal = make(chan struct{}, flushers)
	if c.Metrics != nil {
		c.Metrics.MustRegister(newCollector(l))
	}
	return l
}

// Run asks the ledger for whoever waits, follows orders and gives back what lies idle. When
// ctx ends it returns all leases.
func (l *Limiter) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	if !l.inline {
		for range flushers {
			parts.Go(func() { l.flush(ctx) })
		}
	}
	if err := l.restore(); err != nil {
		l.log.WarnContext(ctx, "limits: quotas count from zero again", "err", err)
	}
	keep := func() {
		if err := l.save(); err != nil {
			l.log.ErrorContext(ctx, "limits: a restart will forget quotas and blocks; look at the space and the rights of the data folder", "err", err)
		}
	}
	parts.Go(func() { l.every(ctx, saveEvery, keep) })
	parts.Go(func() { l.every(ctx, sweepEvery, l.sweep) })
	parts.Go(func() { l.every(ctx, followEvery, func() { l.follow(ctx) }) })
	parts.Wait()
	l.part(context.WithoutCancel(ctx))
	keep()
	return nil
}

func (l *Limiter) every(ctx context.Context, period time.Duration, do func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// scope finds a scope, or makes it: names come from the configuration, so they are few.
func (l *Limiter) scope(name string) *scope {
	v, ok := l.known.Load(name)
	if !ok {
		v, _ = l.known.LoadOrStore(name, newScope(l, name))
	}
	s, _ := v.(*scope)
	return s
}

// scopes are all of them, now.
func (l *Limiter) scopes() []*scope {
	var all []*scope
	for _, v := range l.known.Range {
		if s, ok := v.(*scope); ok {
			all = append(all, s)
		}
	}
	return all
}

// Retain forgets scopes that are not configured any more, with their metrics.
func (l *Limiter) Retain(configured func(scope string) bool) {
	for _, s := range l.scopes() {
		if !configured(s.name) {
			l.known.Delete(s.name)
			l.buckets.Add(-int64(s.size()))
		}
	}
}

// ledgerTime is t by the ledger's clock, as far as this replica knows it.
func (l *Limiter) ledgerTime(t time.Time) time.Time {
	return t.Add(time.Duration(l.offset.Load()) * time.Microsecond)
}
