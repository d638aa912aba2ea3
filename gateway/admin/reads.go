package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

type auditInput struct {
	Tenant string    `query:"tenant" maxLength:"253" doc:"Only what concerns this tenant"`
	Since  time.Time `query:"since" doc:"Only what is later"`
	Limit  int       `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type reportInput struct {
	ID     string `path:"id" maxLength:"128" doc:"Id of the cutover"`
	Accept string `header:"Accept" doc:"text/markdown for people; else signed JSON"`
}

func (s *Server) registerReads(h huma.API) {
	huma.Register(h, operation("readAudit", http.MethodGet, "/audit", Viewer, "Who changed what, and why; newest first; of this gateway"), s.readAudit)
	huma.Register(h, operation("listOverrides", http.MethodGet, "/overrides", Viewer, "Runtime changes that are in force"), s.listOverrides)
	huma.Register(h, operation("getEffective", http.MethodGet, "/tenants/{tenant}/effective", Viewer, "What holds for a tenant: declared, and decided at runtime"), s.getEffective)
	huma.Register(h, operation("exportTenants", http.MethodGet, "/export", Viewer, "Documents of tenants as they are now, for Git: of one, or of all that have drifted"), s.export)
	huma.Register(h, operation("listCalendars", http.MethodGet, "/calendars", Viewer, "When cutovers may begin"), s.listCalendars)
	huma.Register(h, operation("getCutoverReport", http.MethodGet, "/cutovers/{id}/report", Viewer, "The report of a cutover that has ended, signed"), s.getReport)
}

func (s *Server) readAudit(ctx context.Context, in *auditInput) (*body[api.AuditList], error) {
	who := actorFrom(ctx)
	wanted := func(r api.AuditRecord) bool {
		return (in.Tenant == "" || r.Tenant == in.Tenant) && (who.everything() || r.Tenant != "" && who.sees(r.Tenant))
	}
	records, err := s.config.Audit.Read(wanted, in.Since, in.Limit)
	if err != nil {
		return nil, huma.Error500InternalServerError("the audit log cannot be read: " + err.Error())
	}
	return &body[api.AuditList]{api.AuditList{Records: append([]api.AuditRecord{}, records...)}}, nil
}

func (s *Server) listOverrides(ctx context.Context, _ *struct{}) (*body[api.OverrideList], error) {
	list := []api.Override{}
	who := actorFrom(ctx)
	for _, rec := range s.config.Runtime.All() {
		if who.sees(rec.Tenant) {
			list = append(list, overridesOf(rec)...)
		}
	}
	users := tenantsByPool(s.config.Gateway.Snapshot())
	for _, rec := range s.config.Runtime.Pools() {
		if !who.seesAny(users[rec.Pool]) {
			continue
		}
		for _, name := range sortedKeys(rec.Backends) {
			if b := rec.Backends[name]; b.State != cutover.Ready {
				list = append(list, override("backend", rec.Pool+"/"+name, string(b.State), b.Grant))
			}
		}
	}
	return &body[api.OverrideList]{api.OverrideList{Overrides: list}}, nil
}

func override(kind, target, value string, g cutover.Grant) api.Override {
	return api.Override{Kind: kind, Target: target, Value: value, Actor: g.Actor, Reason: g.Reason, Since: g.At, Expires: g.Expires}
}

// overridesOf is what was decided about a tenant and is in force.
func overridesOf(rec cutover.Record) []api.Override {
	var list []api.Override
	if c := rec.Cutover; c != nil {
		list = append(list, override("cutover", rec.Tenant, string(c.Plan.Strategy)+" to "+c.Plan.To+": "+string(c.Phase), c.Grant))
	}
	if rec.Hold != nil {
		list = append(list, override("hold", rec.Tenant, "held", rec.Hold.Grant))
	}
	if rec.Maintenance != nil {
		list = append(list, override("maintenance", rec.Tenant, "page", rec.Maintenance.Grant))
	}
	for _, one := range rec.Settled {
		value := "active: " + one.Active
		if !one.Scope.Same(routing.Scope{}) {
			value = strings.Join(append(classNames(one.Scope.Classes), one.Scope.Paths...), ", ") + " on " + one.Active
		}
		list = append(list, api.Override{Kind: "settled", Target: rec.Tenant, Value: value, Actor: "cutover " + one.Cutover, Reason: "a completed cutover stays until it is declared", Since: one.At})
	}
	for _, id := range rec.Evicted {
		list = append(list, api.Override{Kind: "evicted", Target: rec.Tenant, Value: id, Since: rec.Changed})
	}
	return list
}

func (s *Server) getEffective(ctx context.Context, in *oneTenant) (*declared[api.Effective], error) {
	t, err := s.findTenant(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	tag, err := s.tenantTag(t.Name)
	if err != nil {
		return nil, err
	}
	return reply(tag, s.effective(t), in.IfNoneMatch)
}

func (s *Server) effective(t *routing.Tenant) api.Effective {
	rec, _ := s.config.Runtime.Tenant(t.Name)
	out := api.Effective{
		Tenant: t.Name, Declared: t.Active.Name, Active: rec.Active(t.Active.Name), Drifted: rec.Drifted(t.Active.Name),
		Epoch: rec.Epoch, Runtime: overridesOf(rec),
	}
	if c := rec.Course(t.Active.Name, sortedKeys(t.Releases)); c != nil {
		out.Active = c.Legs[len(c.Legs)-1].Active
		out.Held, out.Page = c.Hold != nil, c.Page != nil
	}
	return out
}

func (s *Server) listCalendars(context.Context, *struct{}) (*body[api.CalendarList], error) {
	return &body[api.CalendarList]{api.CalendarList{Calendars: append([]api.Calendar{}, s.config.Runtime.Calendars(time.Now())...)}}, nil
}

type exportInput struct {
	Tenant string `query:"tenant" maxLength:"253" doc:"Name of the tenant; all that have drifted when empty"`
}

func (s *Server) export(ctx context.Context, in *exportInput) (*rawBody, error) {
	tenants := []string{in.Tenant}
	if in.Tenant == "" {
		tenants = s.drifted(actorFrom(ctx))
	}
	var texts []string
	for _, name := range tenants {
		t, err := s.findTenant(ctx, name)
		if err != nil {
			return nil, err
		}
		text, err := s.config.Runtime.Export(t.Name, s.effective(t).Active)
		if err != nil {
			return nil, huma.Error409Conflict(err.Error())
		}
		texts = append(texts, text)
	}
	return &rawBody{"application/yaml", []byte(strings.Join(texts, "---\n"))}, nil
}

// drifted are the tenants whose declared release is not the one that serves them.
func (s *Server) drifted(who actor) []string {
	tenants := s.config.Gateway.Snapshot().Tenants
	return slices.DeleteFunc(sortedKeys(tenants), func(name string) bool {
		return !who.sees(name) || !s.effective(tenants[name]).Drifted
	})
}

// rawBody is a text that is ready.
type rawBody struct {
	Kind string `header:"Content-Type"`
	Body []byte
}

func (s *Server) getReport(ctx context.Context, in *reportInput) (*rawBody, error) {
	markdown := strings.Contains(in.Accept, "text/markdown")
	tenant := ""
	if _, c, err := s.findCutover(ctx, in.ID); err == nil {
		tenant = c.Tenant
		if c.Ended == nil {
			return nil, huma.Error409Conflict(fmt.Sprintf("cutover %s of tenant %s is %s: its report comes when it has ended", c.ID, c.Tenant, c.Phase))
		}
		in.ID = c.ID
	}
	if tenant == "" && !actorFrom(ctx).everything() {
		return nil, huma.Error404NotFound("there is no cutover " + in.ID)
	}
	text, ok := s.config.Runtime.Report(tenant, in.ID, markdown)
	if !ok {
		return nil, huma.Error404NotFound("there is no report of cutover " + in.ID + " on this gateway yet; it is written some seconds after the end")
	}
	kind := "application/json"
	if markdown {
		kind = "text/markdown; charset=utf-8"
	}
	return &rawBody{kind, text}, nil
}
