package conduct

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// Standby is a tenant that has somewhere to go when its servers fail.
type Standby struct {
	Tenant    string
	Automatic bool          // else a person is called
	After     time.Duration // that all backends must have been down
	Plan      cutover.Plan  // strategy failover
}

const (
	watchEvery   = time.Second
	callEvery    = time.Minute // how often a person is called anew
	checkEvery   = 5 * time.Second
	defaultAfter = 10 * time.Second
	restAfter    = time.Hour // an automatic failover that was aborted is not begun again within
	failoverName = "failover"
)

// reason is why a failover waits for a person.
type reason string

const (
	manual        reason = "manual"         // the tenant does not allow an automatic one
	noCheck       reason = "no_check"       // nobody says whether the standby is writable
	secondOpinion reason = "second_opinion" // no other gateway sees what we see
	checkFailed   reason = "check"          // the standby is not writable, or too far behind
	running       reason = "running"        // a cutover runs, which does not lead away or does not go on
	wasAborted    reason = "aborted"        // one was begun, and did not end well
)

// outage is a tenant whose active servers are all down, as seen from here.
type outage struct {
	since   time.Time
	checked time.Time
	said    time.Time
	reason  reason
}

// watchStandbys looks after tenants that have a standby. It never brings one back: whoever
// does that must know that both databases agree.
func (c *Conductor) watchStandbys(ctx context.Context) {
	if c.cfg.Standbys == nil {
		return
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	outages := map[string]*outage{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.lookAtStandbys(ctx, outages)
		}
	}
}

func (c *Conductor) lookAtStandbys(ctx context.Context, outages map[string]*outage) {
	down := map[string]bool{}
	for _, s := range c.cfg.Standbys() {
		t := c.cfg.Tenant(s.Tenant)
		if t == nil || t.Active == nil {
			continue
		}
		rec, _ := c.cfg.Control.Tenant(s.Tenant)
		from := t.Releases[rec.Active(t.Active.Name)]
		if from == nil || from.Name == s.Plan.To || from.Pool == nil || !c.cfg.Down(from.Pool.Name) || failingOver(rec) {
			continue
		}
		down[s.Tenant] = true
		o := outages[s.Tenant]
		if o == nil {
			o = &outage{since: time.Now()}
			outages[s.Tenant] = o
		}
		c.consider(ctx, s, t, from, rec, o)
	}
	for tenant := range maps.Clone(outages) {
		if !down[tenant] {
			c.calm(tenant)
			delete(outages, tenant)
		}
	}
}

// failingOver says whether what is to be done is being done.
func failingOver(rec cutover.Record) bool {
	c := rec.Cutover
	return c != nil && !c.Phase.Ended() && c.Plan.Strategy == cutover.Failover && !c.Paused && c.Phase != cutover.Failed
}

// consider begins a failover, or says why a person must.
func (c *Conductor) consider(ctx context.Context, s Standby, t *routing.Tenant, from *routing.Release, rec cutover.Record, o *outage) {
	after := s.After
	if after <= 0 {
		after = defaultAfter
	}
	if time.Since(o.since) < after {
		return
	}
	if why, text := c.obstacle(s, from.Pool.Name, rec); why != "" {
		c.callPerson(ctx, s, from, o, why, text)
		return
	}
	if time.Since(o.checked) < checkEvery {
		return
	}
	o.checked = time.Now()
	if r := c.runCheck(ctx, *s.Plan.Check); !r.OK {
		c.callPerson(ctx, s, from, o, checkFailed, r.Text)
		return
	}
	c.failOver(ctx, s, from, o)
}

// obstacle is why a failover may not begin by itself.
func (c *Conductor) obstacle(s Standby, pool string, rec cutover.Record) (reason, string) {
	switch c := rec.Cutover; {
	case c != nil && !c.Phase.Ended() && c.Blocked != "":
		return running, fmt.Sprintf("cutover %s to %s does not go on: %s", c.ID, c.Plan.To, c.Blocked)
	case c != nil && !c.Phase.Ended():
		return running, fmt.Sprintf("cutover %s to %s is running: promote or abort it", c.ID, c.Plan.To)
	case !s.Automatic:
		return manual, "spec.cutover.failover.automatic is not set"
	case s.Plan.Check == nil || s.Plan.Check.URL == "":
		return noCheck, "no check says whether the standby's database is writable: declare spec.cutover.failover.check"
	case abortedLately(rec, time.Now()):
		return wasAborted, fmt.Sprintf("cutover %s did not end well, and is not begun again by itself", rec.Last.ID)
	}
	return c.dissent(c.cfg.View(), pool, rec.Evicted)
}

func abortedLately(rec cutover.Record, now time.Time) bool {
	l := rec.Last
	return l != nil && l.Actor == failoverName && l.Phase != cutover.Completed && l.Ended != nil && now.Sub(*l.Ended) < restAfter
}

// dissent says why nobody else confirms what we see: it may be our own network that fails.
// Only a gateway that is alone by all that is known goes by its own word.
func (c *Conductor) dissent(v report.View, pool string, evicted []string) (reason, string) {
	say, others := v.Down(pool, c.cfg.Replica)
	switch gone := v.Gone(evicted); {
	case !v.Known:
		return secondOpinion, "the store does not answer, so no other gateway can say what it sees"
	case len(say) > 0:
		return "", ""
	case others > 0:
		return secondOpinion, fmt.Sprintf("%d other gateways still reach pool %s: look at this gateway's network", others, pool)
	case len(gone) > 0:
		return secondOpinion, "no other gateway is heard of: " + strings.Join(gone, ", ") + " may still serve; evict it if it is gone"
	}
	return "", ""
}

func (c *Conductor) failOver(ctx context.Context, s Standby, from *routing.Release, o *outage) {
	text := fmt.Sprintf("all backends of pool %s have been down for %s", from.Pool.Name, time.Since(o.since).Round(time.Second))
	_, err := c.cfg.Control.Change(ctx, s.Tenant, func(r cutover.Record) (cutover.Record, error) {
		plan := s.Plan
		plan.Strategy = cutover.Failover
		return cutover.New(s.Tenant, from.Name, plan, time.Now().UTC(), failoverName, text, "c"+strings.ToLower(rand.Text()), rand.Text(), r)
	})
	switch {
	case errors.Is(err, cutover.ErrRunning): // another gateway was faster
	case err != nil:
		c.callPerson(ctx, s, from, o, running, err.Error())
	default:
		c.log.ErrorContext(ctx, "failover begun", "tenant", s.Tenant, "from", from.Name, "to", s.Plan.To, "reason", text)
	}
}

// callPerson raises the alert, and says at once, then each minute, what is wrong and what to do.
func (c *Conductor) callPerson(ctx context.Context, s Standby, from *routing.Release, o *outage, why reason, text string) {
	if o.reason != why {
		c.calm(s.Tenant)
		o.reason, o.said = why, time.Time{}
	}
	c.metrics.waiting.WithLabelValues(s.Tenant, string(why)).Set(1)
	if !o.said.IsZero() && time.Since(o.said) < callEvery {
		return
	}
	o.said = time.Now()
	c.log.ErrorContext(ctx, "all servers of a tenant are down, and its failover waits for a person: see whether the standby is writable, then sluice cutover start TENANT --strategy failover",
		"tenant", s.Tenant, "pool", from.Pool.Name, "to", s.Plan.To, "waits", string(why), "err", text)
}

// calm ends a tenant's alert.
func (c *Conductor) calm(tenant string) {
	for _, why := range reasons() {
		c.metrics.waiting.DeleteLabelValues(tenant, string(why))
	}
}

func reasons() []reason {
	return []reason{manual, noCheck, secondOpinion, checkFailed, running, wasAborted}
}
