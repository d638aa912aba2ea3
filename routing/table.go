package routing

import (
	"sort"
	"strings"
)

// shards divide the hosts so that a change copies a 256th of them.
const shards = 256

// Table says which tenant serves a host. It is immutable; With makes the next one and
// shares all that did not change. There is no default tenant on purpose: a mistyped host
// must never open somebody else's database.
type Table struct {
	exact [shards]map[string]*Tenant
	wild  [shards]map[string]*Tenant // by what follows "*."
	hosts int
}

// Conflict is a second claim of a host. The first claim stays.
type Conflict struct {
	Host   string
	Tenant string // whose claim was refused
	Holder string // who has the host
}

// NewTable makes a table of tenants. Where two claim one host, the one that comes first in
// tenants has it.
func NewTable(tenants []*Tenant) (*Table, []Conflict) {
	edit := edit{table: &Table{}}
	for _, t := range tenants {
		edit.add(t)
	}
	return edit.table, edit.conflicts
}

// With returns the table in which next stands for previous; either may be nil, to add or
// to remove a tenant. It costs a few microseconds at any size. A host that previous gives
// up is free: whoever lost the claim to it gets it with a With of its own.
func (t *Table) With(previous, next *Tenant) (*Table, []Conflict) {
	copied := *t
	edit := edit{table: &copied, shared: true}
	if previous != nil {
		edit.remove(previous)
	}
	if next != nil {
		edit.add(next)
	}
	return edit.table, edit.conflicts
}

// Resolve returns the tenant of a canonical host: the exact host first, then the wildcard
// that covers it. It does not allocate.
func (t *Table) Resolve(host string) (*Tenant, bool) {
	if tenant, ok := t.exact[shard(host)][host]; ok {
		return tenant, true
	}
	suffix, ok := wildcardOf(host)
	if !ok {
		return nil, false
	}
	tenant, ok := t.wild[shard(suffix)][suffix]
	return tenant, ok
}

// Len counts the hosts.
func (t *Table) Len() int { return t.hosts }

// Hosts returns all hosts, sorted, wildcards with their star.
func (t *Table) Hosts() []string {
	hosts := make([]string, 0, t.hosts)
	for i := range t.exact {
		for host := range t.exact[i] {
			hosts = append(hosts, host)
		}
		for suffix := range t.wild[i] {
			hosts = append(hosts, "*."+suffix)
		}
	}
	sort.Strings(hosts)
	return hosts
}

// wildcardOf returns what follows the first label. That label must be one that DNS could
// have: not empty and without an underscore, which only an exact host may have.
func wildcardOf(host string) (suffix string, ok bool) {
	i := strings.IndexByte(host, '.')
	if i < 1 || strings.IndexByte(host[:i], '_') >= 0 {
		return "", false
	}
	return host[i+1:], true
}

func shard(host string) int {
	h := uint32(2166136261)
	for i := 0; i < len(host); i++ {
		h = (h ^ uint32(host[i])) * 16777619
	}
	return int((h ^ h>>16 ^ h>>8) % shards)
}

// edit changes a table that nobody else sees yet. Where the table shares its maps with an
// older one, a map is copied before its first change.
type edit struct {
	table     *Table
	conflicts []Conflict
	shared    bool
	own       map[*map[string]*Tenant]bool
}

func (e *edit) add(t *Tenant) {
	for _, host := range t.Hosts {
		slot, key := e.slot(host)
		if holder := (*slot)[key]; holder != nil {
			if holder != t {
				e.conflicts = append(e.conflicts, Conflict{Host: host, Tenant: t.Name, Holder: holder.Name})
			}
			continue
		}
		e.writable(slot)[key] = t
		e.table.hosts++
	}
}

// remove frees the hosts of t that t has.
func (e *edit) remove(t *Tenant) {
	for _, host := range t.Hosts {
		slot, key := e.slot(host)
		if holder := (*slot)[key]; holder != nil && holder.Name == t.Name {
			delete(e.writable(slot), key)
			e.table.hosts--
		}
	}
}

func (e *edit) slot(host string) (slot *map[string]*Tenant, key string) {
	if suffix, ok := strings.CutPrefix(host, "*."); ok {
		return &e.table.wild[shard(suffix)], suffix
	}
	return &e.table.exact[shard(host)], host
}

func (e *edit) writable(slot *map[string]*Tenant) map[string]*Tenant {
	if e.own == nil {
		e.own = map[*map[string]*Tenant]bool{}
	}
	switch {
	case *slot == nil:
		*slot = map[string]*Tenant{}
		e.own[slot] = true
	case e.shared && !e.own[slot]:
		grown := make(map[string]*Tenant, len(*slot)+1)
		for host, tenant := range *slot {
			grown[host] = tenant
		}
		*slot = grown
		e.own[slot] = true
	}
	return *slot
}
