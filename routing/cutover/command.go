package cutover

import (
	"fmt"
	"time"
)

// running is the cutover that commands are for.
func (r Record) running() (*Cutover, error) {
	if r.Cutover == nil || r.Cutover.Phase.Ended() {
		return nil, refuse(ErrNoCutover, "no cutover of tenant %s is running; sluice cutover list shows those that do", r.Tenant)
	}
	return r.Cutover, nil
}

// Promote goes on without waiting: a drain moves the sessions that are left, a shift takes
// its next share, a watch ends.
func (r Record) Promote(now time.Time, actor, reason string) (Record, error) {
	c, err := r.running()
	if err != nil {
		return r, err
	}
	n := r.clone()
	n.Cutover.Paused, n.Cutover.Blocked = false, ""
	switch {
	case c.Phase == Drained && c.Plan.Strategy == Drain:
		n.enter(Flipping, now, actor, "promoted: "+reason)
	case c.Phase == Shifting:
		n.stage(now, actor)
	case c.Phase == Watching:
		n.enter(Completed, now, actor, "promoted: "+reason)
		n.ended(now)
	case c.Phase == Preflight && c.Blocked != "":
		n.enter(c.Plan.next(Preflight), now, actor, "goes on although: "+c.Blocked+" ("+reason+")")
	default:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is %s and waits for %s; there is nothing to promote", c.ID, c.Tenant, c.Phase, c.Waits)
	}
	return n.changed(now), nil
}

// SetShare sets the share of a shift, up or down. Sessions that have moved stay.
func (r Record) SetShare(now time.Time, actor, reason string, percent float64) (Record, error) {
	c, err := r.running()
	if err != nil {
		return r, err
	}
	switch {
	case c.Phase != Shifting:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is %s, not shifting", c.ID, c.Tenant, c.Phase)
	case !(percent >= 0 && percent <= 100):
		return r, refuse(ErrInvalidPlan, "%g is no share: 0 to 100", percent)
	}
	n := r.clone()
	n.share(percent)
	n.Cutover.Since = now
	n.Cutover.note(now, actor, fmt.Sprintf("%g %% of the sessions go to %s: %s", percent, c.Plan.To, reason))
	return n.changed(now), nil
}

// Pause keeps a cutover where it is.
func (r Record) Pause(now time.Time, actor, reason string) (Record, error) {
	c, err := r.running()
	switch {
	case err != nil:
		return r, err
	case c.Paused:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is paused already", c.ID, c.Tenant)
	case c.Held || c.Phase == Aborting || c.Phase == Flipping || c.Phase == Failed:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is %s: it cannot rest there; abort it, or wait", c.ID, c.Tenant, c.Phase)
	}
	n := r.clone()
	n.Cutover.Paused = true
	n.Cutover.note(now, actor, "paused: "+reason)
	return n.changed(now), nil
}

// Resume lets it go on. The time of its phase begins anew.
func (r Record) Resume(now time.Time, actor, reason string) (Record, error) {
	c, err := r.running()
	switch {
	case err != nil:
		return r, err
	case !c.Paused:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is not paused; it is %s and waits for %s", c.ID, c.Tenant, c.Phase, c.Waits)
	}
	n := r.clone()
	n.Cutover.Paused, n.Cutover.Blocked, n.Cutover.Since = false, "", now
	n.Cutover.Until, n.Cutover.Waits = n.Cutover.bounds(now)
	n.Cutover.note(now, actor, "resumed: "+reason)
	return n.changed(now), nil
}

// Abort undoes what was done. Past the point of no return it is refused, unless the cutover
// has failed and an operator says that the old side is whole again.
func (r Record) Abort(now time.Time, actor, reason string) (Record, error) {
	c, err := r.running()
	switch {
	case err != nil:
		return r, err
	case c.Phase == Aborting:
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is being aborted", c.ID, c.Tenant)
	case c.Passed && c.Phase != Failed:
		return r, refuse(ErrPastReturn, "cutover %s of tenant %s: the point of no return is behind, %s would meet a half moved database; let it end or fail first", c.ID, c.Tenant, c.From)
	}
	n := r.clone()
	n.Cutover.Paused, n.Cutover.Passed, n.Cutover.Ready = false, false, false
	n.enter(Aborting, now, actor, "aborted: "+reason)
	return n.changed(now), nil
}

// Confirm says that the external step is done, or that what has failed was repaired. A step
// that cannot be undone is done then, even if somebody has begun it before its time.
func (r Record) Confirm(now time.Time, actor, reason string) (Record, error) {
	c, err := r.running()
	if err != nil {
		return r, err
	}
	if c.Phase != Stepping && c.Phase != Failed {
		return r, refuse(ErrNotNow, "cutover %s of tenant %s is %s and waits for %s, not for a confirmation", c.ID, c.Tenant, c.Phase, c.Waits)
	}
	n := r.clone()
	if c.Plan.NoReturn {
		n.Cutover.Passed, n.Cutover.Ready = true, true
	}
	if c.Phase == Failed { // the page goes, and nobody may reach the half moved side meanwhile
		n.Cutover.Held, n.Cutover.Final = true, true
	}
	n.enter(Verifying, now, actor, "confirmed: "+reason)
	return n.changed(now), nil
}

// Can says what an operator may say to the cutover now.
func (c *Cutover) Can() []string {
	can := []string{}
	r := Record{Tenant: c.Tenant, Cutover: c}
	for _, one := range []struct {
		name string
		do   func(Record, time.Time, string, string) (Record, error)
	}{{"promote", Record.Promote}, {"pause", Record.Pause}, {"resume", Record.Resume}, {"confirm", Record.Confirm}, {"abort", Record.Abort}} {
		if _, err := one.do(r, c.Since, "", ""); err == nil {
			can = append(can, one.name)
		}
	}
	return can
}
