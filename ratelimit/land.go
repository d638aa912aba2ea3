package ratelimit

import (
	"errors"
	"time"
)

// land takes the answers of a call in.
func (s *scope) land(f *flight) {
	now := s.limiter.now()
	if f.call.Err != nil {
		s.crash(f, now)
		return
	}
	s.limiter.offset.Store(f.call.Now - f.sent.UnixMicro())
	for i, c := range f.cells {
		c.busy = false
		s.meters[c.policy].calls.Add(1)
		s.renew(c, &f.call.Cells[i], f.sent, now)
		c.told = f.call.Now
	}
	for i, r := range f.requests {
		s.hear(r, &f.call.Asks[i], f.cells, now)
	}
}

// renew takes in what the ledger says about a cell.
func (s *scope) renew(c *cell, v *Cell, sent, now time.Time) {
	c.tokens = max(c.tokens+c.pledged-c.lent+v.Kept+v.Got, 0)
	c.until = sent.Add(time.Duration(v.Lease) * time.Microsecond)
	c.free, c.share, c.replicas, c.known, c.alone = v.Free, v.Share, v.Replicas, true, nil
	if v.Got < v.Want-v.Kept {
		c.restedAt = now.Add(rest)
	}
	if c.tokens > 0 || c.kind == Slots {
		s.watch(c)
	}
}

// hear takes in the answer to one request.
func (s *scope) hear(r *request, a *Ask, cells []*cell, now time.Time) {
	for _, short := range a.Short {
		c := cells[short.Cell]
		for _, n := range r.needs {
			if n.cell == c {
				c.deny(n.cost, r.priority, short.Wait, now)
				r.refuse(c, c.denied.fits.Sub(now))
			}
		}
	}
	for i := range r.needs {
		n := &r.needs[i]
		if n.state == asked {
			n.state = missing
			if !a.Granted {
				continue
			}
			if n.state, n.at = paid, n.cell.told; n.cell.kind == Slots {
				n.cell.held += n.cost
			}
		}
	}
	switch {
	case r.gone:
		s.unpay(r)
	case a.Granted && s.lapsed(r, now):
		s.queue = append(s.queue, r)
	default:
		s.finish(r, a.Granted, now)
	}
}

// unpay refunds a request that nobody waits for.
func (s *scope) unpay(r *request) {
	for i := range r.needs {
		if r.needs[i].state == paid {
			s.refund(&r.needs[i])
		}
	}
}

// serve lets those pass that wait and for whom the last answer has brought enough: each in its
// turn, unless an older one waits for the same cell.
func (s *scope) serve(now time.Time) {
	kept := s.gather + 1
	s.gather += 2
	waiting := s.queue[:0]
	for _, r := range s.queue {
		if !r.served(kept, now) {
			r.keep(kept)
			waiting = append(waiting, r)
			continue
		}
		for i := range r.needs {
			if n := &r.needs[i]; n.state == missing {
				n.cell.asked--
				n.cell.spend(n.cost)
				n.state = paid
			}
		}
		s.finish(r, true, now)
	}
	clear(s.queue[len(waiting):])
	s.queue = waiting
}

// served says whether leases hold all that the request misses.
func (r *request) served(kept uint64, now time.Time) bool {
	for _, n := range r.needs {
		n.cell.meet(now)
		if n.state == missing && (n.cell.gather == kept || n.cell.tokens < n.cost) {
			return false
		}
	}
	return true
}

// lapsed says whether a lease that kept tokens for the request ended meanwhile. They count as
// spent by then, so it has to ask for those as well.
func (s *scope) lapsed(r *request, now time.Time) bool {
	again := false
	for i := range r.needs {
		n := &r.needs[i]
		if n.state == held && n.cell.kind != Slots && !now.Before(n.cell.until) {
			n.state, again = missing, true
			n.cell.held -= n.cost
			n.cell.asked++
		}
	}
	return again
}

// crash deals with a call that failed. When it may have been done, nothing is sent again: what
// it could have spent is gone.
func (s *scope) crash(f *flight, now time.Time) {
	s.limiter.failed.Add(1)
	unsent := errors.Is(f.call.Err, ErrNotSent)
	spent := make([]int, len(f.cells))
	for _, a := range f.call.Asks {
		for _, n := range a.Needs {
			spent[n.Cell] += n.Cost
		}
	}
	for i, c := range f.cells {
		c.busy = false
		switch {
		case unsent:
			c.debt += c.owing
			if v := &f.call.Cells[i]; v.Refund > 0 {
				c.forgive(v.Refund, v.Since)
			}
			c.tokens += c.pledged + c.back
			c.reset = c.reset || f.call.Cells[i].Reset
		case c.kind == Slots:
			c.tokens += c.pledged // the next call says anew what is in use
		default:
			c.tokens += max(c.pledged-spent[i], 0)
		}
		s.watch(c)
	}
	for _, r := range f.requests {
		if !r.gone {
			s.decideAlone(r, now)
		}
	}
}
