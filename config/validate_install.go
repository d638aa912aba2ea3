package config

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"sluicegate.dev/sluice/routing/odoo"
)

func (c *checker) install(s *InstallSpec) {
	c.sources(s.Sources)
	c.store(s.Store)
	c.admin(s.Admin)
	for _, name := range sortedKeys(s.PublicPorts) {
		if p := s.PublicPorts[name]; (p < 1 || p > 65535) && !c.broken("spec.publicPorts") {
			c.fail("spec.publicPorts."+name, "", "port %d is not between 1 and 65535", p)
		}
	}
	for i, p := range s.TrustedProxies {
		if p.IsValid() && p.Bits() == 0 {
			c.fail(fmt.Sprintf("spec.trustedProxies[%d]", i), "name the networks that your proxies are in",
				"%s would let every client choose its own address", p)
		}
	}
}

func (c *checker) sources(s Sources) {
	const field = "spec.sources"
	switch {
	case s.Kubernetes != nil:
		c.fail(field+".kubernetes", "use directory", "the kubernetes source is not in this version yet")
	case s.Directory == "" && !c.broken(field):
		c.fail(field, "write sources: {directory: ./tenants}", "say where tenants are declared")
	}
}

func (c *checker) admin(s Admin) {
	const field = "spec.admin"
	if s.Address != "" && !c.broken(field+".address") {
		if _, port, ok := cutPort(s.Address); !ok || port < 0 || port > 65535 {
			c.fail(field+".address", "write it as 127.0.0.1:9080", "%q is not host:port", shorten(s.Address))
		}
	}
	c.adminTokens(field, s.Tokens)
	if s.Entra != nil {
		c.adminEntra(field+".entra", *s.Entra)
	}
	for i, h := range s.Hosts {
		if _, _, err := odoo.CanonicalHost(h); err != nil || strings.Contains(h, "*") {
			c.fail(fmt.Sprintf("%s.hosts[%d]", field, i), "", "%q is not a host", shorten(h))
		}
	}
}

func (c *checker) adminTokens(field string, tokens []AdminToken) {
	names := map[string]bool{}
	for i, t := range tokens {
		where := fmt.Sprintf("%s.tokens[%d].name", field, i)
		if t.Name != "" && c.label(where, t.Name) && names[t.Name] {
			c.fail(where, "", "two tokens are called %q", t.Name)
		}
		names[t.Name] = true
		if t.Tenants != nil && len(t.Tenants) == 0 {
			c.fail(fmt.Sprintf("%s.tokens[%d].tenants", field, i), "leave it out for all tenants, or name some", "an empty list would let the token see all of them")
		}
		for j, pattern := range t.Tenants {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				c.fail(fmt.Sprintf("%s.tokens[%d].tenants[%d]", field, i, j), "write a name, or a pattern such as acme-*", "%q is no pattern", shorten(pattern))
			}
		}
	}
}

func (c *checker) adminEntra(field string, e AdminEntra) {
	if e.TenantID != "" && !isGUID(e.TenantID) {
		c.fail(field+".tenantId", "copy the directory (tenant) id", "%q is no id of a directory: names and \"common\" would let others in", shorten(e.TenantID))
	}
	if len(e.Roles) == 0 && !c.broken(field+".roles") {
		c.fail(field+".roles", "write roles: {Sluice.Operator: operator}", "no app role lets anybody in")
	}
	for _, name := range sortedKeys(e.Roles) {
		if role := e.Roles[name]; !slices.Contains([]string{"viewer", "operator", "admin"}, role) {
			c.fail(field+".roles."+name, "", "%q is none of viewer, operator, admin", shorten(role))
		}
	}
	if u, err := url.Parse(e.Authority); e.Authority != "" && (err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) || u.Host == "") {
		c.fail(field+".authority", "write it as https://login.microsoftonline.us", "%q is no https address", shorten(e.Authority))
	}
}

// isLoopback is for tests against an issuer on this machine.
func isLoopback(host string) bool { return host == "127.0.0.1" || host == "localhost" || host == "::1" }

// isGUID tells whether text has the form of a directory's id.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, r := range strings.ToLower(text) {
		switch i {
		case 8, 13, 18, 23:
			if r != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdef", r) {
				return false
			}
		}
	}
	return true
}
