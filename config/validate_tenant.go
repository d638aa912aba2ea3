package config

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"sluicegate.dev/sluice/routing/odoo"
)

// Bounds of one tenant.
const (
	maxHosts    = 1000
	maxReleases = 16
)

func (c *checker) tenant(s *TenantSpec) {
	c.hosts(s)
	c.releases(s)
	c.database("spec.database", s.Database)
	for _, name := range sortedKeys(s.Classes) {
		c.class("spec.classes."+name, name, s.Classes[name])
	}
	c.standby(s)
	if s.TLS != nil {
		c.tenantTLS(s.TLS)
	}
	c.shared("spec", s.Shared)
}

func (c *checker) hosts(s *TenantSpec) {
	const field = "spec.hosts"
	if len(s.Hosts) > maxHosts {
		c.fail(field, "", "a tenant has at most %d hosts", maxHosts)
		return
	}
	seen := map[string]bool{}
	for i, raw := range s.Hosts {
		where := fmt.Sprintf("%s[%d]", field, i)
		if c.broken(where) {
			continue
		}
		host, message, hint := canonicalHost(raw)
		switch {
		case message != "":
			c.fail(where, hint, "%s", message)
		case seen[host]:
			c.fail(where, "", "%s is here twice", host)
		}
		seen[host] = true
	}
}

// canonicalHost is the host that requests are compared with, or what is wrong with it.
func canonicalHost(raw string) (host, message, hint string) {
	name, wildcard := strings.CutPrefix(raw, "*.")
	if name == "" || strings.Contains(name, "*") {
		return raw, fmt.Sprintf("%q is not a host", shorten(raw)), `a star is the whole first label, as in "*.shop.example.com"`
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > 127 }) {
		return unicodeHost(raw, name, wildcard)
	}
	host, port, err := odoo.CanonicalHost(name)
	switch {
	case port != "" || strings.HasSuffix(name, ":"):
		return raw, fmt.Sprintf("%q has a port", shorten(raw)), "a host has none; see spec.publicPorts of Install"
	case err != nil:
		return raw, fmt.Sprintf("%q is not a host", shorten(raw)), "write the bare name, such as erp.example.com"
	case odoo.IsIP(host):
		return raw, fmt.Sprintf("%q is an address", shorten(raw)), "a tenant is found by name"
	case badLabels(host):
		return raw, fmt.Sprintf("%q has a label that starts or ends with a hyphen", shorten(raw)), ""
	}
	if wildcard {
		host = "*." + host
	}
	return host, "", ""
}

// unicodeHost refuses names that are not written in ASCII: what a person sees there need
// not be what a browser asks for. It says how the name is written instead.
func unicodeHost(raw, name string, wildcard bool) (host, message, hint string) {
	message = fmt.Sprintf("%q is not written in ASCII", shorten(raw))
	puny, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return raw, message, "letters that no hostname may hold"
	}
	if wildcard {
		puny = "*." + puny
	}
	return raw, message, fmt.Sprintf("write its punycode form, %q, if that is the name you mean", puny)
}

func badLabels(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return true
		}
	}
	return false
}

func (c *checker) releases(s *TenantSpec) {
	const field = "spec.releases"
	switch {
	case c.broken(field) || c.broken("spec.pool"):
		return
	case s.Pool != "" && len(s.Releases) > 0:
		c.fail("spec.pool", "keep one of them", "a tenant has a pool or releases, not both")
	case s.Pool != "":
		c.short(s)
	case len(s.Releases) == 0:
		c.fail("spec", "the short form is pool: NAME", "a tenant needs a pool or releases")
	default:
		c.sides(s)
	}
}

// short is a tenant with spec.pool: one release, blue, which is active.
func (c *checker) short(s *TenantSpec) {
	if s.Active != "" && s.Active != "blue" && (s.Active != standbyName || s.Standby == nil) {
		c.fail("spec.active", "leave it out, or write releases", "with pool there is one release, blue")
	}
	if s.Database == "" && !c.broken("spec.database") {
		c.fail("spec.database", "", "is required")
	}
}

func (c *checker) sides(s *TenantSpec) {
	const field = "spec.releases"
	if len(s.Releases) > maxReleases {
		c.fail(field, "", "a tenant has at most %d releases", maxReleases)
	}
	for _, name := range sortedKeys(s.Releases) {
		where := field + "." + name
		c.label(where, name)
		if name == standbyName {
			c.fail(where, "write spec.standby: {pool: NAME}, or give the release another name", "standby is the release that spec.standby makes")
		}
		c.database(where+".database", s.Releases[name].Database)
		if s.Database == "" && s.Releases[name].Database == "" && !c.broken("spec.database") {
			c.fail(where, "or give the tenant one for all releases", "the release has no database")
		}
	}
	known := sortedKeys(s.Releases)
	if s.Standby != nil {
		known = append(known, standbyName)
	}
	switch {
	case s.Active == "" && len(s.Releases) > 1 && !c.broken("spec.active"):
		c.fail("spec.active", "", "say which release is active: %s", strings.Join(sortedKeys(s.Releases), " or "))
	case s.Active != "" && !slices.Contains(known, s.Active):
		c.fail("spec.active", didYouMean(s.Active, known), "there is no release %q", shorten(s.Active))
	}
}

// standbyName is the release that spec.standby makes.
const standbyName = "standby"

func (c *checker) standby(s *TenantSpec) {
	if s.Standby == nil {
		return
	}
	const field = "spec.standby"
	c.database(field+".database", s.Standby.Database)
	if s.Database == "" && s.Standby.Database == "" && !c.broken("spec.database") && !c.broken(field) {
		c.fail(field, "or give the tenant one for all releases", "the standby has no database")
	}
}

// database bounds the name: it goes into a header and into a regular expression there.
func (c *checker) database(field, name string) {
	bad := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' || r == '\\' || r == '"' })
	if bad || len(name) > 63 {
		c.fail(field, "at most 63 letters, digits, dots, hyphens and underscores", "%q is not a database name", shorten(name))
	}
}

func (c *checker) class(where, name string, s ClassSpec) {
	own := len(s.Paths)+len(s.Methods)+len(s.Clients) > 0
	switch {
	case !c.label(where, name):
	case own && isOdooClass(name):
		c.fail(where, "give it another name", "%s is one of Odoo's classes; it takes a pool only", name)
	case own && len(s.Paths) == 0 && len(s.Clients) == 0 && !c.broken(where):
		c.fail(where, "add paths or clients", "a class of methods alone would take every page")
	case !own && !isOdooClass(name) && !c.broken(where):
		c.fail(where, didYouMean(name, odooClasses()), "a class of your own needs paths, methods or clients")
	case !own && s.Pool == "" && !c.broken(where):
		c.fail(where, "", "says nothing: it needs a pool")
	}
	c.paths(where+".paths", s.Paths)
	for i, m := range s.Methods {
		if !slices.Contains(methods(), strings.ToUpper(m)) {
			c.fail(fmt.Sprintf("%s.methods[%d]", where, i), didYouMean(m, methods()), "%q is not a method", shorten(m))
		}
	}
}

func methods() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

func odooClasses() []string {
	out := []string{}
	for _, class := range []odoo.Class{odoo.Web, odoo.Realtime, odoo.RPC, odoo.Report, odoo.Portal, odoo.Static, odoo.Health, odoo.Manager} {
		out = append(out, string(class))
	}
	return out
}

func isOdooClass(name string) bool { return slices.Contains(odooClasses(), name) }

func (c *checker) tenantTLS(t *TenantTLS) {
	const field = "spec.tls"
	given := 0
	for _, set := range []bool{t.Issuer != "", t.Certificate != nil, t.SecretName != ""} {
		if set {
			given++
		}
	}
	if given != 1 && !c.broken(field) {
		c.fail(field, "", "want exactly one of issuer, certificate and secretName")
	}
}
