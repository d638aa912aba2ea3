package config

import (
	"fmt"
	"strings"
	"time"
)

// grace is how long a tenant is served after it was last declared: a file that is being
// replaced is back within it.
const grace = 10 * time.Second

// keepUndeclared sees to the tenants that are served and not declared any more. Those of a
// torn file stay as they are. The others stay for the grace time, and all of them until
// somebody confirms when they are suspiciously many.
func (c *compiler) keepUndeclared(names map[string]bool) {
	missing := c.missing(names)
	if len(missing) == 0 {
		return
	}
	total := len(c.previous.tenants)
	pending := &PendingRemoval{Digest: removalDigest(missing), Tenants: missing, Of: total}
	switch {
	case !suspicious(len(missing), total):
	case c.opts.Confirmed == pending.Digest:
		for _, name := range missing {
			c.serve(name, nil)
		}
		return
	default:
		c.pending = pending
		c.general = append(c.general, pending.problem())
	}
	for _, name := range missing {
		c.serve(name, c.keep(name))
	}
}

// missing lists the tenants that are gone, and keeps those that only seem so.
func (c *compiler) missing(names map[string]bool) []string {
	var out []string
	for _, name := range sortedKeys(names) {
		if c.declared[KindTenant][name] != nil {
			continue
		}
		c.report(ref{KindTenant, name}, nil)
		last := c.previous.tenants[name]
		switch {
		case last == nil:
		case c.torn(last.source):
			c.serve(name, c.lastGood(name))
		default:
			out = append(out, name)
		}
	}
	return out
}

// suspicious is all, or more than a fifth and more than one.
func suspicious(missing, total int) bool {
	return missing == total || (missing > 1 && missing*5 > total)
}

func removalDigest(names []string) string {
	return digestOf(append([]string{"removal"}, names...)...)[:12]
}

func (p *PendingRemoval) problem() Problem {
	return Problem{
		Message: fmt.Sprintf("%d of %d tenants are not declared any more: %s; their last good version is served until somebody confirms",
			len(p.Tenants), p.Of, someOf(p.Tenants)),
		Hint: "if that is meant: sluice confirm " + p.Digest,
	}
}

// someOf keeps a line short.
func someOf(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// keep is the last good version within the grace time, nothing after it.
func (c *compiler) keep(name string) *servedTenant {
	since := or(c.previous.tenants[name].vanished, c.opts.Now)
	end := since.Add(grace)
	if c.pending == nil {
		if !c.opts.Now.Before(end) {
			return nil
		}
		if c.due.IsZero() || end.Before(c.due) {
			c.due = end
		}
		c.general = append(c.general, Problem{
			Resource: "Tenant " + name, Warning: true,
			Message: "is not declared any more; it is served for another " + end.Sub(c.opts.Now).Round(time.Second).String(),
		})
	}
	kept := *c.lastGood(name)
	kept.stale, kept.vanished = false, since
	return &kept
}
