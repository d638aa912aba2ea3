package admin

import (
	"fmt"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

// viewCutover shows a cutover, and while it runs what is left.
func (s *Server) viewCutover(c *cutover.Cutover) api.Cutover {
	v := api.Cutover{
		ID: c.ID, Tenant: c.Tenant, From: c.From, To: c.Plan.To, Strategy: string(c.Plan.Strategy), Mode: string(c.Plan.Mode),
		Classes: classNames(c.Plan.Scope.Classes), Paths: c.Plan.Scope.Paths,
		Actor: c.Actor, Reason: c.Reason, Started: c.At,
		Phase: string(c.Phase), Since: c.Since, Until: c.Until, Waits: c.Waits, Blocked: c.Blocked, Paused: c.Paused,
		Percent: c.Percent, NoReturn: c.Passed, Owner: c.Owner, Shared: s.config.Runtime.Shared(c.Tenant), Ended: c.Ended,
		Can: c.Can(), Timeline: []api.CutoverEvent{},
	}
	for _, p := range c.Plan.Phases() {
		v.Phases = append(v.Phases, string(p))
	}
	for _, one := range c.Plan.Shares {
		v.Shares = append(v.Shares, api.Share{Percent: one.Percent, For: one.For.String()})
	}
	for _, e := range c.Timeline {
		v.Timeline = append(v.Timeline, viewEvent(e))
	}
	if !c.Phase.Ended() {
		left := s.config.Runtime.Remainder(c.Tenant, c.Plan.Idle)
		v.Remainder = &left
	}
	return v
}

func viewEvent(e cutover.Event) api.CutoverEvent {
	return api.CutoverEvent{At: e.At, Phase: string(e.Phase), Actor: e.Actor, Text: e.Text}
}

func classNames(classes []odoo.Class) []string {
	var out []string
	for _, c := range classes {
		out = append(out, string(c))
	}
	return out
}

// impactOn is whom a change on one release of a tenant concerns.
func (s *Server) impactOn(tenant, release string) *api.Impact {
	left := s.config.Runtime.Remainder(tenant, 0)
	of := left.Releases[release]
	return &api.Impact{Known: left.Known, Sessions: of.Sessions, Sockets: of.Sockets, InFlight: of.InFlight, Tenants: []string{tenant}}
}

// startImpact says what a cutover would do.
func (s *Server) startImpact(t *routing.Tenant, from string, p cutover.Plan) api.Change {
	out := api.Change{Impact: s.impactOn(t.Name, from), Shared: s.config.Runtime.Shared(t.Name)}
	add := func(field, before, after string) {
		out.Changes = append(out.Changes, api.FieldChange{Field: field, From: before, To: after})
	}
	what := "new sessions"
	if !p.Scope.Same(routing.Scope{}) {
		what = fmt.Sprintf("requests of %v %v", p.Scope.Classes, p.Scope.Paths)
	}
	add(what, from, p.To)
	switch p.Strategy {
	case cutover.Drain:
		add("known sessions", from, fmt.Sprintf("%s until idle for %s, promoted, or %s are over; then %s", from, p.Idle, p.Deadline, p.To))
	case cutover.Shift:
		add("share of "+p.To, "0 %", fmt.Sprintf("%g %% first (%s)", p.Shares[0].Percent, p.Mode))
	case cutover.Switch:
		add("requests meanwhile", "served", fmt.Sprintf("held for %s at most, %d at once", p.Hold.Wait, p.Hold.Count))
		if p.NoReturn {
			out.Warnings = append(out.Warnings, "once its external step has begun it cannot be aborted")
		}
	case cutover.Failover:
		add("known sessions", from, p.To+" at once")
	}
	from1, to := t.Releases[from], t.Releases[p.To]
	if from1 != nil && to != nil && from1.Database != to.Database {
		add("database", from1.Database, to.Database)
	}
	if to != nil && to.Pool.Sessions == routing.SessionsLocal && (from1 == nil || from1.Pool != to.Pool) {
		out.Warnings = append(out.Warnings, "the sessions of pool "+to.Pool.Name+" live on its servers (sessions: local): who moves signs in again, unless both sides share their session store")
	}
	if p.SkipPreflight {
		out.Warnings = append(out.Warnings, "nothing is checked before it begins")
	}
	return out
}

// commandImpact says what a command changes.
func (s *Server) commandImpact(before, after cutover.Record) api.Change {
	c := before.Cutover
	out := api.Change{Impact: s.impactOn(c.Tenant, c.Leaving()), Shared: s.config.Runtime.Shared(c.Tenant)}
	now := after.Cutover
	if now == nil {
		now = after.Last
	}
	for _, f := range []api.FieldChange{
		{Field: "phase", From: string(c.Phase), To: string(now.Phase)},
		{Field: "share of " + c.Plan.To, From: fmt.Sprintf("%g %%", c.Percent), To: fmt.Sprintf("%g %%", now.Percent)},
		{Field: "paused", From: fmt.Sprint(c.Paused), To: fmt.Sprint(now.Paused)},
	} {
		if f.From != f.To {
			out.Changes = append(out.Changes, f)
		}
	}
	if now.Phase == cutover.Aborting {
		out.Impact = s.impactOn(c.Tenant, c.Plan.To)
		out.Changes = append(out.Changes, api.FieldChange{Field: "sessions on " + c.Plan.To, From: c.Plan.To, To: c.Before.Active})
	}
	if out.Changes == nil {
		out.Changes = []api.FieldChange{}
	}
	return out
}

// tenantTag is the entity tag of a tenant: what is declared and what was decided.
func (s *Server) tenantTag(name string) (string, error) {
	_, version := s.config.Runtime.Tenant(name)
	return s.tenantTagAt(name, version)
}

func (s *Server) tenantTagAt(name, version string) (string, error) {
	t := s.config.Gateway.Snapshot().Tenants[name]
	if t == nil { // a cutover may outlive its tenant
		return etag("gone\x00"+version, name)
	}
	return etag(t.Digest+"\x00"+version, viewTenant(t))
}

func (s *Server) poolTag(p *routing.Pool) (string, error) {
	_, version := s.config.Runtime.Pool(p.Name)
	return poolTagAt(p, version)
}

func poolTagAt(p *routing.Pool, version string) (string, error) {
	return etag(p.Digest+"\x00"+version, viewPool(p))
}

// ends is a moment that may be missing, for people.
func ends(at *time.Time) string {
	if at == nil {
		return "until somebody ends it"
	}
	return "until " + at.UTC().Format(time.RFC3339)
}
