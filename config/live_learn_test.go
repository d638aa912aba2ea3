package config

import "testing"

func TestLearntVersionMakesThePoolsProfile(t *testing.T) {
	live := NewLive(LiveConfig{})
	live.Apply(Document{Resources: Parse("a.yaml", `
apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: p}
spec: {odoo: {version: auto}, backends: [{name: b, http: "http://127.0.0.1:8069"}]}
---
apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {hosts: [acme.test], database: acme, pool: p}
`)})
	before := live.Load()
	if len(before.Tenants) != 1 {
		t.Fatal(before.Problems)
	}
	if !live.Learn("p", "15.0") {
		t.Fatal("a first version is news")
	}
	now := live.Load()
	if got := now.Pools["p"].Profile.Version; got != "15.0" {
		t.Errorf("the pool has profile %q", got)
	}
	if got := now.Tenants["acme"].Active.Pool.Profile.Version; got != "15.0" {
		t.Errorf("the tenant's pool has profile %q", got)
	}
	if now.Revision == before.Revision {
		t.Error("the revision did not change")
	}
	if live.Learn("p", "15.0") || live.Load() != now {
		t.Error("the same version again is no news")
	}
}
