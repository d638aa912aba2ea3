package upstream

import (
	"fmt"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// What operators say of backends, beside what is declared and what probes find. Requests read
// it from the backend itself, without a lock.

// order is an operator's word on one backend.
type order int32

const (
	serve order = iota
	drain       // fenced: what lives there stays, new work goes elsewhere
	rest        // gets nothing, and its sockets go
)

func orderOf(s cutover.BackendState) order {
	switch s {
	case cutover.Draining:
		return drain
	case cutover.OutOfOrder:
		return rest
	case cutover.Ready:
	}
	return serve
}

func (o order) state() cutover.BackendState {
	return [...]cutover.BackendState{cutover.Ready, cutover.Draining, cutover.OutOfOrder}[o]
}

// SetStates says where the operators' word on backends is found. of is asked now, for each
// new backend, by StatesChanged, and once a second; it must not call back.
func (u *Upstream) SetStates(of func(pool, backend string) cutover.BackendState) {
	u.states.Store(&of)
	u.StatesChanged()
}

// StatesChanged asks for the states anew and acts on those that differ.
func (u *Upstream) StatesChanged() {
	for _, live := range *u.pools.Load() {
		u.follow(live)
	}
}

// follow brings the backends of one pool in line with what operators say. One at a time may,
// so that a word that was read late does not undo a newer one.
func (u *Upstream) follow(live *poolState) {
	u.following.Lock()
	defer u.following.Unlock()
	for _, b := range *live.backends.Load() {
		u.obey(b, u.orderFor(b))
	}
}

func (u *Upstream) orderFor(b *backend) order {
	of := u.states.Load()
	if of == nil {
		return serve
	}
	return orderOf((*of)(b.pool, b.name))
}

// obey carries out what an operator says of b. Whoever comes back from a rest was worked on,
// and counts as new.
func (u *Upstream) obey(b *backend, to order) {
	was := order(b.order.Swap(int32(to)))
	if was == to {
		return
	}
	u.log.Info("backend state set", "pool", b.pool, "backend", b.name, "state", string(to.state()), "before", string(was.state()))
	switch {
	case to == rest:
		b.gate.Flush()
		b.turnstile.clear()
		u.sockets.closeLater(func(s *socket) bool { return s.backend == b && b.rests() }, "maintenance", b.owner.drain())
	case was == rest && !b.retired.Load():
		u.renew(b, time.Now())
	}
}

// rests says that b must get nothing.
func (b *backend) rests() bool { return order(b.order.Load()) == rest }

// fenced says that b takes no new work while another can.
func (b *backend) fenced(conf *routing.Backend) bool {
	return conf.Weight <= 0 || order(b.order.Load()) == drain
}

// stillServes sends away who has just got a worker of a backend that was taken out of service
// meanwhile.
func (b *backend) stillServes(x *routing.Exchange, leave func()) error {
	if !b.rests() {
		return nil
	}
	leave()
	return &admission.Refused{Tenant: x.Tenant.Name, Pool: b.pool, Backend: b.name, Lane: laneOf(x.Class), Reason: admission.Down}
}

// errResting says that operators have taken out whoever could serve.
type errResting struct{ pool string }

func (e *errResting) Error() string {
	return fmt.Sprintf("pool %s: an operator has put each server that could serve into maintenance; set one of them ready", e.pool)
}

// resting finds out whether maintenance is why nobody serves.
func resting(backends []*backend) error {
	for _, b := range backends {
		if b.rests() {
			return &errResting{b.pool}
		}
	}
	return nil
}
