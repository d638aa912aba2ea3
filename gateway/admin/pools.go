package admin

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// onePool is the input of operations on a pool.
type onePool struct {
	Pool        string `path:"pool" maxLength:"253" doc:"Name of the pool"`
	IfNoneMatch string `header:"If-None-Match" doc:"Entity tag that the caller has"`
}

type whichPool struct {
	Pool string `path:"pool" maxLength:"253" doc:"Name of the pool"`
}

// body is an answer without headers of its own.
type body[T any] struct{ Body T }

func (s *Server) registerPools(h huma.API) {
	huma.Register(h, operation("listPools", http.MethodGet, "/pools", Viewer, "Every pool, as declared"), s.listPools)
	huma.Register(h, operation("getPool", http.MethodGet, "/pools/{pool}", Viewer, "One pool, as declared"), s.getPool)
	huma.Register(h, operation("getPoolStatus", http.MethodGet, "/pools/{pool}/status", Viewer, "One pool, as it is now"), s.getPoolStatus)
	huma.Register(h, operation("listPoolStatus", http.MethodGet, "/status/pools", Viewer, "Every pool, as it is now"), s.listPoolStatus)
}

func (s *Server) listPools(ctx context.Context, _ *struct{}) (*body[api.PoolList], error) {
	snapshot := s.config.Gateway.Snapshot()
	users := tenantsByPool(snapshot)
	list := make([]api.Pool, 0, len(snapshot.Pools))
	for _, name := range sortedKeys(snapshot.Pools) {
		if actorFrom(ctx).seesAny(users[name]) {
			list = append(list, viewPool(snapshot.Pools[name]))
		}
	}
	return &body[api.PoolList]{api.PoolList{Pools: list}}, nil
}

func (s *Server) getPool(ctx context.Context, in *onePool) (*declared[api.Pool], error) {
	p, err := s.findPool(ctx, in.Pool)
	if err != nil {
		return nil, err
	}
	tag, err := s.poolTag(p)
	if err != nil {
		return nil, err
	}
	return reply(tag, viewPool(p), in.IfNoneMatch)
}

func (s *Server) getPoolStatus(ctx context.Context, in *whichPool) (*body[api.PoolStatus], error) {
	p, err := s.findPool(ctx, in.Pool)
	if err != nil {
		return nil, err
	}
	return &body[api.PoolStatus]{s.poolsFor(ctx)[p.Name]}, nil
}

func (s *Server) listPoolStatus(ctx context.Context, _ *struct{}) (*body[api.PoolStatusList], error) {
	pools := s.poolsFor(ctx)
	list := make([]api.PoolStatus, 0, len(pools))
	for _, name := range sortedKeys(pools) {
		list = append(list, pools[name])
	}
	return &body[api.PoolStatusList]{api.PoolStatusList{Pools: list}}, nil
}

// poolsFor are the pools that the actor may see, as they are now and with what operators said
// of their servers.
func (s *Server) poolsFor(ctx context.Context) map[string]api.PoolStatus {
	pools, who := poolsNow(s.config.Gateway.Snapshot(), s.config.Gateway.UpstreamStatus()), actorFrom(ctx)
	for name, p := range pools {
		if !who.seesAny(p.Tenants) {
			delete(pools, name)
			continue
		}
		rec, _ := s.config.Runtime.Pool(name)
		p.Tenants = slices.DeleteFunc(slices.Clone(p.Tenants), func(t string) bool { return !who.sees(t) })
		p.Backends = slices.Clone(p.Backends)
		for i := range p.Backends {
			if b, ok := rec.Backends[p.Backends[i].Name]; ok && b.State != cutover.Ready {
				p.Backends[i].Operator = string(b.State)
			}
		}
		pools[name] = p
	}
	return pools
}

// poolsNow joins what is declared with what is live. A backend that the live side does not
// know yet (a change of this very moment) is unknown; one that is no longer declared is
// left out.
func poolsNow(snapshot Snapshot, live []api.PoolStatus) map[string]api.PoolStatus {
	known := map[string]map[string]api.BackendStatus{}
	for _, p := range live {
		known[p.Name] = map[string]api.BackendStatus{}
		for _, b := range p.Backends {
			known[p.Name][b.Name] = b
		}
	}
	users := tenantsByPool(snapshot)
	joined := make(map[string]api.PoolStatus, len(snapshot.Pools))
	for name, p := range snapshot.Pools {
		now := api.PoolStatus{Name: name, Tenants: users[name], Backends: []api.BackendStatus{}}
		for _, b := range p.Backends {
			status, ok := known[name][b.Name]
			if !ok {
				status = api.BackendStatus{Name: b.Name, State: api.StateUnknown}
			}
			status.Workers = b.Workers
			now.Backends = append(now.Backends, status)
		}
		joined[name] = now
	}
	return joined
}

// tenantsByPool says whom a pool serves, by releases and by classes.
func tenantsByPool(snapshot Snapshot) map[string][]string {
	users := map[string][]string{}
	for _, name := range sortedKeys(snapshot.Tenants) {
		t := snapshot.Tenants[name]
		pools := map[string]bool{}
		for _, r := range t.Releases {
			pools[r.Pool.Name] = true
		}
		for _, p := range t.ClassPools {
			pools[p.Name] = true
		}
		for pool := range pools {
			users[pool] = append(users[pool], name)
		}
	}
	return users
}

func viewPool(p *routing.Pool) api.Pool {
	view := api.Pool{
		Name: p.Name, Version: p.Profile.Version, Sessions: string(p.Sessions), Isolation: string(p.Isolation),
		Backends: []api.Backend{}, Streams: p.Streams,
		Health: api.Health{
			Path: p.Health.Path, Interval: p.Health.Interval.String(), Timeout: p.Health.Timeout.String(),
			Fall: p.Health.Fall, Rise: p.Health.Rise,
		},
	}
	for _, b := range p.Backends {
		view.Backends = append(view.Backends, api.Backend{
			Name: b.Name, HTTP: bare(b.HTTP), Realtime: bare(b.Realtime),
			Workers: b.Workers, Weight: b.Weight, TLS: b.TLS != nil,
		})
	}
	return view
}

// bare is an address without credentials, query and fragment.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
