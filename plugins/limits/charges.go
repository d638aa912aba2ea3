package limits

import (
	"sluicegate.dev/sluice/ratelimit"
	"sluicegate.dev/sluice/routing"
)

// matched is what the rules say about a request.
type matched struct {
	policies []*routing.LimitPolicy // each once, in the order of the rules
	priority bool
}

// match finds the rules of the tenant that cover a request.
func match(x *routing.Exchange, name string, c *caller) matched {
	var m matched
	for i := range x.Tenant.Limits {
		rule := &x.Tenant.Limits[i]
		if !rule.Matches(x.Class, x.Path, name, c.names) {
			continue
		}
		m.priority = m.priority || rule.Priority
		m.add(rule.Policy)
	}
	return m
}

func (m *matched) add(p *routing.LimitPolicy) {
	for _, have := range m.policies {
		if have == p {
			return
		}
	}
	m.policies = append(m.policies, p)
}

// byKey tells whether a policy wants to know the key, whatever the class: whoever says so knows
// that the key is checked there.
func (m *matched) byKey() bool {
	for _, p := range m.policies {
		if p.By == routing.ByKey {
			return true
		}
	}
	return false
}

// charge works out what the request is charged besides the gate.
func (v *Visit) charge() {
	c := v.caller
	v.charges = make([]ratelimit.Charge, 0, 5+len(v.rules.policies))
	v.add(&v.limits.seen.clients, c.client, 1)
	if c.client != c.address {
		v.add(&v.limits.seen.addresses, c.address, 1)
	}
	if c.key != "" {
		v.add(&v.limits.seen.keys, c.key, 1)
	}
	for _, p := range v.rules.policies {
		bucket := v.limits.buckets.of(p, bucketsOf).own
		if bucket == nil {
			continue
		}
		key, cost := c.keyOf(p, v.x, v.name), p.Cost(v.x.RPC, v.name, v.x.Class)
		if c.claim && !c.proven && key == c.user {
			// Anybody can claim to be somebody: that user pays once it is true.
			v.later = append(v.later, ratelimit.Charge{Policy: bucket, Scope: v.scope, Key: key, Cost: cost})
			continue
		}
		v.add(bucket, key, cost)
		if p.Costs {
			v.costly = append(v.costly, v.charges[len(v.charges)-1])
		}
	}
}

func (v *Visit) add(p *ratelimit.Policy, key string, cost int) {
	v.charges = append(v.charges, ratelimit.Charge{Policy: p, Scope: v.scope, Key: key, Cost: cost})
}
