package config

import (
	"fmt"
	"maps"
	"slices"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// servedPolicy is a limit policy with what it was built from.
type servedPolicy struct {
	policy *routing.LimitPolicy
	source *Resource
	sum    sum
}

// LimitPolicy returns a policy by name, nil when there is none.
func (s *Snapshot) LimitPolicy(name string) *routing.LimitPolicy {
	if served := s.policies[name]; served != nil {
		return served.policy
	}
	return nil
}

// compilePolicies takes every good policy; a broken one keeps its last good version.
func (c *compiler) compilePolicies() {
	c.policies = c.previous.policies
	if len(c.touched[KindLimitPolicy]) == 0 {
		return
	}
	c.policies = maps.Clone(c.previous.policies)
	if c.policies == nil {
		c.policies = map[string]*servedPolicy{}
	}
	for name := range c.touched[KindLimitPolicy] {
		last := c.previous.policies[name]
		now := c.servePolicy(c.declared[KindLimitPolicy][name], last)
		delete(c.policies, name)
		if now != nil {
			c.policies[name] = now
		}
		if now.limit() != last.limit() {
			c.replaced[ref{KindLimitPolicy, name}] = true
		}
	}
}

func (c *compiler) servePolicy(r *Resource, last *servedPolicy) *servedPolicy {
	switch {
	case r == nil && last != nil && c.torn(last.source):
		return last
	case r == nil:
		return nil
	case r.Broken():
		return last
	case last != nil && last.source.Digest == r.Digest:
		return &servedPolicy{policy: last.policy, source: r, sum: last.sum}
	}
	return servedFrom(r)
}

func servedFrom(r *Resource) *servedPolicy {
	return &servedPolicy{policy: buildPolicy(r), source: r, sum: sumOf("policy", r.Name, r.Digest)}
}

// takePolicies counts the policies into the revision: routers of Traefik may use them too.
func (c *compiler) takePolicies(s *Snapshot) {
	for at := range c.replaced {
		if at.kind != KindLimitPolicy {
			continue
		}
		if last := c.previous.policies[at.name]; last != nil {
			s.total.sub(last.sum)
		}
		if now := c.policies[at.name]; now != nil {
			s.total.add(now.sum)
		}
	}
}

func (p *servedPolicy) limit() *routing.LimitPolicy {
	if p == nil {
		return nil
	}
	return p.policy
}

// limits fills in the rules of the tenant, those of its plan first.
func (b *tenantBuilder) limits(t *routing.Tenant) {
	if len(b.shared.Limits) > maxRules {
		b.fail("spec.limits", "", "with those of its plan the tenant has %d rules; at most %d", len(b.shared.Limits), maxRules)
		return
	}
	foreign := len(b.shared.Limits)
	if len(b.spec.Limits) > 0 {
		foreign -= len(b.spec.Limits)
	}
	for i, r := range b.shared.Limits {
		field := fmt.Sprintf("spec.limits[%d]", i-foreign)
		if i < foreign {
			field = "spec.plan"
		} else {
			b.knownClasses(field, t, r.Classes)
		}
		if policy := b.findPolicy(field, r.Policy); policy != nil {
			t.Limits = append(t.Limits, limitRule(r, policy))
		}
	}
	t.SignIn = signInOf(b.shared.SignIn)
}

// knownClasses wants classes that requests of the tenant can have. A plan may name one that
// only some of its tenants know.
func (b *tenantBuilder) knownClasses(field string, t *routing.Tenant, classes []string) {
	known := odooClasses()
	for _, own := range t.Classes {
		known = append(known, string(own.Class))
	}
	for i, class := range classes {
		if !slices.Contains(known, class) {
			b.fail(fmt.Sprintf("%s.classes[%d]", field, i), didYouMean(class, known), "there is no class %q", shorten(class))
		}
	}
}

// findPolicy returns a policy and notes that the tenant is built on it.
func (b *tenantBuilder) findPolicy(field, name string) *routing.LimitPolicy {
	p := b.policy(name)
	switch {
	case p != nil:
	case field == "spec.plan":
		b.fail(field, "", "plan %s names a LimitPolicy %q that cannot be served; refusing to serve %s without its limits",
			b.served.plan.Name, name, b.served.source.Name)
		return nil
	default:
		b.fail(field+".policy", didYouMean(name, b.policyNames), "there is no LimitPolicy %q that can be served", name)
		return nil
	}
	if !slices.ContainsFunc(b.served.policies, func(o *servedPolicy) bool { return o.policy == p.policy }) {
		b.served.policies = append(b.served.policies, p)
	}
	return p.policy
}

func limitRule(r LimitRule, policy *routing.LimitPolicy) routing.LimitRule {
	out := routing.LimitRule{
		Paths: r.Paths, Calls: r.Calls, Clients: r.Clients, Except: r.Except,
		Priority: r.Priority, Policy: policy,
	}
	for _, class := range r.Classes {
		out.Classes = append(out.Classes, odoo.Class(class))
	}
	return out
}

// policyOf is the policy that the tenant was built with.
func (t *servedTenant) policyOf(name string) *servedPolicy {
	for _, p := range t.policies {
		if p.policy.Name == name {
			return p
		}
	}
	return nil
}
