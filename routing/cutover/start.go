package cutover

import (
	"slices"
	"time"
)

// New starts a cutover of the record's tenant away from the release that takes new sessions
// now. The plan is validated by then.
func New(tenant, from string, plan Plan, now time.Time, actor, reason, id, seed string, rec Record) (Record, error) {
	if c := rec.Cutover; c != nil && !c.Phase.Ended() {
		return rec, refuse(ErrRunning, "tenant %s: cutover %s to %s is %s since %s: abort it, or let it end", tenant, c.ID, c.Plan.To, c.Phase, c.At.Format(time.RFC3339))
	}
	r := rec.clone()
	r.Tenant = tenant
	c := &Cutover{
		ID: id, Tenant: tenant, From: from, Plan: plan.WithDefaults(), Seed: seed,
		Grant:  Grant{Actor: actor, Reason: reason, At: now},
		Before: Before{Active: from, Settled: slices.Clone(r.Settled), Closings: slices.Clone(r.Closings)},
	}
	r.Cutover = c
	first := c.Plan.Phases()[0]
	r.enter(first, now, actor, "started: "+string(c.Plan.Strategy)+" from "+from+" to "+plan.To+": "+reason)
	return r.changed(now), nil
}

// enter makes a phase begin and takes the decision that it stands for.
func (r *Record) enter(phase Phase, now time.Time, actor, text string) {
	c := r.Cutover
	c.Phase, c.Since, c.Blocked = phase, now, ""
	c.Until, c.Waits = c.bounds(now)
	c.note(now, actor, text)
	switch phase {
	case Holding:
		c.Held = true
	case Stepping:
		c.Final, c.Ready = c.Plan.NoReturn, false
	case Drained:
		if c.Plan.Strategy == Drain {
			r.Epoch++
		}
	case Shifting:
		c.Stage = 0
		r.share(c.Plan.Shares[0].Percent)
	case Flipping:
		c.Final = c.Held
		if !c.Held {
			r.flip()
		}
	case Releasing:
		c.Held = false
	case Failed:
		c.Held = false // the page has taken its place
	case Aborting:
		c.Held = c.Plan.Strategy == Switch && c.Flipped
		c.Final, c.Ready = c.Held, false
		if !c.Held {
			r.back()
		}
	case Completed:
		r.settle(now)
	}
}

// ended puts a cutover that is over aside.
func (r *Record) ended(now time.Time) {
	r.Cutover.Ended = &now
	r.Cutover.Waits, r.Cutover.Until = "", nil
	r.Last, r.Cutover = r.Cutover, nil
}

// changed counts a change.
func (r Record) changed(now time.Time) Record {
	r.Sequence++
	r.Changed = now
	return r
}

// clone is a copy that may be changed.
func (r Record) clone() Record {
	r.Settled, r.Closings, r.Evicted = slices.Clone(r.Settled), slices.Clone(r.Closings), slices.Clone(r.Evicted)
	if r.Cutover != nil {
		c := *r.Cutover
		c.Timeline = slices.Clone(c.Timeline)
		r.Cutover = &c
	}
	return r
}
