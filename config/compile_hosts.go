package config

import (
	"fmt"
	"slices"
)

// settleHosts sees to it that each host has one owner. Who has it and still wants it keeps
// it; among newcomers the first in the order of the files gets it. The loser's document is
// refused whole: it keeps its last good version, whose hosts are its own.
func (c *compiler) settleHosts() {
	for {
		losers := c.losers()
		if len(losers) == 0 {
			return
		}
		for name, problems := range losers {
			c.report(ref{KindTenant, name}, problems)
			delete(c.served, name)
			if kept := c.lastGood(name); kept != nil {
				c.served[name] = kept
			}
		}
	}
}

// losers finds the tenants that want a host of another. Only those that were compiled can
// be among them. It ends: a loser falls back to hosts that it had, and those are not lost.
func (c *compiler) losers() map[string]Problems {
	owners := map[string]*servedTenant{}
	c.eachHost(func(t *servedTenant, _ int, host string) {
		if holder := c.holder(host); holder != nil && holder.tenant.Name == t.tenant.Name {
			owners[host] = t
		}
	})
	losers := map[string]Problems{}
	c.eachHost(func(t *servedTenant, i int, host string) {
		owner := owners[host]
		if owner == nil {
			owner = c.stays(c.holder(host))
		}
		switch {
		case owner == nil:
			owners[host] = t
		case owner != t:
			losers[t.tenant.Name] = append(losers[t.tenant.Name], taken(t.source, owner, fmt.Sprintf("spec.hosts[%d]", i), host))
		}
	})
	return losers
}

func (c *compiler) eachHost(visit func(t *servedTenant, i int, host string)) {
	for _, name := range c.order {
		if t := c.served[name]; t != nil {
			for i, host := range t.tenant.Hosts {
				visit(t, i, host)
			}
		}
	}
}

// holder is the tenant that the previous snapshot gave the host to.
func (c *compiler) holder(host string) *servedTenant {
	// A wildcard resolves to its own holder: its star is one label as any other.
	t, ok := c.previous.Table.Resolve(host)
	if !ok || !slices.Contains(t.Hosts, host) {
		return nil
	}
	return c.previous.tenants[t.Name]
}

// stays is t when nothing happened to it, so that it has its hosts still.
func (c *compiler) stays(t *servedTenant) *servedTenant {
	if t == nil || c.touched[KindTenant][t.tenant.Name] {
		return nil
	}
	return t
}

func taken(r *Resource, owner *servedTenant, field, host string) Problem {
	hint := ""
	if !owner.vanished.IsZero() {
		hint = "that tenant is about to be removed"
	}
	return r.problem(field, hint, "%s belongs to %s (%s:%d)", host, owner.source.Label(), owner.source.File, owner.source.Line)
}
