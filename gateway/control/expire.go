package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

const (
	// holdAtMost ends a hold for which nobody said when it ends.
	holdAtMost = 15 * time.Minute
	// agreeFor is how long the declared state must agree with where a cutover left a tenant
	// before that is forgotten: other gateways may read the new configuration later.
	agreeFor = 5 * time.Minute
)

// lease is how long something holds on this machine's own clock from when it was heard.
type lease struct {
	of    string // which one
	heard time.Time
	lasts time.Duration
}

// inForce is the record without what has ended. The caller holds the lock of courses.
func (c *Control) inForce(rec cutover.Record, now time.Time) cutover.Record {
	if c.holdEnded(rec, now) {
		rec.Hold = nil
	}
	if rec.Maintenance != nil && ended(rec.Maintenance.Grant, now) {
		rec.Maintenance = nil
	}
	return rec
}

// holdEnded says whether an operator's hold has ended. Requests wait at it, so no clock but
// this machine's counts, from when the hold was first heard of.
func (c *Control) holdEnded(rec cutover.Record, now time.Time) bool {
	if rec.Hold == nil {
		delete(c.leases, rec.Tenant)
		return false
	}
	end := rec.Hold.At.Add(holdAtMost)
	if rec.Hold.Expires != nil {
		end = *rec.Hold.Expires
	}
	of := fmt.Sprint(rec.Hold.ID, rec.Hold.At.UnixNano(), end.UnixNano())
	l, known := c.leases[rec.Tenant]
	if !known || l.of != of {
		l = lease{of: of, heard: now, lasts: end.Sub(rec.Hold.At)}
		c.leases[rec.Tenant] = l
	}
	return now.Sub(l.heard) >= l.lasts
}

// ended says whether what an operator asked for has reached the time of day at which it ends.
func ended(g cutover.Grant, now time.Time) bool { return g.Expires != nil && !now.Before(*g.Expires) }

// expire ends what has expired here at once, and writes so for all.
func (c *Control) expire(ctx context.Context, now time.Time) {
	agreed := c.agreed(now)
	for _, name := range c.tenants.names(func(e *entry[cutover.Record]) bool {
		return e.value.Hold != nil || e.value.Maintenance != nil || agreed[e.value.Tenant]
	}) {
		if c.compile(now, name) {
			c.tell()
			if c.cfg.Changed != nil {
				c.cfg.Changed(name)
			}
		}
		c.expireTenant(ctx, name, now)
	}
	for _, name := range c.pools.names(func(e *entry[cutover.Pool]) bool { return anyEnded(e.value, now) }) {
		c.expirePool(ctx, name, now)
	}
}

// agreed are tenants whose declared state has agreed for long enough.
func (c *Control) agreed(now time.Time) map[string]bool {
	c.compiling.Lock()
	defer c.compiling.Unlock()
	names := map[string]bool{}
	for name, since := range c.agrees {
		names[name] = now.Sub(since) >= agreeFor
	}
	return names
}

// expireTenant writes what has ended of a tenant. All gateways do; the first one wins, and the
// others find nothing left to end.
func (c *Control) expireTenant(ctx context.Context, name string, now time.Time) {
	rec, _, _ := c.tenants.get(name)
	if next, err := c.withoutEnded(rec, now); err != nil || next.Sequence == rec.Sequence {
		return
	}
	_, err := c.Change(ctx, name, func(rec cutover.Record) (cutover.Record, error) { return c.withoutEnded(rec, now) })
	if err != nil && ctx.Err() == nil {
		c.log.ErrorContext(ctx, "what has expired could not be ended for all gateways: it is tried again", "tenant", name, "err", err)
	}
}

func (c *Control) withoutEnded(rec cutover.Record, now time.Time) (cutover.Record, error) {
	c.compiling.Lock()
	left := c.inForce(rec, now)
	since, agrees := c.agrees[rec.Tenant]
	c.compiling.Unlock()
	var problems []error
	apply := func(next cutover.Record, err error) {
		if err != nil {
			problems = append(problems, err)
			return
		}
		rec = next
	}
	if left.Hold == nil && rec.Hold != nil {
		c.log.Info("a hold has ended by itself: its time was up", "tenant", rec.Tenant, "reason", rec.Hold.Reason, "actor", rec.Hold.Actor)
		apply(rec.EndHold(now.UTC()))
	}
	if left.Maintenance == nil && rec.Maintenance != nil {
		c.log.Info("a maintenance page has ended by itself: its time was up", "tenant", rec.Tenant, "reason", rec.Maintenance.Reason, "actor", rec.Maintenance.Actor)
		apply(rec.EndMaintenance(now.UTC()))
	}
	if active, _, declared := c.cfg.Declared(rec.Tenant); declared && agrees && now.Sub(since) >= agreeFor {
		if next, changed := rec.Agree(active); changed {
			rec = next
		}
	}
	return rec, errors.Join(problems...)
}

func anyEnded(p cutover.Pool, now time.Time) bool {
	for _, b := range p.Backends {
		if ended(b.Grant, now) {
			return true
		}
	}
	return false
}

func (c *Control) expirePool(ctx context.Context, name string, now time.Time) {
	_, err := c.ChangePool(ctx, name, func(p cutover.Pool) (cutover.Pool, error) {
		left := map[string]cutover.Backend{}
		for backend, b := range p.Backends {
			if ended(b.Grant, now) {
				c.log.InfoContext(ctx, "a backend is as declared again: the time of its state was up", "pool", name, "backend", backend, "state", b.State, "reason", b.Reason)
				continue
			}
			left[backend] = b
		}
		p.Backends = left
		return p, nil
	})
	if err != nil && ctx.Err() == nil {
		c.log.ErrorContext(ctx, "a backend's state that has expired could not be ended for all gateways: it is tried again", "pool", name, "err", err)
	}
}

// readmit comes back from evictions, after all that others decided has been heard.
func (c *Control) readmit(ctx context.Context) {
	me := c.cfg.Replica
	for _, name := range c.tenants.names(func(e *entry[cutover.Record]) bool { return slices.Contains(e.value.Evicted, me) }) {
		_, err := c.Change(ctx, name, func(rec cutover.Record) (cutover.Record, error) {
			if !slices.Contains(rec.Evicted, me) {
				return rec, nil
			}
			return rec.Readmit(time.Now().UTC(), me), nil
		})
		if err != nil {
			c.log.ErrorContext(ctx, "this gateway was taken out and could not say that it is back: it serves the tenant no requests until then", "tenant", name, "err", err)
		}
	}
}
