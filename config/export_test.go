package config

import (
	"strings"
	"testing"
	"time"
)

const sharedPool = `apiVersion: sluicegate.dev/v1alpha1
kind: Pool
metadata: {name: p}
spec: {odoo: {version: "18.0"}, backends: [{name: b1, http: "http://127.0.0.1:8069"}]}
---
`

func TestExport(t *testing.T) {
	const head = "apiVersion: sluicegate.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\n"
	cases := map[string]struct{ spec, active, want string }{
		"the name is written over": {
			"spec:\n  hosts: [a.example] # ours\n  database: a\n  releases: {blue: {pool: p}, green: {pool: p}}\n  active: blue   # since May\n", "green",
			"spec:\n  hosts: [a.example] # ours\n  database: a\n  releases: {blue: {pool: p}, green: {pool: p}}\n  active: green   # since May\n",
		},
		"in quotes too": {
			"spec:\n  hosts: [a.example]\n  database: a\n  releases: {blue: {pool: p}, green: {pool: p}}\n  active: \"blue\"\n", "green",
			"spec:\n  hosts: [a.example]\n  database: a\n  releases: {blue: {pool: p}, green: {pool: p}}\n  active: green\n",
		},
		"on one line": {
			"spec: {hosts: [a.example], database: a, releases: {blue: {pool: p}, green: {pool: p}}, active: blue}\n", "green",
			"spec: {hosts: [a.example], database: a, releases: {blue: {pool: p}, green: {pool: p}}, active: green}\n",
		},
		"where none stands, in front of the first field": {
			"spec:\n  hosts: [a.example]\n  database: a\n  pool: p\n  standby: {pool: p}\n", "standby",
			"spec:\n  active: standby\n  hosts: [a.example]\n  database: a\n  pool: p\n  standby: {pool: p}\n",
		},
		"the same on one line": {
			"spec: {hosts: [a.example], database: a, pool: p, standby: {pool: p}}\n", "standby",
			"spec: {active: standby, hosts: [a.example], database: a, pool: p, standby: {pool: p}}\n",
		},
		"a name that YAML would take for something else": {
			"spec:\n  hosts: [a.example]\n  database: a\n  releases: {\"1\": {pool: p}, \"on\": {pool: p}}\n  active: \"1\"\n", "on",
			"spec:\n  hosts: [a.example]\n  database: a\n  releases: {\"1\": {pool: p}, \"on\": {pool: p}}\n  active: \"on\"\n",
		},
		"what holds already is left as it is": {
			"spec: {hosts: [a.example], database: a, pool: p}\n", "blue",
			"spec: {hosts: [a.example], database: a, pool: p}\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := Compile(Document{Resources: Parse("a.yaml", sharedPool+head+c.spec)}, nil, Options{Now: time.Now()})
			if s.Problems.Failed() {
				t.Fatal(s.Problems)
			}
			got, err := s.Export("acme", c.active)
			if err != nil || strings.TrimSpace(got) != strings.TrimSpace(head+c.want) {
				t.Errorf("%v\n%s\nwant\n%s", err, got, head+c.want)
			}
		})
	}
}

// A document that cannot be edited is not printed half edited.
func TestExportOfAnUnusualDocument(t *testing.T) {
	text := sharedPool + `apiVersion: sluicegate.dev/v1alpha1
kind: Tenant
metadata: {name: acme, labels: {side: &side blue}}
spec:
  hosts: [a.example]
  database: a
  releases: {blue: {pool: p}, green: {pool: p}}
  active: *side
`
	s := Compile(Document{Resources: Parse("a.yaml", text)}, nil, Options{Now: time.Now()})
	if s.Problems.Failed() {
		t.Fatal(s.Problems)
	}
	if got, err := s.Export("acme", "green"); err == nil || !strings.Contains(err.Error(), "write active: green into the document of tenant acme by hand") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := s.Export("nobody", "green"); err == nil {
		t.Error("a tenant that is not there was exported")
	}
	if _, err := s.Export("acme", "red"); err == nil {
		t.Error("a release that is not there was exported")
	}
}
