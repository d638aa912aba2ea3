package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/edge"
	"sluicegate.dev/sluice/plugins/limits"
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// makeLimits makes the limiter: over Redis when replicas share one, else in this process.
func (g *Gateway) makeLimits(Config) error {
	keys, err := g.keys.For("limits")
	if err != nil {
		return fmt.Errorf("spec.secretsFile: %w", err)
	}
	c := ratelimit.Config{Metrics: g.registry, Log: g.log, File: filepath.Join(string(g.install.DataDir), "limits.json")}
	if g.redis != nil {
		c.Ledger, c.Replica, c.Replicas = g.redis.Limits(), g.replicas.Me().ID, g.replicas.Count
	}
	g.limiter = ratelimit.New(c)
	g.limits = limits.New(limits.Config{Limiter: g.limiter, Key: keys[0].Secret, Metrics: g.registry})
	return nil
}

// forgetLimits drops the budgets of tenants that are not served any more.
func (g *Gateway) forgetLimits(now *config.Snapshot) {
	g.limiter.Retain(func(scope string) bool { return g.scoped(now, scope) })
}

// scoped tells whether budgets have a right to that name: a tenant's, or a route's.
func (g *Gateway) scoped(now *config.Snapshot, scope string) bool {
	_, route := g.routes.Load(scope)
	return route || now.Tenants[scope] != nil
}

// limitRoute is the plugin sluice-limit. It names a LimitPolicy, or holds one.
func (g *Gateway) limitRoute(client func(*http.Request) netip.Addr) edge.Native {
	return func(next http.Handler, settings map[string]any, name string) (http.Handler, error) {
		s, err := config.ReadRouteLimit(settings)
		if err != nil {
			return nil, fmt.Errorf("settings of %s: %w", name, err)
		}
		scope := s.Scope
		if scope == "" {
			scope = name
		}
		policy := func() *routing.LimitPolicy { return s.Policy }
		if s.Named != "" {
			if policy, err = g.livePolicy(s.Named); err != nil {
				return nil, fmt.Errorf("settings of %s: %w", name, err)
			}
		}
		g.routes.Store(scope, struct{}{})
		return g.limits.Route(next, limits.Route{Scope: scope, Policy: policy, Client: client}), nil
	}
}

// livePolicy follows a policy through reloads. One that is deleted goes on holding the routes
// that name it, until those change too.
func (g *Gateway) livePolicy(name string) (func() *routing.LimitPolicy, error) {
	first := g.live.Load().LimitPolicy(name)
	if first == nil {
		return nil, fmt.Errorf("policy: there is no LimitPolicy %q that can be served", name)
	}
	var last atomic.Pointer[routing.LimitPolicy]
	last.Store(first)
	return func() *routing.LimitPolicy {
		if now := g.live.Load().LimitPolicy(name); now != nil && now != last.Load() {
			last.Store(now)
		}
		return last.Load()
	}, nil
}

// routes remembers the scopes of sluice-limit middlewares.
type routes = sync.Map

// LimitScope implements admin.Limits.
func (s state) LimitScope(scope string) bool { return s.g.scoped(s.g.live.Load(), scope) }

// LimitClients implements admin.Limits.
func (s state) LimitClients(scope string, n int) []api.LimitClient {
	out := []api.LimitClient{}
	for _, c := range s.g.limits.Top(scope, n) {
		out = append(out, limitClient(c))
	}
	return out
}

func limitClient(c limits.Client) api.LimitClient {
	out := api.LimitClient{
		Client: c.Name, Allowed: c.Allowed, Denied: c.Denied, Limits: c.Limits,
		Who: c.Who, Key: c.Key, From: strings.TrimPrefix(c.From, "address:"), Calls: []api.LimitCall{},
	}
	if !c.Blocked.IsZero() {
		until := c.Blocked.UTC().Truncate(time.Second)
		out.BlockedUntil = &until
	}
	if !c.Last.IsZero() {
		last := c.Last.UTC().Truncate(time.Second)
		out.Last = &last
	}
	for _, call := range c.Calls {
		out.Calls = append(out.Calls, api.LimitCall{
			Name: call.Name, Count: call.Count, Records: call.Records, Failed: call.Failed, Last: call.Last.UTC().Truncate(time.Second),
		})
	}
	return out
}

// LimitClient implements admin.Limits.
func (s state) LimitClient(scope, client string) (api.LimitClient, bool) {
	for _, c := range s.g.limits.Top(scope, maxClients) {
		if c.Name == client {
			return limitClient(c), true
		}
	}
	a, ok := s.g.limits.Activity(scope, client)
	return limitClient(limits.Client{Name: client, Activity: a}), ok
}

// maxClients is more than a scope keeps.
const maxClients = 1_000_000

// BlockClient implements admin.Limits.
func (s state) BlockClient(ctx context.Context, scope, client string, until time.Time) error {
	return s.g.limits.Block(ctx, scope, client, until)
}

// ResetClient implements admin.Limits.
func (s state) ResetClient(ctx context.Context, scope, client string) error {
	return s.g.limits.Reset(ctx, scope, client)
}
