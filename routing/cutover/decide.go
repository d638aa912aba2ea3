package cutover

import (
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
)

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
	r.Settled = append(r.Settled, Settled{Scope: c.Plan.Scope, Active: c.Plan.To, Cutover: c.ID, At: now})
}
