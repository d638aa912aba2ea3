package admission

import (
	"context"
	"sync/atomic"
	"time"
)

// Gate gives out the workers of one backend, as this replica may use them.
type Gate struct {
	pool    *Pool
	backend string
	id      string // as the store knows it

	// Under the pool's lock.
	workers int // 0: unknown, nobody waits
	slots   int // of the workers, ours
	lease   lease
	closed  bool
	busy    int
	waiting int
	inLane  [lanes]int // slots held
	inQueue [lanes]int // requests that wait
	lines   map[string]*line
	queued  []*line // those with somebody waiting
	delayed bool    // somebody had to wait, now or before
	spent   float64 // of the line that was served last, before it was
	front   level   // of the interactive lane
	asked   level   // of all lines together
	present int     // weight of the tenants that are there
	peak    int     // most that were busy or waiting since the last claim

	// Copies for those who must not wait for the lock.
	busyNow, waitingNow, slotsNow atomic.Int64
}

// Load is how many slots are held, how many requests wait and how many slots there are;
// 0 slots where the number of workers is unknown. It takes no lock.
func (g *Gate) Load() (busy, waiting, slots int) {
	return int(g.busyNow.Load()), int(g.waitingNow.Load()), int(g.slotsNow.Load())
}

// Enter waits for a slot and returns what gives it back; calling that twice does no harm.
// It fails with *Refused, or with the cause of ctx when the client has gone: such a request
// never gets a slot.
func (g *Gate) Enter(ctx context.Context, t Ticket) (leave func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	v, refused := g.arrive(&t, true)
	if refused != nil {
		g.pool.leases.metrics.refused(refused)
		return nil, refused
	}
	if v.ready == nil {
		return v.leave, nil
	}
	err = v.wait(ctx)
	g.pool.leases.metrics.waited(v, err)
	if err != nil {
		return nil, err
	}
	return v.leave, nil
}

// TryEnter is Enter for those who would rather go elsewhere than wait.
func (g *Gate) TryEnter(t Ticket) (leave func(), ok bool) {
	v, refused := g.arrive(&t, false)
	if refused != nil || v == nil {
		return nil, false
	}
	return v.leave, true
}

// arrive takes a slot if one is free for the ticket and nobody waits. Otherwise it queues,
// or, for those who do not want to, returns nil.
func (g *Gate) arrive(t *Ticket, queue bool) (*visit, *Refused) {
	p := g.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if g.closed {
		return nil, g.refusal(t.Tenant, t.Lane, Retired, now)
	}
	g.settle(now)
	if !g.lease.claiming {
		g.demand(now)
	}
	l := g.line(t, now)
	v := &visit{line: l, lane: t.Lane, since: now}
	switch {
	case g.waiting == 0 && g.open(t.Lane, now) && l.fits(t.Lane, now):
		g.take(v, now)
		g.publish()
		return v, nil
	case !queue:
		g.drop(l)
		return nil, nil
	case l.queues[t.Lane].length >= t.places(g.workers):
		return nil, g.refusal(t.Tenant, t.Lane, Full, now)
	}
	v.ready = make(chan struct{})
	g.queue(v, now)
	g.dispatch(now)
	if v.state == holding {
		v.ready = nil // others wait, but not for this
	}
	return v, nil
}

// places is how long the queue may be for the ticket to be let in.
func (t *Ticket) places(workers int) int {
	n := t.Lane.room(workers)
	if !t.Sticky {
		n /= 2
	}
	return n
}

// open says whether a slot is free for the lane.
func (g *Gate) open(lane Lane, now time.Time) bool {
	switch {
	case g.workers == 0:
		return true
	case g.busy >= g.slots:
		return false
	case lane == Interactive:
		return true
	}
	return g.inLane[lane] < lane.most(g.slots) &&
		g.busy-g.inLane[Interactive] < behindInteractive(g.slots, g.front.used(now))
}

// dispatch gives slots to those who wait for as long as somebody may have one. It follows
// every change that can let somebody in.
func (g *Gate) dispatch(now time.Time) {
	g.settle(now)
	for g.waiting > 0 && (g.workers == 0 || g.busy < g.slots) {
		v := g.next(now)
		if v == nil {
			break
		}
		g.unqueue(v, now)
		g.take(v, now)
		close(v.ready)
	}
	g.publish()
}

// next is who gets the next slot, nil when nobody may have one.
func (g *Gate) next(now time.Time) *visit {
	var open [lanes]bool
	for i := range open {
		open[i] = g.inQueue[i] > 0 && g.open(Lane(i), now)
	}
	var best *visit
	for _, l := range g.queued {
		v := l.head(&open, now)
		if v != nil && (best == nil || l.before(best.line, v, best)) {
			best = v
		}
	}
	if best != nil {
		best.line.pass(best, &open, now)
	}
	return best
}

// take gives v a slot.
func (g *Gate) take(v *visit, now time.Time) {
	l := v.line
	v.state = holding
	g.busy++
	g.inLane[v.lane]++
	l.count(v.lane, 1)
	g.spent = max(g.spent, l.spent)
	l.spent += 1 / float64(l.weight)
	g.note(v, now)
}

func (g *Gate) queue(v *visit, now time.Time) {
	g.delayed = true
	g.waiting++
	g.inQueue[v.lane]++
	l := v.line
	if l.waiting == 0 {
		l.place = len(g.queued)
		g.queued = append(g.queued, l)
	}
	l.waiting++
	l.queues[v.lane].push(v)
	g.note(v, now)
	g.demand(now)
}

func (g *Gate) unqueue(v *visit, now time.Time) {
	g.waiting--
	g.inQueue[v.lane]--
	l := v.line
	l.waiting--
	l.queues[v.lane].remove(v)
	if l.waiting == 0 {
		last := len(g.queued) - 1
		g.queued[l.place], g.queued[last].place = g.queued[last], l.place
		g.queued = g.queued[:last]
	}
	g.note(v, now)
}

// end takes v out, wherever it is. Doing so twice does no harm.
func (g *Gate) end(v *visit, now time.Time) {
	l := v.line
	switch v.state {
	case over:
		return
	case asking:
		g.unqueue(v, now)
	case holding:
		g.busy--
		g.inLane[v.lane]--
		l.count(v.lane, -1)
		g.note(v, now)
	}
	v.state = over
	g.dispatch(now)
	g.pool.freed(l.tenant, g, now)
	g.drop(l)
}

// sendAway refuses somebody who waits.
func (g *Gate) sendAway(v *visit, why Reason, now time.Time) {
	v.why = g.refusal(v.line.tenant.name, v.lane, why, now)
	v.why.Waited = now.Sub(v.since)
	g.end(v, now)
	close(v.ready)
}

// note keeps averages and peak in step.
func (g *Gate) note(v *visit, now time.Time) {
	if v.lane == Interactive {
		g.front.set(min(g.inLane[Interactive]+g.inQueue[Interactive], max(g.slots, 1)), now)
	}
	v.line.note(now)
	g.peak = max(g.peak, g.busy+g.waiting)
}

func (g *Gate) publish() {
	g.busyNow.Store(int64(g.busy))
	g.waitingNow.Store(int64(g.waiting))
	g.slotsNow.Store(int64(g.slots))
}
