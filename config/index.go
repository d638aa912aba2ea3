package config

import (
	"maps"
	"slices"
)

// ref names a resource.
type ref struct {
	kind Kind
	name string
}

// index says which resource declares a name, and which names something happened to since
// the index before.
type index struct {
	resources []*Resource
	declared  map[Kind]map[string]*Resource
	contested map[ref]bool // declared more than once
	faulty    []*Resource  // with problems of their own

	touched map[Kind]map[string]bool
}

// reindex makes the index of doc out of the previous one. Unchanged resources are the same
// pointers in the same order nearly always, so that the difference is found by comparing
// pointers.
func reindex(previous *Snapshot, doc Document, problems Problems) (index, Problems) {
	gone, come := difference(previous.resources, doc.Resources)
	next := index{
		resources: doc.Resources,
		declared:  map[Kind]map[string]*Resource{},
		contested: maps.Clone(previous.contested),
		faulty:    faulty(previous.faulty, gone, come),
		touched:   map[Kind]map[string]bool{},
	}
	for _, kind := range Kinds() {
		next.declared[kind] = previous.declared[kind]
		next.touched[kind] = map[string]bool{}
	}
	next.patch(gone, come)
	for at := range previous.kept {
		next.touched[at.kind][at.name] = true
	}
	for at, reported := range previous.reports {
		if reported.Failed() {
			next.touched[at.kind][at.name] = true
		}
	}
	return next, next.settleNames(previous, problems)
}

// difference lists what left and what came, in order.
func difference(old, now []*Resource) (gone, come []*Resource) {
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	return without(old, now), without(now, old)
}

func without(list, other []*Resource) []*Resource {
	if len(other) == 0 || len(list) == 0 {
		return list
	}
	both := make(map[*Resource]bool, len(other))
	for _, r := range other {
		both[r] = true
	}
	var out []*Resource
	for _, r := range list {
		if !both[r] {
			out = append(out, r)
		}
	}
	return out
}

func faulty(before, gone, come []*Resource) []*Resource {
	out := slices.Clone(before)
	if len(out) > 0 && len(gone) > 0 {
		out = without(out, gone)
	}
	for _, r := range come {
		if len(r.faults) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// patch applies the difference. A kind's map is copied before its first change.
func (x *index) patch(gone, come []*Resource) {
	owned := map[Kind]bool{}
	own := func(kind Kind) map[string]*Resource {
		if !owned[kind] {
			x.declared[kind], owned[kind] = maps.Clone(x.declared[kind]), true
			if x.declared[kind] == nil {
				x.declared[kind] = map[string]*Resource{}
			}
		}
		return x.declared[kind]
	}
	for _, r := range gone {
		if !r.declares() {
			continue
		}
		x.touched[r.Kind][r.Name] = true
		if names := own(r.Kind); names[r.Name] == r {
			delete(names, r.Name)
		}
	}
	for _, r := range come {
		if !r.declares() {
			continue
		}
		x.touched[r.Kind][r.Name] = true
		if names := own(r.Kind); names[r.Name] == nil {
			names[r.Name] = r
		} else {
			x.contest(ref{r.Kind, r.Name})
		}
	}
	for at := range x.contested {
		own(at.kind)
	}
}

func (x *index) contest(at ref) {
	if x.contested == nil {
		x.contested = map[ref]bool{}
	}
	x.contested[at] = true
}

// declares tells whether r stands for a name here. Install settings do not.
func (r *Resource) declares() bool { return r.Known() && r.Kind != KindInstall }

// settleNames decides names that are declared more than once. The first in the order of the
// files has it, but a newcomer does not take it from a file that it is served from.
func (x *index) settleNames(previous *Snapshot, problems Problems) Problems {
	if len(x.contested) == 0 {
		return problems
	}
	candidates := map[ref][]*Resource{}
	for _, r := range x.resources {
		if at := (ref{r.Kind, r.Name}); x.contested[at] && r.declares() {
			candidates[at] = append(candidates[at], r)
		}
	}
	for at := range x.contested {
		delete(x.declared[at.kind], at.name)
		x.touched[at.kind][at.name] = true
		list := candidates[at]
		if len(list) < 2 {
			delete(x.contested, at)
		}
		if len(list) == 0 {
			continue
		}
		winner := list[max(0, slices.IndexFunc(list, func(r *Resource) bool { return r.File == previous.fileOf(at) }))]
		x.declared[at.kind][at.name] = winner
		for _, r := range list {
			if r != winner {
				problems = append(problems, r.problem("metadata.name", "give one of them another name",
					"%s is declared already at %s:%d; this one is ignored", winner.Label(), winner.File, winner.Line))
			}
		}
	}
	return problems
}

// fileOf is the file that a name is served from.
func (s *Snapshot) fileOf(at ref) string {
	switch at.kind {
	case KindTenant:
		if served := s.tenants[at.name]; served != nil {
			return served.source.File
		}
	case KindPool:
		if served := s.pools[at.name]; served != nil {
			return served.source.File
		}
	case KindPlan:
		if plan := s.plans[at.name]; plan != nil {
			return plan.File
		}
	case KindLimitPolicy:
		if served := s.policies[at.name]; served != nil {
			return served.source.File
		}
	case KindCalendar:
		if served := s.calendars[at.name]; served != nil {
			return served.source.File
		}
	}
	return ""
}
