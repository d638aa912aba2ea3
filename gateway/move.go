package gateway

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/gateway/conduct"
	"sluicegate.dev/sluice/gateway/control"
	"sluicegate.dev/sluice/gateway/hold"
	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/gateway/shield"
	"sluicegate.dev/sluice/gateway/upstream"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// This file makes the parts that move tenants: control keeps what was decided, hold and census
// stand in the request path, replicas tell each other what they see of it, and conduct drives.

// reportedTenants is how many tenants a gateway reports on at most.
const reportedTenants = 200

// secrets are the key ring's keys for a purpose, the one that signs first.
func (g *Gateway) secrets(purpose string) ([][]byte, error) {
	derived, err := g.keys.For(purpose)
	if err != nil {
		return nil, fmt.Errorf("spec.secretsFile: %w", err)
	}
	all := make([][]byte, 0, len(derived))
	for _, k := range derived {
		all = append(all, k.Secret)
	}
	return all, nil
}

// makeControl makes what keeps decisions at runtime, from the copy on this disk.
func (g *Gateway) makeControl(Config) error {
	keys, err := g.secrets("control")
	if err != nil {
		return err
	}
	local, err := control.OpenLocal(filepath.Join(string(g.install.DataDir), "control"))
	if err != nil {
		return fmt.Errorf("spec.dataDir: %w", err)
	}
	g.controlKeys = keys
	g.control = control.New(control.Config{
		Store: g.store, Local: local, Keys: keys, Replica: g.replicas.Me().ID,
		Declared: g.declared, Changed: g.courseChanged, Log: g.log, Metrics: g.registry,
	})
	return nil
}

// declared is what the configuration says of a tenant's releases.
func (g *Gateway) declared(tenant string) (active string, releases []string, ok bool) {
	t := g.live.Load().Tenants[tenant]
	if t == nil || t.Active == nil {
		return "", nil, false
	}
	return t.Active.Name, slices.Sorted(maps.Keys(t.Releases)), true
}

// courseChanged passes on that something was decided about a tenant: what waits may go on,
// sockets of a release that was left follow, and the other replicas hear that it holds here.
func (g *Gateway) courseChanged(tenant string) {
	if g.holds == nil || g.upstream == nil {
		return // it is only being made
	}
	g.live.Follow(tenant)
	g.holds.Changed(tenant)
	g.upstream.FollowCourse(tenant, g.control.Course(tenant), 0)
	g.upstream.StatesChanged()
	g.replicas.Nudge()
}

// movedTo is the release to which completed cutovers have moved a tenant; empty: none has.
func (g *Gateway) movedTo(tenant string) string {
	if g.control == nil {
		return ""
	}
	rec, _ := g.control.Tenant(tenant)
	return rec.Active("")
}

// makeWays makes the parts of the request path that a cutover needs.
func (g *Gateway) makeWays(Config) error {
	g.census = census.New(0)
	g.holds = hold.New(hold.Config{Course: g.control.Course, Fresh: g.control.Fresh, Pace: g.pace, Metrics: g.registry, Log: g.log})
	g.upstream.SetStates(g.control.Backend)
	g.shield = shield.New(shield.Config{Upstream: g.upstream, Metrics: g.registry})
	return nil
}

// pace is how many held requests go on at once: twice the workers that take them.
func (g *Gateway) pace(tenant string) int {
	t := g.live.Load().Tenants[tenant]
	if t == nil {
		return 0
	}
	release := t.Active
	if c := g.control.Course(tenant); c != nil {
		if r := t.Releases[c.Legs[len(c.Legs)-1].Active]; r != nil {
			release = r
		}
	}
	workers := 0
	for i := range release.Pool.Backends {
		workers += release.Pool.Backends[i].Workers
	}
	return 2 * workers
}

// makeReports makes what replicas tell each other with each beat.
func (g *Gateway) makeReports(Config) error {
	keys, err := g.secrets("report")
	if err != nil {
		return err
	}
	g.reportKeys = keys
	return nil
}

// says is this replica's report.
func (g *Gateway) says() []byte {
	if g.control == nil || g.census == nil {
		return nil
	}
	text, err := report.Sources{
		Replica: g.replicas.Me().ID, Keys: g.reportKeys,
		Tenants: func() []string { return g.control.Recent(reportedTenants) },
		Applied: g.control.Applied,
		Pools:   g.poolsHeard,
		Counts:  g.goingOn,
		Down:    g.poolsDown,
		Whole:   func() time.Duration { return time.Since(g.census.Since()) },
	}.Write()
	if err != nil {
		g.log.Error("this gateway's report to the others cannot be written", "err", err)
		return nil
	}
	return text
}

// poolsHeard are the sequences of the pools' records that hold here.
func (g *Gateway) poolsHeard() map[string]uint64 {
	heard := map[string]uint64{}
	for _, p := range g.control.Pools() {
		heard[p.Pool] = p.Sequence
	}
	return heard
}

// goingOn is what is going on with a tenant here.
func (g *Gateway) goingOn(tenant string) report.Tenant {
	t := report.Of(g.census.Counts(tenant), time.Now())
	held := g.holds.Status(tenant)
	t.Held, t.HeldOldest, t.LongestWait, t.Shed = held.Held, held.Oldest, held.Longest, held.Shed
	return t
}

// poolsDown are the pools none of whose backends serves, as seen from here.
func (g *Gateway) poolsDown() []string {
	var down []string
	for _, pool := range g.upstream.Status() {
		if len(pool.Backends) > 0 && !slices.ContainsFunc(pool.Backends, upstream.BackendStatus.Serves) {
			down = append(down, pool.Name)
		}
	}
	return down
}

// poolDown tells whether no backend of a pool serves.
func (g *Gateway) poolDown(name string) bool {
	pool, ok := g.upstream.PoolStatus(name)
	return ok && len(pool.Backends) > 0 && !slices.ContainsFunc(pool.Backends, upstream.BackendStatus.Serves)
}

// view is what all replicas report, this one as of now.
func (g *Gateway) view() report.View {
	live, _, known := g.replicas.Live()
	me := g.replicas.Me().ID
	for i := range live {
		if live[i].ID == me {
			live[i].Report = g.says()
		}
	}
	return report.Read(g.reportKeys, live, g.replicas.Silent(), known)
}

// makeConduct makes what drives cutovers.
func (g *Gateway) makeConduct(Config) error {
	webhooks, err := g.secrets("webhooks")
	if err != nil {
		return err
	}
	signing, err := g.keys.For("reports")
	if err != nil {
		return fmt.Errorf("spec.secretsFile: %w", err)
	}
	g.reports = conduct.NewReports(filepath.Join(string(g.install.DataDir), "reports"), signing)
	outgoing := upstream.NewOutgoing(ownListeners(g.static.EntryPoints(), g.install.Admin.Address), nil)
	g.conduct = conduct.New(conduct.Config{
		Replica: g.replicas.Me().ID, Control: g.control, View: g.view,
		Tenant: func(name string) *routing.Tenant { return g.live.Load().Tenants[name] },
		Ask:    g.upstream, State: g.control.Backend, Insight: g.insight,
		Standbys: g.standbys, Down: g.poolDown,
		Dial: outgoing.DialContext, Webhooks: webhooks[0],
		Reports: g.reports, Store: g.store, Log: g.log, Metrics: g.registry,
	})
	return nil
}

func (g *Gateway) insight(tenant string) conduct.Insight {
	p := g.live.Load().PreflightOf(tenant)
	return conduct.Insight{Webhook: p.Webhook, Login: p.Login, Key: p.Key}
}

// standbys are the tenants that have declared how they fail over.
func (g *Gateway) standbys() []conduct.Standby {
	now := g.live.Load()
	var all []conduct.Standby
	for name := range now.Tenants {
		f := now.FailoverOf(name)
		if !f.Declared {
			continue
		}
		plan := now.CutoverAs(name, cutover.Failover)
		plan.To, plan.Check = cutover.Standby, f.Check
		all = append(all, conduct.Standby{Tenant: name, Automatic: f.Automatic, After: f.After, Plan: plan.WithDefaults()})
	}
	return all
}

// forgetMoves lets go of tenants that are not served any more.
func (g *Gateway) forgetMoves(now *config.Snapshot) {
	g.control.Refresh()
	served := func(tenant string) bool { return now.Tenants[tenant] != nil }
	g.census.Retain(served)
	g.shield.Retain(served)
}
