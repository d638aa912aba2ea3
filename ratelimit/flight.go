package ratelimit

import (
	"context"
	"time"
)

// flight is a call on its way, with the cells and requests that it is about.
type flight struct {
	scope    *scope
	call     Call
	cells    []*cell
	requests []*request
	sent     time.Time
}

// The bounds of one call: a script must not hold the ledger up.
const (
	mostAsks  = 128
	mostSeats = 96
)

// tell puts a cell on the list of those that have something to tell the ledger.
func (s *scope) tell(c *cell) {
	if !c.wanted {
		c.wanted = true
		s.wants = append(s.wants, c)
	}
}

// giveBack returns what is leased and not in use.
func (s *scope) giveBack(c *cell) {
	c.idle = true
	s.tell(c)
}

// dispatch sends what can be sent: all that waits and whose cells are not in a call already.
func (s *scope) dispatch(now time.Time) {
	if len(s.queue) == 0 && len(s.wants) == 0 {
		return
	}
	if !s.limiter.ledger.Healthy() {
		s.giveUp(now)
		return
	}
	for f := s.collect(now); f != nil; f = s.collect(now) {
		if !s.limiter.inline {
			s.limiter.ready.add(f)
			continue
		}
		f.sent = now
		s.limiter.ledger.Do(context.Background(), []*Call{&f.call})
		s.land(f)
	}
}

// giveUp decides for all that wait. What cells have to tell keeps until the ledger is back.
func (s *scope) giveUp(now time.Time) {
	waiting := s.queue
	s.queue = nil
	for _, r := range waiting {
		for _, n := range r.needs {
			if n.state == missing {
				n.cell.asked--
			}
		}
		s.decideAlone(r, now)
	}
}

// collect puts a call together: requests in their order, each unless one of its cells is busy
// or kept by an older request, then the cells that have something to tell.
func (s *scope) collect(now time.Time) *flight {
	f := s.flight()
	kept := s.gather + 1
	s.gather += 2
	waiting := s.queue[:0]
	for _, r := range s.queue {
		if len(f.call.Asks) >= mostAsks || len(f.cells) >= mostSeats || !f.admits(r, kept) {
			r.keep(kept)
			waiting = append(waiting, r)
			continue
		}
		f.board(r)
	}
	clear(s.queue[len(waiting):])
	s.queue = waiting
	s.wants = f.listen(s.wants, kept)
	if len(f.cells) == 0 {
		return nil
	}
	for _, c := range f.cells {
		f.call.Cells = append(f.call.Cells, s.statement(c, now))
	}
	for _, a := range f.call.Asks {
		for _, n := range a.Needs {
			f.cells[n.Cell].pledge(n.Cost)
		}
	}
	return f
}

// flight is an empty one. A ledger in this process answers before the next is needed.
func (s *scope) flight() *flight {
	f := &flight{}
	if s.limiter.inline {
		f = &s.scratch
		clear(f.call.Asks)
		clear(f.requests)
		f.call.Cells, f.call.Asks, f.cells, f.requests = f.call.Cells[:0], f.call.Asks[:0], f.cells[:0], f.requests[:0]
	}
	f.scope, f.call.Scope, f.call.Replica = s, s.name, s.limiter.replica
	return f
}

// keep reserves the cells of a request that has to wait, so that no younger one overtakes it.
// A cell's mark says whom this round of collect has it for: kept is an older request, kept+1
// the call itself.
func (r *request) keep(kept uint64) {
	for _, n := range r.needs {
		if n.state == missing && n.cell.gather != kept+1 {
			n.cell.gather = kept
		}
	}
}

func (f *flight) admits(r *request, kept uint64) bool {
	for _, n := range r.needs {
		if n.state == missing && (n.cell.busy || n.cell.gather == kept) {
			return false
		}
	}
	return true
}

// board takes a request into the call.
func (f *flight) board(r *request) {
	ask := Ask{Priority: r.priority, Needs: make([]Need, 0, len(r.needs))}
	for i := range r.needs {
		n := &r.needs[i]
		if n.state != missing {
			continue
		}
		n.state = asked
		n.cell.asked--
		ask.Needs = append(ask.Needs, Need{Cell: f.seat(n.cell), Cost: n.cost})
	}
	f.call.Asks = append(f.call.Asks, ask)
	f.requests = append(f.requests, r)
}

func (f *flight) seat(c *cell) int {
	mark := f.scope.gather
	if c.gather != mark {
		c.gather, c.index = mark, len(f.cells)
		f.cells = append(f.cells, c)
	}
	return c.index
}

// listen takes in the cells that have something to tell, and returns those that must wait.
func (f *flight) listen(wants []*cell, kept uint64) []*cell {
	waiting := wants[:0]
	for _, c := range wants {
		switch {
		case c.busy || c.gather == kept || len(f.cells) >= mostSeats:
			waiting = append(waiting, c)
		default:
			f.seat(c)
			c.wanted = false
		}
	}
	clear(wants[len(waiting):])
	return waiting
}

// pledge sends tokens along with an ask: they are spent there or come back. Requests may go on
// spending the rest.
func (c *cell) pledge(cost int) {
	n := min(c.tokens, cost)
	c.pledged += n
	c.tokens -= n
}

// statement is what the replica says about a cell.
func (s *scope) statement(c *cell, now time.Time) Cell {
	c.meet(now)
	c.busy, c.pledged, c.back, c.owing = true, 0, 0, c.debt
	if c.idle {
		c.back, c.tokens = c.tokens, 0
	}
	c.lent = c.tokens
	v := Cell{
		Name: c.name, Kind: c.kind, Rate: c.rate, Limit: c.size, Reserve: c.reserve,
		TTL: c.ttl.Microseconds(), Have: c.tokens, Held: c.held, Return: c.back, Debt: c.owing,
		Refund: c.refund, Since: c.since, Demand: c.demand, Reset: c.reset,
	}
	if s.limiter.inline {
		v.TTL = never
	} else if !c.idle {
		v.Want = c.target(now)
	}
	if c.kind == Windowed {
		v.Bounds = c.quota.bounds(s.limiter.ledgerTime(now))
	}
	c.debt, c.refund, c.idle, c.reset = 0, 0, false, false
	return v
}
