package ratelimit

import (
	"context"
	"sync"
	"time"
)

// ready are calls that wait for a flusher. A flusher that is free takes all of them at once,
// so that they share a round trip: the busier the ledger, the more go together.
type ready struct {
	mu     sync.Mutex
	calls  []*flight
	signal chan struct{}
}

// mostCalls go in one round trip.
const mostCalls = 64

func (r *ready) add(f *flight) {
	r.mu.Lock()
	r.calls = append(r.calls, f)
	r.mu.Unlock()
	r.wake()
}

func (r *ready) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

func (r *ready) take() []*flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.calls), mostCalls)
	batch := r.calls[:n:n]
	if r.calls = r.calls[n:]; len(r.calls) == 0 {
		r.calls = nil
	} else {
		r.wake()
	}
	return batch
}

// flush sends what is ready until ctx ends.
func (l *Limiter) flush(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.ready.signal:
		}
		l.send(context.WithoutCancel(ctx), l.ready.take())
	}
}

// send makes one round trip. A lease counts from before it.
func (l *Limiter) send(ctx context.Context, batch []*flight) {
	if len(batch) == 0 {
		return
	}
	calls := make([]*Call, len(batch))
	now := l.now()
	for i, f := range batch {
		f.sent = now
		calls[i] = &f.call
	}
	l.trips.Add(1)
	l.ledger.Do(ctx, calls)
	for _, f := range batch {
		f.scope.mu.Lock()
		f.scope.land(f)
		f.scope.serve(l.now())
		f.scope.dispatch(l.now())
		f.scope.mu.Unlock()
	}
}

// busyScopes have something that the sweeper must look after.
type busyScopes struct {
	mu  sync.Mutex
	all []*scope
}

// watch has the sweeper look after a cell.
func (s *scope) watch(c *cell) {
	s.leased[c] = struct{}{}
	if s.busy {
		return
	}
	s.busy = true
	b := &s.limiter.busy
	b.mu.Lock()
	b.all = append(b.all, s)
	b.mu.Unlock()
}

func (l *Limiter) sweep() {
	l.busy.mu.Lock()
	all := l.busy.all
	l.busy.all = nil
	l.busy.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		s.busy = false
		s.sweep(l.now())
		s.mu.Unlock()
	}
}

// sweep gives back what lies idle, keeps slots in use alive and tells debts.
func (s *scope) sweep(now time.Time) {
	watched := s.leased
	s.leased = make(map[*cell]struct{}, len(watched))
	for c := range watched {
		c.meet(now)
		switch {
		case c.debt > 0 || c.refund > 0 || c.reset:
			s.tell(c)
		case c.tokens > 0 && now.Sub(c.used) > c.horizon && !s.limiter.inline:
			s.giveBack(c)
		case c.kind == Slots && c.held > 0 && c.until.Sub(now) < c.ttl*2/3 && !s.limiter.inline:
			s.tell(c)
		}
		if c.tokens > 0 || c.held > 0 && c.kind == Slots || c.debt > 0 || c.refund > 0 || c.reset {
			s.watch(c)
		}
	}
	s.dispatch(now)
}

// part gives all leases back, once nothing else runs.
func (l *Limiter) part(ctx context.Context) {
	if l.inline {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, parting)
	defer cancel()
	for _, s := range l.scopes() {
		s.mu.Lock()
		for c := range s.leased {
			s.giveBack(c)
		}
		s.dispatch(l.now())
		s.mu.Unlock()
	}
	for batch := l.ready.take(); len(batch) > 0 && ctx.Err() == nil; batch = l.ready.take() {
		l.send(ctx, batch)
	}
}
