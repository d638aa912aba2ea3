package admission

import (
	"context"
	"time"
)

const (
	// lookAgain is how often a request that waits looks for itself: reserves fade and
	// leases end without anybody telling.
	lookAgain = 250 * time.Millisecond
	// grace is how long a request waits for the store to grant the first slot of a
	// backend to this replica.
	grace = 4 * time.Millisecond
)

// visit is one request at a gate: from the moment that it asks until it gives its slot
// back. All but ready is under the pool's lock.
type visit struct {
	line *line
	lane Lane

	since time.Time     // it asks
	ready chan struct{} // closed when it is told something; nil when it never waited
	state state
	why   *Refused

	next, prev *visit // in its queue
}

// state is how far a visit came.
type state int

const (
	asking state = iota
	holding
	over // refused, gone, or done
)

// late says whether most of the patience is used up.
func (v *visit) late(now time.Time) bool { return now.Sub(v.since) > v.lane.patience()/2 }

// leave gives the slot back and lets in who comes next.
func (v *visit) leave() {
	g := v.line.gate
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.end(v, time.Now())
}

// wait returns nil once the visit holds a slot.
func (v *visit) wait(ctx context.Context) error {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		select {
		case <-v.ready:
			return v.told(ctx)
		case <-ctx.Done():
			v.leave()
			return context.Cause(ctx)
		case <-timer.C:
			timer.Reset(v.look())
		}
	}
}

// told is for a visit that was let in or sent away. A client that has gone in the same
// moment gets nothing: Odoo would work for nobody.
func (v *visit) told(ctx context.Context) error {
	if v.why != nil { // not written any more once ready is closed
		return v.why
	}
	if ctx.Err() != nil {
		v.leave()
		return context.Cause(ctx)
	}
	return nil
}

// look lets the visit see to its own case, and says when to look again.
func (v *visit) look() time.Duration {
	g := v.line.gate
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	now := time.Now()
	waited := now.Sub(v.since)
	if v.state == asking && waited >= v.lane.patience() {
		g.sendAway(v, Aged, now)
		return lookAgain
	}
	if g.slots == 0 && waited >= grace {
		g.lease.assumed = true
	}
	g.dispatch(now)
	return min(lookAgain, v.lane.patience()-waited)
}
