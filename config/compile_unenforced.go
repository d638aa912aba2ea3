package config

// unenforced refuses what this version cannot hold. A tenant that asks for an access policy is
// not served without it.
func (b *tenantBuilder) unenforced() {
	name := b.served.source.Name
	if len(b.shared.Access) > 0 {
		b.fail("spec.access", "", "access policies are not enforced by this version; refusing to serve %s open", name)
	}
}
