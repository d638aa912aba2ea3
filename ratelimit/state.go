package ratelimit

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// This file is the arithmetic of a cell. script.lua does the same, line by line; keep both
// in step. Products are wrapped in float64() so that no compiler fuses them with a sum:
// the results are then equal to the last bit.

// state is a cell as the ledger keeps it.
type state struct {
	// level is what is spent and not yet refilled, leases included from the moment they
	// are handed out. It never sinks below what is outstanding.
	level float64
	at    int64 // when level was true
	limit int   // of the last call: a changed one scales the level
	from  int64 // the window that level counts in
	ends  int64
	out   []reservation
}

// reservation is what one replica holds of a cell.
type reservation struct {
	replica string
	tokens  int
	expires int64
	demand  float64
}

const (
	never      = int64(1) << 52 // a ttl without an end: some hundred years
	longestTTL = int64(longestLease / time.Microsecond)
	leaseCap   = 0.5               // of the burst may be leased out ahead, over all replicas
	tolerance  = 1e-6              // of a token, for rounding
	farWindow  = int64(3600 * 1e6) // a window that begins later than this is a mistake
	gapWindow  = int64(1e6)        // for a replica that does not know the hour
)

// settle brings the state to now and takes in what the replica says. It returns the
// replica's own reservation apart from the rest, which stay in s.out.
func (s *state) settle(c *Cell, replica string, now int64) reservation {
	s.turnBack(c, now)
	s.expire(c, now)
	s.scale(c)
	mine := s.remove(replica)
	if c.Reset {
		s.level = float64(total(s.out) + mine.tokens)
	}
	if c.Kind == Slots {
		// Slots in use are facts, whatever was recorded.
		c.Return = 0
		s.level = float64(total(s.out) + c.Have + c.Held)
	} else {
		// What was not recorded is void: it has been counted as spent when it lapsed.
		c.Return = min(c.Return, mine.tokens)
		c.Have = min(c.Have, mine.tokens-c.Return)
		c.Held = min(c.Held, mine.tokens-c.Return-c.Have)
		s.level -= float64(c.Return)
		s.charge(c, now)
	}
	mine.replica, mine.expires, mine.demand = replica, now+c.Lease, c.Demand
	return mine
}

// charge takes debt in, and gives back what was charged for nothing. Debt stops at one burst
// beyond the limit: a client is never shut out for longer.
//
// What was refilled since a charge is not given back: without the charge the level would have
// been empty sooner, and there would have been nothing to refill.
func (s *state) charge(c *Cell, now int64) {
	if c.Refund > 0 && c.Since >= s.from {
		back := max(0, float64(c.Refund)-float64(c.Rate*float64(max(0, now-c.Since))))
		s.level = max(s.level-back, float64(total(s.out)+c.Have+c.Held))
	}
	if c.Debt > 0 {
		s.level = max(s.level, min(s.level+float64(c.Debt), float64(2*c.Limit)))
	}
}

// turnBack deals with the ledger's clock: one that stepped back, a new window.
func (s *state) turnBack(c *Cell, now int64) {
	if now < s.at {
		s.at = now
	}
	c.Lease = c.TTL
	for i := range s.out {
		s.out[i].expires = min(s.out[i].expires, now+max(c.TTL, longestTTL))
	}
	if c.Kind == Windowed {
		s.turn(c, now)
		c.Wait = s.ends - now
		c.Lease = max(0, min(c.TTL, c.Wait))
	}
}

// scale keeps the filling of a cell whose limit has changed. A level beyond any debt is not
// ours: it must not shut a client out for years.
func (s *state) scale(c *Cell) {
	if c.Kind == Rate {
		if s.limit > 0 && s.limit != c.Limit {
			s.level = float64(s.level*float64(c.Limit)) / float64(s.limit)
		}
		s.level = max(min(s.level, float64(2*c.Limit)), float64(total(s.out)))
	}
	s.limit = c.Limit
}

// turn begins a new window. The replica names four begins, and the ledger's clock picks. When
// none fits, the replica's clock is off by more than a window: a short one bridges the gap, for
// the replica learns the time from the answer.
func (s *state) turn(c *Cell, now int64) {
	if s.from > now+farWindow {
		*s = state{at: now}
	}
	for i := range 3 {
		from, ends := c.Bounds[i], c.Bounds[i+1]
		if from <= now && now < ends && from >= s.from {
			if from > s.from {
				*s = state{at: now, from: from}
			}
			s.ends = ends
		}
	}
	if now >= s.ends {
		*s = state{at: now, ends: now + gapWindow}
	}
}

// expire lets reservations lapse, oldest first. Until it lapses a lease holds the level up:
// it may have been spent at the last moment.
func (s *state) expire(c *Cell, now int64) {
	slices.SortFunc(s.out, func(a, b reservation) int {
		return cmp.Or(cmp.Compare(a.expires, b.expires), cmp.Compare(a.replica, b.replica))
	})
	for len(s.out) > 0 && s.out[0].expires <= now {
		s.decay(c.Rate, s.out[0].expires)
		s.out = s.out[1:]
	}
	s.decay(c.Rate, now)
}

// decay refills until to. Refill stops at what is outstanding.
func (s *state) decay(rate float64, to int64) {
	if to > s.at {
		s.level -= float64(rate * float64(to-s.at))
		s.at = to
	}
	s.level = max(s.level, float64(total(s.out)))
}

func (s *state) remove(replica string) reservation {
	for i, r := range s.out {
		if r.replica == replica {
			s.out = slices.Delete(s.out, i, i+1)
			return r
		}
	}
	return reservation{}
}

func total(all []reservation) int {
	n := 0
	for _, r := range all {
		n += r.tokens
	}
	return n
}

// take is a cell while asks are decided.
type take struct {
	*state
	mine reservation
	cell *Cell
	free float64
}

// short says by how much a cost is short, and when it fits.
func (t *take) short(cost int, priority bool) (bool, int64) {
	need := float64(cost - min(t.cell.Kept, cost))
	if !priority {
		need += float64(t.cell.Reserve)
	}
	if cost <= t.cell.Kept || need <= t.free+tolerance {
		return false, 0
	}
	switch t.cell.Kind {
	case Rate:
		return true, int64(math.Ceil(float64(need-t.free) / t.cell.Rate))
	case Windowed:
		return true, t.cell.Wait
	default:
		return true, 0
	}
}

func (t *take) spend(cost int) {
	own := min(t.cell.Kept, cost)
	t.cell.Kept -= own
	if t.cell.Kind == Slots {
		t.cell.Held += cost
	}
	t.free -= float64(cost - own)
	t.level += float64(cost - own)
}

// lease hands out what the replica wants beyond its asks, shared by demand once it is scarce.
func (t *take) lease() {
	c := t.cell
	replicas, demand := len(t.out)+1, t.mine.demand
	for _, r := range t.out {
		demand += r.demand
	}
	c.Replicas, c.Share = replicas, 1/float64(replicas)
	if demand > 0 {
		c.Share = t.mine.demand / demand
	}
	got := float64(min(c.Want, int(math.Floor(float64(leaseCap*float64(c.Limit))/float64(replicas)))) - c.Kept)
	got = min(got, math.Floor(t.free-float64(c.Reserve)))
	if t.free < float64(c.Limit)/2 {
		got = min(got, math.Floor(float64(t.free*c.Share)))
	}
	c.Got = int(max(got, 0))
	t.free -= float64(c.Got)
	t.level += float64(c.Got)
	c.Free = t.free
	t.mine.tokens = c.Kept + c.Got + c.Held
	t.out = append(t.out, t.mine)
}

// lasts is how long the state differs from a fresh one, in microseconds.
func (s *state) lasts(c *Cell, now int64) int64 {
	longest := int64(0)
	for _, r := range s.out {
		// An empty one without an end is only a sign of life in a ledger of our own.
		if r.tokens > 0 || r.expires-now <= longestTTL {
			longest = max(longest, r.expires-now)
		}
	}
	switch c.Kind {
	case Rate:
		refill := math.Max(s.level/c.Rate, float64(longest)+float64(total(s.out))/c.Rate)
		return int64(math.Ceil(math.Min(refill, float64(never)))) + 1e6
	case Windowed:
		return max(s.ends-now, longest) + 1e6
	default:
		return longest + 1e6
	}
}
