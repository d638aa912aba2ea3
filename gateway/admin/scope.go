package admin

import (
	"context"
	"path"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/routing"
)

// A token may be for some tenants alone. For its holder there are no others: what is not
// theirs is not found, rather than refused.

// everything says whether the actor may see all tenants.
func (a actor) everything() bool { return len(a.Tenants) == 0 }

// sees says whether a tenant is the actor's to see.
func (a actor) sees(tenant string) bool {
	return a.everything() || slices.ContainsFunc(a.Tenants, func(pattern string) bool {
		ok, err := path.Match(pattern, tenant)
		return ok && err == nil
	})
}

func (a actor) seesAny(tenants []string) bool {
	return a.everything() || slices.ContainsFunc(tenants, a.sees)
}

// findTenant finds a tenant that the actor may see.
func (s *Server) findTenant(ctx context.Context, name string) (*routing.Tenant, error) {
	snapshot := s.config.Gateway.Snapshot()
	who := actorFrom(ctx)
	if t, ok := snapshot.Tenants[name]; ok && who.sees(name) {
		return t, nil
	}
	known := slices.DeleteFunc(sortedKeys(snapshot.Tenants), func(other string) bool { return !who.sees(other) })
	return nil, huma.Error404NotFound(notThere("tenant", name, known))
}

// findPool finds a pool that serves a tenant of the actor's.
func (s *Server) findPool(ctx context.Context, name string) (*routing.Pool, error) {
	snapshot := s.config.Gateway.Snapshot()
	who, users := actorFrom(ctx), tenantsByPool(snapshot)
	if p, ok := snapshot.Pools[name]; ok && who.seesAny(users[name]) {
		return p, nil
	}
	known := slices.DeleteFunc(sortedKeys(snapshot.Pools), func(other string) bool { return !who.seesAny(users[other]) })
	return nil, huma.Error404NotFound(notThere("pool", name, known))
}
