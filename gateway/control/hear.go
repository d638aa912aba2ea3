package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// listen hears what others write until ctx ends.
func (c *Control) listen(ctx context.Context) error {
	return c.cfg.Store.WatchRecords(ctx, func(r store.Record) { //nolint:wrapcheck // ctx has ended
		switch r.Kind {
		case c.tenants.name:
			hear(c, c.tenants, r, false)
		case c.pools.name:
			hear(c, c.pools, r, false)
		}
	}, func() { signal(c.reload) })
}

// hear takes in what the store holds. sure says that this is so now; else it is news that may
// have been overtaken. What the store should hold instead, settle writes.
func hear[T any](c *Control, s *shelf[T], r store.Record, sure bool) {
	value, text, ok := open(c, s, r)
	s.mu.Lock()
	e := s.entry(r.Name)
	if !sure && r.Version != 0 && r.Version <= e.version {
		s.mu.Unlock()
		return
	}
	apart := ok && e.known && !e.shared && r.Version != e.version && !bytes.Equal(e.text, text)
	e.version = r.Version
	if ok {
		s.take(e, value, text, time.Now())
	} else {
		e.shared = !e.known
	}
	s.mu.Unlock()
	if apart {
		c.metrics.merges.WithLabelValues(s.name).Inc()
		c.log.Warn("gateways that could not talk had decided apart: the later decision by epoch holds", "kind", s.name, "name", r.Name)
	}
	c.took(s.name, r.Name)
}

// take brings what is here and what the store holds together. The caller holds the lock.
func (s *shelf[T]) take(e *entry[T], value T, text []byte, now time.Time) {
	if !e.known || bytes.Equal(e.text, text) || e.shared && s.follows(e.value, value) {
		e.set(value, text, now)
		e.shared = true
		return
	}
	merged := s.merge(e.value, value)
	whole, err := encode(s.name, "", merged)
	if err != nil { // both were read from JSON
		return
	}
	e.shared = bytes.Equal(whole, text)
	e.set(merged, whole, now)
}

// open reads a record of the store. It is false for one that is not there, or not ours.
func open[T any](c *Control, s *shelf[T], r store.Record) (value T, text []byte, ok bool) {
	if len(r.Value) == 0 {
		return value, nil, false
	}
	body, ok := c.cfg.Keys.Open(s.name, r.Name, r.Value)
	if !ok || json.Unmarshal(body, &value) != nil || s.of(value) != r.Name {
		c.metrics.forged.WithLabelValues(s.name).Inc()
		c.log.Error("a record of runtime decisions was not sealed with our key ring, or makes no sense: it is ignored. "+
			"Look who can write to the store, and whether all gateways have the same spec.secretsFile", "kind", s.name, "name", r.Name)
		return value, nil, false
	}
	text, err := encode(s.name, r.Name, value)
	return value, text, err == nil
}

// readAll takes in all that the store holds, and notices what it has lost.
func (c *Control) readAll(ctx context.Context) error {
	return errors.Join(readShelf(ctx, c, c.tenants), readShelf(ctx, c, c.pools))
}

func readShelf[T any](ctx context.Context, c *Control, s *shelf[T]) error {
	before := s.versions()
	all, err := c.cfg.Store.Records(ctx, s.name)
	if err != nil {
		return err //nolint:wrapcheck // says what was asked
	}
	for _, r := range all {
		if s.version(r.Name) == before[r.Name] { // else we have heard of something newer meanwhile
			hear(c, s, r, true)
		}
		delete(before, r.Name)
	}
	for name, version := range before {
		if version == s.version(name) {
			hear(c, s, store.Record{Kind: s.name, Name: name}, true)
		}
	}
	return nil
}

// versions are those at which the store was last seen, of all records that are known.
func (s *shelf[T]) versions() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]uint64, len(s.entries))
	for name, e := range s.entries {
		if e.known {
			all[name] = e.version
		}
	}
	return all
}

func (s *shelf[T]) version(name string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[name]; e != nil {
		return e.version
	}
	return 0
}

// settle writes to the store what it does not hold yet, as far as it answers.
func (c *Control) settle(ctx context.Context) error {
	if err := settleShelf(ctx, c, c.tenants); err != nil {
		return err
	}
	return settleShelf(ctx, c, c.pools)
}

func settleShelf[T any](ctx context.Context, c *Control, s *shelf[T]) error {
	for _, name := range s.names(func(e *entry[T]) bool { return !e.shared }) {
		if err := share(ctx, c, s, name); err != nil {
			return err
		}
	}
	return nil
}

func share[T any](ctx context.Context, c *Control, s *shelf[T], name string) error {
	done, err := s.takeTurn(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	for range tries {
		s.mu.Lock()
		e := *s.entry(name)
		s.mu.Unlock()
		if e.shared {
			return nil
		}
		sealed, err := c.seal(s.name, name, e.version, e.text)
		if err != nil {
			return err
		}
		there, err := c.cfg.Store.PutRecord(ctx, sealed)
		switch {
		case errors.Is(err, store.ErrConflict):
			hear(c, s, there, true)
			continue
		case err != nil:
			return err //nolint:wrapcheck // says what was asked
		}
		s.shared(name, e.text, there.Version)
		c.took(s.name, name)
		return nil
	}
	return nil // the next round goes on
}

// shared notes that the store holds a value at a version.
func (s *shelf[T]) shared(name string, text []byte, version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(name)
	if version < e.version {
		return
	}
	e.version = version
	e.shared = bytes.Equal(e.text, text)
}
