package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sluicegate.dev/sluice/routing"
)

// How long a handshake waits between two attempts to connect. Odoo's realtime process starts
// anew by itself, and is back after a second.
const (
	firstPause = 250 * time.Millisecond
	mostPause  = 2 * time.Second
)

// knock makes a handshake with the backend that the session's other requests go to, when its
// turn has come. Only where no session is tied to that backend, another one may take it.
func (u *Upstream) knock(ctx context.Context, p *poolState, req *request) (*call, error) {
	b, err := u.choose(p, req.x, nil)
	if err != nil {
		return nil, err
	}
	k, err := u.knockAt(ctx, p, b, req)
	if err == nil || ctx.Err() != nil {
		return k, err
	}
	again := u.knockAgain(p, b, req, err)
	if again == nil {
		return nil, err
	}
	u.metrics.retries.Inc()
	return u.knockAt(ctx, p, again, req)
}

// knockAgain says where a failed handshake may go, nil for nowhere.
func (u *Upstream) knockAgain(p *poolState, b *backend, req *request, err error) *backend {
	avoid := b
	var f *failure
	switch {
	case errors.Is(err, errReplaced):
		avoid = nil // whoever has its place now
	case !errors.As(err, &f) || !mayRepeat(req, f) || b.alone(req.x):
		return nil
	}
	again, err := u.choose(p, req.x, avoid)
	if err != nil || again == b {
		return nil
	}
	return again
}

// alone says that x, which is for the realtime port, must not go elsewhere while the HTTP
// port of b serves. A socket on a server that does not know the session opens all the same,
// and is silently nobody's.
func (b *backend) alone(x *routing.Exchange) bool {
	return affinityOf(x) == routing.Strict && b.endpointFor(x) != b.http && b.health.now().serves() && !b.rests()
}

// knockAt waits for the backend's turnstile and makes the handshake.
func (u *Upstream) knockAt(ctx context.Context, p *poolState, b *backend, req *request) (*call, error) {
	by := turnsOf(p.conf.Load().Realtime, u.replicas())
	end := time.Now().Add(by.wait)
	turn, err := b.turnstile.enter(ctx, databaseOf(req.x), by)
	if err != nil {
		return nil, u.turnedAway(b, by, err)
	}
	answered := false
	defer func() { b.turnstile.leave(turn, answered) }()
	if b.rests() {
		return nil, errReplaced
	}
	k, err := u.attempt(ctx, b, req)
	for pause := firstPause; err != nil && u.worthWaiting(b, req, err) && time.Now().Add(pause).Before(end); pause = min(2*pause, mostPause) {
		if !sleep(ctx, pause) {
			return nil, context.Cause(ctx)
		}
		k, err = u.attempt(ctx, b, req)
	}
	answered = err == nil && k.response.StatusCode < http.StatusInternalServerError
	return k, err
}

// worthWaiting is true while the realtime port takes no connection and the HTTP port serves,
// for whoever cannot go elsewhere. Those of its database that wait behind it stay in line.
func (u *Upstream) worthWaiting(b *backend, req *request, err error) bool {
	var f *failure
	return errors.As(err, &f) && f.stage == connecting && mayRepeat(req, f) && b.alone(req.x) && !b.retired.Load()
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// turnedAway counts who was not let through, and says when to come back.
func (u *Upstream) turnedAway(b *backend, by turns, err error) error {
	switch {
	case errors.Is(err, errCrowded):
		u.metrics.handshakesRefused.WithLabelValues(b.pool, b.name, "queue").Inc()
	case errors.Is(err, errLate):
		u.metrics.handshakesRefused.WithLabelValues(b.pool, b.name, "wait").Inc()
	default:
		return err
	}
	return fmt.Errorf("backend %s: %w: %w", b.name, err, &refusal{refusalOf(http.StatusServiceUnavailable, "realtime_busy", "Busy",
		"Many live connections are being restored. The page tries again by itself.", by.wait)})
}

// databaseOf names what a handshake makes Odoo load.
func databaseOf(x *routing.Exchange) string {
	if x.Release == nil || x.Release.Database == "" {
		return x.Tenant.Name
	}
	return x.Release.Database
}
