package config

import (
	"strings"
	"testing"
)

const sharedPools = `apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: eu}
spec: {backends: [{name: b, http: "http://10.0.0.1:8069", workers: 6}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: dr}
spec: {backends: [{name: b, http: "http://10.0.0.2:8069"}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Plan
metadata: {name: gold}
spec: {weight: 3, workersCeiling: 4, floors: {workersCeiling: 5}}
`

func sharing(name, more string) string {
	return "---\napiVersion: sluicegate.dev/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: {hosts: [" + name + ".example], database: " + name + ", " + more + "}\n"
}

func TestWeightAndCeilingReachTheTenant(t *testing.T) {
	for name, c := range map[string]struct {
		more            string
		weight, ceiling int
	}{
		"nothing is said":              {"pool: eu", 1, 0},
		"the plan fills both":          {"pool: eu, plan: gold", 3, 4},
		"the tenant's own word counts": {"pool: eu, plan: gold, weight: 2, workersCeiling: 5", 2, 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := Compile(Document{Resources: Parse("a.yaml", sharedPools+sharing("acme", c.more))}, nil, Options{})
			tenant := s.Tenants["acme"]
			if len(s.Problems) > 0 || tenant == nil {
				t.Fatal(s.Problems)
			}
			if tenant.Weight != c.weight || tenant.WorkersCeiling != c.ceiling {
				t.Errorf("weight %d, ceiling %d", tenant.Weight, tenant.WorkersCeiling)
			}
		})
	}
	s := Compile(Document{Resources: Parse("a.yaml", sharedPools+sharing("acme", "pool: eu, plan: gold, workersCeiling: 9"))}, nil, Options{})
	if !strings.Contains(s.Problems.String(), "allows at most 5 (spec.floors.workersCeiling), got 9") {
		t.Errorf("got %s", s.Problems)
	}
}

func TestAShareOfUnknownWorkersIsReported(t *testing.T) {
	for more, want := range map[string]string{
		"pool: dr, workersCeiling: 2": "spec.workersCeiling: does nothing at backend b of pool dr, which does not say how many workers it has",
		"pool: dr, weight: 2":         "spec.weight: does nothing at backend b of pool dr",
		"pool: dr, plan: gold":        "",
		"pool: eu, weight: 2":         "",
	} {
		s := Compile(Document{Resources: Parse("a.yaml", sharedPools+sharing("acme", more))}, nil, Options{})
		if got := s.Problems.String(); !strings.Contains(got, want) || want == "" && got != "" || s.Problems.Failed() {
			t.Errorf("%s: got %s", more, got)
		}
	}
}

func TestAPoolKnowsHowManyTenantsItServes(t *testing.T) {
	var s *Snapshot
	for i, step := range []struct {
		tenants string
		eu, dr  int
	}{
		{sharing("one", "pool: eu"), 1, 0},
		{sharing("one", "pool: eu, classes: {report: {pool: eu}}"), 1, 0},
		{sharing("one", "pool: eu, standby: {pool: dr}") + sharing("two", "releases: {blue: {pool: eu}, green: {pool: dr}}, active: blue"), 2, 2},
		{sharing("one", "pool: dr") + sharing("two", "pool: eu"), 1, 1},
	} {
		s = Compile(Document{Resources: Parse("a.yaml", sharedPools+step.tenants)}, s, Options{})
		if len(s.Problems) > 0 || s.Users("eu") != step.eu || s.Users("dr") != step.dr || s.Users("none") != 0 {
			t.Errorf("step %d: %d and %d tenants, want %d and %d; %s", i+1, s.Users("eu"), s.Users("dr"), step.eu, step.dr, s.Problems)
		}
	}
}
