package admin

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

const (
	holdFor     = time.Minute      // where nobody says how long
	longestHold = 10 * time.Minute // people would have gone by then
	pageRetry   = 5 * time.Minute
)

type holdInput struct {
	Writing
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Body   api.HoldRequest
}

type maintenanceInput struct {
	Writing
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Body   api.MaintenanceRequest
}

type endInput struct {
	Writing
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Body   api.ReasonOnly
}

type evictInput struct {
	Writing
	Tenant  string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Replica string `path:"replica" maxLength:"128" doc:"Id of the gateway, as GET /replicas and the remainder name it"`
	Body    api.ReasonOnly
}

func (s *Server) registerHolds(h huma.API) {
	const tenant = "/tenants/{tenant}"
	huma.Register(h, writeOperation("holdTenant", http.MethodPut, tenant+"/hold", Operator, "Hold a tenant's requests at the edge for a moment", "tenant"), s.hold)
	huma.Register(h, writeOperation("endHold", http.MethodDelete, tenant+"/hold", Operator, "Let held requests go on", "tenant"), s.endHold)
	huma.Register(h, writeOperation("setMaintenance", http.MethodPut, tenant+"/maintenance", Operator, "Answer a tenant's requests with the maintenance page", "tenant"), s.setMaintenance)
	huma.Register(h, writeOperation("endMaintenance", http.MethodDelete, tenant+"/maintenance", Operator, "Take the maintenance page down", "tenant"), s.endMaintenance)
	huma.Register(h, writeOperation("evictReplica", http.MethodPost, tenant+"/replicas/{replica}/evict", Operator,
		"Declare a silent gateway gone: nobody waits for it, and it serves the tenant no more until it has caught up", "tenant"), s.evict)
}

// decision is a change of a tenant's record by an operator.
type decision struct {
	order
	changes  []api.FieldChange
	warnings []string
	release  string // whom it concerns; empty: the active one's
	decide   func(cutover.Record, time.Time) (cutover.Record, error)
}

// decided carries a decision out.
func (s *Server) decided(ctx context.Context, t *routing.Tenant, d decision) (*written[api.Change], error) {
	return once(ctx, s, d.order, func() (*written[api.Change], error) {
		now := time.Now().UTC()
		rec, _ := s.config.Runtime.Tenant(t.Name)
		tag, err := s.tenantTag(t.Name)
		if err == nil {
			err = matched(d.Writing, tag, "tenant "+t.Name)
		}
		if err == nil {
			_, err = d.decide(rec, now)
		}
		if err != nil {
			return nil, refused(err)
		}
		if d.release == "" {
			d.release = rec.Active(t.Active.Name)
		}
		out := api.Change{Changes: d.changes, Warnings: d.warnings, Impact: s.impactOn(t.Name, d.release), Shared: s.config.Runtime.Shared(t.Name)}
		if d.DryRun {
			out.DryRun = true
			return &written[api.Change]{Status: http.StatusOK, Body: out}, nil
		}
		if err := s.noted(ctx, d.order); err != nil {
			return nil, err
		}
		rec, out.Shared, err = s.change(ctx, d.order, t.Name, func(r cutover.Record) (cutover.Record, error) { return d.decide(r, now) })
		if err != nil {
			return nil, err
		}
		status, laggards := s.follow(ctx, t.Name, rec.Sequence)
		out.Laggards = laggards
		return &written[api.Change]{Status: status, Body: out}, nil
	})
}

func (s *Server) hold(ctx context.Context, in *holdInput) (*written[api.Change], error) {
	t, reason, err := s.aboutTenant(ctx, in.Tenant, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	h, err := bounds(in.Body.HoldBounds, s.config.Runtime.Plan(t.Name, cutover.Switch).WithDefaults().Hold)
	if err != nil {
		return nil, err
	}
	h.ID = rand.Text()[:12]
	now := time.Now().UTC()
	until, err := expiry(in.Body.Expires, now)
	if err != nil {
		return nil, err
	}
	if until == nil {
		at := now.Add(holdFor)
		until = &at
	}
	if until.Sub(now) > longestHold {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("expires: nobody waits longer than %s: put the maintenance page up instead", longestHold))
	}
	return s.decided(ctx, t, decision{
		order:   order{in.Writing, "holdTenant", t.Name, t.Name, reason, in.Body},
		changes: []api.FieldChange{{Field: "requests", From: "served", To: fmt.Sprintf("held for %s at most, %d at once, %s", h.Wait, h.Count, ends(until))}},
		decide: func(r cutover.Record, now time.Time) (cutover.Record, error) {
			return r.SetHold(now, cutover.Hold{Hold: h, Grant: cutover.Grant{Actor: actorFrom(ctx).Name, Reason: reason, At: now, Expires: until}})
		},
	})
}

func (s *Server) endHold(ctx context.Context, in *endInput) (*written[api.Change], error) {
	t, reason, err := s.aboutTenant(ctx, in.Tenant, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return s.decided(ctx, t, decision{
		order:   order{in.Writing, "endHold", t.Name, t.Name, reason, in.Body},
		changes: []api.FieldChange{{Field: "requests", From: "held", To: "served"}},
		decide:  func(r cutover.Record, now time.Time) (cutover.Record, error) { return r.EndHold(now) },
	})
}

func (s *Server) setMaintenance(ctx context.Context, in *maintenanceInput) (*written[api.Change], error) {
	t, reason, err := s.aboutTenant(ctx, in.Tenant, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	until, err := expiry(in.Body.Expires, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	retry, err := span("retryAfter", in.Body.RetryAfter, pageRetry)
	if err != nil {
		return nil, err
	}
	for _, network := range in.Body.Allow {
		if _, err := netip.ParsePrefix(network); err != nil {
			if _, err := netip.ParseAddr(network); err != nil {
				return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("allow: %q is no network such as 10.0.0.0/8, and no address", network))
			}
		}
	}
	page := routing.Page{Text: in.Body.Text, RetryAfter: retry, Allow: in.Body.Allow}
	return s.decided(ctx, t, decision{
		order:   order{in.Writing, "setMaintenance", t.Name, t.Name, reason, in.Body},
		changes: []api.FieldChange{{Field: "requests", From: "served", To: "the maintenance page, " + ends(until)}},
		decide: func(r cutover.Record, now time.Time) (cutover.Record, error) {
			return r.SetMaintenance(now, cutover.Maintenance{Page: page, Grant: cutover.Grant{Actor: actorFrom(ctx).Name, Reason: reason, At: now, Expires: until}}), nil
		},
	})
}

func (s *Server) endMaintenance(ctx context.Context, in *endInput) (*written[api.Change], error) {
	t, reason, err := s.aboutTenant(ctx, in.Tenant, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return s.decided(ctx, t, decision{
		order:   order{in.Writing, "endMaintenance", t.Name, t.Name, reason, in.Body},
		changes: []api.FieldChange{{Field: "requests", From: "the maintenance page", To: "served"}},
		decide:  func(r cutover.Record, now time.Time) (cutover.Record, error) { return r.EndMaintenance(now) },
	})
}

// evict takes the operator's word that a gateway is gone.
func (s *Server) evict(ctx context.Context, in *evictInput) (*written[api.Change], error) {
	t, reason, err := s.aboutTenant(ctx, in.Tenant, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return s.decided(ctx, t, decision{
		order:    order{in.Writing, "evictReplica", t.Name, in.Replica, reason, in.Body},
		changes:  []api.FieldChange{{Field: "gateway " + in.Replica, From: "waited for", To: "gone"}},
		warnings: []string{"be sure that it takes no requests any more: whoever still reaches it is served as it knows, until its leases end"},
		decide: func(r cutover.Record, now time.Time) (cutover.Record, error) {
			return r.Evict(now, in.Replica), nil
		},
	})
}

// aboutTenant is what every write about a tenant looks at first.
func (s *Server) aboutTenant(ctx context.Context, name, reason string) (*routing.Tenant, string, error) {
	t, err := s.findTenant(ctx, name)
	if err != nil {
		return nil, "", err
	}
	reason, err = said(reason)
	return t, reason, err
}
