package config

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// compileTenants looks at the tenants that something happened to: to themselves, or to a
// plan or pool that they are built on.
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
	return false
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
	built := c.build(r, plan, c.poolNow)
	c.report(at, built.problems)
	if built.problems.Failed() {
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
	if last.source.Digest != r.Digest || digest(last.plan) != digest(plan) {
		return false
	}
	for _, p := range last.pools {
		if now := c.pools[p.pool.Name]; now == nil || now.pool != p.pool {
			return false
		}
	}
	return true
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
	built := c.build(last.source, last.plan, func(name string) *servedPool {
		return or(c.pools[name], last.pool(name))
	})
	if built.problems.Failed() {
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

func (c *compiler) poolNow(name string) *servedPool { return c.pools[name] }

// build makes a tenant of its document. What is wrong is in its problems.
func (c *compiler) build(r, plan *Resource, pool func(string) *servedPool) *servedTenant {
	spec := r.Spec.(*TenantSpec)
	b := &tenantBuilder{served: &servedTenant{source: r, plan: plan}, spec: spec, pool: pool, calendars: c.declared[KindCalendar]}
	b.shared = b.settle()
	t := &routing.Tenant{
		Name:        r.Name,
		Hosts:       hostsOf(spec),
		Manager:     b.shared.DatabaseManager == "open",
		TLS:         spec.TLS != nil,
		Middlewares: b.shared.Middlewares,
	}
	b.served.tenant = t
	b.releases(t)
	b.classes(t)
	if spec.Standby != nil {
		b.find("spec.standby.pool", spec.Standby.Pool)
	}
	b.certificate(c.opts.Now)
	b.unenforced()
	b.calendar()
	t.Digest = b.digest()
	b.served.sum = sumOf("tenant", t.Name, t.Digest)
	return b.served
}

// tenantBuilder holds one run of build.
type tenantBuilder struct {
	served    *servedTenant
	spec      *TenantSpec
	shared    Shared // what the tenant says, filled and bounded by its plan
	pool      func(string) *servedPool
	calendars map[string]*Resource
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
		declared, active = map[string]ReleaseSpec{"blue": {Pool: b.spec.Pool}}, "blue"
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

func (b *tenantBuilder) calendar() {
	name := ""
	if b.shared.Cutover != nil {
		name = b.shared.Cutover.Calendar
	}
	if name != "" && b.calendars[name] == nil {
		b.fail("spec.cutover.calendar", didYouMean(name, sortedKeys(b.calendars)), "there is no Calendar %q", name)
	}
}

func (b *tenantBuilder) digest() string {
	parts := []string{"tenant", b.served.source.Digest, digest(b.served.plan)}
	for _, p := range b.served.pools {
		parts = append(parts, p.pool.Name, p.pool.Digest)
	}
	return digestOf(parts...)
}

// keyPair parses a certificate with its leaf.
func keyPair(cert, key []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate and key do not work: %s", withoutPrefix(err))
	}
	return &pair, nil
}

// withoutPrefix drops the package name that errors of crypto/tls start with.
func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }
