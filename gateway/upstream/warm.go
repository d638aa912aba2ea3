package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

const (
	defaultWarmUp = time.Minute
	warmBudget    = 5 * time.Minute // of all databases of one backend together
	warmAtOnce    = 32              // backends that are warmed up at the same time
)

// warmUp has a new backend load the databases that are busy, one after the other: each costs
// Odoo seconds of processor time. A database whose turn failed counts as warm all the same,
// because a wrong guess of ours must not keep a good server out of work.
func (u *Upstream) warmUp(ctx context.Context, b *backend) {
	defer b.warmth.stop()
	select {
	case u.warming <- struct{}{}:
		defer func() { <-u.warming }()
	case <-ctx.Done():
		return
	}
	started, done, failed := time.Now(), 0, 0
	for {
		v, ok := b.warmth.next()
		if !ok {
			break
		}
		if ctx.Err() != nil || b.retired.Load() || b.rests() || !b.health.now().serves() {
			return // what is left waits for the next good probe
		}
		if time.Since(started) > warmBudget {
			b.warmth.expect(nil)
			break
		}
		if err := u.warmOne(ctx, b, v); err != nil {
			failed++
			u.log.WarnContext(ctx, "warm-up failed; the database counts as loaded",
				"tenant", v.tenant.Name, "pool", b.pool, "backend", b.name, "err", err)
		}
		done++
		b.warmth.loaded(v.release.Database)
	}
	u.log.InfoContext(ctx, "backend warmed up", "pool", b.pool, "backend", b.name,
		"databases", done, "failed", failed, "seconds", int(time.Since(started).Seconds()))
}

// warmOne asks both processes of a backend for a page that needs the tenant's database. In
// prefork mode each worker loads a database for itself; the first one finds files, caches of
// the system and of PostgreSQL cold, and that is the slow part.
func (u *Upstream) warmOne(ctx context.Context, b *backend, v visit) error {
	limit := b.owner.conf.Load().Balance.WarmUp
	if limit <= 0 {
		limit = defaultWarmUp
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started := time.Now()
	err := u.load(ctx, b, b.http, v)
	if err == nil && b.realtime != b.http {
		err = u.load(ctx, b, b.realtime, v)
	}
	u.metrics.warmed(b, err, time.Since(started))
	return err
}

func (u *Upstream) load(ctx context.Context, b *backend, e *endpoint, v visit) error {
	x, head, err := warmRequest(b.owner.conf.Load(), v)
	if err != nil {
		return err
	}
	leave, err := u.admit(ctx, b, e, &request{x: x})
	if err != nil {
		return err
	}
	defer leave()
	c, err := e.dial(ctx, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	end, _ := ctx.Deadline()
	c.begin(bufio.NewReaderSize(nil, readerSize), time.Until(end))
	if _, err := c.Write(head); err != nil {
		return errors.Join(err, ctx.Err())
	}
	response, err := c.readHead(&request{}) //nolint:bodyclose // the connection is closed instead
	switch {
	case err != nil:
		return errors.Join(err, ctx.Err())
	case response.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil // its cookies are nobody's, and are dropped with it
}

// warmRequest is what the tenant's own request would say, without a session. In the queue
// for workers it stands with the probes.
func warmRequest(pool *routing.Pool, v visit) (*routing.Exchange, []byte, error) {
	x := &routing.Exchange{Scheme: v.scheme, PublicHost: v.host}
	x.Route = routing.Route{Tenant: v.tenant, Release: v.release, Pool: pool, Path: pool.Profile.WarmPath, Class: odoo.Health}
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: pool.Profile.WarmPath},
		Header: http.Header{"User-Agent": {"sluice-warm-up"}, "Accept": {"*/*"}},
	}
	head, err := appendHead(nil, r, x, -1, false)
	if err != nil {
		return nil, nil, err
	}
	return x, append(head[:len(head)-2], "Connection: close\r\n\r\n"...), nil
}
