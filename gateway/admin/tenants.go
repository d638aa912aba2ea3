package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
)

// oneTenant is the input of operations on a tenant.
type oneTenant struct {
	Tenant      string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	IfNoneMatch string `header:"If-None-Match" doc:"Entity tag that the caller has"`
}

// whichTenant is the input of those whose answer is never the same twice.
type whichTenant struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
}

func (s *Server) registerTenants(h huma.API) {
	huma.Register(h, operation("listTenants", http.MethodGet, "/tenants", Viewer, "Every tenant, as declared"), s.listTenants)
	huma.Register(h, operation("getTenant", http.MethodGet, "/tenants/{tenant}", Viewer, "One tenant, as declared"), s.getTenant)
	huma.Register(h, operation("getTenantStatus", http.MethodGet, "/tenants/{tenant}/status", Viewer, "One tenant, as it is now"), s.getTenantStatus)
}

func (s *Server) listTenants(ctx context.Context, _ *struct{}) (*body[api.TenantList], error) {
	tenants := s.config.Gateway.Snapshot().Tenants
	list := make([]api.Tenant, 0, len(tenants))
	for _, name := range sortedKeys(tenants) {
		if actorFrom(ctx).sees(name) {
			list = append(list, s.viewTenant(tenants[name]))
		}
	}
	return &body[api.TenantList]{api.TenantList{Tenants: list}}, nil
}

func (s *Server) getTenant(ctx context.Context, in *oneTenant) (*declared[api.Tenant], error) {
	t, err := s.findTenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	tag, err := s.tenantTag(t.Name)
	if err != nil {
		return nil, err
	}
	return reply(tag, s.viewTenant(t), in.IfNoneMatch)
}

// viewTenant is a tenant as declared, and where it is now.
func (s *Server) viewTenant(t *routing.Tenant) api.Tenant {
	view, now := viewTenant(t), s.effective(t)
	view.Active, view.Declared, view.Drifted = now.Active, now.Declared, now.Drifted
	view.Hold, view.Maintenance = now.Held, now.Page
	if rec, _ := s.config.Runtime.Tenant(t.Name); rec.Cutover != nil {
		view.Cutover = rec.Cutover.ID
	}
	return view
}

func (s *Server) getTenantStatus(ctx context.Context, in *whichTenant) (*body[api.TenantStatus], error) {
	snapshot := s.config.Gateway.Snapshot()
	t, err := s.findTenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	pools := poolsNow(snapshot, s.config.Gateway.UpstreamStatus())
	status := api.TenantStatus{Name: t.Name, Releases: map[string]api.ReleaseStatus{}, Problems: problemsOf(snapshot, t.Name)}
	if snapshot.Source != nil {
		status.Source, status.State = snapshot.Source(t.Name)
	}
	now := s.effective(t)
	status.Active, status.Declared, status.Drifted = now.Active, now.Declared, now.Drifted
	left := s.config.Runtime.Remainder(t.Name, 0)
	status.Remainder, status.Runtime = &left, now.Runtime
	for name, release := range t.Releases {
		pool := pools[release.Pool.Name]
		status.Releases[name] = api.ReleaseStatus{Pool: pool, Shared: len(pool.Tenants) > 1}
	}
	for class, pool := range t.ClassPools {
		if status.Classes == nil {
			status.Classes = map[string]api.PoolStatus{}
		}
		status.Classes[string(class)] = pools[pool.Name]
	}
	return &body[api.TenantStatus]{status}, nil
}

// problemsOf are the problems of a tenant's own documents.
func problemsOf(snapshot Snapshot, tenant string) []api.Problem {
	foreign := func(p api.Problem) bool { return p.Resource != "Tenant "+tenant }
	return slices.DeleteFunc(append([]api.Problem{}, snapshot.Problems...), foreign)
}

func viewTenant(t *routing.Tenant) api.Tenant {
	view := api.Tenant{
		Name: t.Name, Hosts: append([]string{}, t.Hosts...), Releases: map[string]api.Release{},
		Manager: t.Manager, TLS: t.TLS, Middlewares: t.Middlewares,
	}
	if t.Active != nil {
		view.Active = t.Active.Name
	}
	for name, r := range t.Releases {
		view.Releases[name] = api.Release{Pool: r.Pool.Name, Database: r.Database}
	}
	for class, pool := range t.ClassPools {
		if view.ClassPools == nil {
			view.ClassPools = map[string]string{}
		}
		view.ClassPools[string(class)] = pool.Name
	}
	for _, rule := range t.Classes {
		if class := string(rule.Class); !slices.Contains(view.Classes, class) {
			view.Classes = append(view.Classes, class)
		}
	}
	return view
}
