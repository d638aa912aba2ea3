package config

import (
	"reflect"
	"slices"
)

// settle fills what the tenant leaves out from its plan, and holds the plan's floors: they
// may be tightened, never loosened.
func (b *tenantBuilder) settle() Shared {
	out := b.spec.Shared
	if b.served.plan == nil {
		return out
	}
	plan := b.served.plan.Spec.(*PlanSpec)
	out.Cutover = cutoverOver(cutoverOver(out.Cutover, plan.Shared.Cutover), plan.Defaults.Cutover)
	fill(&out, plan.Shared)
	fill(&out, plan.Defaults)
	b.floors(&out, plan.Floors)
	return out
}

// fill sets the fields of s that are empty.
func fill(s *Shared, from Shared) {
	to, values := reflect.ValueOf(s).Elem(), reflect.ValueOf(from)
	for i := range to.NumField() {
		if to.Field(i).IsZero() {
			to.Field(i).Set(values.Field(i))
		}
	}
}

func (b *tenantBuilder) floors(s *Shared, f FloorsSpec) {
	if f.DatabaseManager == "closed" && s.DatabaseManager == "open" {
		b.loosens("databaseManager", "keeps the database manager closed")
	}
	if f.TLS && b.spec.TLS == nil {
		b.loosens("tls", "wants every tenant to have tls")
	}
	if f.SignIn != "" && s.SignIn != nil && or(s.SignIn.Mode, f.SignIn) != f.SignIn {
		b.loosens("signIn", "keeps sign-ins protected")
	}
	s.Weight = b.ceiling("weight", s.Weight, f.Weight)
	s.WorkersCeiling = b.ceiling("workersCeiling", s.WorkersCeiling, f.WorkersCeiling)
	s.Sockets = b.ceiling("sockets", s.Sockets, f.Sockets)
	s.Middlewares = union(f.Middlewares, s.Middlewares)
	s.Access = append(slices.Clone(f.Access), s.Access...)
	s.Limits = append(slices.Clone(f.Limits), s.Limits...)
}

func (b *tenantBuilder) loosens(field, what string) {
	b.fail("spec."+field, "", "plan %s %s (spec.floors.%s); a tenant may tighten it, not loosen it", b.served.plan.Name, what, field)
}

// ceiling bounds a number that may only get smaller.
func (b *tenantBuilder) ceiling(field string, value, most *int) *int {
	if most == nil {
		return value
	}
	if value != nil && *value > *most {
		b.fail("spec."+field, "", "plan %s allows at most %d (spec.floors.%s), got %d", b.served.plan.Name, *most, field, *value)
	}
	if value == nil {
		return most
	}
	return value
}

func union(first, second []string) []string {
	out := slices.Clone(first)
	for _, s := range second {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
