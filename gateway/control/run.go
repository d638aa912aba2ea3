package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

const (
	joinFor     = time.Second            // a start waits so long for the store to say what was decided
	joinEvery   = 100 * time.Millisecond // and asks so often
	settleEvery = 500 * time.Millisecond // what is owed to the disk, and to a store that was away
	expireEvery = 250 * time.Millisecond // what has ended is looked for
	readEvery   = 15 * time.Second       // a store that was emptied does not say so
)

// Join reads what was decided before this gateway serves, so that one with an empty disk does
// not send a tenant back to where it came from. It waits a moment at most: a gateway must
// start while its store is away, and then goes by its disk.
func (c *Control) Join(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	tick := time.NewTicker(joinEvery)
	defer tick.Stop()
	for c.readAll(ctx) != nil {
		select {
		case <-ctx.Done():
			c.log.WarnContext(ctx, "the store is not there: this gateway goes by what its own disk remembers of runtime decisions")
			return
		case <-tick.C:
		}
	}
}

// Run hears what others decide, shares what could not be shared, and ends what has expired,
// until ctx ends.
func (c *Control) Run(ctx context.Context) error {
	var background sync.WaitGroup
	background.Go(func() { _ = c.listen(ctx) }) // it ends with ctx
	defer c.flush()                             // once nothing is heard any more
	defer background.Wait()
	settle, expire, read := time.NewTicker(settleEvery), time.NewTicker(expireEvery), time.NewTicker(readEvery)
	defer settle.Stop()
	defer expire.Stop()
	defer read.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.reload:
			c.catchUp(ctx)
		case <-read.C:
			c.catchUp(ctx)
		case <-settle.C:
			_ = c.settle(ctx) // it is tried again
			c.flush()
		case <-expire.C:
			c.expire(ctx, time.Now())
		}
	}
}

// catchUp reads all, writes what the store lacks, and comes back from an eviction: whoever
// has heard all that was decided may serve again.
func (c *Control) catchUp(ctx context.Context) {
	if c.readAll(ctx) != nil || c.settle(ctx) != nil {
		return
	}
	c.readmit(ctx)
}

// flush brings the disk up to date.
func (c *Control) flush() {
	c.notKept(errors.Join(flushShelf(c, c.tenants), flushShelf(c, c.pools)))
}

func flushShelf[T any](c *Control, s *shelf[T]) error {
	var problems []error
	for _, name := range s.names(func(e *entry[T]) bool { return e.stale }) {
		s.mu.Lock()
		e := s.entry(name)
		text := e.text
		e.stale = false
		s.mu.Unlock()
		sealed, err := c.seal(s.name, name, 0, text)
		if err == nil {
			err = c.cfg.Local.write(s.name, name, sealed.Value)
		}
		if err != nil {
			problems = append(problems, err)
			s.mu.Lock()
			s.entry(name).stale = true
			s.mu.Unlock()
		}
	}
	return errors.Join(problems...)
}

// notKept counts what the disk did not take, and says so once.
func (c *Control) notKept(err error) {
	if err == nil {
		c.metrics.diskWell()
		return
	}
	if c.metrics.diskSick() {
		c.log.Error("runtime decisions cannot be written to this gateway's disk: they would not outlive a restart while the store is away. It is tried again", "err", err)
	}
}

// remember reads this node's disk.
func (c *Control) remember() {
	all, err := c.cfg.Local.read()
	if err != nil {
		c.log.Error("some runtime decisions on this gateway's disk cannot be read: the store is asked for them", "err", err)
	}
	now := time.Now()
	for _, r := range all {
		switch r.Kind {
		case c.tenants.name:
			recall(c, c.tenants, r, now)
		case c.pools.name:
			recall(c, c.pools, r, now)
		}
	}
	c.compileAll()
}

// recall takes in what the disk holds; whether the store does too is yet to be seen.
func recall[T any](c *Control, s *shelf[T], r store.Record, now time.Time) {
	value, text, ok := open(c, s, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(r.Name)
	e.set(value, text, now)
	e.stale = false
}
