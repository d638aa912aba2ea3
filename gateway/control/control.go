package control

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// Store is where replicas agree.
type Store interface {
	Records(ctx context.Context, kind string) ([]store.Record, error)
	PutRecord(ctx context.Context, rec store.Record) (store.Record, error)
	WatchRecords(ctx context.Context, heard func(store.Record), lost func()) error
}

// Config is what control needs. All but Changed and Metrics is required.
type Config struct {
	Store   Store
	Local   *Local
	Keys    Keys
	Replica string // this gateway's id
	// Declared says what the configuration says of a tenant; ok is false for one that is not
	// declared.
	Declared func(tenant string) (active string, releases []string, ok bool)
	// Changed is called after a tenant's record changed and what follows from it holds. It
	// must not wait, and must not call Change.
	Changed func(tenant string)
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Control keeps what was decided at runtime. Make it with New, then Join, then Run.
type Control struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics

	tenants *shelf[cutover.Record]
	pools   *shelf[cutover.Pool]

	courses  atomic.Pointer[map[string]*routing.Course]
	backends atomic.Pointer[map[string]map[string]cutover.BackendState]

	compiling sync.Mutex // courses, backends, and what is below
	applied   map[string]uint64
	leases    map[string]lease     // by what they are of
	agrees    map[string]time.Time // since when the declared state agrees

	reload chan struct{} // the store is to be read anew

	listening sync.Mutex
	listeners map[chan struct{}]struct{}
}

// New returns control with what this node's disk remembers: decisions outlive a restart of
// every replica, and the store. It fails for no state of the disk.
func New(cfg Config) *Control {
	c := &Control{
		cfg: cfg, log: cfg.Log, tenants: newShelf(tenantKind()), pools: newShelf(poolKind()),
		applied: map[string]uint64{}, leases: map[string]lease{}, agrees: map[string]time.Time{},
		reload: make(chan struct{}, 1), listeners: map[chan struct{}]struct{}{},
	}
	c.metrics = newMetrics(cfg.Metrics, c)
	c.courses.Store(&map[string]*routing.Course{})
	c.backends.Store(&map[string]map[string]cutover.BackendState{})
	c.remember()
	return c
}

// Course is where a tenant's requests go at runtime; nil: as declared.
func (c *Control) Course(tenant string) *routing.Course { return (*c.courses.Load())[tenant] }

// Backend is what an operator said of a backend.
func (c *Control) Backend(pool, name string) cutover.BackendState {
	if state, ok := (*c.backends.Load())[pool][name]; ok {
		return state
	}
	return cutover.Ready
}

// Tenant is a tenant's record, and a digest of its decisions: it changes when one does, and
// not while a cutover is merely driven.
func (c *Control) Tenant(name string) (rec cutover.Record, version string) {
	rec, known, _ := c.tenants.get(name)
	if !known {
		rec = cutover.Record{Tenant: name}
	}
	return rec, Digest(rec)
}

// Pool is a pool's record, and a digest of its decisions.
func (c *Control) Pool(name string) (rec cutover.Pool, version string) {
	rec, known, _ := c.pools.get(name)
	if !known {
		rec = cutover.Pool{Pool: name}
	}
	return rec, PoolDigest(rec)
}

// Shared says whether the store holds a tenant's record as it is here. It does not while the
// store is away.
func (c *Control) Shared(tenant string) bool {
	_, _, shared := c.tenants.get(tenant)
	return shared
}

// All are the records of all tenants, by name.
func (c *Control) All() []cutover.Record { return c.tenants.all() }

// Pools are the records of all pools, by name.
func (c *Control) Pools() []cutover.Pool { return c.pools.all() }

func (s *shelf[T]) all() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []T
	for _, name := range slices.Sorted(maps.Keys(s.entries)) {
		if e := s.entries[name]; e.known {
			all = append(all, e.value)
		}
	}
	return all
}

// Applied says which sequence of each tenant's record holds here: every request that is
// decided from now on obeys it.
func (c *Control) Applied() map[string]uint64 {
	c.compiling.Lock()
	defer c.compiling.Unlock()
	return maps.Clone(c.applied)
}

// Subscribe returns a channel that has a value after a record has changed in any way; one
// value may stand for many changes. stop ends it.
func (c *Control) Subscribe() (changed <-chan struct{}, stop func()) {
	l := make(chan struct{}, 1)
	c.listening.Lock()
	defer c.listening.Unlock()
	c.listeners[l] = struct{}{}
	return l, func() {
		c.listening.Lock()
		defer c.listening.Unlock()
		delete(c.listeners, l)
	}
}

func (c *Control) tell() {
	c.listening.Lock()
	defer c.listening.Unlock()
	for l := range c.listeners {
		signal(l)
	}
}

// signal never waits: who has not looked yet will see this too.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// What a caller of Change can tell apart.
var (
	// ErrLocalOnly means that the change holds on this gateway only: the store is away. It is
	// merged with what others decided once the store is back.
	ErrLocalOnly = errors.New("the store does not answer: this holds on this gateway only, until the store is back. Give the same command to the other gateways")
	// ErrBusy means that others kept changing the record. Nothing was changed.
	ErrBusy = errors.New("others change this at the same time: try again")
	// ErrNotKept means that neither the store nor this node's disk took the change. Nothing was
	// changed.
	ErrNotKept = errors.New("neither the store nor this gateway's disk could keep this")
)

// Result is what came of a change.
type Result struct {
	cutover.Record
	Shared bool // false: see ErrLocalOnly
}

// Err is ErrLocalOnly for a change that is not shared.
func (r Result) Err() error { return localOnly(r.Shared) }

// PoolResult is what came of a change of a pool.
type PoolResult struct {
	cutover.Pool
	Shared bool // false: see ErrLocalOnly
}

// Err is ErrLocalOnly for a change that is not shared.
func (r PoolResult) Err() error { return localOnly(r.Shared) }

func localOnly(shared bool) error {
	if shared {
		return nil
	}
	return ErrLocalOnly
}
