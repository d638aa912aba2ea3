package cutover

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
