package cutover

import (
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
)

// Course is what the record means for the tenant's requests: nil when it means nothing.
// Active is the release that is declared to take new sessions, releases those that there are:
// what points at others is left out.
func (r Record) Course(active string, releases []string) *routing.Course {
	has := func(release string) bool { return slices.Contains(releases, release) }
	c := &routing.Course{Tenant: r.Tenant, Epoch: r.Epoch, Hold: r.holding(), Page: r.page()}
	if !has(active) {
		return nil // the tenant itself is not there any more
	}
	if leg, ok := r.moving(); ok && has(r.Cutover.Plan.To) && !leg.Scope.Same(routing.Scope{}) {
		c.Legs = append(c.Legs, leg)
	}
	for _, s := range slices.Backward(r.Settled) {
		if !s.Scope.Same(routing.Scope{}) && has(s.Active) {
			c.Legs = append(c.Legs, routing.Leg{Scope: s.Scope, Active: s.Active})
		}
	}
	c.Legs = append(c.Legs, r.whole(active, has))
	last := c.Legs[len(c.Legs)-1]
	if len(c.Legs) == 1 && last.Active == active && len(last.Closings) == 0 && last.Split == nil && c.Hold == nil && c.Page == nil && r.Epoch == 0 {
		return nil
	}
	return c
}

// whole is the leg of all that is in no part.
func (r Record) whole(active string, has func(string) bool) routing.Leg {
	leg := routing.Leg{Active: r.Active(active)}
	if !has(leg.Active) {
		leg.Active = active
	}
	if moving, ok := r.moving(); ok && moving.Scope.Same(routing.Scope{}) && has(moving.Active) && has(r.Cutover.Plan.To) {
		leg.Active, leg.Split = moving.Active, moving.Split
	}
	for _, c := range r.Closings {
		if has(c.To) {
			leg.Closings = append(leg.Closings, c)
		}
	}
	return leg
}

// Active is where the whole tenant's new sessions begin when no cutover runs: where the last
// one left them, else as declared.
func (r Record) Active(declared string) string { return r.ActiveIn(routing.Scope{}, declared) }

// ActiveIn is so for a part of the tenant: where its own last cutover left it, else where the
// tenant is.
func (r Record) ActiveIn(part routing.Scope, declared string) string {
	for _, scope := range []routing.Scope{part, {}} {
		for _, s := range r.Settled {
			if s.Scope.Same(scope) {
				return s.Active
			}
		}
	}
	return declared
}

// moving is the leg of the running cutover.
func (r Record) moving() (routing.Leg, bool) {
	c := r.Cutover
	if c == nil || c.Phase.Ended() {
		return routing.Leg{}, false
	}
	leg := routing.Leg{Scope: c.Plan.Scope, Active: c.From}
	switch {
	case c.Flipped, c.Phase == Drained && c.Plan.Strategy == Drain:
		leg.Active = c.Plan.To
	case c.Phase == Shifting:
		leg.Split = &routing.Split{To: c.Plan.To, Share: uint32(c.Percent * 1000), Seed: c.Seed, Mode: c.Plan.Mode}
	case c.Phase == Aborting:
		leg.Active = c.Before.Active
	}
	return leg, true
}

// holding is the hold that is in force.
func (r Record) holding() *routing.Hold {
	if c := r.Cutover; c != nil && c.Held {
		h := c.Plan.Hold
		h.ID, h.Final = c.ID, c.Final || c.Passed
		if len(h.Classes) == 0 && len(c.Plan.Scope.Paths) == 0 {
			h.Classes = c.Plan.Scope.Classes // the rest of the tenant does not move
		}
		return &h
	}
	if r.Hold == nil {
		return nil
	}
	h := r.Hold.Hold
	return &h
}

// page is the page that is up.
func (r Record) page() *routing.Page {
	if r.Maintenance != nil {
		p := r.Maintenance.Page
		return &p
	}
	if c := r.Cutover; c != nil && c.Phase == Failed {
		return &routing.Page{RetryAfter: failedRetry}
	}
	return nil
}

// failedRetry is when people may try again while somebody repairs a cutover.
const failedRetry = time.Minute

// Drifted says whether the tenant is elsewhere than declared because a cutover completed.
func (r Record) Drifted(declared string) bool { return r.Active(declared) != declared }

// Agree ends what was settled and is declared by now: of a part, too, unless the tenant itself
// is elsewhere.
func (r Record) Agree(declared string) (Record, bool) {
	agrees := func(s Settled) bool { return s.Active == declared }
	if r.Drifted(declared) || !slices.ContainsFunc(r.Settled, agrees) {
		return r, false
	}
	n := r.clone()
	n.Settled = slices.DeleteFunc(n.Settled, agrees)
	n.Sequence++
	return n, true
}

// Idle says whether the record decides nothing any more but where old pins lead.
func (r Record) Idle() bool {
	return r.Cutover == nil && r.Hold == nil && r.Maintenance == nil && len(r.Settled) == 0
}
