package config

// unenforced refuses what this version cannot hold. A tenant that asks for an access policy is
// not served without it.
func (b *tenantBuilder) unenforced() {
	name := b.served.source.Name
	if len(b.shared.Access) > 0 {
		b.fail("spec.access", "", "access policies are not enforced by this version; refusing to serve %s open", name)
	}
}

// unqueued warns of a share of workers that means nothing, because a pool does not say how
// many it has. What a plan says is for pools of all kinds.
func (b *tenantBuilder) unqueued() {
	field := ""
	switch {
	case b.spec.WorkersCeiling != nil:
		field = "spec.workersCeiling"
	case b.spec.Weight != nil:
		field = "spec.weight"
	default:
		return
	}
	for _, p := range b.served.pools {
		for i := range p.pool.Backends {
			if p.pool.Backends[i].Workers == 0 {
				b.warn(field, "", "does nothing at backend %s of pool %s, which does not say how many workers it has",
					p.pool.Backends[i].Name, p.pool.Name)
				break
			}
		}
	}
}
