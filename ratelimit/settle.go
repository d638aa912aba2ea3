package ratelimit

import (
	"context"
	"slices"
	"time"
)

// finish ends a request: it spends what was kept for it, or puts it back.
func (s *scope) finish(r *request, granted bool, now time.Time) {
	r.settled, r.granted = true, granted
	for i := range r.needs {
		n := &r.needs[i]
		if n.state == held {
			s.release(n, granted, now)
		} else if n.state == paid && !granted {
			s.refund(n)
		}
	}
	for _, b := range r.buckets {
		b.count(r, granted, now)
	}
	if r.done != nil {
		close(r.done)
	}
}

// release resolves tokens that were kept for a request.
func (s *scope) release(n *need, spend bool, now time.Time) {
	n.state = missing
	c := n.cell
	if spend && c.kind == Slots {
		return // in use until the request is over
	}
	c.held -= n.cost
	if !spend && now.Before(c.until) {
		c.tokens += n.cost
	}
}

// refund gives back what the ledger has charged for a request that did not pass.
func (s *scope) refund(n *need) {
	n.state = missing
	if n.cell.kind == Slots {
		s.vacate(n.cell, n.cost)
		return
	}
	n.cell.forgive(n.cost, n.at)
	s.tell(n.cell)
}

// forgive notes what was charged for nothing.
func (c *cell) forgive(cost int, at int64) {
	if c.refund == 0 || at < c.since {
		c.since = at
	}
	c.refund += cost
}

// undo takes back a request that had passed: another scope has refused.
func (s *scope) undo(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range r.needs {
		if n := &r.needs[i]; n.cell.kind == Slots {
			s.vacate(n.cell, n.cost)
		} else {
			n.cell.forgive(n.cost, n.cell.told)
			s.tell(n.cell)
		}
	}
	r.over = true
	s.dispatch(s.limiter.now())
}

// leave gives slots back.
func (s *scope) leave(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.over {
		return
	}
	r.over = true
	for _, n := range r.needs {
		if n.cell.kind == Slots {
			s.vacate(n.cell, n.cost)
		}
	}
	s.dispatch(s.limiter.now())
}

// vacate makes slots idle. They stay here for the next request unless they are scarce: then
// they go back at once.
func (s *scope) vacate(c *cell, slots int) {
	c.held -= slots
	c.tokens += slots
	c.denied = denial{}
	c.used = s.limiter.now()
	s.watch(c)
	if s.limiter.inline || c.replicas > 1 && c.free < float64(c.size)/2 {
		s.giveBack(c)
	}
}

// await waits for a request to be settled. When patience ends first the request is decided
// without the ledger; when the client is gone it is not worth deciding.
func (s *scope) await(ctx context.Context, r *request) {
	if r == nil || r.done == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.done:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.settled {
		return
	}
	s.withdraw(r)
	if now := s.limiter.now(); ctx.Err() != nil {
		s.finish(r, false, now)
	} else {
		s.decideAlone(r, now)
	}
}

// withdraw takes a request out of the queue. One that is in a call already cannot be called
// back: what it is granted there is refunded.
func (s *scope) withdraw(r *request) {
	r.gone = true
	if i := slices.Index(s.queue, r); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
		for _, n := range r.needs {
			if n.state == missing {
				n.cell.asked--
			}
		}
	}
}

// report adds the outcome to d. It returns what was taken, so that it can be given back.
func (s *scope) report(enforced, shadowed *request, now time.Time, d *Decision) *request {
	for _, r := range [2]*request{enforced, shadowed} {
		if r == nil {
			continue
		}
		d.Levels = slices.Grow(d.Levels, len(r.needs))
		for _, n := range r.needs {
			d.Levels = append(d.Levels, n.cell.level(now, s.limiter))
		}
		d.Degraded = d.Degraded || r.degraded
	}
	if shadowed != nil && !shadowed.granted {
		d.Shadowed = append(d.Shadowed, shadowed.violated...)
	}
	if enforced != nil && !enforced.granted {
		d.Allowed, d.Closed = false, enforced.closed
		d.Violated = append(d.Violated, enforced.violated...)
		d.RetryAfter = max(d.RetryAfter, enforced.wait)
		enforced = nil
	}
	return both(enforced, shadowed)
}

// both joins the requests that passed.
func both(enforced, shadowed *request) *request {
	if shadowed == nil || !shadowed.granted {
		return enforced
	}
	if enforced == nil {
		return shadowed
	}
	enforced.needs, enforced.slots = append(enforced.needs, shadowed.needs...), enforced.slots || shadowed.slots
	return enforced
}

// Correct charges what turned out after the fact, as a debt: extra for each charge. What is
// leased here pays first. It never refuses and never waits.
func (l *Limiter) Correct(charges []Charge, extra int) {
	if extra <= 0 {
		return
	}
	now := l.now()
	for _, charge := range charges {
		s := l.scope(charge.Scope)
		s.mu.Lock()
		for _, c := range s.bucket(charge.Policy, charge.Key).cells {
			if c.kind == Slots {
				continue
			}
			c.meet(now)
			c.want(min(extra, c.size), now)
			own := min(extra, c.tokens)
			c.tokens -= own
			c.debt = min(c.debt+extra-own, c.size)
			if c.debt > 0 || c.low(now) {
				s.tell(c)
			}
		}
		s.dispatch(now)
		s.mu.Unlock()
	}
}
