package config

import (
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Options are what Compile needs to know besides the documents.
type Options struct {
	Now       time.Time
	Confirmed string   // digest of the removal that somebody confirmed
	Listeners []string // our own listen addresses, host:port; no backend may be there
	// Versions are what servers said of themselves, for pools with version auto.
	Versions map[string]string
}

// compiler holds one run of Compile.
type compiler struct {
	opts     Options
	previous *Snapshot
	problems Problems

	tornFiles []string
	declared  map[Kind]map[string]*Resource
	order     []*Resource // the declared ones, first of each name, in the order of the files
	plans     map[string]*Resource
	pools     map[string]*servedPool
	tenants   []*servedTenant
	pending   *PendingRemoval
	due       time.Time
}

// Compile returns what doc declares as the next snapshot. What is unchanged is reused by
// pointer, what is broken keeps its version from previous (which may be nil), and what
// vanished stays for a while. It always returns a snapshot that can be served.
func Compile(doc Document, previous *Snapshot, opts Options) *Snapshot {
	if previous == nil {
		previous = emptySnapshot()
	}
	c := &compiler{opts: opts, previous: previous, problems: slices.Clone(doc.Problems), tornFiles: doc.Torn}
	c.index(doc)
	c.compilePlans()
	c.compilePools()
	c.compileTenants()
	c.keepVanished()
	c.settleHosts()
	return c.snapshot()
}

// index finds the first resource of each name. A newcomer does not take the name of one
// that is served from another file, wherever its own file stands in the order.
func (c *compiler) index(doc Document) {
	c.declared = map[Kind]map[string]*Resource{}
	for _, kind := range Kinds() {
		c.declared[kind] = map[string]*Resource{}
	}
	for _, r := range doc.Resources {
		if len(r.faults) > 0 {
			c.problems = append(c.problems, r.Problems()...)
		}
		if !r.Known() {
			continue
		}
		if r.Kind == KindInstall {
			c.problems = append(c.problems, r.problem("kind", "keep it in a file of its own, outside of the source directory",
				"install settings are not read from here"))
			continue
		}
		c.declare(r)
	}
	c.order = slices.DeleteFunc(slices.Clone(doc.Resources), func(r *Resource) bool {
		return !r.Known() || c.declared[r.Kind][r.Name] != r
	})
}

func (c *compiler) declare(r *Resource) {
	byName := c.declared[r.Kind]
	first, taken := byName[r.Name]
	if !taken {
		byName[r.Name] = r
		return
	}
	if c.incumbentFile(r) == r.File && first.File != r.File {
		byName[r.Name], first, r = r, r, first
	}
	c.problems = append(c.problems, r.problem("metadata.name", "give one of them another name",
		"%s is declared already at %s:%d; this one is ignored", first.Label(), first.File, first.Line))
}

func (c *compiler) incumbentFile(r *Resource) string {
	switch r.Kind {
	case KindTenant:
		if served := c.previous.tenants[r.Name]; served != nil {
			return served.source.File
		}
	case KindPool:
		if served := c.previous.pools[r.Name]; served != nil {
			return served.source.File
		}
	}
	return ""
}

// ofKind lists the declared resources of a kind in the order of the files.
func (c *compiler) ofKind(kind Kind) []*Resource {
	var out []*Resource
	for _, r := range c.order {
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	return out
}

func (c *compiler) snapshot() *Snapshot {
	s := &Snapshot{
		Pools:   make(map[string]*routing.Pool, len(c.pools)),
		Tenants: make(map[string]*routing.Tenant, len(c.tenants)),
		Pending: c.pending, AppliedAt: c.opts.Now, Due: c.due,
		tenants: make(map[string]*servedTenant, len(c.tenants)),
		pools:   c.pools,
		plans:   c.plans,
	}
	for _, t := range c.tenants {
		s.Tenants[t.tenant.Name], s.tenants[t.tenant.Name] = t.tenant, t
		c.problems = append(c.problems, t.problems...)
		for _, p := range t.pools {
			if s.pools[p.pool.Name] == nil {
				s.pools[p.pool.Name] = p // not declared any more, but still needed
			}
		}
	}
	for name, p := range s.pools {
		s.Pools[name] = p.pool
	}
	for _, kind := range []Kind{KindLimitPolicy, KindAccessPolicy, KindCalendar} {
		s.policies = append(s.policies, c.ofKind(kind)...)
	}
	for _, r := range c.previous.policies {
		if c.declared[r.Kind][r.Name] == nil && c.torn(r) {
			s.policies = append(s.policies, r)
		}
	}
	s.owners = c.owners()
	s.Table = c.table()
	s.Revision = revision(s)
	s.Problems = c.problems.sorted()
	return s
}

// fewChanges is up to when editing the previous table is cheaper than making one.
const fewChanges = 64

// table makes the routing table, from the previous one when little has changed. Conflicts
// were settled before, so that one here would be our own mistake: it is reported, and the
// first claim stays.
func (c *compiler) table() *routing.Table {
	gone, come := c.changes()
	table, conflicts := c.previous.Table, []routing.Conflict(nil)
	if len(gone)+len(come) > fewChanges {
		tenants := make([]*routing.Tenant, len(c.tenants))
		for i, t := range c.tenants {
			tenants[i] = t.tenant
		}
		table, conflicts = routing.NewTable(tenants)
	} else {
		for _, t := range gone { // first, so that hosts are free for whoever takes them over
			table, _ = table.With(t, nil)
		}
		for _, t := range come {
			next, more := table.With(nil, t)
			table, conflicts = next, append(conflicts, more...)
		}
	}
	for _, conflict := range conflicts {
		c.problems = append(c.problems, Problem{Message: fmt.Sprintf("host %s of tenant %s belongs to %s", conflict.Host, conflict.Tenant, conflict.Holder)})
	}
	return table
}

// changes are the tenants that the previous table has and the next has not, and the other
// way round.
func (c *compiler) changes() (gone, come []*routing.Tenant) {
	now := make(map[string]*routing.Tenant, len(c.tenants))
	for _, t := range c.tenants {
		now[t.tenant.Name] = t.tenant
		if c.previous.Tenants[t.tenant.Name] != t.tenant {
			come = append(come, t.tenant)
		}
	}
	for name, t := range c.previous.Tenants {
		if now[name] != t {
			gone = append(gone, t)
		}
	}
	return gone, come
}

// compilePlans takes every good plan; a broken one keeps its last good version.
func (c *compiler) compilePlans() {
	c.plans = map[string]*Resource{}
	for _, r := range c.ofKind(KindPlan) {
		if r.Broken() {
			if last := c.previous.plans[r.Name]; last != nil {
				c.plans[r.Name] = last
			}
			continue
		}
		c.plans[r.Name] = r
		c.problems = append(c.problems, planWarnings(r)...)
	}
	for name, last := range c.previous.plans {
		if c.declared[KindPlan][name] == nil && c.torn(last) {
			c.plans[name] = last
		}
	}
}
