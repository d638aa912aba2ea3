package cutover

import "fmt"

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

// tainted says whether the old side took requests although it was held, and an external step
// may not know of what they wrote.
func (c *Cutover) tainted(o Observation) bool {
	return c.Held && !c.Flipped && !c.Passed && c.Phase != Aborting && c.Plan.External != nil && len(o.Lapsed) > 0
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
	empty := o.Known && o.InFlight == 0 // a gateway whose lease had ended may have let some go
	switch {
	case r.followed(o) && !c.Flipped && empty:
		r.flip()
		c.Since, c.Blocked = o.Now, ""
		c.Until, c.Waits = c.bounds(o.Now)
		c.note(o.Now, driver, c.Plan.To+" takes the tenant")
		return true
	case r.followed(o) && c.Flipped:
		return r.go_(o.Now, "every gateway sends the tenant to "+c.Plan.To)
	case c.Held && c.late(o.Now) && !c.Flipped && r.followed(o):
		return r.fail(o.Now, fmt.Sprintf("%d requests are still in flight on %s", o.InFlight, c.From))
	case c.Held && c.late(o.Now) && !c.Flipped:
		return r.fail(o.Now, "not every gateway is ready for the flip: "+r.missing(o))
	case c.Held && c.late(o.Now):
		return r.go_(o.Now, "gateway "+r.missing(o)+" has not followed: it answers with the maintenance page until it does")
	}
	return r.waitFor(o)
}

// onAborting is done when every gateway serves the old side again. A flip of what was held is
// undone as it was done: hold, wait for what is in flight, then back. What is still in flight
// after that long writes where nobody will look for it, or into the database of both.
func (r *Record) onAborting(o Observation) bool {
	c := r.Cutover
	text := c.Before.Active + " serves the tenant as before"
	switch {
	case !r.followed(o) && c.Held && !c.Flipped && o.Now.Sub(c.Since) >= ackWithin:
		text += "; gateway " + r.missing(o) + " has not followed: it answers with the maintenance page until it does"
	case !r.followed(o):
		return r.waitFor(o)
	case c.Flipped && !c.Ready: // from here on what is in flight has its time
		c.Ready, c.Since, c.Blocked = true, o.Now, ""
		return true
	case c.Flipped && (!o.Known || o.InFlight > 0) && o.Now.Sub(c.Since) < c.Plan.Hold.Wait:
		return false
	case c.Flipped:
		r.back()
		c.Since, c.Blocked = o.Now, ""
		c.note(o.Now, driver, fmt.Sprintf("%s takes the tenant back; %d requests are in flight on %s", c.Before.Active, o.InFlight, c.Plan.To))
		return true
	}
	r.enter(Aborted, o.Now, driver, text)
	r.ended(o.Now)
	return true
}

func (r *Record) missing(o Observation) string {
	return list(append(append([]string(nil), o.Behind...), o.Silent...))
}
