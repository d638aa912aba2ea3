package hold

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// look is how often leases and places are looked at.
const look = 250 * time.Millisecond

// Config is what gates ask. All but Metrics and Log is required.
type Config struct {
	// Course is where a tenant's requests go at runtime.
	Course func(tenant string) *routing.Course
	// Fresh says whether a tenant's hold is still driven, as far as is known here.
	Fresh func(tenant string) bool
	// Pace is how many of a tenant's requests go on at once when a hold ends; 0: unknown.
	Pace    func(tenant string) int
	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Gates are those of all tenants. New makes them; Run ends leases.
type Gates struct {
	cfg     Config
	metrics *metrics

	mu     sync.Mutex
	gates  map[string]*gate  // tenants whose requests wait, or go on
	lapsed map[string]string // tenant: the hold of which was said that it has lost its driver
	let    map[string]string // tenant: the last hold that let requests go on for want of news
}

// New returns gates that nobody waits at.
func New(cfg Config) *Gates {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Gates{cfg: cfg, metrics: newMetrics(cfg.Metrics), gates: map[string]*gate{}, lapsed: map[string]string{}, let: map[string]string{}}
}

// Enter waits while the tenant is held. Then what holds must be looked at again, unless the
// hold has lapsed: its lease has ended, and the request goes on to the side that it came for.
// leave is called when the request is over. An error is one of routing's, or that of ctx when
// the client has gone.
func (g *Gates) Enter(ctx context.Context, tenant string, h *routing.Hold, class odoo.Class, bytes int64) (leave func(), lapsed bool, err error) {
	if !g.cfg.Fresh(tenant) {
		g.sayLapsed(tenant, h)
		if h.Final {
			g.metrics.shed(tenant, routing.ErrHoldLost)
			return nil, false, routing.ErrHoldLost
		}
		return func() {}, true, nil
	}
	t, err := g.wait(tenant, bounded(*h), class, bytes)
	if err != nil {
		g.metrics.shed(tenant, err)
		return nil, false, err
	}
	// The hold may have ended between the caller's look and ours; Changed has not seen us then.
	g.Changed(tenant)
	g.stay(ctx, tenant, t)
	g.metrics.waited(tenant, time.Since(t.at))
	if t.err == nil && ctx.Err() != nil {
		g.left(tenant, t)
		t.err = ctx.Err()
	}
	if t.err != nil {
		g.metrics.shed(tenant, t.err)
		return nil, false, t.err
	}
	return func() { g.left(tenant, t) }, g.hasLapsed(tenant), nil
}

// stay returns once the ticket has left the queue.
func (g *Gates) stay(ctx context.Context, tenant string, t *ticket) {
	limit := time.NewTimer(t.wait)
	defer limit.Stop()
	for {
		select {
		case <-t.ready:
			return
		case <-limit.C:
			if more := g.overdue(tenant, t); more > 0 {
				limit.Reset(more)
			}
		case <-ctx.Done():
			g.give(tenant, t, ctx.Err())
			return
		}
	}
}

func (g *Gates) hasLapsed(tenant string) bool {
	c := g.cfg.Course(tenant)
	return c != nil && c.Hold != nil && !c.Hold.Final && !g.cfg.Fresh(tenant)
}

// Changed looks whether a tenant's requests may go on. It is called when its course changes,
// and does not wait.
func (g *Gates) Changed(tenant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.gates[tenant]
	if one == nil {
		return
	}
	now := time.Now()
	one.expire(now)
	course := g.cfg.Course(tenant)
	held := course != nil && course.Hold != nil
	fresh := g.cfg.Fresh(tenant)
	switch {
	case held && fresh:
		one.opened = time.Time{}
		delete(g.lapsed, tenant)
	case held && course.Hold.Final:
		g.say(tenant, course.Hold)
		for one.waiting.Len() > 0 {
			one.end(one.oldest(), routing.ErrHoldLost)
		}
	default:
		if held {
			g.say(tenant, course.Hold)
		}
		one.release(now, g.cfg.Pace(tenant))
	}
	g.settle(tenant, one)
}

// Run ends leases, and gives on the places of those that take long, until ctx ends.
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

func (g *Gates) sayLapsed(tenant string, h *routing.Hold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.say(tenant, h)
}

// say logs that a hold has lost its driver, once. The caller holds the lock.
func (g *Gates) say(tenant string, h *routing.Hold) {
	what := h.ID
	if h.Final {
		what += " final"
	} else {
		g.let[tenant] = h.ID
	}
	if was, said := g.lapsed[tenant]; said && was == what {
		return
	}
	g.lapsed[tenant] = what
	if h.Final {
		g.cfg.Log.Error("nobody drives the cutover that holds this tenant, and its point of no return is behind: requests get the maintenance page. See `sluice cutover status`, repair, then `sluice cutover confirm`",
			"tenant", tenant, "cutover", h.ID)
		return
	}
	g.cfg.Log.Warn("nobody drives the cutover that holds this tenant: requests go on to the old side", "tenant", tenant, "cutover", h.ID)
}

// Status is what waits at a tenant's gate, and what has.
type Status struct {
	Held    int
	Oldest  time.Duration // of those that wait, for how long
	Longest time.Duration // that any request has waited, since the start
	Shed    uint64        // requests that were held and refused, since the start
	Lapsed  string        // the last hold that let requests go on because its lease had ended
}

// Status says so of a tenant.
func (g *Gates) Status(tenant string) Status {
	s := g.metrics.status(tenant)
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Lapsed = g.let[tenant]
	if one := g.gates[tenant]; one != nil && one.waiting.Len() > 0 {
		s.Held = one.waiting.Len()
		s.Oldest = time.Since(one.oldest().at)
	}
	return s
}
