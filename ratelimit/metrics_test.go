package ratelimit_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/ratelimit"
)

func TestMetricsCountPerTenantAndPolicy(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	l := ratelimit.New(ratelimit.Config{Metrics: registry})
	p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 2}
	watched := &ratelimit.Policy{Name: "watched", Rate: .001, Burst: 1, Shadow: true}
	for range 3 {
		l.Take(t.Context(), []ratelimit.Charge{charge(p, "a", 1), charge(watched, "a", 1)}, false)
	}
	want := `
# HELP sluice_limit_allowed_total Requests that a policy let pass.
# TYPE sluice_limit_allowed_total counter
sluice_limit_allowed_total{policy="p",tenant="acme"} 2
sluice_limit_allowed_total{policy="watched",tenant="acme"} 1
# HELP sluice_limit_denied_total Requests that a policy refused.
# TYPE sluice_limit_denied_total counter
sluice_limit_denied_total{policy="p",tenant="acme"} 1
sluice_limit_denied_total{policy="watched",tenant="acme"} 0
# HELP sluice_limit_shadow_denied_total Requests that a policy would have refused, were it enforced.
# TYPE sluice_limit_shadow_denied_total counter
sluice_limit_shadow_denied_total{policy="p",tenant="acme"} 0
sluice_limit_shadow_denied_total{policy="watched",tenant="acme"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"sluice_limit_allowed_total", "sluice_limit_denied_total", "sluice_limit_shadow_denied_total"); err != nil {
		t.Error(err)
	}
	l.Retain(func(scope string) bool { return scope != "acme" })
	if n, err := testutil.GatherAndCount(registry, "sluice_limit_allowed_total"); err != nil || n != 0 {
		t.Errorf("%d series of a tenant that is gone, %v", n, err)
	}
}
