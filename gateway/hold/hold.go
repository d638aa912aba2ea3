package hold

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing"
)

// look is how often leases are looked at.
const look = 250 * time.Millisecond

// defaultPace is how many go on at once where the number of workers is unknown.
const defaultPace = 16

// Config is what gates ask. All but Metrics is required.
type Config struct {
	// Course is where a tenant's requests go at runtime.
	Course func(tenant string) *routing.Course
	// Fresh says whether a tenant's hold is still driven, as far as is known here.
	Fresh func(tenant string) bool
	// Pace is how many of a tenant's requests go on at once when a hold ends; 0: unknown.
	Pace    func(tenant string) int
	Metrics prometheus.Registerer
}

// Gates are those of all tenants. New makes them; Run ends leases.
type Gates struct {
	cfg     Config
	metrics *metrics

	mu    sync.Mutex
	gates map[string]*gate // tenants whose requests wait, or go on
}

// gate is one tenant's.
type gate struct {
	waiting list.List // of *ticket, oldest first
	bytes   int64
	going   int // of those that waited, on their way now
}

// ticket is one request that waits.
type ticket struct {
	at    time.Time
	bytes int64
	place *list.Element // nil once it has left
	ready chan struct{}
	err   error
	paced bool
}

// New returns gates that nobody waits at.
func New(cfg Config) *Gates {
	g := &Gates{cfg: cfg, gates: map[string]*gate{}}
	g.metrics = newMetrics(cfg.Metrics, g)
	return g
}

// Enter waits while the tenant is held. Then what holds must be looked at again, unless the
// hold's lease has expired: such a request goes on to the side that it came for. leave is
// called when the request is over. An error is one of routing's, or the cause of ctx when the
// client has gone.
func (g *Gates) Enter(ctx context.Context, tenant string, h *routing.Hold, bytes int64) (leave func(), expired bool, err error) {
	if !g.cfg.Fresh(tenant) {
		if h.Final {
			return nil, false, routing.ErrHoldLost
		}
		return func() {}, true, nil
	}
	t, err := g.wait(tenant, h, bytes)
	if err != nil {
		return nil, false, err
	}
	// The hold may have ended between the caller's look and ours; Changed has not seen us then.
	g.Changed(tenant)
	limit := time.NewTimer(h.Wait)
	defer limit.Stop()
	select {
	case <-t.ready:
	case <-limit.C:
		g.give(tenant, t, routing.ErrHeldTooLong)
	case <-ctx.Done():
		g.give(tenant, t, context.Cause(ctx))
	}
	<-t.ready
	g.metrics.waited(tenant, time.Since(t.at), t.err)
	if t.err != nil {
		return nil, false, t.err
	}
	return func() { g.left(tenant, t) }, g.expired(tenant), nil
}

func (g *Gates) expired(tenant string) bool {
	c := g.cfg.Course(tenant)
	return c != nil && c.Hold != nil && !c.Hold.Final && !g.cfg.Fresh(tenant)
}

// wait queues a request. The newest has its place: whoever came first has the least patience
// left, and was told how long it may take.
func (g *Gates) wait(tenant string, h *routing.Hold, bytes int64) (*ticket, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gates[tenant]
	if one == nil {
		one = &gate{}
		g.gates[tenant] = one
	}
	if h.Bytes > 0 && bytes > h.Bytes {
		g.forget(tenant, one)
		return nil, routing.ErrHeldTooLarge
	}
	for one.waiting.Len() > 0 && (h.Count > 0 && one.waiting.Len() >= h.Count || h.Bytes > 0 && one.bytes+bytes > h.Bytes) {
		why := routing.ErrHeldTooMany
		if h.Count <= 0 || one.waiting.Len() < h.Count {
			why = routing.ErrHeldTooLarge
		}
		one.end(one.waiting.Front().Value.(*ticket), why)
	}
	t := &ticket{at: time.Now(), bytes: bytes, ready: make(chan struct{})}
	t.place = one.waiting.PushBack(t)
	one.bytes += bytes
	return t, nil
}

// end lets a ticket out of the queue; the caller holds the lock.
func (one *gate) end(t *ticket, err error) {
	if t.place == nil {
		return
	}
	one.waiting.Remove(t.place)
	one.bytes -= t.bytes
	t.place, t.err = nil, err
	close(t.ready)
}

func (g *Gates) give(tenant string, t *ticket, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.gates[tenant]; one != nil {
		one.end(t, err)
		g.forget(tenant, one)
	}
}

// left counts a request out that had waited, and lets the next go on.
func (g *Gates) left(tenant string, t *ticket) {
	g.mu.Lock()
	if one := g.gates[tenant]; one != nil && t.paced {
		t.paced = false
		one.going--
		g.forget(tenant, one)
	}
	g.mu.Unlock()
	g.Changed(tenant)
}

// forget drops a gate that nobody needs; the caller holds the lock.
func (g *Gates) forget(tenant string, one *gate) {
	if one.waiting.Len() == 0 && one.going == 0 {
		delete(g.gates, tenant)
	}
}

// Changed looks whether a tenant's requests may go on. It is called when its course changes,
// and does not wait.
func (g *Gates) Changed(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gates[tenant]
	if one == nil || one.waiting.Len() == 0 {
		return
	}
	course := g.cfg.Course(tenant)
	held := course != nil && course.Hold != nil
	switch {
	case held && g.cfg.Fresh(tenant):
		return
	case held && course.Hold.Final:
		for one.waiting.Len() > 0 {
			one.end(one.waiting.Front().Value.(*ticket), routing.ErrHoldLost)
		}
	default:
		one.release(g.pace(tenant))
	}
	g.forget(tenant, one)
}

func (g *Gates) pace(tenant string) int {
	if n := g.cfg.Pace(tenant); n > 0 {
		return n
	}
	return defaultPace
}

// release lets the oldest go on, as many as may be on their way at once.
func (one *gate) release(pace int) {
	for one.going < pace && one.waiting.Len() > 0 {
		t := one.waiting.Front().Value.(*ticket)
		t.paced = true
		one.going++
		one.end(t, nil)
	}
}

// Run ends leases until ctx ends.
func (g *Gates) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, tenant := range g.tenants() {
				g.Changed(tenant)
			}
		}
	}
}

func (g *Gates) tenants() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := make([]string, 0, len(g.gates))
	for name := range g.gates {
		names = append(names, name)
	}
	return names
}

// Status is what waits at a tenant's gate, and what has.
type Status struct {
	Held    int
	Oldest  time.Duration // of those that wait, for how long
	Longest time.Duration // that any request has waited, since the start
	Shed    uint64        // requests that waited and were refused, since the start
}

// Status says so of a tenant.
func (g *Gates) Status(tenant string) Status {
	s := g.metrics.status(tenant)
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.gates[tenant]; one != nil {
		s.Held = one.waiting.Len()
		if first := one.waiting.Front(); first != nil {
			s.Oldest = time.Since(first.Value.(*ticket).at)
		}
	}
	return s
}
