package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/routing/odoo"
)

// exchange finds a backend, sends the request and returns the call with the answer's head.
// It tries twice at most, and the second time only where the first can have done nothing.
func (u *Upstream) exchange(ctx context.Context, p *poolState, req *request) (*call, error) {
	b, err := u.choose(p, req.x, nil)
	if err != nil {
		return nil, err
	}
	defer req.giveUp()
	b = u.overflow(p, b, req)
	k, err := u.attempt(ctx, b, req)
	if err == nil || ctx.Err() != nil {
		return k, err
	}
	var refused *admission.Refused
	if errors.As(err, &refused) {
		return u.elsewhere(ctx, p, b, req, refused)
	}
	again := u.repeatAt(p, b, req, asFailure(err))
	if again == nil {
		return nil, err
	}
	u.metrics.retries.Inc()
	return u.attempt(ctx, again, req)
}

func (u *Upstream) attempt(ctx context.Context, b *backend, req *request) (*call, error) {
	e := b.endpointFor(req.x)
	k, err := u.do(ctx, b, e, req)
	var refused *admission.Refused
	switch {
	case err == nil:
		return k, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &refused):
		return nil, refused
	default:
		u.suspect(b, e, asFailure(err))
		return nil, fmt.Errorf("backend %s: %w", b.name, err)
	}
}

// repeatAt says where a failed request may be repeated, nil for nowhere: at another backend
// of the pool, or at the same one where that makes sense.
func (u *Upstream) repeatAt(p *poolState, failed *backend, req *request, f *failure) *backend {
	if !mayRepeat(req, f) || failed.alone(req.x) {
		return nil
	}
	if f.stale {
		// The backend closed an idle connection just then. It is not to blame, and the
		// session lives there.
		req.fresh = true
		return failed
	}
	b, err := u.choose(p, req.x, failed)
	if err != nil || b == failed && f.stage == connecting {
		return nil
	}
	return b
}

func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{stage: garbled, err: err}
}

// mayRepeat says whether a failed attempt can have done nothing. Without a connection
// nothing was sent, so any method may go elsewhere. Once bytes went out, only a method that
// changes nothing, whose connection ended before the status line, may; and no report: it
// would keep a second worker busy for minutes. A time-out is never repeated: the first
// worker is still at it.
func mayRepeat(req *request, f *failure) bool {
	switch {
	case errors.Is(f.err, errForbidden):
		return false
	case f.stage == connecting:
		return true
	case f.stage == waiting:
		return req.safe && req.x.Class != odoo.Report
	default:
		return false
	}
}

// suspect counts a failed connection against the backend, and has it probed at once. What
// the realtime port does says nothing about the HTTP workers.
func (u *Upstream) suspect(b *backend, e *endpoint, f *failure) {
	if f.stage == connecting {
		u.metrics.connectErrors.WithLabelValues(b.pool, b.name).Inc()
	}
	switch {
	case e != b.http:
	case f.stage == connecting:
		conf := b.owner.conf.Load()
		if b.health.connectFailed(f.err, rulesOf(conf), time.Now()) {
			u.logHealth(b)
		}
		u.schedule.nudge(b, time.Now())
	case f.stage == waiting && !f.stale:
		// A worker that was killed at its time limit looks like this too: the probe
		// decides, the count does not move.
		u.schedule.nudge(b, time.Now())
	}
}
