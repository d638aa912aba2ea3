package config

import "time"

// heldBack keeps a tenant at its release while its calendar allows no move: what is declared
// in Git moves people as much as a command does. The rest of the document is served. It
// returns false when the document cannot be served so, because the release is gone from it.
func (c *compiler) heldBack(built, last *servedTenant) bool {
	if last == nil || built.calendar == nil {
		return true
	}
	t, here := built.tenant, last.tenant.Active.Name
	if t.Active.Name == here || c.opts.Moved != nil && c.opts.Moved(t.Name) == t.Active.Name {
		return true
	}
	ok, why, next := built.calendar.calendar.Allowed(c.opts.Now)
	if ok {
		return true
	}
	built.problems = append(built.problems, c.waits(built, here, why, next))
	if t.Releases[here] == nil {
		return false
	}
	declared := t.Active.Name
	t.Active, built.waits = t.Releases[here], true
	t.Digest = digestOf(t.Digest, "active", here, declared)
	built.sum = sumOf("tenant", t.Name, t.Digest)
	return true
}

// waits says what a tenant waits for, and sees to it that somebody looks again in time.
func (c *compiler) waits(built *servedTenant, here, why string, next time.Time) Problem {
	if !next.IsZero() && (c.due.IsZero() || next.Before(c.due)) {
		c.due = next
	}
	when := "no moment within two years allows it"
	if !next.IsZero() {
		when = "it follows at " + next.Format("Mon 2 Jan 2006 15:04 MST")
	}
	t := built.tenant
	if t.Releases[here] == nil {
		p := built.source.problem("spec.active", "keep release "+here+" in the document until then",
			"%s stays at %s, which is no release any more; %s; %s", t.Name, here, why, when)
		return p
	}
	return built.source.warning("spec.active", "to move now: sluice cutover start "+t.Name+" --to "+t.Active.Name+" --override-calendar",
		"%s stays at %s; %s; %s", t.Name, here, why, when)
}
