package upstream

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/internal/spool"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// Config is what an Upstream needs. Space and Log are required.
type Config struct {
	Space   *spool.Space
	Log     *slog.Logger
	Metrics prometheus.Registerer // may be nil

	// Listeners are our own addresses: a backend that resolves to one of them would be a
	// loop, or a way to the admin API. An unspecified address means the port on every
	// local one.
	Listeners []netip.AddrPort
	// Forbidden are more addresses that are never dialled, beside link-local, metadata
	// and unspecified ones.
	Forbidden []netip.Prefix

	// Admission gives out the backends' workers; nil makes one of our own, for a process that
	// has them to itself. Shared says whether several tenants are configured for a pool; nil
	// means never.
	Admission *admission.Leases
	Shared    func(pool string) bool

	// Replicas is how many gateways share the backends, as far as is known; nil: one.
	Replicas func() int

	// SocketsPerTenant bounds the open sockets of a tenant that says nothing itself; 0 is no
	// bound.
	SocketsPerTenant int

	Timing Timing
}

// Timing holds the gateway's own time limits, those that no pool sets. Zero values take the
// defaults.
type Timing struct {
	KeepAlive      time.Duration // an idle connection to a backend lives this long; 30 s
	BodyStall      time.Duration // a request body may pause this long; 30 s
	ClientStall    time.Duration // a client that takes no byte for this long is gone; 60 s
	SocketIdle     time.Duration // without a frame; Odoo pings after 45 s (19: 55 s); 120 s
	SocketStall    time.Duration // a socket's reader that takes no byte for this long; 30 s
	SocketFarewell time.Duration // from a close frame to the end of the connection; 5 s
	Silence        time.Duration // of all ports, until a backend that times out is down; 30 s
	ProbesPerSec   int           // of all backends together; beyond it intervals grow; 500
}

func (t Timing) withDefaults() Timing {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.KeepAlive, 30 * time.Second},
		{&t.ClientStall, time.Minute},
		{&t.BodyStall, deadline.Idle},
		{&t.SocketIdle, 2 * time.Minute},
		{&t.SocketStall, 30 * time.Second},
		{&t.SocketFarewell, 5 * time.Second},
		{&t.Silence, 30 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if t.ProbesPerSec == 0 {
		t.ProbesPerSec = 500
	}
	return t
}

// Upstream serves tenants' requests from their pools.
type Upstream struct {
	space   *spool.Space
	log     *slog.Logger
	timing  Timing
	dialer  *dialer
	metrics *metrics
	buffers buffers

	admission *admission.Leases
	shared    func(pool string) bool

	applying sync.Mutex                            // one change of the pools at a time
	pools    atomic.Pointer[map[string]*poolState] // replaced as a whole, never written

	states    atomic.Pointer[func(pool, backend string) cutover.BackendState] // as operators say
	following sync.Mutex                                                      // of the states

	schedule schedule
	sockets  sockets
	live     func() int   // replicas
	minute   atomic.Int64 // since the start, as the sweep sees it
	started  time.Time
	warming  chan struct{}  // bounds the backends that are warmed up at once
	warmers  sync.WaitGroup // of the probes' goroutine
}

// New returns an Upstream without pools. Run starts its probes.
func New(cfg Config) *Upstream {
	u := &Upstream{
		space:   cfg.Space,
		log:     cfg.Log,
		timing:  cfg.Timing.withDefaults(),
		dialer:  newDialer(cfg.Listeners, cfg.Forbidden),
		buffers: newBuffers(),
		started: time.Now(),
		live:    cfg.Replicas,
		warming: make(chan struct{}, warmAtOnce),
	}
	u.admission, u.shared = cfg.Admission, cfg.Shared
	if u.admission == nil {
		u.admission = admission.New(admission.Config{Metrics: cfg.Metrics})
	}
	if u.shared == nil {
		u.shared = func(string) bool { return false }
	}
	u.pools.Store(&map[string]*poolState{})
	u.schedule.init(u.timing.ProbesPerSec)
	u.sockets.init(u, cfg.SocketsPerTenant)
	u.metrics = newMetrics(cfg.Metrics, u)
	return u
}

// replicas is how many gateways share the backends.
func (u *Upstream) replicas() int {
	if u.live == nil {
		return 1
	}
	return max(1, u.live())
}

// Run probes the backends until ctx ends, then closes what is still open and returns once
// nothing of it runs any more.
func (u *Upstream) Run(ctx context.Context) error {
	u.runSchedule(ctx)
	u.sockets.shut()
	u.Apply(map[string]*routing.Pool{})
	u.sockets.wait()
	return nil
}
