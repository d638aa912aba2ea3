package ratelimit

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// alone is a cell's budget while the ledger is away: this replica's part of the limit.
type alone struct {
	part   float64
	tokens *rate.Limiter // Kind Rate
	left   int           // Kind Windowed
	ends   time.Time     // of that window
}

// part is this replica's part of a limit: half by the last known demand, half evenly, so that
// the parts of all replicas add up to one and none is left with nothing.
func (c *cell) part(alive int) float64 {
	even := 1 / float64(max(c.replicas, alive, 1))
	if !c.known {
		return even
	}
	return even/2 + min(c.share, 1)/2
}

// goAlone starts the cell's own budget from where the ledger had left it.
func (c *cell) goAlone(part float64, now time.Time) {
	switch c.kind {
	case Rate:
		burst := max(1, int(float64(c.size)*part))
		lim := rate.NewLimiter(rate.Limit(c.rate*1e6*part), burst)
		if c.known {
			left := min(max(c.free*part, 0), float64(burst))
			lim.AllowN(now, burst-int(left)) // a part of a token is none
		}
		c.alone = &alone{part: part, tokens: lim}
	case Windowed:
		left := float64(c.size)
		if c.known && c.alone == nil {
			left = min(max(c.free, 0), left)
		}
		c.alone = &alone{part: part, left: int(left * part), ends: c.quota.start(now, 1)}
	default:
		c.alone = &alone{part: part, left: max(1, int(float64(c.size)*part))}
	}
}

// room says whether a cost fits this replica's part, and else when it would.
func (c *cell) room(cost int, priority bool, now time.Time) (bool, time.Duration) {
	kept := 0.0
	if !priority {
		kept = float64(c.reserve) * c.alone.part
	}
	switch c.kind {
	case Rate:
		need := float64(min(cost, c.alone.tokens.Burst())) + math.Floor(kept)
		need = min(need, float64(c.alone.tokens.Burst()))
		short := need - c.alone.tokens.TokensAt(now)
		if short <= tolerance {
			return true, 0
		}
		return false, time.Duration(short / float64(c.alone.tokens.Limit()) * float64(time.Second))
	case Windowed:
		return float64(c.alone.left)-kept >= float64(cost), c.alone.ends.Sub(now)
	default:
		return c.held < c.alone.left, time.Second
	}
}

// spendAlone takes a cost from this replica's part. The ledger is told later.
func (c *cell) spendAlone(cost int, now time.Time) {
	if c.tokens >= cost {
		c.spend(cost)
		return
	}
	switch c.kind {
	case Rate:
		c.alone.tokens.AllowN(now, min(cost, c.alone.tokens.Burst()))
	case Windowed:
		c.alone.left -= cost
	default:
		c.held += cost
		return
	}
	c.debt = min(c.debt+cost, c.size)
}

// decideAlone decides a request while the ledger is away, as its policies say.
func (s *scope) decideAlone(r *request, now time.Time) {
	r.degraded = true
	for i := range r.needs {
		n := &r.needs[i]
		n.cell.meet(now)
		if n.state == held && n.cell.kind != Slots && !now.Before(n.cell.until) {
			n.cell.held -= n.cost
			n.state = missing
		}
		if n.state != held && n.state != paid && n.cell.tokens < n.cost {
			s.askAlone(r, n, now)
		}
	}
	if len(r.violated) == 0 {
		s.payAlone(r, now)
	}
	s.finish(r, len(r.violated) == 0, now)
}

// askAlone decides for one cell that has no lease.
func (s *scope) askAlone(r *request, n *need, now time.Time) {
	c := n.cell
	switch s.loss(c) {
	case Open:
	case Closed:
		r.closed = true
		r.refuse(c, time.Second)
	case LocalShare:
		if c.alone == nil || c.kind == Windowed && !now.Before(c.alone.ends) {
			c.goAlone(c.part(s.limiter.alive()), now)
		}
		if ok, wait := c.room(n.cost, r.priority, now); !ok {
			r.refuse(c, wait)
		}
	}
}

func (s *scope) payAlone(r *request, now time.Time) {
	for i := range r.needs {
		n := &r.needs[i]
		if n.state == held || n.state == paid {
			continue
		}
		switch c := n.cell; {
		case c.alone != nil:
			c.spendAlone(n.cost, now)
		case c.tokens >= n.cost:
			c.spend(n.cost)
		case c.kind == Slots:
			c.held += n.cost
		default: // the policy is open
			c.debt = min(c.debt+n.cost, c.size)
		}
		s.watch(n.cell)
	}
}

func (s *scope) loss(c *cell) Loss {
	if p := s.meters[c.policy].policy; p != nil {
		return p.OnStoreLoss
	}
	return LocalShare
}
