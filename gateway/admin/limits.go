package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// Limits is what the API asks of the limits. A scope is a tenant's name or a route's.
type Limits interface {
	// LimitScope tells whether there is such a tenant or route.
	LimitScope(scope string) bool
	// LimitClients lists the clients that asked most lately, of all replicas: they are asked,
	// which takes up to a second.
	LimitClients(scope string, n int) []api.LimitClient
	// LimitClient is one of them; false when nothing is known of it.
	LimitClient(scope, client string) (api.LimitClient, bool)
	// BlockClient refuses a client until a time on every replica.
	BlockClient(ctx context.Context, scope, client string, until time.Time) error
	// ResetClient forgets what a client has spent, on every replica.
	ResetClient(ctx context.Context, scope, client string) error
}

type listClients struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant, or scope of a route under sluice-limit"`
	Top    int    `query:"top" default:"20" minimum:"1" maximum:"1000" doc:"How many"`
}

type oneClient struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant, or scope of a route under sluice-limit"`
	Client string `query:"client" required:"true" minLength:"3" maxLength:"128" doc:"As the list names it"`
}

type blockClient struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant, or scope of a route under sluice-limit"`
	Body   api.LimitBlock
}

type resetClient struct {
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant, or scope of a route under sluice-limit"`
	Body   api.LimitReset
}

func (s *Server) registerLimits(h huma.API) {
	const path = "/tenants/{tenant}/limits"
	huma.Register(h, operation("listLimitClients", http.MethodGet, path, Viewer, "Clients that asked most lately, of all replicas; what they did, through this one"), s.listClients)
	huma.Register(h, operation("getLimitClient", http.MethodGet, path+"/client", Viewer, "What one client did lately"), s.getClient)
	block := operation("blockLimitClient", http.MethodPost, path+"/block", Operator, "Refuse a client for a while, on every replica")
	reset := operation("resetLimitClient", http.MethodPost, path+"/reset", Operator, "Forget what a client has spent, on every replica")
	for _, op := range []*huma.Operation{&block, &reset} {
		op.MaxBodyBytes = 4 << 10
		op.Errors = append(op.Errors, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	}
	huma.Register(h, block, s.blockClient)
	huma.Register(h, reset, s.resetClient)
}

func (s *Server) listClients(ctx context.Context, in *listClients) (*body[api.LimitClients], error) {
	if err := s.limited(ctx, in.Tenant); err != nil {
		return nil, err
	}
	return &body[api.LimitClients]{api.LimitClients{Clients: s.config.Limits.LimitClients(in.Tenant, in.Top)}}, nil
}

// limited says what is wrong with a name that is no tenant's and no route's.
func (s *Server) limited(ctx context.Context, scope string) error {
	if s.config.Limits != nil && s.config.Limits.LimitScope(scope) && actorFrom(ctx).sees(scope) {
		return nil
	}
	if _, err := s.findTenant(ctx, scope); err != nil {
		return err
	}
	return huma.Error404NotFound(fmt.Sprintf("tenant %s has no limits here", scope))
}

func (s *Server) getClient(ctx context.Context, in *oneClient) (*body[api.LimitClient], error) {
	if err := s.limited(ctx, in.Tenant); err != nil {
		return nil, err
	}
	client, ok := s.config.Limits.LimitClient(in.Tenant, in.Client)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("%s did nothing lately at %s: `sluice limits top %s` shows who did", in.Client, in.Tenant, in.Tenant))
	}
	return &body[api.LimitClient]{client}, nil
}

// blockClient refuses a client for a while.
func (s *Server) blockClient(ctx context.Context, in *blockClient) (*body[api.LimitDone], error) {
	if err := s.limited(ctx, in.Tenant); err != nil {
		return nil, err
	}
	if err := knownKind(in.Body.Client); err != nil {
		return nil, err
	}
	done := api.LimitDone{Tenant: in.Tenant, Client: in.Body.Client}
	until := time.Now().Add(time.Duration(in.Body.Seconds) * time.Second).UTC().Truncate(time.Second)
	if in.Body.Seconds > 0 {
		done.BlockedUntil = &until
	}
	if err := s.noted(ctx, order{operation: "blockLimitClient", tenant: in.Tenant, target: in.Body.Client, reason: in.Body.Reason, body: in.Body}); err != nil {
		return nil, err
	}
	if err := s.config.Limits.BlockClient(ctx, in.Tenant, in.Body.Client, until); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return &body[api.LimitDone]{done}, nil
}

func (s *Server) resetClient(ctx context.Context, in *resetClient) (*body[api.LimitDone], error) {
	if err := s.limited(ctx, in.Tenant); err != nil {
		return nil, err
	}
	if err := knownKind(in.Body.Client); err != nil {
		return nil, err
	}
	if err := s.noted(ctx, order{operation: "resetLimitClient", tenant: in.Tenant, target: in.Body.Client, reason: in.Body.Reason, body: in.Body}); err != nil {
		return nil, err
	}
	if err := s.config.Limits.ResetClient(ctx, in.Tenant, in.Body.Client); err != nil {
		return nil, huma.Error503ServiceUnavailable(err.Error())
	}
	return &body[api.LimitDone]{api.LimitDone{Tenant: in.Tenant, Client: in.Body.Client}}, nil
}
