package harness

import (
	"fmt"
	"strings"
)

const apiVersion = "apiVersion: sluicegate.dev/v1alpha1\n"

// Backend is one backend of a pool.
type Backend struct {
	Name     string
	HTTP     string // host:port
	Realtime string // host:port; empty: the HTTP one
	Workers  int
}

// Pool writes a Pool document; more lines go under spec.
func Pool(name string, backends []Backend, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%skind: Pool\nmetadata: {name: %s}\nspec:\n  odoo: {version: \"18.0\", sessions: local}\n  backends:\n", apiVersion, name)
	for i, backend := range backends {
		if backend.Name == "" {
			backend.Name = fmt.Sprintf("b%d", i+1)
		}
		fmt.Fprintf(&b, "    - {name: %s, http: \"http://%s\"", backend.Name, backend.HTTP)
		if backend.Realtime != "" {
			fmt.Fprintf(&b, ", realtime: \"http://%s\"", backend.Realtime)
		}
		if backend.Workers > 0 {
			fmt.Fprintf(&b, ", workers: %d", backend.Workers)
		}
		b.WriteString("}\n")
	}
	b.WriteString(lines(more))
	return b.String()
}

// Tenant writes a Tenant document with one pool; more lines go under spec.
func Tenant(name, database, pool string, hosts []string, more ...string) string {
	quoted := make([]string, len(hosts))
	for i, host := range hosts {
		quoted[i] = fmt.Sprintf("%q", host)
	}
	return fmt.Sprintf("%skind: Tenant\nmetadata: {name: %s}\nspec:\n  hosts: [%s]\n  database: %s\n  pool: %s\n%s",
		apiVersion, name, strings.Join(quoted, ", "), database, pool, lines(more))
}

// Both is a file with a pool of one backend and its tenant.
func Both(name, database, backend string, hosts []string, more ...string) string {
	return Pool(name, []Backend{{HTTP: backend}}) + "---\n" + Tenant(name, database, name, hosts, more...)
}

// Documents joins documents into one file.
func Documents(texts ...string) string { return strings.Join(texts, "---\n") }

func lines(more []string) string {
	var b strings.Builder
	for _, line := range more {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}
