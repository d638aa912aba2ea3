package config

import (
	"cmp"
	"slices"
	"strings"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// build makes a tenant of its document. What is wrong is in its problems.
func (c *compiler) build(r, plan *Resource, from parts) *servedTenant {
	spec := r.Spec.(*TenantSpec)
	b := &tenantBuilder{
		served: &servedTenant{source: r, plan: plan}, spec: spec, parts: from, listeners: c.opts.Listeners,
		policyNames: sortedKeys(c.policies), calendarNames: sortedKeys(c.calendars),
	}
	b.shared = b.settle()
	t := &routing.Tenant{
		Name:        r.Name,
		Hosts:       hostsOf(spec),
		Manager:     b.shared.DatabaseManager == "open",
		TLS:         spec.TLS != nil,
		Middlewares: b.shared.Middlewares,
	}
	t.Sockets = valueOr(b.shared.Sockets, defaultSockets)
	t.Weight, t.WorkersCeiling = valueOr(b.shared.Weight, 1), valueOr(b.shared.WorkersCeiling, 0)
	b.served.tenant = t
	b.releases(t)
	b.classes(t)
	b.limits(t)
	b.certificate(c.opts.Now)
	b.unenforced()
	b.unqueued()
	b.moves(t)
	t.Digest = b.digest()
	b.served.sum = sumOf("tenant", t.Name, t.Digest)
	return b.served
}

func valueOr(declared *int, otherwise int) int {
	if declared == nil {
		return otherwise
	}
	return *declared
}

// defaultSockets is how many WebSockets a tenant may have open in one process. It is far
// above what people need, and below what would take the others' memory.
const defaultSockets = 10_000

// tenantBuilder holds one run of build.
type tenantBuilder struct {
	served    *servedTenant
	spec      *TenantSpec
	shared    Shared   // what the tenant says, filled and bounded by its plan
	listeners []string // our own

	parts
	policyNames, calendarNames []string // for suggestions
}

// parts find what a tenant is built on, by name; nil where there is none.
type parts struct {
	pool     func(string) *servedPool
	policy   func(string) *servedPolicy
	calendar func(string) *servedCalendar
}

func (b *tenantBuilder) fail(field, hint, format string, args ...any) {
	b.served.problems = append(b.served.problems, b.served.source.problem(field, hint, format, args...))
}

func (b *tenantBuilder) warn(field, hint, format string, args ...any) {
	b.served.problems = append(b.served.problems, b.served.source.warning(field, hint, format, args...))
}

// find returns a pool and notes that the tenant is built on it.
func (b *tenantBuilder) find(field, name string) *routing.Pool {
	p := b.pool(name)
	if p == nil {
		b.fail(field, "", "there is no Pool %q that can be served", name)
		return nil
	}
	if b.served.pool(name) == nil {
		b.served.pools = append(b.served.pools, p)
	}
	return p.pool
}

func hostsOf(spec *TenantSpec) []string {
	out := make([]string, len(spec.Hosts))
	for i, raw := range spec.Hosts {
		out[i], _, _ = canonicalHost(raw)
	}
	return out
}

func (b *tenantBuilder) releases(t *routing.Tenant) {
	declared, active, field := b.spec.Releases, b.spec.Active, "spec.releases."
	if b.spec.Pool != "" {
		declared, active = map[string]ReleaseSpec{"blue": {Pool: b.spec.Pool}}, or(active, "blue")
	}
	t.Releases = make(map[string]*routing.Release, len(declared))
	for _, name := range sortedKeys(declared) {
		where := field + name + ".pool"
		if b.spec.Pool != "" {
			where = "spec.pool"
		}
		t.Releases[name] = &routing.Release{
			Name: name, Pool: b.find(where, declared[name].Pool),
			Database: or(declared[name].Database, b.spec.Database),
		}
		if active == "" {
			active = name // the only one, validation saw to it
		}
	}
	if s := b.spec.Standby; s != nil {
		t.Releases[standbyName] = &routing.Release{
			Name: standbyName, Pool: b.find("spec.standby.pool", s.Pool), Database: or(s.Database, b.spec.Database),
		}
	}
	t.Active = t.Releases[active]
}

// classes fills the operator's own classes and the pools of classes. A mapping has no
// order, so the narrower class is tried first: more conditions, then the longer path.
func (b *tenantBuilder) classes(t *routing.Tenant) {
	for _, name := range sortedKeys(b.spec.Classes) {
		s := b.spec.Classes[name]
		if s.Pool != "" {
			if t.ClassPools == nil {
				t.ClassPools = map[odoo.Class]*routing.Pool{}
			}
			t.ClassPools[odoo.Class(name)] = b.find("spec.classes."+name+".pool", s.Pool)
		}
		if !isOdooClass(name) {
			t.Classes = append(t.Classes, classRule(name, s))
		}
	}
	slices.SortStableFunc(t.Classes, func(a, b routing.ClassRule) int {
		return cmp.Or(cmp.Compare(conditions(b), conditions(a)), cmp.Compare(longest(b.Paths), longest(a.Paths)))
	})
}

func classRule(name string, s ClassSpec) routing.ClassRule {
	rule := routing.ClassRule{Class: odoo.Class(name), Paths: s.Paths, Clients: prefixes(s.Clients)}
	for _, m := range s.Methods {
		rule.Methods = append(rule.Methods, strings.ToUpper(m))
	}
	return rule
}

func conditions(r routing.ClassRule) int {
	return min(1, len(r.Paths)) + min(1, len(r.Methods)) + min(1, len(r.Clients))
}

func longest(paths []string) int {
	n := 0
	for _, p := range paths {
		n = max(n, len(p))
	}
	return n
}

func (b *tenantBuilder) digest() string {
	parts := []string{"tenant", b.served.source.Digest, digest(b.served.plan)}
	for _, p := range b.served.pools {
		parts = append(parts, p.pool.Name, p.pool.Digest)
	}
	for _, p := range b.served.policies {
		parts = append(parts, p.policy.Name, p.policy.Digest)
	}
	return digestOf(parts...)
}
