package admission

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	leaseTTL  = 3 * time.Second        // a silent replica's slots come back after this
	sharing   = 250 * time.Millisecond // between two round trips while replicas share a backend
	alone     = time.Second            // and while nobody else is there
	soonest   = 20 * time.Millisecond  // after the last round trip, however much is missing
	idleAfter = 10 * time.Second       // a backend without demand gives its slots back
	farewell  = 100 * time.Millisecond // to give slots back when the process ends
)

// Store shares the workers of backends among replicas. One call is one round trip, bounded
// by the store itself.
type Store interface {
	LeaseSlots(ctx context.Context, replica string, claims []SlotClaim, ttl time.Duration) ([]SlotGrant, error)
}

// Config is what New needs.
type Config struct {
	Store    Store        // nil: no other replica uses these backends, every worker is ours
	Replica  string       // our name at the store
	Replicas func() int   // how many are alive, as far as is known; nil: what the store says of each backend
	Log      *slog.Logger // required with a Store
	Metrics  prometheus.Registerer
}

// Leases keeps this replica's slots of all backends. Run asks the store for them; without a
// store there is nothing to ask for.
type Leases struct {
	store   Store
	replica string
	live    func() int
	log     *slog.Logger
	metrics *metrics

	lost   atomic.Bool   // the last round trip failed
	wake   chan struct{} // slots are missing
	asked  []*Gate       // Run's own, reused
	claims []SlotClaim

	mu     sync.Mutex // taken under a pool's lock, never the other way round
	gates  map[*Gate]struct{}
	active map[*Gate]struct{} // those with a claim
}

// New returns Leases without pools.
func New(cfg Config) *Leases {
	l := &Leases{
		store: cfg.Store, replica: cfg.Replica, live: cfg.Replicas, log: cfg.Log,
		wake: make(chan struct{}, 1), gates: map[*Gate]struct{}{}, active: map[*Gate]struct{}{},
	}
	l.metrics = newMetrics(cfg.Metrics, l)
	return l
}

// Pool makes the admission of a pool.
func (l *Leases) Pool(name string) *Pool {
	return &Pool{name: name, leases: l, tenants: map[string]*tenant{}}
}

// Run keeps the leases until ctx ends, and gives them back then.
func (l *Leases) Run(ctx context.Context) error {
	if l.store == nil {
		<-ctx.Done()
		return nil
	}
	timer := time.NewTimer(sharing)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.giveBack(context.WithoutCancel(ctx))
			return nil
		case <-l.wake:
		case <-timer.C:
		}
		pause := l.renew(ctx)
		select { // more that is missing waits for a moment and travels together
		case <-ctx.Done():
		case <-time.After(soonest):
		}
		timer.Reset(pause - soonest)
	}
}

// renew makes one round trip for all backends with demand, none when there is no demand,
// and says how long the answer will do.
func (l *Leases) renew(ctx context.Context) time.Duration {
	sent := time.Now()
	l.collect(sent)
	if len(l.claims) == 0 {
		return sharing
	}
	grants, err := l.store.LeaseSlots(ctx, l.replica, l.claims, leaseTTL)
	if err == nil && len(grants) != len(l.claims) {
		err = fmt.Errorf("%d grants for %d claims", len(grants), len(l.claims))
	}
	l.metrics.trips.Inc()
	if err != nil {
		l.failed(ctx, err)
		return sharing
	}
	if l.lost.Swap(false) {
		l.log.InfoContext(ctx, "worker slots are shared through the store again")
	}
	pause := alone
	for i, g := range l.asked {
		if g == nil {
			continue // it has given its slots back
		}
		g.grant(grants[i].Slots, grants[i].Replicas, sent.Add(leaseTTL))
		if grants[i].Replicas > 1 || grants[i].Slots < l.claims[i].Workers {
			pause = sharing
		}
	}
	return pause
}

// collect fills claims, and asked with the gate of each.
func (l *Leases) collect(now time.Time) {
	l.mu.Lock()
	active := slices.Collect(maps.Keys(l.active))
	l.mu.Unlock()
	l.claims, l.asked = l.claims[:0], l.asked[:0]
	for _, g := range active {
		c, more := g.claim(now)
		if !more {
			g = nil
		}
		l.claims, l.asked = append(l.claims, c), append(l.asked, g)
	}
}

// failed goes on without the store: what was granted holds until it ends, then each replica
// uses its part. Fail open: too many requests at a worker's door are Odoo's own queue, as
// without us.
func (l *Leases) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // we stop
	}
	if !l.lost.Swap(true) {
		l.log.WarnContext(ctx, "worker slots cannot be shared; each replica uses its part of the workers until the store is back", "err", err)
	}
	for _, g := range l.asked {
		if g != nil {
			g.look()
		}
	}
}

// giveBack returns everything, so that the others need not wait for it to end.
func (l *Leases) giveBack(ctx context.Context) {
	l.collect(time.Now())
	if len(l.claims) == 0 {
		return
	}
	for i := range l.claims {
		l.claims[i].Busy, l.claims[i].Demand = 0, 0
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_, _ = l.store.LeaseSlots(ctx, l.replica, l.claims, leaseTTL) // they end by themselves otherwise
}

// replicas is how many of us there are, as far as is known.
func (l *Leases) replicas() int {
	if l.live == nil {
		return 1
	}
	return l.live()
}

// all lists the open gates.
func (l *Leases) all() []*Gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.gates))
}

// opened and closed keep the list of gates, for metrics.
func (l *Leases) opened(g *Gate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gates[g] = struct{}{}
}

func (l *Leases) closed(g *Gate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.gates, g)
}

// want has Run claim slots for the gate from now on, or no more.
func (l *Leases) want(g *Gate, yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if yes {
		l.active[g] = struct{}{}
	} else {
		delete(l.active, g)
	}
}

// hurry makes Run ask at once.
func (l *Leases) hurry() {
	select {
	case l.wake <- struct{}{}:
	default: // it will
	}
}
