package cutover

import (
	"slices"
	"time"
)

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
