package census

import (
	"context"
	"hash/maphash"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/routing"
)

// DefaultSessions is how many sessions are remembered one by one; each takes some 55 bytes.
// Beyond it each tenant still has a thousand.
const DefaultSessions = 500_000

// Census keeps the books of all tenants. New makes it, Run sweeps it.
type Census struct {
	most    int64 // sessions
	own     int   // of each tenant, in any case
	seed    maphash.Seed
	started time.Time
	known   atomic.Int64 // sessions

	visits sync.Pool // of *visit

	mu      sync.RWMutex
	tenants map[string]*books
}

// New returns an empty census. sessions bounds those that are remembered one by one, of all
// tenants together; 0 takes the default.
func New(sessions int) *Census {
	if sessions <= 0 {
		sessions = DefaultSessions
	}
	c := &Census{most: int64(sessions), own: ownSessions, seed: maphash.MakeSeed(), started: time.Now(), tenants: map[string]*books{}}
	c.visits.New = func() any { return new(visit) }
	return c
}

// Since is when the books were opened. What is older is not in them.
func (c *Census) Since() time.Time { return c.started }

// sweepEvery is how often sessions that have ended are looked for.
const sweepEvery = 10 * time.Minute

// Run forgets sessions that have ended, until ctx does.
func (c *Census) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			c.sweep(time.Now())
		}
	}
}

func (c *Census) sweep(now time.Time) {
	c.mu.RLock()
	all := make([]*books, 0, len(c.tenants))
	for _, b := range c.tenants {
		all = append(all, b)
	}
	c.mu.RUnlock()
	for _, b := range all {
		b.expire(c.step(now))
	}
}

// Retain closes the books of tenants that are not served any more, once nothing of them is on
// the way and no socket is open.
func (c *Census) Retain(served func(tenant string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, b := range c.tenants {
		if served(name) {
			continue
		}
		if n, ok := b.close(); ok {
			delete(c.tenants, name)
			c.known.Add(-n)
		}
	}
}

// Arrive writes each request of next into the books for as long as it takes. It goes around
// every step that looks at the tenant's course.
func (c *Census) Arrive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := routing.FromContext(r.Context())
		if x == nil || x.Tenant == nil {
			next.ServeHTTP(w, r)
			return
		}
		v := c.arrive(x, time.Now())
		defer c.leave(v) // also when an answer that breaks off unwinds as a panic
		next.ServeHTTP(w, r)
	})
}

// Settle says for each request which release serves it, where no step in front has done so.
// It goes around the upstream step.
func (c *Census) Settle(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x := routing.FromContext(r.Context()); x != nil && x.Visit != nil && x.Release != nil {
			if v, ok := x.Visit.(*visit); !ok || v.side == nil {
				x.Visit.At(x.Release.Name, x.Learn != nil)
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Census) arrive(x *routing.Exchange, now time.Time) *visit {
	v := c.visits.Get().(*visit)
	*v = visit{census: c, books: c.books(x.Tenant.Name), exchange: x, began: now}
	if x.SessionKey != "" {
		v.session = maphash.String(c.seed, x.SessionKey)
		v.known = true
	}
	v.books.arrive(v)
	x.Visit = v
	return v
}

func (c *Census) leave(v *visit) {
	v.exchange.Visit = nil
	v.books.leave(v, c.step(time.Now()))
	*v = visit{}
	c.visits.Put(v)
}

func (c *Census) books(tenant string) *books {
	c.mu.RLock()
	b := c.tenants[tenant]
	c.mu.RUnlock()
	if b != nil {
		return b
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b = c.tenants[tenant]; b == nil {
		b = &books{census: c, sessions: map[uint64]session{}, sockets: map[uint64][]*socket{}}
		c.tenants[tenant] = b
	}
	return b
}

// step is a moment in steps since the start.
func (c *Census) step(now time.Time) uint32 {
	return uint32(max(0, now.Sub(c.started)) / Step)
}
