package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // images and small machines have none of their own
)

// Bounds of limits.
const (
	maxRules    = 100 // of one tenant
	maxPatterns = 500
	fastest     = 1_000_000 // a second: beyond it a number is a typing error
)

func (c *checker) limitPolicy(s *LimitPolicySpec) {
	if !s.limits() && !s.restricts() && !c.broken("spec") {
		c.fail("spec", "give it a rate, quotas or a concurrency, or say what it allows", "the policy limits nothing")
	}
	c.rate("spec.rate", s.Rate)
	c.rate("spec.unverified.rate", s.Unverified.Rate)
	c.duration("spec.lease", s.Lease, 10*time.Millisecond, time.Second)
	c.counted(s)
	c.quotas(s.Quotas)
	c.patterns("spec.allow", s.Allow)
	c.costs(s)
}

// limits tells whether the policy bounds how much.
func (s *LimitPolicySpec) limits() bool {
	q := s.Quotas
	return s.Rate != nil || s.Concurrency > 0 || q.Hour > 0 || q.Day > 0 || q.Month > 0
}

// restricts tells whether it bounds what at all.
func (s *LimitPolicySpec) restricts() bool {
	return len(s.Allow)+len(s.Sources) > 0 || s.Caps.Unlink != nil || s.Caps.Read != nil
}

func (c *checker) rate(field string, r *Rate) {
	if r != nil && perSecond(*r) > fastest {
		c.fail(field, "", "want at most %d/s, got %s", fastest, *r)
	}
}

// counted looks at fields that need others to mean anything.
func (c *checker) counted(s *LimitPolicySpec) {
	for _, f := range []struct {
		field string
		given bool
	}{
		{"burst", s.Burst > 0 && s.Rate == nil},
		{"lease", s.Lease > 0 && !s.limits()},
		{"reserve", s.Reserve > 0 && !s.limits()},
		{"percent", s.Percent > 0 && !s.limits()},
	} {
		if f.given && !c.broken("spec.rate") {
			c.fail("spec."+f.field, "give the policy a rate", "says nothing without a rate")
		}
	}
	if s.Strict && s.Lease > 0 {
		c.fail("spec.lease", "keep one of them", "a strict policy leases nothing")
	}
}

func (c *checker) quotas(s QuotaSpec) {
	if s.Hour > 0 && s.Day > 0 && s.Day < s.Hour {
		c.warn("spec.quotas.day", "", "is less than the quota of an hour, which never matters then")
	}
	if s.Day > 0 && s.Month > 0 && s.Month < s.Day {
		c.warn("spec.quotas.month", "", "is less than the quota of a day, which never matters then")
	}
	c.timeZone("spec.quotas.timeZone", s.TimeZone)
}

func (c *checker) costs(s *LimitPolicySpec) {
	const field = "spec.costs"
	if len(s.Costs) == 0 {
		return
	}
	if s.Units != "cost" && !c.broken("spec.units") {
		c.fail(field, "add units: cost", "costs are not counted: units is requests")
	}
	if len(s.Costs) > maxPatterns {
		c.fail(field, "", "at most %d patterns", maxPatterns)
		return
	}
	for _, pattern := range sortedKeys(s.Costs) {
		c.pattern(field+"."+pattern, pattern)
		if n := s.Costs[pattern]; n < 1 || n > 100_000 {
			c.fail(field+"."+pattern, "", "want a cost from 1 to 100000, got %d", n)
		}
	}
}

// patterns wants model.method, with stars.
func (c *checker) patterns(field string, list []string) {
	if len(list) > maxPatterns {
		c.fail(field, "", "at most %d patterns", maxPatterns)
		return
	}
	for i, p := range list {
		c.pattern(fmt.Sprintf("%s[%d]", field, i), p)
	}
}

func (c *checker) pattern(where, p string) {
	switch {
	case c.broken(where):
	case p == "" || len(p) > 256 || strings.ContainsFunc(p, notOfPattern):
		c.fail(where, "write it as res.partner.read or sale.order.*", "%q is not a pattern of calls", shorten(p))
	case !strings.Contains(p, ".") && !strings.Contains(p, "*"):
		c.fail(where, fmt.Sprintf("for all of the model write %q", p+".*"), "%q names no method", shorten(p))
	}
}

func notOfPattern(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._*-", r))
}

func (c *checker) limits(field string, rules []LimitRule) {
	if len(rules) > maxRules {
		c.fail(field, "", "at most %d rules", maxRules)
		return
	}
	for i, r := range rules {
		where := fmt.Sprintf("%s[%d]", field, i)
		c.paths(where+".paths", r.Paths)
		c.patterns(where+".calls", r.Calls)
		c.callers(where+".clients", r.Clients)
		c.callers(where+".except", r.Except)
		if len(r.Paths)+len(r.Classes)+len(r.Calls)+len(r.Clients) == 0 && !c.broken(where) {
			c.fail(where, `paths: ["/**"] takes everything`, "says nothing: it needs classes, paths, calls or clients")
		}
	}
}

func callerKinds() []string { return []string{"client", "key", "uid", "login"} }

// callers wants kind:name.
func (c *checker) callers(field string, list []string) {
	for i, caller := range list {
		where := fmt.Sprintf("%s[%d]", field, i)
		kind, name, found := strings.Cut(caller, ":")
		switch {
		case c.broken(where):
		case !found:
			c.fail(where, "", "%q is not a client: write client:..., key:..., uid:7 or login:name", shorten(caller))
		case !slices.Contains(callerKinds(), kind):
			c.fail(where, didYouMean(kind, callerKinds()), "%q is not a client: write client:..., key:..., uid:7 or login:name", shorten(caller))
		case name == "" || len(name) > 128 || kind == "uid" && strings.Trim(name, "0123456789") != "":
			c.fail(where, "", "%q names nobody", shorten(caller))
		}
	}
}

func (c *checker) signIn(field string, s *SignInSpec) {
	c.rate(field+".perLogin", s.PerLogin)
	c.rate(field+".perAddress", s.PerAddress)
}
