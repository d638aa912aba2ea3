package gateway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"sluicegate.dev/sluice/config"
	"sluicegate.dev/sluice/gateway/admin"
	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/gateway/audit"
	"sluicegate.dev/sluice/gateway/upstream"
)

// socketName is the admin API's unix socket in the data directory.
const socketName = "admin.sock"

func (g *Gateway) makeAdmin(cfg Config) error {
	settings := g.install.Admin
	log, err := audit.Open(filepath.Join(string(g.install.DataDir), "audit"))
	if err != nil {
		return fmt.Errorf("spec.dataDir: %w", err)
	}
	c := admin.Config{
		Gateway: state{g}, Limits: state{g}, Runtime: runtime{g}, Audit: auditor{log}, Answers: answers{g}, Ready: g.ready, Version: cfg.Version,
		Socket:  filepath.Join(string(g.install.DataDir), socketName),
		Address: settings.Address, Hosts: settings.Hosts,
		Log: g.log, Metrics: g.registry,
	}
	for _, t := range settings.Tokens {
		c.Tokens = append(c.Tokens, admin.Token{Name: t.Name, Role: admin.Role(t.Role), File: string(t.TokenFile), Tenants: t.Tenants})
	}
	if e := settings.Entra; e != nil {
		c.Entra = admin.NewEntra(e.Authority, e.TenantID, e.Audience, e.Roles)
	}
	if settings.TLS != nil {
		c.TLS = &admin.TLSFiles{Cert: string(settings.TLS.CertFile), Key: string(settings.TLS.KeyFile)}
	}
	server, err := admin.New(c)
	g.admin = server
	return err
}

func (g *Gateway) ready() error {
	if !g.edge.Ready() {
		return errors.New("the entry points do not serve, or are stopping")
	}
	return g.replicas.Fits()
}

// state is the gateway as the admin API sees it.
type state struct{ g *Gateway }

// Snapshot implements admin.Gateway.
func (s state) Snapshot() admin.Snapshot {
	now := s.g.live.Load()
	out := admin.Snapshot{
		Revision: now.Revision, Origin: s.origin(now), Since: now.AppliedAt,
		Tenants: now.Tenants, Pools: now.Pools,
		Source: func(tenant string) (at, state string) { return sourceOf(now, tenant) },
	}
	for _, p := range now.Problems {
		out.Problems = append(out.Problems, api.Problem{
			File: p.File, Line: p.Line, Column: p.Column, Resource: p.Resource,
			Field: p.Field, Message: p.Message, Hint: p.Hint, Warning: p.Warning,
		})
	}
	if now.Pending != nil {
		out.Pending = &api.PendingRemoval{Digest: now.Pending.Digest, Tenants: now.Pending.Tenants, Of: now.Pending.Of, Since: now.AppliedAt}
	}
	return out
}

// sourceOf says which document a tenant is served from, and how that relates to the declared
// one.
func sourceOf(s *config.Snapshot, tenant string) (at, state string) {
	source := s.Source(tenant)
	if source == nil {
		return "", ""
	}
	return fmt.Sprintf("%s:%d", source.File, source.Line), string(s.State(tenant))
}

// origin says whether the source was read since the start.
func (s state) origin(now *config.Snapshot) string {
	switch {
	case s.g.source.read():
		return api.OriginLive
	case len(now.Tenants) > 0:
		return api.OriginLastGood
	default:
		return api.OriginNone
	}
}

// UpstreamStatus implements admin.Gateway.
func (s state) UpstreamStatus() []api.PoolStatus {
	var out []api.PoolStatus
	for _, pool := range s.g.upstream.Status() {
		one := api.PoolStatus{Name: pool.Name}
		for _, b := range pool.Backends {
			one.Backends = append(one.Backends, backendStatus(b))
		}
		out = append(out, one)
	}
	return out
}

func backendStatus(b upstream.BackendStatus) api.BackendStatus {
	out := api.BackendStatus{
		Name: b.Name, State: b.State.String(), Reason: b.Reason,
		InFlight: int(b.InFlight), Waiting: b.Waiting, Slots: b.Slots, Sockets: int(b.Sockets), Workers: b.Workers,
	}
	if !b.Since.IsZero() {
		since := b.Since.UTC().Truncate(time.Second)
		out.Since = &since
	}
	return out
}

// Store implements admin.Gateway.
func (s state) Store() api.StoreStatus {
	kind := api.StoreEmbedded
	if s.g.redis != nil {
		kind = api.StoreRedis
	}
	return api.StoreStatus{Kind: kind, Healthy: s.g.store.Healthy()}
}

// Replicas implements admin.Gateway.
func (s state) Replicas() api.ReplicaList {
	live, at, known := s.g.replicas.Live()
	out := api.ReplicaList{Known: known}
	if !at.IsZero() {
		at = at.UTC()
		out.AsOf = &at
	}
	for _, r := range live {
		out.Replicas = append(out.Replicas, api.Replica{
			ID: r.ID, Host: r.Host, Version: r.Version, Started: r.Started, Self: r.ID == s.g.replicas.Me().ID,
		})
	}
	return out
}

// Confirm implements admin.Gateway.
func (s state) Confirm(_ context.Context, digest string) ([]string, error) {
	pending := s.g.live.Load().Pending
	if err := s.g.live.Confirm(digest); err != nil {
		return nil, fmt.Errorf("confirm %s: %w", digest, err)
	}
	var removed []string
	for _, tenant := range pending.Tenants {
		if _, still := s.g.live.Load().Tenants[tenant]; !still {
			removed = append(removed, tenant)
		}
	}
	return slices.Clip(removed), nil
}
