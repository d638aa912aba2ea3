package ratelimit

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// cell is one limit of one key, as this replica sees it. Its scope's lock guards it.
type cell struct {
	limit
	name   string
	policy string

	tokens int       // leased and unspent; idle slots
	held   int       // of the lease: promised to a request that waits for another cell; slots in use
	until  time.Time // the lease lasts so long, by this replica's steady clock
	asked  int       // requests in the queue that need this cell

	demand float64 // tokens per second, averaged over two horizons
	used   time.Time

	busy     bool   // one call at a time
	gather   uint64 // the call that it is part of, or that a waiting request keeps it for
	index    int    // in that call
	lent     int    // tokens that the call in flight has told
	pledged  int    // of those, what it took along
	owing    int    // debt that went into it
	back     int    // tokens that it gives back
	wanted   bool   // in the scope's wants
	idle     bool   // give the lease back
	reset    bool   // forget what was spent
	debt     int    // spent without a lease, not told yet
	refund   int    // charged for nothing, not told yet
	since    int64  // when the first of it was charged, by the ledger's clock
	told     int64  // when the ledger last answered, by its clock
	restedAt time.Time

	ends     time.Time // of the window, to show
	known    bool      // the ledger has answered once
	free     float64   // what the ledger said is left for anybody
	share    float64   // this replica's part of the demand
	replicas int
	denied   denial
	alone    *alone // while the ledger is away
}

// denial is a refusal that is remembered.
type denial struct {
	until time.Time // ask again then
	fits  time.Time // what was refused would fit then
	cost  int       // at least this much does not fit
	firm  bool      // not even for priority requests
}

// rest is how long a cell that got too little asks for no more ahead of need.
const rest = 10 * time.Millisecond

func (c *cell) in(all []*cell) bool { return slices.Contains(all, c) }

// meet brings the cell to now: a lease that has lapsed is gone.
func (c *cell) meet(now time.Time) {
	if c.tokens > 0 && !now.Before(c.until) {
		c.tokens = 0
	}
}

// want counts a request towards the demand.
func (c *cell) want(cost int, now time.Time) {
	c.demand = c.fade(now) + float64(cost)/(2*c.horizon.Seconds())
	c.used = now
}

// fade is the demand as it has faded since it was counted: about e^-x, at the price of a
// division.
func (c *cell) fade(now time.Time) float64 {
	x := now.Sub(c.used).Seconds() / (2 * c.horizon.Seconds())
	if x <= 0 {
		return c.demand
	}
	return c.demand / (1 + x*(1+x*(.5+x/6)))
}

// target is how many tokens should lie here: enough for a horizon, at most a share of half
// the burst. Below two it is not worth it: such cells ask each time.
func (c *cell) target(now time.Time) int {
	if c.strict {
		return 0
	}
	n := min(c.fade(now)*c.horizon.Seconds(), leaseCap*float64(c.size)/float64(max(c.replicas, 1)))
	if c.kind == Windowed {
		n = min(n, float64(c.size)/100)
	}
	if n < 2 {
		return 0
	}
	return int(math.Ceil(n))
}

// low says that it is time to ask for more, before there is none left.
func (c *cell) low(now time.Time) bool {
	if c.busy || c.wanted || c.strict || c.kind == Slots || now.Before(c.restedAt) || now.Before(c.denied.until) {
		return false
	}
	return 2*c.tokens < c.target(now)
}

// fit bounds a cost by what could ever pass.
func (c *cell) fit(cost int, priority bool) int {
	most := c.size
	if !priority {
		most -= c.reserve
	}
	return min(max(cost, 1), max(most, 1))
}

// spend takes a cost from the lease.
func (c *cell) spend(cost int) {
	c.tokens -= cost
	if c.kind == Slots {
		c.held += cost
	}
}

// refuses says whether a cost is known not to fit.
func (c *cell) refuses(cost int, priority bool, now time.Time) bool {
	return (c.denied.firm || !priority) && cost >= c.denied.cost && c.tokens < cost && now.Before(c.denied.until)
}

// deny remembers a refusal: until it would fit, but at least for a moment and at most for a
// second, for tokens may come back before. Jitter keeps replicas from asking together.
func (c *cell) deny(cost int, priority bool, wait time.Duration, now time.Time) {
	moment := 10 * time.Millisecond
	if c.kind == Rate {
		moment = min(max(time.Duration(8/c.rate)*time.Microsecond, moment), 2*moment)
	}
	pause := min(max(wait, moment), time.Second)
	pause = time.Duration(float64(pause) * (0.8 + 0.4*rand.Float64()))
	if wait == 0 {
		wait = time.Second
	}
	c.denied = denial{until: now.Add(pause), fits: now.Add(wait), cost: cost, firm: priority}
}

// level shows how the cell stands. Remaining is what is certain: the lease, and this replica's
// part of what the ledger had left.
func (c *cell) level(now time.Time, l *Limiter) Level {
	v := Level{Policy: c.policy, Kind: c.kind, Limit: c.size, Window: c.shown}
	left := float64(c.tokens)
	switch {
	case c.alone != nil:
		left = 0
	case c.free > 0:
		left += math.Floor(c.free*c.share + tolerance)
	}
	v.Remaining = int(min(max(left, 0), float64(c.size)))
	switch {
	case c.kind == Windowed:
		at := l.ledgerTime(now)
		if !at.Before(c.ends) {
			c.ends = c.quota.start(at, 1)
		}
		v.Reset = c.ends.Sub(at)
	case now.Before(c.denied.fits):
		v.Reset = c.denied.fits.Sub(now)
	case c.kind == Rate:
		v.Reset = time.Duration(math.Ceil(1/c.rate)) * time.Microsecond
	default:
		v.Reset = time.Second
	}
	return v
}
