package admission

import (
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// tooSoon is how old an answer of the store must be to be asked for once more because of a
// queue that has formed.
const tooSoon = 100 * time.Millisecond

// lease is what the store has granted this replica of a backend's workers.
type lease struct {
	slots    int
	replicas int       // that have slots of the backend, as the store knew
	until    time.Time // zero: nothing is granted
	assumed  bool      // one slot is used without a grant: waiting for longer helps nobody

	claiming bool      // Leases asks for this backend
	used     time.Time // when there was demand last
}

// settle says how many slots are ours now:
//
//   - all, where nobody else can have any;
//   - what the store has granted, and one in any case to whoever has waited for a moment:
//     with more replicas than workers some would never be granted one;
//   - our part, while the store is away, and no more for a moment after it has come back:
//     the first to ask is granted what the others still use.
func (g *Gate) settle(now time.Time) {
	l := g.pool.leases
	granted := now.Before(g.lease.until)
	switch {
	case g.workers == 0 || l.store == nil:
		g.slots = g.workers
	case granted && g.lease.slots > 0:
		g.slots = min(g.lease.slots, g.workers)
		if now.UnixNano() < l.caution.Load() {
			g.slots = min(g.slots, g.part())
		}
	case !granted && l.lost.Load():
		g.slots = g.part()
	case g.lease.assumed:
		g.slots = 1
	default:
		g.slots = 0
	}
}

// part is a replica's share of the workers when nobody can say who has how many.
func (g *Gate) part() int {
	replicas := max(g.lease.replicas, g.pool.leases.replicas(), 1)
	return (g.workers + replicas - 1) / replicas
}

// demand has the store asked for the gate, at once when a queue forms and a slot is missing.
func (g *Gate) demand(now time.Time) {
	l := g.pool.leases
	if l.store == nil || g.workers == 0 {
		return
	}
	fresh := now.Before(g.lease.until.Add(tooSoon - leaseTTL))
	if !g.lease.claiming {
		g.lease.claiming, g.lease.used = true, now
		l.want(g, true)
		fresh = false
	}
	if g.slots < g.workers && g.waiting <= 1 && !fresh {
		l.hurry()
	}
}

// grant takes what the store gave, lets in whom it can, and says whether it is less than
// before: the store counts with what was there until it is asked once more.
func (g *Gate) grant(slots, replicas int, until time.Time) (less bool) {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	now := time.Now()
	less = now.Before(g.lease.until) && slots < g.lease.slots
	g.lease.slots, g.lease.replicas, g.lease.until = slots, replicas, until
	g.lease.assumed = g.lease.assumed && slots == 0
	g.dispatch(now)
	return less
}

// look lets in whom the time that has passed lets in.
func (g *Gate) look() {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.dispatch(time.Now())
}

// claim is what the gate asks for. Some time after the last demand it asks no more: its
// lease ends, and others get the slots.
func (g *Gate) claim(now time.Time) (c store.SlotClaim, ok bool) {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	if g.peak > 0 {
		g.lease.used = now
	}
	if g.closed || g.workers == 0 || now.Sub(g.lease.used) > idleAfter {
		g.lease.claiming, g.lease.assumed = false, false
		g.pool.leases.want(g, false)
		return store.SlotClaim{}, false
	}
	c = store.SlotClaim{Backend: g.id, Workers: g.workers, Busy: g.busy, Demand: g.peak}
	g.peak = g.busy + g.waiting
	return c, true
}
