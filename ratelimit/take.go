package ratelimit

import (
	"context"
	"slices"
	"time"
)

// Take charges a request, to all of its charges or to none. It cannot fail: while the ledger
// is away each policy says what holds. done gives slots back and must be called once the
// request is over, allowed or not; calling it again does nothing.
//
// Priority requests may use what a policy reserves.
func (l *Limiter) Take(ctx context.Context, charges []Charge, priority bool) (Decision, func()) {
	d := Decision{Allowed: true}
	var taken []*request // that may have to be given back
	only := oneScope(charges)
	for len(charges) > 0 && d.Allowed {
		name := charges[0].Scope
		n := 1
		for n < len(charges) && charges[n].Scope == name {
			n++
		}
		r := l.scope(name).take(ctx, charges[:n], priority, only, &d)
		if charges = charges[n:]; r != nil && (r.slots || len(charges) > 0) {
			taken = append(taken, r)
		}
	}
	switch {
	case !d.Allowed:
		for _, r := range taken {
			r.scope.undo(r)
		}
	case len(taken) > 0:
		return d, func() {
			for _, r := range taken {
				r.scope.leave(r)
			}
		}
	}
	return d, func() {}
}

func oneScope(charges []Charge) bool {
	for i := range charges {
		if charges[i].Scope != charges[0].Scope {
			return false
		}
	}
	return true
}

// take decides for the charges of this scope and adds the outcome to d. It returns what was
// taken, or nil.
func (s *scope) take(ctx context.Context, charges []Charge, priority, only bool, d *Decision) *request {
	now := s.limiter.now()
	s.mu.Lock()
	if s.isBlocked(charges, now, d) {
		s.mu.Unlock()
		return nil
	}
	if only && s.quick(charges, priority, now, d) {
		if len(s.wants) > 0 {
			s.dispatch(now)
		}
		s.mu.Unlock()
		return nil
	}
	enforced, shadowed := s.requests(charges, priority, now)
	s.try(enforced, now)
	s.try(shadowed, now)
	if len(s.wants) > 0 || enforced.ready() || shadowed.ready() {
		s.dispatch(now)
	}
	if enforced.waits() || shadowed.waits() {
		s.mu.Unlock()
		s.await(ctx, enforced)
		s.await(ctx, shadowed)
		now = s.limiter.now()
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return s.report(enforced, shadowed, now, d)
}

// quick serves the common case without making a request of it: every limit is enforced and
// has a lease that holds enough.
func (s *scope) quick(charges []Charge, priority bool, now time.Time, d *Decision) bool {
	var space [6]need
	needs := space[:0]
	var buckets [4]*bucket
	if len(charges) > len(buckets) {
		return false
	}
	for i, charge := range charges {
		if !charge.Policy.enforced(charge.Key) {
			return false
		}
		b := s.bucket(charge.Policy, charge.Key)
		buckets[i] = b
		for _, c := range b.cells {
			cost := c.fit(charge.Cost, priority)
			c.meet(now)
			if c.kind == Slots || c.tokens < cost || i > 0 && slices.Contains(buckets[:i], b) || len(needs) == len(space) {
				return false
			}
			needs = append(needs, need{cell: c, cost: cost})
		}
	}
	d.Levels = slices.Grow(d.Levels, len(needs))
	for _, n := range needs {
		n.cell.want(n.cost, now)
		n.cell.spend(n.cost)
		if n.cell.low(now) {
			s.tell(n.cell)
		}
		d.Levels = append(d.Levels, n.cell.level(now, s.limiter))
	}
	for _, b := range buckets[:len(charges)] {
		b.usage.turn(now)
		b.usage.allowed++
		b.meter.allowed.Add(1)
	}
	return true
}

// try decides from leases and remembered refusals, or puts the request into the queue.
func (s *scope) try(r *request, now time.Time) {
	if r == nil {
		return
	}
	refused, missing := false, false
	for i := range r.needs {
		n := &r.needs[i]
		if n.cell.refuses(n.cost, r.priority, now) {
			refused = true
			r.refuse(n.cell, n.cell.denied.fits.Sub(now))
		}
		missing = missing || n.cell.tokens < n.cost
	}
	switch {
	case refused:
		s.finish(r, false, now)
	case !missing:
		for _, n := range r.needs {
			n.cell.spend(n.cost)
			if n.cell.low(now) {
				s.tell(n.cell)
			}
		}
		s.finish(r, true, now)
	default:
		s.enqueue(r, now)
	}
}

// enqueue keeps what leases have for the request and lets it wait for the rest. A lease that
// may end meanwhile is asked for again instead.
func (s *scope) enqueue(r *request, now time.Time) {
	for i := range r.needs {
		n := &r.needs[i]
		if n.cell.tokens >= n.cost && n.cell.until.Sub(now) > 2*patience {
			n.cell.tokens -= n.cost
			n.cell.held += n.cost
			n.state = held
		}
	}
	if !s.limiter.ledger.Healthy() {
		s.decideAlone(r, now)
		return
	}
	for _, n := range r.needs {
		if n.state == missing {
			n.cell.asked++
		}
	}
	if !s.limiter.inline {
		r.done = make(chan struct{})
	}
	s.queue = append(s.queue, r)
}
