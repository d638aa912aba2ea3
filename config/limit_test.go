package config

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

const limitDocs = `apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: p}
spec: {backends: [{name: b1, http: "http://10.0.0.1:8069"}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec:
  hosts: [acme.example]
  pool: p
  database: acme
  limits: [{classes: [rpc], policy: api}]
---
apiVersion: sluicegate.dev/v1alpha1
kind: LimitPolicy
metadata: {name: api}
`

func compileLimits(t *testing.T, spec string, previous *Snapshot) *Snapshot {
	t.Helper()
	return Compile(Document{Resources: Parse("a.yaml", limitDocs+"spec: "+spec+"\n")}, previous, Options{Now: time.Unix(1, 0)})
}

func TestDefaultsOfAPolicy(t *testing.T) {
	s := compileLimits(t, "{rate: 600/m}", nil)
	tenant := s.Tenants["acme"]
	if tenant == nil || len(tenant.Limits) != 1 {
		t.Fatal(s.Problems)
	}
	p := tenant.Limits[0].Policy
	if p.Rate != 10 || p.Burst != 100 || p.Period != time.Minute || p.By != routing.ByClient || p.OnLoss != routing.LossLocalShare ||
		p.Headers != routing.HeadersAuto || p.MaxRead != -1 || p.MaxUnlink != -1 || p.IPv6Prefix != 64 || p.Costs ||
		p.Unverified != (routing.UnverifiedLimit{Rate: 1, Burst: 30}) || p.Zone.String() != "UTC" {
		t.Errorf("got %+v", p)
	}
	if tenant.SignIn.Mode != routing.SignInEnforce || tenant.SignIn.LoginBurst != 10 || tenant.SignIn.PlaceBurst != 100 {
		t.Errorf("sign-ins: %+v", tenant.SignIn)
	}
	if got := compileLimits(t, "{rate: 5/m}", nil).LimitPolicy("api").Burst; got != leastBurst {
		t.Errorf("a slow rate has the burst %d", got)
	}
}

func TestTheMostParticularWeightCountsFirst(t *testing.T) {
	s := compileLimits(t, `{rate: 1/s, units: cost, costs: {"*": 9, "*.unlink": 4, "res.*": 5, "res.partner.unlink": 1, "res.partner.*": 2}}`, nil)
	var order []string
	for _, w := range s.LimitPolicy("api").Weights {
		order = append(order, w.Pattern)
	}
	if want := []string{"res.partner.unlink", "res.partner.*", "*.unlink", "res.*", "*"}; !slices.Equal(order, want) {
		t.Errorf("got %q", order)
	}
}

// The revision says what is served, also where only a router of Traefik uses the policy.
func TestPoliciesCountInTheRevision(t *testing.T) {
	one := compileLimits(t, "{rate: 1/s}", nil)
	two := compileLimits(t, "{rate: 2/s}", one)
	if one.Revision == two.Revision || two.Revision != compileLimits(t, "{rate: 2/s}", nil).Revision {
		t.Errorf("%s, %s", one.Revision, two.Revision)
	}
	same := compileLimits(t, "{rate: 2/s} # no change", two)
	if same.LimitPolicy("api") != two.LimitPolicy("api") || same.Tenants["acme"] != two.Tenants["acme"] {
		t.Error("a comment made a new policy")
	}
}

// A restart serves what was served: a tenant that was kept on an older policy stays on it.
func TestRestoreKeepsThePoliciesOfATenant(t *testing.T) {
	one := compileLimits(t, "{rate: 1/s}", nil)
	text := limitDocs + "spec: {rate: 2/s}\n"
	broken := Compile(Document{Resources: Parse("a.yaml", text+`---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: other}
spec: {hosts: [other.example], pool: p, database: o, limits: [{classes: [rpc], policy: api}]}
`)}, one, Options{Now: time.Unix(2, 0)})
	// The tenant's own document is older than the policy it asks for: as if it had been kept.
	stale := *broken.tenants["acme"]
	stale.tenant, stale.policies = one.Tenants["acme"], one.tenants["acme"].policies
	broken.tenants["acme"] = &stale
	var saved bytes.Buffer
	if err := broken.Save(&saved); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(saved.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rate := func(tenant string) float64 { return restored.Tenants[tenant].Limits[0].Policy.Rate }
	if len(restored.Tenants) != 2 || rate("acme") != 1 || rate("other") != 2 || restored.LimitPolicy("api").Rate != 2 {
		t.Errorf("%d tenants, acme %v, other %v; %s", len(restored.Tenants), rate("acme"), rate("other"), restored.Problems)
	}
}
