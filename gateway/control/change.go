package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/routing/cutover"
)

// tries bounds how often a change starts over because somebody else was faster.
const tries = 16

// Change makes a tenant's record what decide makes of it. decide may be called several times,
// each time with the newest record: it checks what it was asked for against that, and its
// error ends the change. It must not call control.
//
// The store is written first, then the disk: a decision that the store refused must not come
// back after a crash. With the store away the disk alone keeps it, and Result says so.
func (c *Control) Change(ctx context.Context, tenant string, decide func(cutover.Record) (cutover.Record, error)) (Result, error) {
	rec, shared, err := change(ctx, c, c.tenants, tenant, cutover.Record{Tenant: tenant}, decide)
	return Result{rec, shared}, err
}

// ChangePool makes a pool's record what decide makes of it, as Change does.
func (c *Control) ChangePool(ctx context.Context, pool string, decide func(cutover.Pool) (cutover.Pool, error)) (PoolResult, error) {
	rec, shared, err := change(ctx, c, c.pools, pool, cutover.Pool{Pool: pool}, decide)
	return PoolResult{rec, shared}, err
}

func change[T any](ctx context.Context, c *Control, s *shelf[T], name string, none T, decide func(T) (T, error)) (T, bool, error) {
	done, err := s.takeTurn(ctx, name)
	if err != nil {
		return none, false, err
	}
	defer done()
	for range tries {
		base, version, shared := s.base(name, none)
		next, err := decide(base)
		if err != nil {
			return base, shared, err
		}
		if same, err := s.equal(name, base, next); err != nil || same {
			return base, shared, err
		}
		next = s.stamp(base, next, c.cfg.Replica, time.Now().UTC())
		shared, err = write(ctx, c, s, name, base, next, version)
		if !errors.Is(err, store.ErrConflict) {
			return next, shared, err
		}
		c.metrics.conflicts.WithLabelValues(s.name).Inc()
	}
	return none, false, fmt.Errorf("%s %s: %w", s.name, name, ErrBusy)
}

// takeTurn waits until nobody else here writes the record.
func (s *shelf[T]) takeTurn(ctx context.Context, name string) (done func(), err error) {
	s.mu.Lock()
	turn := s.entry(name).turn
	s.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s %s: %w", s.name, name, ctx.Err())
	}
}

func (s *shelf[T]) base(name string, none T) (value T, version uint64, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(name)
	if !e.known {
		return none, e.version, true
	}
	return e.value, e.version, e.shared
}

func (s *shelf[T]) equal(name string, a, b T) (bool, error) {
	one, err := encode(s.name, name, a)
	if err != nil {
		return false, err
	}
	two, err := encode(s.name, name, b)
	return bytes.Equal(one, two), err
}

// write puts next, which became of base, into the store and onto the disk. After a conflict
// it has heard what is there instead.
func write[T any](ctx context.Context, c *Control, s *shelf[T], name string, base, next T, version uint64) (shared bool, err error) {
	text, err := encode(s.name, name, next)
	if err != nil {
		return false, err
	}
	sealed, err := c.seal(s.name, name, version, text)
	if err != nil {
		return false, err
	}
	// A caller that stops waiting must not leave a change half done; the store has its bounds.
	there, failure := c.cfg.Store.PutRecord(context.WithoutCancel(ctx), sealed)
	if errors.Is(failure, store.ErrConflict) {
		hear(c, s, there, true)
		return false, failure //nolint:wrapcheck // the caller tries again
	}
	shared = failure == nil
	kept := true
	if !shared || !s.same(base, next) { // a driver's beat can wait
		if err := c.cfg.Local.write(s.name, name, sealed.Value); err != nil {
			kept = false
			c.notKept(err)
			if !shared {
				return false, fmt.Errorf("%s %s: %w: %w", s.name, name, ErrNotKept, errors.Join(failure, err))
			}
		}
	}
	s.adopt(name, next, text, version, there.Version, shared)
	if kept && !s.same(base, next) {
		s.onDisk(name, text)
	}
	c.took(s.name, name)
	return shared, nil
}

// seal makes what the store and the disk keep.
func (c *Control) seal(kind, name string, version uint64, text []byte) (store.Record, error) {
	r := store.Record{Kind: kind, Name: name, Version: version, Value: c.cfg.Keys.Seal(kind, name, text)}
	if len(r.Value) == 0 { // it would remove the record
		return r, fmt.Errorf("%s %s: the key ring has no key to seal what was decided", kind, name)
	}
	if err := store.CheckRecord(r); err != nil {
		return r, fmt.Errorf("too much was decided about it: %w", err)
	}
	return r, nil
}

// adopt keeps what was just written at version now, over what was there at version was. What
// was heard meanwhile is not lost.
func (s *shelf[T]) adopt(name string, next T, text []byte, was, now uint64, shared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(name)
	if shared && now < e.version {
		return // somebody has written on top of it already, and we have heard
	}
	if !shared && was != e.version && e.known {
		next = s.merge(e.value, next)
		if whole, err := encode(s.name, name, next); err == nil {
			text = whole
		}
	}
	if shared {
		e.version = now
	}
	e.shared = shared
	e.set(next, text, time.Now())
}

// onDisk notes that the disk holds a value.
func (s *shelf[T]) onDisk(name string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entry(name); bytes.Equal(e.text, text) {
		e.stale = false
	}
}
