package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// grace is how long a tenant is served after it was last declared: a file that is being
// replaced is back within it.
const grace = 10 * time.Second

// keepVanished keeps tenants that are not declared any more: each for the grace time, and
// all of them until somebody confirms when they are suspiciously many.
func (c *compiler) keepVanished() {
	missing := c.missing()
	if len(missing) == 0 {
		return
	}
	total := len(c.previous.tenants)
	pending := &PendingRemoval{Digest: removalDigest(missing), Tenants: missing, Of: total}
	if suspicious(len(missing), total) {
		if c.opts.Confirmed == pending.Digest {
			return
		}
		c.pending = pending
		c.problems = append(c.problems, pending.problem())
	}
	for _, name := range missing {
		c.keep(name)
	}
}

// missing lists the tenants that are not declared any more. Those of a torn file are not
// missing: they stay as they are.
func (c *compiler) missing() []string {
	var out []string
	for _, name := range sortedKeys(c.previous.tenants) {
		switch served := c.previous.tenants[name]; {
		case c.declared[KindTenant][name] != nil:
		case c.torn(served.source):
			c.tenants = append(c.tenants, c.lastGood(name))
		default:
			out = append(out, name)
		}
	}
	return out
}

func (c *compiler) torn(r *Resource) bool {
	return slices.ContainsFunc(c.tornFiles, func(file string) bool {
		return r.File == file || strings.HasPrefix(r.File, strings.TrimSuffix(file, "/")+"/")
	})
}

// suspicious is all, or more than a fifth and more than one.
func suspicious(missing, total int) bool {
	return missing == total || (missing > 1 && missing*5 > total)
}

func removalDigest(names []string) string {
	return digestOf(append([]string{"removal"}, names...)...)[:12]
}

func (p *PendingRemoval) problem() Problem {
	names := strings.Join(p.Tenants[:min(3, len(p.Tenants))], ", ")
	if rest := len(p.Tenants) - 3; rest > 0 {
		names += fmt.Sprintf(" and %d more", rest)
	}
	return Problem{
		Message: fmt.Sprintf("%d of %d tenants are not declared any more (%s); they are served until somebody confirms", len(p.Tenants), p.Of, names),
		Hint:    "if that is meant: sluice confirm " + p.Digest,
	}
}

func (c *compiler) keep(name string) {
	served := c.lastGood(name)
	since := or(c.previous.tenants[name].vanished, c.opts.Now)
	end := since.Add(grace)
	if c.pending == nil {
		if !c.opts.Now.Before(end) {
			return
		}
		if c.due.IsZero() || end.Before(c.due) {
			c.due = end
		}
		c.problems = append(c.problems, Problem{
			Resource: "Tenant " + name, Warning: true,
			Message: "is not declared any more; it is served for another " + end.Sub(c.opts.Now).Round(time.Second).String(),
		})
	}
	kept := *served
	kept.stale, kept.vanished = false, since
	c.tenants = append(c.tenants, &kept)
}
