package cutover

import (
	"fmt"
	"time"
)

func (g Gates) set() bool { return g.Failures > 0 || g.MoreThan > 0 || g.Latency > 0 }

// judge rolls back, or stops, what the gates say is not well. Past the point of no return there
// is no way back, and after a failover only an operator knows whether there is one.
func (r *Record) judge(o Observation) (failed bool) {
	c := r.Cutover
	if o.Gates == nil || o.Gates.OK {
		return false
	}
	if c.Plan.Gates.Rollback && !c.Passed && c.Plan.Strategy != Failover {
		r.enter(Aborting, o.Now, "gates", o.Gates.Text)
		return true
	}
	say := ". Abort, or go on: sluice cutover resume " + c.Tenant
	if c.Passed {
		say = ". The point of no return is behind: repair " + c.Plan.To + ", then sluice cutover resume " + c.Tenant
	}
	c.Paused, c.Blocked = true, o.Gates.Text+say
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
	c.Since, c.Blocked = now, ""
	r.share(c.Plan.Shares[c.Stage].Percent)
	c.note(now, actor, fmt.Sprintf("%g %% of the sessions go to %s", c.Percent, c.Plan.To))
	return true
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
