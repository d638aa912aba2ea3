package config

import "fmt"

// settleHosts sees to it that each host has one owner. Who has it and still wants it keeps
// it; among newcomers the first in the order of the files gets it. The loser's document is
// refused whole: it keeps its last good version, whose hosts are its own.
func (c *compiler) settleHosts() {
	for {
		losers := c.losers()
		if len(losers) == 0 {
			return
		}
		kept := c.tenants[:0:0]
		for _, t := range c.tenants {
			if losers[t] {
				t = c.lastGood(t.tenant.Name)
			}
			if t != nil {
				kept = append(kept, t)
			}
		}
		c.tenants = kept
	}
}

// losers finds the tenants that want a host of another. It ends: a loser falls back to
// hosts that it had, and those cannot be lost.
func (c *compiler) losers() map[*servedTenant]bool {
	owner := make(map[string]*servedTenant, len(c.previous.owners)+16)
	for _, t := range c.tenants {
		for _, host := range t.tenant.Hosts {
			if c.previous.owners[host] == t.tenant.Name {
				owner[host] = t
			}
		}
	}
	var losers map[*servedTenant]bool
	for _, t := range c.tenants {
		for i, host := range t.tenant.Hosts {
			switch first := owner[host]; {
			case first == nil:
				owner[host] = t
			case first != t:
				if losers == nil {
					losers = map[*servedTenant]bool{}
				}
				losers[t] = true
				c.problems = append(c.problems, taken(t.source, first, fmt.Sprintf("spec.hosts[%d]", i), host))
			}
		}
	}
	return losers
}

func taken(r *Resource, owner *servedTenant, field, host string) Problem {
	hint := ""
	if !owner.vanished.IsZero() {
		hint = "that tenant is about to be removed"
	}
	return r.problem(field, hint, "%s belongs to %s (%s:%d)", host, owner.source.Label(), owner.source.File, owner.source.Line)
}

func (c *compiler) owners() map[string]string {
	out := make(map[string]string, len(c.previous.owners)+16)
	for _, t := range c.tenants {
		for _, host := range t.tenant.Hosts {
			out[host] = t.tenant.Name
		}
	}
	return out
}
