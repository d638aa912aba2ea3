package pins

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing"
)

// Store is what Pins needs of a store. internal/store has two.
type Store interface {
	Pin(ctx context.Context, tenant, key string) (value string, err error)
	PutPin(ctx context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (winner string, err error)
	OverwritePin(ctx context.Context, tenant, key, value string, ttl time.Duration) error
	ExpirePin(ctx context.Context, tenant, key string, ttl time.Duration) error
	TouchPins(ctx context.Context, refs []store.PinRef, ttl time.Duration) error
	WatchPins(ctx context.Context, heard func(tenant, key, value string), lost func()) error
	Healthy() bool
}

// Times and bounds.
const (
	patience = 3 * time.Millisecond // of a request whose client carries a pin, for the store
	// concern is that of a login, and of a request whose client carries none: it would sign a
	// user out for the sake of milliseconds. The store ends every call before, and a store that
	// is known to be away makes nobody wait.
	concern  = 50 * time.Millisecond
	lifetime = 7 * 24 * time.Hour // of a record nobody asks for; that of Odoo's session cookie
	parting  = 180 * time.Second  // of a replaced session's record; Odoo's own grace is 120 s
	trust    = 30 * time.Minute   // in what is known, before the store is asked again
	memory   = 250_000            // sessions that are known
	pending  = 1024               // calls to the store at once
	flush    = 30 * time.Second   // between two touches of the store, many sessions in one trip
	touched  = 100_000            // sessions in one flush; those beyond come with a later one
	visits   = 5 * time.Minute    // between two touches of one session
	owing    = 100_000            // pins that the store is owed after an outage
	payday   = 500 * time.Millisecond
	payers   = 16 // calls at once
)

// Config is what Pins need. All but Metrics are required.
type Config struct {
	Store   Store
	Keys    routing.PinKeys // at least one
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Memory  int // sessions that are known; 250 000 by default
}

// Pins keeps records.
type Pins struct {
	store   Store
	keys    routing.PinKeys
	log     *slog.Logger
	metrics *metrics

	known  *lru.Cache[name, known]
	noting sync.Mutex // between a look at what is known and the change of it
	// view changes when something may have been missed: what was known before has to be
	// asked for again.
	view atomic.Uint32

	mu      sync.Mutex
	calls   map[name]*call // lookups under way
	running sync.WaitGroup
	count   int // of calls of any kind
	closed  bool
	alive   []store.PinRef // sessions to be touched
	owed    map[name]struct{}
}

// name is what a session is called.
type name struct{ tenant, key string }

// New returns Pins. Run makes them complete.
func New(cfg Config) (*Pins, error) {
	size := cfg.Memory
	if size == 0 {
		size = memory
	}
	cache, err := lru.New[name, known](size)
	if err != nil {
		return nil, err
	}
	p := &Pins{store: cfg.Store, keys: cfg.Keys, log: cfg.Log, known: cache, calls: map[name]*call{}, owed: map[name]struct{}{}}
	p.metrics = newMetrics(cfg.Metrics, cache.Len)
	return p, nil
}

// Run hears of other replicas' records and keeps live sessions' records alive, until ctx
// ends. It returns when no call is under way any more.
func (p *Pins) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.store.WatchPins(ctx, p.heard, p.missed) })
	group.Go(func() error {
		p.keepAlive(ctx)
		return nil
	})
	group.Go(func() error {
		p.payBack(ctx)
		return nil
	})
	err := group.Wait()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	return err
}

// heard takes what a replica recorded. It is kept even for a session that never came here:
// the next request may.
func (p *Pins) heard(tenant, key, value string) {
	pin, ok := p.keys.Open(routing.RecordOf(tenant, key), value)
	if !ok {
		p.metrics.invalid.WithLabelValues("message").Inc()
		return
	}
	p.note(name{tenant, key}, p.asKnown(pin, true))
}

// missed makes everything that is known doubtful.
func (p *Pins) missed() { p.view.Add(1) }
