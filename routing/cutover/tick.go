package cutover

import (
	"fmt"
	"time"
)

// Wants is what the driver must go and find out before the next tick.
type Wants struct {
	Preflight, External, Verify, Check, Gates bool
	Fast                                      bool // requests wait meanwhile
}

// Wants says what the running cutover waits for.
func (r Record) Wants() Wants {
	c := r.Cutover
	if c == nil || c.Phase.Ended() {
		return Wants{}
	}
	w := Wants{Fast: c.Held || c.Phase == Flipping || c.Phase == Aborting || c.Phase == Releasing}
	if c.Paused {
		return w
	}
	switch c.Phase {
	case Preflight:
		w.Check = c.Plan.Strategy == Failover
		w.Preflight = !w.Check
	case Stepping:
		w.External = c.Plan.External.Webhook != "" && (c.Ready || !c.Plan.NoReturn)
	case Verifying:
		w.Verify = true
	case Shifting, Watching:
		w.Gates = c.Plan.Gates.set()
	}
	return w
}

func (g Gates) set() bool { return g.Failures > 0 || g.MoreThan > 0 || g.Latency > 0 }

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

// followed says whether every gateway applies what was decided last.
func (r *Record) followed(o Observation) bool { return len(o.Behind) == 0 && len(o.Silent) == 0 }

// waitFor says which gateways have not followed, once.
func (r *Record) waitFor(o Observation) bool {
	c := r.Cutover
	blocked := ""
	if o.Now.Sub(c.Since) > ackWithin {
		switch {
		case len(o.Silent) > 0:
			blocked = fmt.Sprintf("gateway %s is silent: restart it, or say that it is gone: sluice cutover evict %s REPLICA", list(o.Silent), c.Tenant)
		case len(o.Behind) > 0:
			blocked = fmt.Sprintf("gateway %s does not follow: look at its log", list(o.Behind))
		}
	}
	if blocked == c.Blocked {
		return false
	}
	c.Blocked = blocked
	return true
}

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

func (r *Record) onHolding(o Observation) bool {
	c := r.Cutover
	switch {
	case r.followed(o):
		return r.go_(o.Now, "every gateway holds the tenant's requests")
	case c.late(o.Now):
		return r.fail(o.Now, "not every gateway holds: "+r.missing(o))
	}
	return false
}

func (r *Record) onDrained(o Observation) bool {
	c := r.Cutover
	empty := o.Known && o.InFlight == 0
	if c.Plan.Strategy == Switch {
		switch {
		case empty && r.followed(o):
			return r.go_(o.Now, "nothing is in flight on "+c.From)
		case c.late(o.Now):
			return r.fail(o.Now, fmt.Sprintf("%d requests are still in flight on %s", o.InFlight, c.From))
		}
		return false
	}
	switch {
	case empty && o.Sessions == 0 && o.Sockets == 0 && r.followed(o):
		return r.go_(o.Now, "no session is left on "+c.From)
	case c.late(o.Now):
		return r.go_(o.Now, fmt.Sprintf("the deadline is over: %d sessions move", o.Sessions))
	}
	return false
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

// judge rolls back, or stops, what the gates say is not well.
func (r *Record) judge(o Observation) (failed bool) {
	c := r.Cutover
	if o.Gates == nil || o.Gates.OK {
		return false
	}
	if c.Plan.Gates.Rollback {
		r.enter(Aborting, o.Now, "gates", o.Gates.Text)
		return true
	}
	c.Paused, c.Blocked = true, o.Gates.Text+". Abort, or go on: sluice cutover resume "+c.Tenant
	c.note(o.Now, "gates", o.Gates.Text)
	return true
}

func (r *Record) onShifting(o Observation) bool {
	c := r.Cutover
	if r.judge(o) {
		return true
	}
	stage := c.Plan.Shares[c.Stage]
	judged := !c.Plan.Gates.set() || o.Gates != nil
	if stage.For == 0 || o.Now.Sub(c.Since) < stage.For || !judged || !r.followed(o) {
		return false
	}
	return r.stage(o.Now, driver)
}

// stage goes on with the next share, or past the last.
func (r *Record) stage(now time.Time, actor string) bool {
	c := r.Cutover
	if c.Stage+1 >= len(c.Plan.Shares) {
		r.enter(Flipping, now, actor, "the last share is well: all sessions go to "+c.Plan.To)
		return true
	}
	c.Stage++
	c.Since = now
	r.share(c.Plan.Shares[c.Stage].Percent)
	c.note(now, actor, fmt.Sprintf("%g %% of the sessions go to %s", c.Percent, c.Plan.To))
	return true
}

// onStepping begins what cannot be undone only when every gateway knows: one that loses touch
// afterwards answers with the page, instead of releasing what it holds onto a half moved
// database.
func (r *Record) onStepping(o Observation) bool {
	c := r.Cutover
	if !c.Plan.NoReturn || c.Ready {
		return r.onResult(o, o.External, "the external step took too long")
	}
	switch {
	case r.followed(o):
		c.Ready, c.Passed, c.Since = true, true, o.Now
		c.Until, c.Waits = c.bounds(o.Now)
		c.note(o.Now, driver, "the point of no return is behind: from here it only goes forward")
		return true
	case c.late(o.Now):
		return r.fail(o.Now, "not every gateway knows that there is no way back: "+r.missing(o))
	}
	return false
}

// onFlipping flips what is held in two steps. Until all gateways know that the flip comes, one
// that loses touch would release what it holds to the old side when its lease ends, which
// must not happen once another has flipped; from then on it answers with the page.
func (r *Record) onFlipping(o Observation) bool {
	c := r.Cutover
	switch {
	case r.followed(o) && !c.Flipped:
		r.flip()
		c.Since, c.Blocked = o.Now, ""
		c.Until, c.Waits = c.bounds(o.Now)
		c.note(o.Now, driver, c.Plan.To+" takes the tenant")
		return true
	case r.followed(o):
		return r.go_(o.Now, "every gateway sends the tenant to "+c.Plan.To)
	case c.Held && c.late(o.Now) && !c.Flipped:
		return r.fail(o.Now, "not every gateway is ready for the flip: "+r.missing(o))
	case c.Held && c.late(o.Now):
		return r.go_(o.Now, "gateway "+r.missing(o)+" has not followed: it answers with the maintenance page until it does")
	}
	return r.waitFor(o)
}

// onAborting is done when every gateway serves the old side again. A flip of what was held is
// undone as it was done: hold, wait for what is in flight, then back.
func (r *Record) onAborting(o Observation) bool {
	c := r.Cutover
	switch {
	case !r.followed(o):
		return r.waitFor(o)
	case c.Flipped && (!o.Known || o.InFlight > 0) && o.Now.Sub(c.Since) < c.Plan.Hold.Wait:
		return false
	case c.Flipped:
		r.back()
		c.Blocked = ""
		c.note(o.Now, driver, c.Before.Active+" takes the tenant back")
		return true
	}
	r.enter(Aborted, o.Now, driver, c.Before.Active+" serves the tenant as before")
	r.ended(o.Now)
	return true
}

func (r *Record) missing(o Observation) string {
	return list(append(append([]string(nil), o.Behind...), o.Silent...))
}

func (r *Record) onWatching(o Observation) bool {
	if r.judge(o) {
		return true
	}
	if r.Cutover.late(o.Now) {
		return r.go_(o.Now, "all is well")
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
