package control

import (
	"cmp"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

// freshFor is how long a running cutover may be silent before its hold ends: its driver may
// have died, and this gateway may be cut off.
const freshFor = 10 * time.Second

// Fresh says whether a tenant's hold may go on. A cutover's must be driven: news of it was
// heard in the last ten seconds of this machine's own clock. One that an operator asked for
// ends by its own lease.
func (c *Control) Fresh(tenant string) bool {
	rec, known, _ := c.tenants.get(tenant)
	if !known || rec.Cutover == nil {
		return true
	}
	return c.Quiet(tenant) < freshFor
}

// Quiet is for how long nothing new was heard of a tenant's record, on this machine's own
// clock. A start counts as news.
func (c *Control) Quiet(tenant string) time.Duration {
	c.tenants.mu.Lock()
	defer c.tenants.mu.Unlock()
	e := c.tenants.entries[tenant]
	if e == nil || !e.known {
		return 0
	}
	return time.Since(e.news)
}

// Urgent says whether requests wait somewhere for what gateways tell each other.
func (c *Control) Urgent() bool {
	return len(c.tenants.names(func(e *entry[cutover.Record]) bool { return e.value.Hold != nil || e.value.Wants().Fast })) > 0
}

// Recent are the tenants about which something was decided, at most so many: first those
// about which something is going on, then those that changed last. It is what a gateway
// reports on.
func (c *Control) Recent(most int) []string {
	all := c.All()
	slices.SortStableFunc(all, func(a, b cutover.Record) int {
		return cmp.Or(cmp.Compare(busy(b), busy(a)), b.Changed.Compare(a.Changed), cmp.Compare(a.Tenant, b.Tenant))
	})
	names := make([]string, 0, min(most, len(all)))
	for _, rec := range all[:min(most, len(all))] {
		names = append(names, rec.Tenant)
	}
	return names
}

func busy(r cutover.Record) int {
	switch {
	case r.Cutover != nil:
		return 2
	case r.Hold != nil, r.Maintenance != nil, len(r.Evicted) > 0:
		return 1
	}
	return 0
}
