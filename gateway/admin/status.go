package admin

import (
	"context"
	"net/http"
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

func (s *Server) getStatus(context.Context, *struct{}) (*body[api.Status], error) {
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
	status.Backends, status.Unwell = summary(poolsNow(snapshot, s.config.Gateway.UpstreamStatus()))
	return &body[api.Status]{status}, nil
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
