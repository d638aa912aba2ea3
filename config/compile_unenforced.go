package config

// unenforced refuses what this version cannot hold. A tenant that asks for a policy is not
// served without it: access fails closed, and limits were promised to somebody.
func (b *tenantBuilder) unenforced() {
	name := b.served.source.Name
	if len(b.shared.Access) > 0 {
		b.fail("spec.access", "", "access policies are not enforced by this version; refusing to serve %s open", name)
	}
	if len(b.shared.Limits) > 0 {
		b.fail("spec.limits", "", "limit policies are not enforced by this version; refusing to serve %s without its limits", name)
	}
	for _, field := range unused(b.spec.Shared) {
		b.warn("spec."+field, "", "is not enforced by this version")
	}
}

// planWarnings says once for a plan what would otherwise be said for each of its tenants.
func planWarnings(r *Resource) Problems {
	spec := r.Spec.(*PlanSpec)
	var out Problems
	for _, part := range []struct {
		field  string
		shared Shared
	}{
		{"spec.", spec.Shared},
		{"spec.defaults.", spec.Defaults},
		{"spec.floors.", Shared{Weight: spec.Floors.Weight, WorkersCeiling: spec.Floors.WorkersCeiling}},
	} {
		for _, field := range unused(part.shared) {
			out = append(out, r.warning(part.field+field, "", "is not enforced by this version"))
		}
	}
	return out
}

func unused(s Shared) []string {
	var out []string
	if s.Weight != nil {
		out = append(out, "weight")
	}
	if s.WorkersCeiling != nil {
		out = append(out, "workersCeiling")
	}
	return out
}
