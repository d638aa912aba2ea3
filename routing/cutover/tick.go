package cutover

import "time"

// Tick moves the running cutover on by what was observed: by one phase at most, so that each
// is written down before the next begins.
func (r Record) Tick(o Observation) (next Record, wants Wants, changed bool) {
	c := r.Cutover
	if c == nil || c.Phase.Ended() {
		return r, Wants{}, false
	}
	n := r.clone()
	if n.step(o) {
		n = n.changed(o.Now)
		return n, n.Wants(), true
	}
	return r, r.Wants(), false
}

// step says whether something has changed.
func (r *Record) step(o Observation) bool {
	c := r.Cutover
	if c.Paused && !c.Held {
		return false
	}
	if c.tainted(o) {
		return r.fail(o.Now, "gateway "+list(o.Lapsed)+" had lost touch and served "+c.From+" meanwhile: what the external step did may lack that")
	}
	switch c.Phase {
	case Preflight:
		return r.onResult(o, either(o.Preflight, o.Check), "")
	case Holding:
		return r.onHolding(o)
	case Drained:
		return r.onDrained(o)
	case Stepping:
		return r.onStepping(o)
	case Verifying:
		return r.onVerify(o)
	case Shifting:
		return r.onShifting(o)
	case Flipping:
		return r.onFlipping(o)
	case Releasing:
		if o.Known && o.Held == 0 || c.late(o.Now) {
			return r.go_(o.Now, "what was held has gone on")
		}
	case Watching:
		return r.onWatching(o)
	case Aborting:
		return r.onAborting(o)
	}
	return false
}

// driver is the actor of what nobody asked for.
const driver = "sluice"

// go_ enters the phase that follows.
func (r *Record) go_(now time.Time, text string) bool {
	c := r.Cutover
	r.enter(c.Plan.next(c.Phase), now, driver, text)
	if c.Phase == Completed {
		r.ended(now)
	}
	return true
}

func either(a, b *Result) *Result {
	if a != nil {
		return a
	}
	return b
}

func (c *Cutover) late(now time.Time) bool { return c.Until != nil && !now.Before(*c.Until) }

// onResult is for phases that end with somebody's word.
func (r *Record) onResult(o Observation, result *Result, late string) bool {
	c := r.Cutover
	switch {
	case result != nil && result.OK:
		return r.go_(o.Now, result.Text)
	case result != nil:
		return r.fail(o.Now, result.Text)
	case c.late(o.Now):
		return r.fail(o.Now, late)
	}
	return false
}

// fail is what happens when a phase does not end well: with requests held they go back to the
// old side while that is possible, and stay away from a half moved database when it is not;
// else somebody looks at it.
func (r *Record) fail(now time.Time, why string) bool {
	c := r.Cutover
	switch {
	case c.Passed:
		r.enter(Failed, now, driver, why)
		c.Blocked = why + ". The point of no return is behind, so the tenant has the maintenance page: repair " + c.Plan.To +
			", then sluice cutover confirm " + c.Tenant + "; or restore " + c.From + ", then sluice cutover abort " + c.Tenant
	case c.Held:
		r.enter(Aborting, now, driver, why)
	default:
		c.Paused, c.Blocked = true, why+". Then sluice cutover resume "+c.Tenant+", or abort"
		c.note(now, driver, why)
	}
	return true
}

func (r *Record) onVerify(o Observation) bool {
	c := r.Cutover
	switch {
	case o.Verify != nil && o.Verify.OK:
		return r.go_(o.Now, o.Verify.Text)
	case c.late(o.Now):
		why := c.Plan.To + " did not answer as it should in time"
		if o.Verify != nil {
			why = o.Verify.Text
		}
		return r.fail(o.Now, why)
	}
	return false
}

// Leaving is the side that traffic is to leave now.
func (c *Cutover) Leaving() string {
	if c.Phase == Aborting {
		return c.Plan.To
	}
	return c.From
}
