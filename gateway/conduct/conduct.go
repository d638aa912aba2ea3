package conduct

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/internal/keyring"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// Control keeps what was decided at runtime.
type Control interface {
	Tenant(name string) (rec cutover.Record, version string)
	All() []cutover.Record
	// Shared says whether the other replicas can see a tenant's record as it is here.
	Shared(tenant string) bool
	Change(ctx context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (control.Result, error)
	Subscribe() (changed <-chan struct{}, stop func())
}

// Config is what a Conductor needs. What may be nil says so.
type Config struct {
	Replica string // this gateway's id
	Control Control
	View    func() report.View // what all replicas report
	Tenant  func(name string) *routing.Tenant
	Ask     Asker
	State   func(pool, backend string) cutover.BackendState // as operators say; nil: all are ready
	Insight func(tenant string) Insight                     // nil: none

	// Standbys are the tenants that have one, and how they fail over; nil: none do. Down says
	// whether no backend of a pool serves, as seen from here.
	Standbys func() []Standby
	Down     func(pool string) bool

	// Dial opens connections to webhooks and checks; it refuses what must not be called.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Webhooks signs what they are told: the ring's first key for that purpose. Receivers
	// verify with its text in hex, which people can pass on (sluice keys webhooks).
	Webhooks []byte

	Reports *Reports    // keeps those of cutovers that have ended; nil: nobody does
	Store   ReportStore // nil: reports stay on this disk
	Log     *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Conductor drives the cutovers that this replica owns, and watches the others.
type Conductor struct {
	cfg     Config
	log     *slog.Logger
	call    *caller
	notices *notifier
	metrics *metrics
	views   views
}

// New returns a Conductor. Run starts it.
func New(cfg Config) *Conductor {
	c := &Conductor{cfg: cfg, log: cfg.Log, call: newCaller(cfg.Dial, []byte(keyring.Key{Secret: cfg.Webhooks}.Text()))}
	c.metrics = newMetrics(cfg.Metrics, c)
	c.notices = newNotifier(c.call, c.metrics, c.log)
	return c
}

const (
	lookEvery = 5 * time.Second        // cutovers that nobody told us of are looked for
	lookPause = 100 * time.Millisecond // after a change: beats are changes too, and each look is at all records
)

// Run drives cutovers until ctx ends. What it drives then is given up, so that another
// replica goes on at once.
func (c *Conductor) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { c.notices.run(ctx) })
	parts.Go(func() { c.watchStandbys(ctx) })
	parts.Go(func() { c.keepReports(ctx) })

	changed, stop := c.cfg.Control.Subscribe()
	defer stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	drivers := map[string]bool{} // cutovers that somebody here looks after
	over := make(chan string)
	for {
		for _, d := range c.begin(drivers) {
			parts.Go(func() {
				d.run(ctx)
				select {
				case over <- d.id:
				case <-ctx.Done():
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			pause(ctx, lookPause)
		case <-look.C:
		case id := <-over:
			delete(drivers, id)
		}
	}
}

// begin makes drivers for cutovers that have none.
func (c *Conductor) begin(drivers map[string]bool) []*driver {
	var fresh []*driver
	for _, rec := range c.cfg.Control.All() {
		if cut := rec.Cutover; cut != nil && !cut.Phase.Ended() && !drivers[cut.ID] {
			drivers[cut.ID] = true
			fresh = append(fresh, newDriver(c, rec.Tenant, cut.ID))
		}
	}
	return fresh
}

func (c *Conductor) state(pool, backend string) cutover.BackendState {
	if c.cfg.State == nil {
		return cutover.Ready
	}
	return c.cfg.State(pool, backend)
}
