package config

import (
	"fmt"
	"maps"
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
	// Moved is the release to which a tenant was moved at runtime, empty when it was not: a
	// document that says so too moves nobody. It may be nil.
	Moved func(tenant string) string
}

// compiler holds one run of Compile. It works on what differs from the previous snapshot:
// the maps start as copies of the previous ones, and only names that something happened to
// are looked at. With an empty previous snapshot that is everything.
type compiler struct {
	opts     Options
	doc      Document
	previous *Snapshot

	index
	reports   map[ref]Problems // of the names that were compiled, kept until they are compiled again
	general   Problems         // of this run only
	plans     map[string]*Resource
	policies  map[string]*servedPolicy
	pools     map[string]*servedPool
	calendars map[string]*servedCalendar
	replaced  map[ref]bool // plans, policies, calendars and pools that are not what they were

	order  []string                 // names of the tenants that are looked at: as declared, then the undeclared
	served map[string]*servedTenant // of those; without an entry it is not served any more

	pending *PendingRemoval
	due     time.Time
}

// Compile returns what doc declares as the next snapshot. What is unchanged is reused by
// pointer, what is broken keeps its version from previous (which may be nil), and what
// vanished stays for a while. It always returns a snapshot that can be served.
func Compile(doc Document, previous *Snapshot, opts Options) *Snapshot {
	if previous == nil {
		previous = emptySnapshot()
	}
	c := &compiler{opts: opts, doc: doc, previous: previous}
	c.reports = maps.Clone(previous.reports)
	c.general = doc.Problems[:len(doc.Problems):len(doc.Problems)]
	c.index, c.general = reindex(previous, doc, c.general)
	c.replaced = map[ref]bool{}
	c.compilePlans()
	c.compilePolicies()
	c.compileCalendars()
	c.compilePools()
	c.compileTenants()
	c.settleHosts()
	return c.snapshot()
}

// report replaces what is known to be wrong with a resource.
func (c *compiler) report(at ref, problems Problems) {
	if len(problems) == 0 {
		delete(c.reports, at)
		return
	}
	if c.reports == nil {
		c.reports = map[ref]Problems{}
	}
	c.reports[at] = problems
}

// torn tells whether r comes from a file that could not be read in full: that it is
// missing means nothing then.
func (c *compiler) torn(r *Resource) bool {
	for _, path := range c.doc.Torn {
		if r.File == path || below(r.File, path, "/") {
			return true
		}
	}
	return false
}

// compilePlans takes every good plan; a broken one keeps its last good version.
func (c *compiler) compilePlans() {
	c.plans = maps.Clone(c.previous.plans)
	if c.plans == nil {
		c.plans = map[string]*Resource{}
	}
	for name := range c.touched[KindPlan] {
		last, r := c.previous.plans[name], c.declared[KindPlan][name]
		at, now := ref{KindPlan, name}, last
		c.report(at, nil)
		switch {
		case r == nil && (last == nil || !c.torn(last)):
			now = nil
		case r != nil && !r.Broken():
			now = r
		}
		delete(c.plans, name)
		if now != nil {
			c.plans[name] = now
		}
		if digest(now) != digest(last) {
			c.replaced[at] = true
		}
	}
}

// snapshot puts together what was compiled with what stayed.
func (c *compiler) snapshot() *Snapshot {
	s := &Snapshot{
		Pending: c.pending, AppliedAt: c.opts.Now, Due: c.due,
		index: c.index, reports: c.reports, plans: c.plans, policies: c.policies, calendars: c.calendars, pools: c.pools,
		total: c.previous.total,
	}
	c.takeTenants(s)
	c.takePolicies(s)
	c.takeCalendars(s)
	c.takePools(s)
	c.keepTorn(s)
	c.sayStale(s)
	s.Table = c.table()
	s.Revision = s.total.revision(s.extra)
	s.Problems = c.problems()
	return s
}

// takeTenants carries the tenants over and puts the compiled ones in their place.
func (c *compiler) takeTenants(s *Snapshot) {
	s.Tenants, s.tenants, s.users = c.previous.Tenants, c.previous.tenants, c.previous.users
	s.extra = map[string]*servedPool{}
	if len(c.order) == 0 {
		return
	}
	s.Tenants, s.tenants, s.users = maps.Clone(s.Tenants), maps.Clone(s.tenants), maps.Clone(s.users)
	for _, name := range c.order {
		if last := c.previous.tenants[name]; last != nil {
			s.total.sub(last.sum)
			s.use(last, -1)
		}
		delete(s.Tenants, name)
		delete(s.tenants, name)
		now := c.served[name]
		if now == nil {
			continue
		}
		s.total.add(now.sum)
		s.Tenants[name], s.tenants[name] = now.tenant, now
		s.count(now)
		s.use(now, 1)
		for _, p := range now.pools {
			if c.pools[p.pool.Name] == nil {
				s.extra[p.pool.Name] = p // not declared any more, but still needed
			}
		}
	}
}

// takePools publishes the pools, as the same map when they are the same.
func (c *compiler) takePools(s *Snapshot) {
	for at := range c.replaced {
		if at.kind != KindPool {
			continue
		}
		if last := c.previous.pools[at.name]; last != nil {
			s.total.sub(last.sum)
		}
		if now := c.pools[at.name]; now != nil {
			s.total.add(now.sum)
		}
	}
	if len(c.replaced)+len(s.extra)+len(c.previous.extra) == 0 && c.previous.Pools != nil {
		s.Pools = c.previous.Pools
		return
	}
	s.Pools = make(map[string]*routing.Pool, len(s.pools)+len(s.extra))
	for _, group := range []map[string]*servedPool{s.pools, s.extra} {
		for name, p := range group {
			s.Pools[name] = p.pool
		}
	}
}

// keepTorn notes the plans, policies, calendars and pools that are served and not declared: a file
// was torn, and they go when it can be read and does not declare them.
func (c *compiler) keepTorn(s *Snapshot) {
	for _, kind := range []Kind{KindPlan, KindLimitPolicy, KindCalendar, KindPool} {
		for name := range c.touched[kind] {
			served := c.plans[name] != nil || c.policies[name] != nil || c.calendars[name] != nil || c.pools[name] != nil
			if c.declared[kind][name] == nil && served {
				s.keep(ref{kind, name})
			}
		}
	}
}

// sayStale says in one line who is not served as declared. Why is said at each document.
func (c *compiler) sayStale(s *Snapshot) {
	var names []string
	for at := range s.kept {
		if at.kind == KindTenant && s.State(at.name) == StateStale {
			names = append(names, at.name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	c.general = append(c.general, Problem{
		Warning: true, Message: fmt.Sprintf("%d of %d tenants are served in their last good version, not as declared: %s",
			len(names), len(s.tenants), someOf(names)),
	})
}

// fewChanges is up to when editing the previous table is cheaper than making one.
const fewChanges = 64

// table makes the routing table, from the previous one when little has changed. Conflicts
// were settled before, so that one here would be our own mistake: it is reported, and the
// first claim stays.
func (c *compiler) table() *routing.Table {
	table, conflicts := c.previous.Table, []routing.Conflict(nil)
	if len(c.order) > fewChanges {
		table, conflicts = routing.NewTable(c.allTenants())
	} else {
		table, conflicts = c.edited(table)
	}
	for _, conflict := range conflicts {
		c.general = append(c.general, Problem{Message: fmt.Sprintf("host %s of tenant %s belongs to %s", conflict.Host, conflict.Tenant, conflict.Holder)})
	}
	return table
}

// edited removes first, so that hosts are free for whoever takes them over.
func (c *compiler) edited(table *routing.Table) (*routing.Table, []routing.Conflict) {
	var come []*routing.Tenant
	for _, name := range c.order {
		last := c.previous.Tenants[name]
		var now *routing.Tenant
		if served := c.served[name]; served != nil {
			now = served.tenant
		}
		if now == last {
			continue
		}
		if last != nil {
			table, _ = table.With(last, nil)
		}
		if now != nil {
			come = append(come, now)
		}
	}
	var conflicts []routing.Conflict
	for _, t := range come {
		next, more := table.With(nil, t)
		table, conflicts = next, append(conflicts, more...)
	}
	return table, conflicts
}

func (c *compiler) allTenants() []*routing.Tenant {
	out := make([]*routing.Tenant, 0, len(c.previous.Tenants)+len(c.order))
	looked := make(map[string]bool, len(c.order))
	for _, name := range c.order {
		looked[name] = true
		if served := c.served[name]; served != nil {
			out = append(out, served.tenant)
		}
	}
	for name, t := range c.previous.Tenants {
		if !looked[name] {
			out = append(out, t)
		}
	}
	return out
}

// problems lists everything that is wrong now.
func (c *compiler) problems() Problems {
	out := c.general
	for _, r := range c.faulty {
		out = append(out, r.Problems()...)
	}
	for _, reported := range c.reports {
		out = append(out, reported...)
	}
	return out.sorted()
}
