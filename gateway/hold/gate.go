package hold

import (
	"container/list"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

const (
	// placeTime is for how long a request that goes on keeps its place. One that takes longer
	// may be an upload or a report; those behind it must not wait for that.
	placeTime = time.Second
	// defaultPace is how many go on at once where the number of workers is unknown.
	defaultPace = 16

	// What a hold that does not say is bounded by; no hold is without bounds. Balancers in front
	// often give up after 30 s.
	defaultWait  = 25 * time.Second
	defaultCount = 2000
	defaultBytes = 256 << 20
)

// bounded is the hold with all its bounds.
func bounded(h routing.Hold) routing.Hold {
	if h.Wait <= 0 {
		h.Wait = defaultWait
	}
	if h.Count <= 0 {
		h.Count = defaultCount
	}
	if h.Bytes <= 0 {
		h.Bytes = defaultBytes
	}
	return h
}

// gate is one tenant's. All of it is under the lock of Gates.
type gate struct {
	waiting list.List // of *ticket, oldest first
	bytes   int64
	going   []*ticket // of those that waited, on their way now
	opened  time.Time // since when they go on; zero: they are held
}

// ticket is one request that waits.
type ticket struct {
	at    time.Time
	wait  time.Duration // at most, and once more while those in front go on
	class odoo.Class
	bytes int64
	place *list.Element // nil once it has left
	ready chan struct{}
	went  time.Time
	err   error // may be read once ready is closed
}

func (one *gate) oldest() *ticket { return one.waiting.Front().Value.(*ticket) }

// wait queues a request. The newest has its place: whoever came first has the least patience
// left, and was told how long it may take.
func (g *Gates) wait(tenant string, h routing.Hold, class odoo.Class, bytes int64) (*ticket, error) {
	if bytes > h.Bytes {
		return nil, routing.ErrHeldTooLarge
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gates[tenant]
	if one == nil {
		one = &gate{}
		g.gates[tenant] = one
	}
	for one.waiting.Len() >= h.Count {
		one.end(one.oldest(), routing.ErrHeldTooMany)
	}
	for one.bytes+bytes > h.Bytes && one.waiting.Len() > 0 {
		one.end(one.oldest(), routing.ErrHeldTooLarge)
	}
	t := &ticket{at: time.Now(), wait: h.Wait, class: class, bytes: bytes, ready: make(chan struct{})}
	t.place = one.waiting.PushBack(t)
	one.bytes += bytes
	g.metrics.holds(tenant, one.waiting.Len())
	return t, nil
}

// end lets a ticket out of the queue.
func (one *gate) end(t *ticket, err error) {
	if t.place == nil {
		return
	}
	one.waiting.Remove(t.place)
	one.bytes -= t.bytes
	t.place, t.err = nil, err
	close(t.ready)
}

// give ends the wait of a ticket that is still in the queue. One that may go on already does
// not need its place.
func (g *Gates) give(tenant string, t *ticket, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.gates[tenant]; one != nil {
		one.end(t, err)
		g.settle(tenant, one)
	}
}

// overdue ends the wait of a ticket whose time is up, unless the hold is over and only those in
// front of it are left: then it returns how much longer it may wait.
func (g *Gates) overdue(tenant string, t *ticket) (more time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gates[tenant]
	if one == nil {
		return 0
	}
	if !one.opened.IsZero() {
		if more = time.Until(one.opened.Add(t.wait)); more > 0 {
			return more
		}
	}
	one.end(t, routing.ErrHeldTooLong)
	g.settle(tenant, one)
	return 0
}

// left takes back the place of a request that is over, and lets the next go on.
func (g *Gates) left(tenant string, t *ticket) {
	g.mu.Lock()
	if one := g.gates[tenant]; one != nil {
		one.leave(t)
		g.settle(tenant, one)
	}
	g.mu.Unlock()
	g.Changed(tenant)
}

func (one *gate) leave(t *ticket) {
	if i := slices.Index(one.going, t); i >= 0 {
		one.going = slices.Delete(one.going, i, i+1)
	}
}

// expire takes back the places of those that have had them for long.
func (one *gate) expire(now time.Time) {
	one.going = slices.DeleteFunc(one.going, func(t *ticket) bool { return now.Sub(t.went) >= placeTime })
}

// release lets the oldest go on, as many as may be on their way at once. Long polls need no
// worker, so they need no place either.
func (one *gate) release(now time.Time, pace int) {
	if pace <= 0 {
		pace = defaultPace
	}
	if one.opened.IsZero() {
		one.opened = now
		one.releasePolls()
	}
	for len(one.going) < pace && one.waiting.Len() > 0 {
		t := one.oldest()
		if t.class != odoo.Realtime {
			t.went = now
			one.going = append(one.going, t)
		}
		one.end(t, nil)
	}
}

func (one *gate) releasePolls() {
	for next := one.waiting.Front(); next != nil; {
		t := next.Value.(*ticket)
		next = next.Next()
		if t.class == odoo.Realtime {
			one.end(t, nil)
		}
	}
}

// settle says what waits, and drops a gate that nobody needs.
func (g *Gates) settle(tenant string, one *gate) {
	g.metrics.holds(tenant, one.waiting.Len())
	if one.waiting.Len() == 0 && len(one.going) == 0 {
		delete(g.gates, tenant)
	}
}
