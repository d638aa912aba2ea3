package config

import (
	"fmt"
	"reflect"
	"strings"
)

func (c *checker) plan(s *PlanSpec) {
	c.shared("spec", s.Shared)
	c.shared("spec.defaults", s.Defaults)
	c.middlewares("spec.floors.middlewares", s.Floors.Middlewares)
	c.access("spec.floors.access", s.Floors.Access)
	c.limits("spec.floors.limits", s.Floors.Limits)
	c.twice(s)
}

// twice refuses a default that stands both in the spec and in spec.defaults.
func (c *checker) twice(s *PlanSpec) {
	direct, defaults := reflect.ValueOf(s.Shared), reflect.ValueOf(s.Defaults)
	for _, r := range fieldRules(direct.Type()) {
		if !direct.FieldByIndex(r.index).IsZero() && !defaults.FieldByIndex(r.index).IsZero() {
			c.fail("spec.defaults."+r.name, "keep one of them", "stands in spec.%s too", r.name)
		}
	}
}

func (c *checker) shared(field string, s Shared) {
	c.middlewares(field+".middlewares", s.Middlewares)
	c.access(field+".access", s.Access)
	c.limits(field+".limits", s.Limits)
	if s.SignIn != nil {
		c.signIn(field+".signIn", s.SignIn)
	}
	if s.Cutover != nil {
		c.cutover(field+".cutover", s.Cutover)
	}
}

// middlewares wants name@provider. Traefik's internal services are not for tenants.
func (c *checker) middlewares(field string, list []string) {
	for i, m := range list {
		where := fmt.Sprintf("%s[%d]", field, i)
		name, provider, _ := strings.Cut(m, "@")
		switch {
		case c.broken(where):
		case name == "" || provider == "" || strings.ContainsAny(m, " \t\r\n`(){},\"'") || strings.Count(m, "@") > 1:
			c.fail(where, "write it as geo@file", "%q is not a middleware's name@provider", shorten(m))
		case provider == "internal":
			c.fail(where, "", "%q belongs to the gateway itself", shorten(m))
		}
	}
}

func (c *checker) access(field string, rules []AccessRule) {
	for i, r := range rules {
		c.paths(fmt.Sprintf("%s[%d].paths", field, i), r.Paths)
	}
}
