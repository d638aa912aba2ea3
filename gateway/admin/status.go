package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
)

func (s *Server) registerStatus(h huma.API) {
	huma.Register(h, operation("getStatus", http.MethodGet, "/status", Viewer, "How the gateway is doing"), s.getStatus)
	huma.Register(h, operation("listReplicas", http.MethodGet, "/replicas", Viewer, "The gateways that share the store"), s.listReplicas)
}

func (s *Server) listReplicas(context.Context, *struct{}) (*body[api.ReplicaList], error) {
	return &body[api.ReplicaList]{s.config.Gateway.Replicas()}, nil
}

func (s *Server) getStatus(ctx context.Context, _ *struct{}) (*body[api.Status], error) {
	snapshot := s.config.Gateway.Snapshot()
	status := api.Status{
		Version: s.config.Version, Started: s.started.UTC(), UptimeSeconds: int64(time.Since(s.started) / time.Second),
		Ready:         true,
		Configuration: api.Configuration{Revision: snapshot.Revision, Origin: snapshot.Origin},
		Pending:       snapshot.Pending,
		Problems:      append([]api.Problem{}, snapshot.Problems...),
		Tenants:       len(snapshot.Tenants), Pools: len(snapshot.Pools),
		Store: s.config.Gateway.Store(), Replicas: s.config.Gateway.Replicas(),
	}
	if !snapshot.Since.IsZero() {
		since := snapshot.Since.UTC()
		status.Configuration.Since = &since
	}
	if err := s.ready(); err != nil {
		status.Ready, status.NotReady = false, err.Error()
	}
	status.Backends, status.Unwell = summary(s.poolsFor(ctx))
	s.onlyTheirs(actorFrom(ctx), &status)
	return &body[api.Status]{status}, nil
}

// onlyTheirs leaves out what concerns other tenants than the actor's.
func (s *Server) onlyTheirs(who actor, status *api.Status) {
	if who.everything() {
		return
	}
	status.Pending = nil
	status.Problems = slices.DeleteFunc(status.Problems, func(p api.Problem) bool {
		tenant, ok := strings.CutPrefix(p.Resource, "Tenant ")
		return !ok || !who.sees(tenant)
	})
	status.Tenants = 0
	for name := range s.config.Gateway.Snapshot().Tenants {
		if who.sees(name) {
			status.Tenants++
		}
	}
}

// summary counts the backends by state and picks those that are not up.
func summary(pools map[string]api.PoolStatus) (api.BackendCounts, []api.PoolStatus) {
	var counts api.BackendCounts
	unwell := []api.PoolStatus{}
	for _, name := range sortedKeys(pools) {
		sick := api.PoolStatus{Name: name, Tenants: pools[name].Tenants}
		for _, b := range pools[name].Backends {
			switch b.State {
			case api.StateUp:
				counts.Up++
				continue
			case api.StateSaturated:
				counts.Saturated++
			case api.StateDown:
				counts.Down++
			default:
				counts.Unknown++
				continue
			}
			sick.Backends = append(sick.Backends, b)
		}
		if len(sick.Backends) > 0 {
			unwell = append(unwell, sick)
		}
	}
	return counts, unwell
}
