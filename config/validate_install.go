package config

import (
	"fmt"
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
	names := map[string]bool{}
	for i, t := range s.Tokens {
		where := fmt.Sprintf("%s.tokens[%d].name", field, i)
		if t.Name == "" {
			continue
		}
		if c.label(where, t.Name) && names[t.Name] {
			c.fail(where, "", "two tokens are called %q", t.Name)
		}
		names[t.Name] = true
	}
	for i, h := range s.Hosts {
		if _, _, err := odoo.CanonicalHost(h); err != nil || strings.Contains(h, "*") {
			c.fail(fmt.Sprintf("%s.hosts[%d]", field, i), "", "%q is not a host", shorten(h))
		}
	}
}
