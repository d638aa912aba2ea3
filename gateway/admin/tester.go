package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
)

type testerRequest struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Body   api.TesterRequest
}

func (s *Server) registerTester(h huma.API) {
	op := operation("makeTesterPass", http.MethodPost, "/tenants/{tenant}/tester", Operator, "A pass that leads its holder to one release")
	op.MaxBodyBytes = 4 << 10
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusUnprocessableEntity)
	huma.Register(h, op, s.makeTesterPass)
}

// makeTesterPass signs a pass. It changes nothing: pins stay as they are, and the pass ends
// by itself.
func (s *Server) makeTesterPass(ctx context.Context, in *testerRequest) (*body[api.TesterPass], error) {
	t, err := s.findTenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	release := t.Releases[in.Body.Release]
	if release == nil {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("tenant %s has no release %q: it has %s", t.Name, in.Body.Release, strings.Join(sortedKeys(t.Releases), ", ")))
	}
	if in.Body.Backend != "" && !hasBackend(release.Pool, in.Body.Backend) {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("pool %s of release %s has no backend %q", release.Pool.Name, release.Name, in.Body.Backend))
	}
	pass := routing.Tester{
		Release: release.Name, Backend: in.Body.Backend,
		Until: time.Now().Add(time.Duration(in.Body.Seconds) * time.Second).UTC().Truncate(time.Second),
	}
	if err := s.noted(ctx, order{operation: "makeTesterPass", tenant: t.Name, target: t.Name, reason: in.Body.Reason, body: in.Body}); err != nil {
		return nil, err
	}
	out := s.config.Gateway.TesterPass(t.Name, pass)
	return &body[api.TesterPass]{out}, nil
}

func hasBackend(pool *routing.Pool, name string) bool {
	for i := range pool.Backends {
		if pool.Backends[i].Name == name {
			return true
		}
	}
	return false
}
