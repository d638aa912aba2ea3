package admin

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

type stateInput struct {
	Writing
	Pool    string `path:"pool" maxLength:"253" doc:"Name of the pool"`
	Backend string `path:"backend" maxLength:"253" doc:"Name of the backend"`
	Body    api.BackendStateRequest
}

func (s *Server) registerBackends(h huma.API) {
	huma.Register(h, writeOperation("setBackendState", http.MethodPut, "/pools/{pool}/backends/{backend}/state", Operator,
		"Take a server out of service, or back", "pool"), s.setBackendState)
}

func (s *Server) setBackendState(ctx context.Context, in *stateInput) (*written[api.Change], error) {
	p, err := s.findPool(ctx, in.Pool)
	if err != nil {
		return nil, err
	}
	if !hasBackend(p, in.Backend) {
		return nil, huma.Error404NotFound(fmt.Sprintf("pool %s has no backend %q", p.Name, in.Backend))
	}
	reason, err := said(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	users := tenantsByPool(s.config.Gateway.Snapshot())[p.Name]
	for _, tenant := range users {
		if !actorFrom(ctx).sees(tenant) {
			return nil, huma.Error403Forbidden("pool " + p.Name + " serves other tenants than yours, too: ask somebody who may change them")
		}
	}
	until, err := expiry(in.Body.Expires, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	o := order{in.Writing, "setBackendState", "", p.Name + "/" + in.Backend, reason, in.Body}
	if len(users) == 1 {
		o.tenant = users[0]
	}
	return once(ctx, s, o, func() (*written[api.Change], error) { return s.backendState(ctx, p, in, o, users, until) })
}

func (s *Server) backendState(ctx context.Context, p *routing.Pool, in *stateInput, o order, users []string, until *time.Time) (*written[api.Change], error) {
	now := time.Now().UTC()
	tag, err := s.poolTag(p)
	if err == nil {
		err = matched(in.Writing, tag, "pool "+p.Name)
	}
	if err != nil {
		return nil, err
	}
	rec, _ := s.config.Runtime.Pool(p.Name)
	before := cutover.Ready
	if b, ok := rec.Backends[in.Backend]; ok {
		before = b.State
	}
	out := api.Change{Impact: s.backendImpact(p, in.Backend, users), Changes: []api.FieldChange{{Field: p.Name + "/" + in.Backend, From: string(before), To: in.Body.State}}}
	if in.Body.State != string(cutover.Ready) {
		if others := s.othersServe(p, in.Backend, rec); others == 0 {
			out.Warnings = append(out.Warnings, "no other server of pool "+p.Name+" is up and in service: "+lastResort(in.Body.State))
		}
	}
	if in.DryRun {
		out.DryRun = true
		return &written[api.Change]{Status: http.StatusOK, Body: out}, nil
	}
	if err := s.noted(ctx, o); err != nil {
		return nil, err
	}
	state := cutover.Backend{State: cutover.BackendState(in.Body.State), Grant: cutover.Grant{Actor: actorFrom(ctx).Name, Reason: o.reason, At: now, Expires: until}}
	rec, out.Shared, err = s.changePool(ctx, o, p, func(r cutover.Pool) (cutover.Pool, error) {
		r.Pool, r.Backends = p.Name, maps.Clone(r.Backends)
		if r.Backends == nil {
			r.Backends = map[string]cutover.Backend{}
		}
		r.Backends[in.Backend] = state
		r.Sequence++
		r.Changed = now
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	status, laggards := s.followPool(ctx, p.Name, rec.Sequence)
	out.Laggards = laggards
	return &written[api.Change]{Status: status, Body: out}, nil
}

func lastResort(state string) string {
	if state == string(cutover.Draining) {
		return "it keeps serving as the last resort"
	}
	return "its tenants get an error page"
}

func (s *Server) backendImpact(p *routing.Pool, backend string, users []string) *api.Impact {
	i := &api.Impact{Known: true, Tenants: append([]string{}, users...)}
	for _, b := range poolsNow(s.config.Gateway.Snapshot(), s.config.Gateway.UpstreamStatus())[p.Name].Backends {
		if b.Name == backend {
			i.InFlight, i.Sockets = b.InFlight, b.Sockets
		}
	}
	return i
}

// othersServe counts the servers that would serve without that one.
func (s *Server) othersServe(p *routing.Pool, but string, rec cutover.Pool) int {
	n := 0
	for _, b := range poolsNow(s.config.Gateway.Snapshot(), s.config.Gateway.UpstreamStatus())[p.Name].Backends {
		if said, ok := rec.Backends[b.Name]; b.Name != but && b.State != api.StateDown && (!ok || said.State == cutover.Ready) {
			n++
		}
	}
	return n
}
