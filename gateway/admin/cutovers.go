package admin

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

type startInput struct {
	Writing
	Tenant string `path:"tenant" maxLength:"253" doc:"Name of the tenant"`
	Body   api.CutoverRequest
}

type oneCutover struct {
	ID string `path:"id" maxLength:"128" doc:"Id of the cutover"`
}

type commandInput struct {
	Writing
	ID   string `path:"id" maxLength:"128" doc:"Id of the cutover"`
	Body api.Command
}

type promoteInput struct {
	Writing
	ID   string `path:"id" maxLength:"128" doc:"Id of the cutover"`
	Body api.Promotion
}

func (s *Server) registerCutovers(h huma.API) {
	huma.Register(h, operation("listCutovers", http.MethodGet, "/cutovers", Viewer, "Cutovers that are running"), s.listCutovers)
	huma.Register(h, operation("getCutover", http.MethodGet, "/cutovers/{id}", Viewer, "One cutover, running or the tenant's last"), s.getCutover)
	huma.Register(h, operation("listTenantCutovers", http.MethodGet, "/tenants/{tenant}/cutovers", Viewer, "The cutover of a tenant that is running, and its last"), s.listTenantCutovers)
	start := writeOperation("startCutover", http.MethodPost, "/tenants/{tenant}/cutovers", Operator, "Move a tenant to another release", "tenant")
	start.DefaultStatus = http.StatusAccepted
	huma.Register(h, start, s.startCutover)
	huma.Register(h, writeOperation("promoteCutover", http.MethodPost, "/cutovers/{id}/promote", Operator, "Go on without waiting: move the sessions that are left, take the next share, end the watch", "tenant"), s.promote)
	for verb, c := range map[string]struct {
		summary string
		do      command
	}{
		"pause":   {"Keep a cutover where it is", cutover.Record.Pause},
		"resume":  {"Let a paused cutover go on", cutover.Record.Resume},
		"abort":   {"Undo a cutover: the tenant is served as before", cutover.Record.Abort},
		"confirm": {"Say that the external step is done, or that what had failed is repaired", cutover.Record.Confirm},
	} {
		op := writeOperation(verb+"Cutover", http.MethodPost, "/cutovers/{id}/"+verb, Operator, c.summary, "tenant")
		huma.Register(h, op, s.commanded(op.OperationID, c.do))
	}
}

type command func(r cutover.Record, now time.Time, actor, reason string) (cutover.Record, error)

func (s *Server) listCutovers(ctx context.Context, _ *struct{}) (*body[api.CutoverList], error) {
	list := []api.Cutover{}
	for _, rec := range s.config.Runtime.All() {
		if rec.Cutover != nil && actorFrom(ctx).sees(rec.Tenant) {
			list = append(list, s.viewCutover(rec.Cutover))
		}
	}
	return &body[api.CutoverList]{api.CutoverList{Cutovers: list}}, nil
}

func (s *Server) listTenantCutovers(ctx context.Context, in *whichTenant) (*body[api.CutoverList], error) {
	if _, err := s.findTenant(ctx, in.Tenant); err != nil {
		return nil, err
	}
	list := []api.Cutover{}
	rec, _ := s.config.Runtime.Tenant(in.Tenant)
	for _, c := range []*cutover.Cutover{rec.Cutover, rec.Last} {
		if c != nil {
			list = append(list, s.viewCutover(c))
		}
	}
	return &body[api.CutoverList]{api.CutoverList{Cutovers: list}}, nil
}

func (s *Server) getCutover(ctx context.Context, in *oneCutover) (*declared[api.Cutover], error) {
	_, c, err := s.findCutover(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	tag, err := s.tenantTag(c.Tenant)
	if err != nil {
		return nil, err
	}
	return &declared[api.Cutover]{ETag: tag, Body: s.viewCutover(c)}, nil
}

// findCutover finds one by its id, or the running one, else the last, by its tenant's name.
func (s *Server) findCutover(ctx context.Context, id string) (cutover.Record, *cutover.Cutover, error) {
	for _, rec := range s.config.Runtime.All() {
		if !actorFrom(ctx).sees(rec.Tenant) {
			continue
		}
		for _, c := range []*cutover.Cutover{rec.Cutover, rec.Last} {
			if c != nil && (c.ID == id || rec.Tenant == id) {
				return rec, c, nil
			}
		}
	}
	return cutover.Record{}, nil, huma.Error404NotFound(fmt.Sprintf("there is no cutover %q: GET %s/cutovers lists those that run", id, api.Prefix))
}

func (s *Server) startCutover(ctx context.Context, in *startInput) (*written[api.CutoverChange], error) {
	t, err := s.findTenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	reason, err := said(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	o := order{in.Writing, "startCutover", t.Name, t.Name, reason, in.Body}
	return once(ctx, s, o, func() (*written[api.CutoverChange], error) { return s.start(ctx, t, in, o) })
}

func (s *Server) start(ctx context.Context, t *routing.Tenant, in *startInput, o order) (*written[api.CutoverChange], error) {
	now := time.Now().UTC()
	rec, _ := s.config.Runtime.Tenant(t.Name)
	plan, err := s.planOf(t, in.Body)
	if err != nil {
		return nil, err
	}
	from := rec.ActiveIn(plan.Scope, t.Active.Name)
	if problems := plan.Validate(sortedKeys(t.Releases), from); len(problems) > 0 {
		return nil, invalid(problems)
	}
	tag, err := s.tenantTag(t.Name)
	if err == nil {
		err = matched(in.Writing, tag, "tenant "+t.Name)
	}
	if err != nil {
		return nil, err
	}
	out := api.CutoverChange{Change: s.startImpact(t, from, plan)}
	late := s.calendar(t.Name, plan, now)
	if in.DryRun {
		out.DryRun = true
		if late != nil {
			out.Warnings = append(out.Warnings, late.Error())
		}
		if c := rec.Cutover; c != nil {
			out.Warnings = append(out.Warnings, fmt.Sprintf("cutover %s to %s is %s: abort it first", c.ID, c.Plan.To, c.Phase))
		}
		return &written[api.CutoverChange]{Status: http.StatusOK, Body: out}, nil
	}
	if late != nil && !in.Body.OverrideCalendar {
		return nil, late
	}
	id, seed := strings.ToLower(rand.Text()[:12]), rand.Text()
	begin := func(r cutover.Record) (cutover.Record, error) {
		return cutover.New(t.Name, r.ActiveIn(plan.Scope, t.Active.Name), plan, now, actorFrom(ctx).Name, o.reason, id, seed, r)
	}
	if _, err := begin(rec); err != nil {
		return nil, refused(err)
	}
	if err := s.noted(ctx, o); err != nil {
		return nil, err
	}
	rec, out.Shared, err = s.change(ctx, o, t.Name, begin)
	if err != nil {
		return nil, err
	}
	_, out.Laggards = s.follow(ctx, t.Name, rec.Sequence)
	out.Cutover = s.cutoverOf(t.Name, id)
	return &written[api.CutoverChange]{Status: http.StatusAccepted, Location: api.Prefix + "/cutovers/" + id, Body: out}, nil
}

// calendar says why a planned cutover may not begin now. Who flees may always.
func (s *Server) calendar(tenant string, plan cutover.Plan, now time.Time) error {
	if plan.Strategy == cutover.Failover {
		return nil
	}
	ok, why, next := s.config.Runtime.Calendar(tenant, now)
	if ok {
		return nil
	}
	text := "the calendar of tenant " + tenant + " says no: " + why
	if !next.IsZero() {
		text += "; it may begin at " + next.UTC().Format(time.RFC3339)
	}
	return huma.Error409Conflict(text + ", or with overrideCalendar and a reason")
}

// cutoverOf is a tenant's cutover of that id, running or ended meanwhile.
func (s *Server) cutoverOf(tenant, id string) *api.Cutover {
	rec, _ := s.config.Runtime.Tenant(tenant)
	for _, c := range []*cutover.Cutover{rec.Cutover, rec.Last} {
		if c != nil && c.ID == id {
			view := s.viewCutover(c)
			return &view
		}
	}
	return nil
}

func (s *Server) promote(ctx context.Context, in *promoteInput) (*written[api.CutoverChange], error) {
	do := cutover.Record.Promote
	if p := in.Body.Percent; p != nil {
		do = func(r cutover.Record, now time.Time, actor, reason string) (cutover.Record, error) {
			return r.SetShare(now, actor, reason, *p)
		}
	}
	return s.command(ctx, in.Writing, in.ID, "promoteCutover", in.Body.Reason, in.Body, do)
}

func (s *Server) commanded(operation string, do command) func(context.Context, *commandInput) (*written[api.CutoverChange], error) {
	return func(ctx context.Context, in *commandInput) (*written[api.CutoverChange], error) {
		return s.command(ctx, in.Writing, in.ID, operation, in.Body.Reason, in.Body, do)
	}
}

// command says something to a running cutover.
func (s *Server) command(ctx context.Context, in Writing, id, operation, reason string, body any, do command) (*written[api.CutoverChange], error) {
	rec, c, err := s.findCutover(ctx, id)
	if err != nil {
		return nil, err
	}
	if reason, err = said(reason); err != nil {
		return nil, err
	}
	o := order{in, operation, rec.Tenant, c.ID, reason, body}
	return once(ctx, s, o, func() (*written[api.CutoverChange], error) {
		now, who := time.Now().UTC(), actorFrom(ctx).Name
		rec, _ := s.config.Runtime.Tenant(rec.Tenant)
		if rec.Cutover == nil || rec.Cutover.ID != c.ID {
			return nil, huma.Error409Conflict(fmt.Sprintf("cutover %s of tenant %s has ended", c.ID, c.Tenant))
		}
		tag, err := s.tenantTag(rec.Tenant)
		if err == nil {
			err = matched(in, tag, "tenant "+rec.Tenant)
		}
		if err != nil {
			return nil, err
		}
		next, err := do(rec, now, who, reason)
		if err != nil {
			return nil, refused(err)
		}
		out := api.CutoverChange{Change: s.commandImpact(rec, next)}
		if in.DryRun {
			out.DryRun = true
			return &written[api.CutoverChange]{Status: http.StatusOK, Body: out}, nil
		}
		if err := s.noted(ctx, o); err != nil {
			return nil, err
		}
		rec, out.Shared, err = s.change(ctx, o, rec.Tenant, func(r cutover.Record) (cutover.Record, error) { return do(r, now, who, reason) })
		if err != nil {
			return nil, err
		}
		status, laggards := s.follow(ctx, rec.Tenant, rec.Sequence)
		out.Laggards, out.Cutover = laggards, s.cutoverOf(rec.Tenant, c.ID)
		return &written[api.CutoverChange]{Status: status, Body: out}, nil
	})
}

func invalid(problems []cutover.Problem) error {
	details := make([]error, 0, len(problems))
	for _, p := range problems {
		details = append(details, &huma.ErrorDetail{Message: p.Text, Location: "body." + p.Field})
	}
	return huma.Error422UnprocessableEntity("the plan cannot be carried out", details...)
}
