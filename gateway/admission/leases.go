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

	"sluicegate.dev/sluice/internal/store"
)

const (
	leaseTTL  = 3 * time.Second        // a silent replica's slots come back after this
	sharing   = 250 * time.Millisecond // between two round trips while replicas share a backend
	alone     = time.Second            // and while nobody else is there
	soonest   = 20 * time.Millisecond  // after the last round trip, however much is missing
	idleAfter = 10 * time.Second       // a backend without demand lets its slots go
)

// Store shares the workers of backends among replicas. One call is one round trip, bounded
// by the store itself.
type Store interface {
	LeaseSlots(ctx context.Context, replica string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error)
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

	lost    atomic.Bool   // the last round trip failed
	caution atomic.Int64  // UnixNano until which the others may not have asked since
	wake    chan struct{} // slots are missing
	asked   []*Gate       // Run's own, reused
	claims  []store.SlotClaim

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

// Run keeps the leases until ctx ends; they end soon after.
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
			return nil
		case <-l.wake:
		case <-timer.C:
		}
		pause := l.renew(ctx)
		select { // more that is missing waits for a moment and travels together
		case <-ctx.Done():
		case <-time.After(soonest):
		}
		timer.Reset(max(0, pause-soonest))
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
	if err != nil {
		l.failed(ctx, err)
		return sharing
	}
	l.metrics.trips.Inc()
	if l.lost.Swap(false) {
		l.caution.Store(sent.Add(4 * sharing).UnixNano())
		l.log.InfoContext(ctx, "worker slots are shared through the store again")
	}
	pause := alone
	if sent.UnixNano() < l.caution.Load() {
		pause = sharing
	}
	for i, g := range l.asked {
		switch less := g.grant(grants[i].Slots, grants[i].Replicas, sent.Add(leaseTTL)); {
		case less:
			pause = soonest
		case grants[i].Replicas > 1 || grants[i].Slots < l.claims[i].Workers:
			pause = min(pause, sharing)
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
		if c, ok := g.claim(now); ok {
			l.claims, l.asked = append(l.claims, c), append(l.asked, g)
		}
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
		g.look()
	}
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
