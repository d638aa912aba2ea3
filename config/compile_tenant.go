package config

import (
	"time"
)

// compileTenants looks at the tenants that something happened to: to themselves, or to a
// plan, policy or pool that they are built on.
func (c *compiler) compileTenants() {
	names := c.touched[KindTenant]
	if len(c.replaced) > 0 {
		for name, served := range c.previous.tenants {
			if c.rests(served) {
				names[name] = true
			}
		}
	}
	c.served = make(map[string]*servedTenant, len(names))
	declared := c.inOrder(names)
	for _, r := range declared {
		c.serve(r.Name, c.serveTenant(r))
	}
	c.keepUndeclared(names)
}

// rests tells whether a tenant is built on something that was replaced.
func (c *compiler) rests(t *servedTenant) bool {
	if t.plan != nil && c.replaced[ref{KindPlan, t.plan.Name}] {
		return true
	}
	for _, p := range t.pools {
		if c.replaced[ref{KindPool, p.pool.Name}] {
			return true
		}
	}
	for _, p := range t.policies {
		if c.replaced[ref{KindLimitPolicy, p.policy.Name}] {
			return true
		}
	}
	return t.calendar != nil && c.replaced[ref{KindCalendar, t.calendar.source.Name}]
}

func (c *compiler) serve(name string, served *servedTenant) {
	c.order = append(c.order, name)
	if served != nil {
		c.served[name] = served
	}
}

// inOrder lists the declared ones among the names, as they stand in the files.
func (c *compiler) inOrder(names map[string]bool) []*Resource {
	wanted := make(map[*Resource]bool, len(names))
	var out []*Resource
	for name := range names {
		if r := c.declared[KindTenant][name]; r != nil {
			wanted[r] = true
			out = append(out, r)
		}
	}
	if len(out) < 2 {
		return out
	}
	out = out[:0]
	for _, r := range c.resources {
		if wanted[r] {
			out = append(out, r)
		}
	}
	return out
}

// serveTenant is the declared version, unchanged or built anew, or else the last good one.
func (c *compiler) serveTenant(r *Resource) *servedTenant {
	at := ref{KindTenant, r.Name}
	c.report(at, nil)
	if r.Broken() {
		return c.lastGood(r.Name)
	}
	plan, problem := c.planOf(r)
	if problem != nil {
		c.report(at, problem)
		return c.lastGood(r.Name)
	}
	last := c.previous.tenants[r.Name]
	if last != nil && c.unchanged(last, r, plan) {
		same := last.declaredAs(r, plan)
		c.report(at, same.problems)
		return same
	}
	built := c.build(r, plan, c.partsNow())
	served := !built.problems.Failed() && c.heldBack(built, last)
	c.report(at, built.problems)
	if !served {
		return c.lastGood(r.Name)
	}
	return built.orSame(last)
}

// declaredAs is the same tenant, declared by documents that mean the same but may have moved.
func (t *servedTenant) declaredAs(r, plan *Resource) *servedTenant {
	if t.source == r && t.plan == plan && !t.stale && t.vanished.IsZero() {
		return t
	}
	same := *t
	same.source, same.plan, same.stale, same.vanished = r, plan, false, time.Time{}
	same.problems = t.problems.moved(t.source, r)
	return &same
}

func (c *compiler) planOf(r *Resource) (*Resource, Problems) {
	name := r.Spec.(*TenantSpec).Plan
	if name == "" {
		return nil, nil
	}
	plan := c.plans[name]
	if plan == nil {
		return nil, Problems{r.problem("spec.plan", didYouMean(name, sortedKeys(c.plans)), "there is no Plan %q", name)}
	}
	return plan, nil
}

// unchanged tells whether what was built from last would be built again.
func (c *compiler) unchanged(last *servedTenant, r, plan *Resource) bool {
	if last.waits || last.source.Digest != r.Digest || digest(last.plan) != digest(plan) {
		return false
	}
	for _, p := range last.pools {
		if now := c.pools[p.pool.Name]; now == nil || now.pool != p.pool {
			return false
		}
	}
	for _, p := range last.policies {
		if c.policies[p.policy.Name].limit() != p.policy {
			return false
		}
	}
	return last.calendar == nil || c.calendars[last.calendar.source.Name].same(last.calendar)
}

func digest(r *Resource) string {
	if r == nil {
		return ""
	}
	return r.Digest
}

// orSame keeps the pointer of the previous value when nothing about it changed.
func (t *servedTenant) orSame(last *servedTenant) *servedTenant {
	if last == nil || last.tenant.Digest != t.tenant.Digest || len(last.pools) != len(t.pools) {
		return t
	}
	for i, p := range last.policies {
		if i >= len(t.policies) || p.policy != t.policies[i].policy {
			return t
		}
	}
	for i, p := range last.pools {
		if p.pool != t.pools[i].pool {
			return t
		}
	}
	t.tenant, t.certificate = last.tenant, last.certificate
	return t
}

// lastGood is the version of the previous snapshot, under the plan it was built with, on
// the pools as they are now. A pool that is gone is kept as it was.
func (c *compiler) lastGood(name string) *servedTenant {
	last := c.previous.tenants[name]
	if last == nil {
		return nil
	}
	kept := *last
	kept.stale, kept.problems, kept.vanished = true, nil, time.Time{}
	if c.unchanged(last, last.source, last.plan) {
		return &kept
	}
	built := c.build(last.source, last.plan, c.partsOr(last))
	if built.problems.Failed() || !c.heldBack(built, last) {
		return &kept
	}
	built = built.orSame(last)
	built.stale, built.problems = true, nil
	return built
}

func (t *servedTenant) pool(name string) *servedPool {
	for _, p := range t.pools {
		if p.pool.Name == name {
			return p
		}
	}
	return nil
}

// partsNow are the pools, policies and calendars as they are now.
func (c *compiler) partsNow() parts {
	return parts{
		pool:     func(name string) *servedPool { return c.pools[name] },
		policy:   func(name string) *servedPolicy { return c.policies[name] },
		calendar: func(name string) *servedCalendar { return c.calendars[name] },
	}
}

// partsOr are those of now, or what a tenant was built on when they are gone.
func (c *compiler) partsOr(last *servedTenant) parts {
	return parts{
		pool:     func(name string) *servedPool { return or(c.pools[name], last.pool(name)) },
		policy:   func(name string) *servedPolicy { return or(c.policies[name], last.policyOf(name)) },
		calendar: func(name string) *servedCalendar { return or(c.calendars[name], last.calendarOf(name)) },
	}
}
