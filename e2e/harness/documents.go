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
	Fenced   bool // weight 0: pinned sessions only
}

// Pool writes a Pool document of Odoo 18 with sessions on each server; more lines go under
// spec.
func Pool(name string, backends []Backend, more ...string) string {
	return PoolOf(name, `{version: "18.0", sessions: local}`, backends, more...)
}

// PoolOf is Pool with another Odoo.
func PoolOf(name, odoo string, backends []Backend, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%skind: Pool\nmetadata: {name: %s}\nspec:\n  odoo: %s\n  backends:\n", apiVersion, name, odoo)
	for i, backend := range backends {
		if backend.Name == "" {
			backend.Name = fmt.Sprintf("b%d", i+1)
		}
		fmt.Fprintf(&b, "    - {%s}\n", backend.fields())
	}
	b.WriteString(lines(more))
	return b.String()
}

func (b Backend) fields() string {
	text := fmt.Sprintf("name: %s, http: \"http://%s\"", b.Name, b.HTTP)
	if b.Realtime != "" {
		text += fmt.Sprintf(", realtime: \"http://%s\"", b.Realtime)
	}
	if b.Workers > 0 {
		text += fmt.Sprintf(", workers: %d", b.Workers)
	}
	if b.Fenced {
		text += ", weight: 0"
	}
	return text
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

// Releases writes a Tenant document with a pool of the same name for each release, the first
// of which is active; more lines go under spec.
func Releases(name, database string, hosts, releases []string, more ...string) string {
	var pools []string
	for _, release := range releases {
		pools = append(pools, fmt.Sprintf("%[1]s: {pool: %[1]s}", release))
	}
	return fmt.Sprintf("%skind: Tenant\nmetadata: {name: %s}\nspec:\n  hosts: [%s]\n  database: %s\n  releases: {%s}\n  active: %s\n%s",
		apiVersion, name, quoted(hosts), database, strings.Join(pools, ", "), releases[0], lines(more))
}
