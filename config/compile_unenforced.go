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
}
