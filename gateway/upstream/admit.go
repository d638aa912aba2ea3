package upstream

import (
	"context"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// admit waits for a worker of b and returns what gives it back. The realtime process is no
// worker: it takes what its turnstile lets through.
func (u *Upstream) admit(ctx context.Context, b *backend, e *endpoint, req *request) (leave func(), err error) {
	if slot := req.slot; slot != nil {
		req.slot = nil
		return slot, nil
	}
	if e != b.http {
		return func() {}, nil
	}
	leave, err = b.gate.Enter(ctx, u.ticket(req.x))
	if err != nil {
		return nil, err
	}
	if err := b.stillServes(req.x, leave); err != nil {
		return nil, err
	}
	return b.hold(leave), nil
}

// hold counts a request that has a worker.
func (b *backend) hold(leave func()) func() {
	b.inflight.Add(1)
	return func() {
		b.inflight.Add(-1)
		leave()
	}
}

// giveUp returns a slot that no attempt came to use.
func (r *request) giveUp() {
	if r.slot != nil {
		r.slot()
		r.slot = nil
	}
}

// ticket is what the queue knows of x.
func (u *Upstream) ticket(x *routing.Exchange) admission.Ticket {
	return admission.Ticket{
		Tenant: x.Tenant.Name, Weight: x.Tenant.Weight, Ceiling: x.Tenant.WorkersCeiling,
		Shared: u.shared(x.Pool.Name), Lane: laneOf(x.Class), Sticky: x.SessionKey != "",
	}
}

// laneOf puts the operator's own classes with the integrations: they are made to tell those
// from people.
func laneOf(class odoo.Class) admission.Lane {
	switch class {
	case odoo.Web, odoo.Portal, odoo.Static, odoo.Manager:
		return admission.Interactive
	case odoo.Realtime:
		return admission.Realtime
	case odoo.Report:
		return admission.Report
	case odoo.Health:
		return admission.Probe
	default:
		return admission.RPC
	}
}

// overflow takes a slot ahead for a request that any backend can serve: at b, or where b
// has none free at the least busy of the others. With none there either it waits at b.
func (u *Upstream) overflow(p *poolState, b *backend, req *request) *backend {
	if affinityOf(req.x) == routing.Strict || b.endpointFor(req.x) != b.http || len(*p.backends.Load()) < 2 {
		return b
	}
	ticket := u.ticket(req.x)
	if u.take(b, ticket, req) {
		return b
	}
	if other := leastBusy(p, b, req.x); other != nil && u.take(other, ticket, req) {
		return other
	}
	return b
}

func (u *Upstream) take(b *backend, ticket admission.Ticket, req *request) bool {
	leave, ok := b.gate.TryEnter(ticket)
	if ok {
		req.slot = b.hold(leave)
	}
	return ok
}

// leastBusy is the backend with most to spare for its workers, other than b, among those
// that take new work and have the tenant's database in memory.
func leastBusy(p *poolState, b *backend, x *routing.Exchange) *backend {
	var best *backend
	var bestLoad, bestSlots int
	for _, other := range *p.backends.Load() {
		if other.name == b.name || !serves(other, x.Class) || other.fenced(other.conf.Load()) || other.warmth.cold(x) {
			continue
		}
		busy, waiting, slots := other.gate.Load()
		load, slots := busy+waiting, max(slots, 1)
		if best == nil || load*bestSlots < bestLoad*slots {
			best, bestLoad, bestSlots = other, load, slots
		}
	}
	return best
}

// elsewhere is for a request that got no worker of b. Where b has gone, whoever has its
// place now may serve it. Where b is busy, only requests that are not tied to it go to
// another backend, once, and do not begin to wait again: a session that lives on b would be
// lost there.
func (u *Upstream) elsewhere(ctx context.Context, p *poolState, b *backend, req *request, why *admission.Refused) (*call, error) {
	switch why.Reason {
	case admission.Retired, admission.Down:
		avoid := b
		if why.Reason == admission.Retired {
			avoid = nil
		}
		again, err := u.choose(p, req.x, avoid)
		if err != nil {
			return nil, err
		}
		return u.attempt(ctx, again, req)
	case admission.Full, admission.Aged:
	}
	if affinityOf(req.x) == routing.Strict {
		return nil, why
	}
	other := leastBusy(p, b, req.x)
	if other == nil || !u.take(other, u.ticket(req.x), req) {
		return nil, why
	}
	return u.attempt(ctx, other, req)
}

// sayEvery is how often refusals of one pool are logged: a flood must not flood the log.
const sayEvery = 10 * time.Second

// refusals of one pool, as far as the log goes.
type refusals struct {
	next   atomic.Int64 // UnixNano before which nothing is logged
	unsaid atomic.Int64
}

// sayBusy logs a request that got no worker. The others of its pool are counted meanwhile.
func (u *Upstream) sayBusy(ctx context.Context, why *admission.Refused) {
	live, ok := (*u.pools.Load())[why.Pool]
	if !ok {
		return
	}
	now, next := time.Now(), live.refusals.next.Load()
	if now.UnixNano() < next || !live.refusals.next.CompareAndSwap(next, now.Add(sayEvery).UnixNano()) {
		live.refusals.unsaid.Add(1)
		return
	}
	u.log.WarnContext(ctx, "a request got no worker", "tenant", why.Tenant, "pool", why.Pool, "backend", why.Backend,
		"lane", why.Lane.String(), "others", live.refusals.unsaid.Swap(0), "err", why)
}
