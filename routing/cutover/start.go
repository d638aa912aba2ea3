package cutover

import (
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/routing"
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

// Phases are those that a plan passes, in order, when nothing goes wrong.
func (p Plan) Phases() []Phase {
	var all []Phase
	if !p.SkipPreflight || p.Strategy == Failover && p.Check != nil {
		all = append(all, Preflight)
	}
	switch p.Strategy {
	case Shift:
		all = append(all, Verifying, Shifting)
	case Switch:
		all = append(all, Holding, Drained)
		if p.External != nil {
			all = append(all, Stepping)
		}
		return append(all, Verifying, Flipping, Releasing, Watching, Completed)
	case Failover:
	default:
		all = append(all, Verifying, Drained)
	}
	return append(all, Flipping, Watching, Completed)
}

// next is the phase behind one.
func (p Plan) next(after Phase) Phase {
	all := p.Phases()
	return all[slices.Index(all, after)+1]
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
		c.Final = c.Held
		if !c.Held {
			r.back()
		}
	case Completed:
		r.settle(now)
	}
}

// bounds are the phase's deadline and, in a sentence, what it waits for.
func (c *Cutover) bounds(now time.Time) (until *time.Time, waits string) {
	in := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	p := c.Plan
	switch c.Phase {
	case Preflight:
		return nil, "checks on both sides"
	case Holding:
		return in(ackWithin), "every gateway to hold the tenant's requests"
	case Drained:
		if p.Strategy == Switch {
			return in(p.Hold.Wait), "requests in flight on " + c.From
		}
		return in(p.Deadline), "the sessions on " + c.From
	case Stepping:
		if !c.Ready && p.NoReturn {
			return in(ackWithin), "every gateway to know that there is no way back"
		}
		if p.External.Webhook == "" {
			return in(p.External.Deadline), "an operator: sluice cutover confirm " + c.Tenant
		}
		return in(p.External.Deadline), "the external step"
	case Verifying:
		return in(p.Verify.Deadline), p.To + " to answer"
	case Shifting:
		return nil, "the share's time and the gates"
	case Flipping:
		return in(ackWithin), "every gateway to follow"
	case Aborting:
		return nil, "every gateway to follow"
	case Releasing:
		return in(p.Hold.Wait), "held requests to go on"
	case Watching:
		return in(p.Watch), "the time in which the way back is open"
	}
	return nil, ""
}

// ackWithin is how long gateways may take to hold.
const ackWithin = 10 * time.Second

func (c *Cutover) note(now time.Time, actor, text string) {
	const most = 500
	c.Timeline = append(slices.Clip(c.Timeline), Event{At: now, Phase: c.Phase, Actor: actor, Text: text})
	if over := len(c.Timeline) - most; over > 0 {
		c.Timeline, c.Dropped = slices.Clone(c.Timeline[over:]), c.Dropped+over
	}
}

// share sends a part of the sessions to the new side.
func (r *Record) share(percent float64) {
	r.Epoch++
	r.Cutover.Percent = percent
}

// flip makes the new side the tenant's: new sessions begin there, those of the old move.
func (r *Record) flip() {
	c := r.Cutover
	r.Epoch++
	c.Flipped = true
	c.Percent = 100
	if c.Plan.Scope.Same(routing.Scope{}) {
		r.close(c.From, c.Plan.To)
	}
}

// back restores what was before. Sessions that began on the new side go to the old one.
func (r *Record) back() {
	c := r.Cutover
	r.Epoch++
	c.Flipped = false
	r.Settled, r.Closings = slices.Clone(c.Before.Settled), slices.Clone(c.Before.Closings)
	if c.Plan.Scope.Same(routing.Scope{}) {
		r.close(c.Plan.To, c.Before.Active)
	}
}

// close sends sessions of a release elsewhere, for those pinned before now.
func (r *Record) close(release, to string) {
	r.Closings = slices.DeleteFunc(slices.Clone(r.Closings), func(c routing.Closing) bool { return c.Release == release })
	r.Closings = append(r.Closings, routing.Closing{Release: release, To: to, Before: r.Epoch})
}

// settle keeps where a completed cutover left the tenant. One of the whole tenant ends what
// was settled for parts of it.
func (r *Record) settle(now time.Time) {
	c := r.Cutover
	whole := c.Plan.Scope.Same(routing.Scope{})
	r.Settled = slices.DeleteFunc(slices.Clone(r.Settled), func(s Settled) bool { return whole || s.Scope.Same(c.Plan.Scope) })
	r.Settled = append(r.Settled, Settled{Scope: c.Plan.Scope, Active: c.Plan.To, Declared: c.Before.Declared, Cutover: c.ID, At: now})
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

// list says names in a sentence.
func list(names []string) string { return strings.Join(names, ", ") }
