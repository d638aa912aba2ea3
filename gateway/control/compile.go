package control

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/cutover"
)

// took has what a record says hold for requests, then tells whoever wants to know.
func (c *Control) took(kind, name string) {
	if kind == c.pools.name {
		c.compilePools(time.Now())
		c.tell()
		return
	}
	changed := c.compile(time.Now(), name)
	c.tell()
	if changed && c.cfg.Changed != nil {
		c.cfg.Changed(name)
	}
}

// Refresh has a change of the configuration hold: what was decided means something else once
// the declared tenant is another. Call it after each reload, the first one too.
func (c *Control) Refresh() { c.compileAll() }

func (c *Control) compileAll() {
	now := time.Now()
	c.compile(now, c.tenants.names(func(*entry[cutover.Record]) bool { return true })...)
	c.compilePools(now)
}

// compile makes the courses of some tenants anew. It says whether a record or what follows
// from it is new.
func (c *Control) compile(now time.Time, names ...string) (changed bool) {
	c.compiling.Lock()
	defer c.compiling.Unlock()
	was := *c.courses.Load()
	next := map[string]*routing.Course(nil) // made when there is something new
	sequences := map[string]uint64{}
	for _, name := range names {
		rec, known, _ := c.tenants.get(name)
		if !known {
			continue
		}
		sequences[name] = rec.Sequence
		course := c.course(rec, now)
		if reflect.DeepEqual(was[name], course) {
			continue
		}
		if next == nil {
			next = maps.Clone(was)
		}
		if next[name] = course; course == nil {
			delete(next, name)
		}
	}
	if next != nil {
		c.courses.Store(&next)
	}
	changed = next != nil
	for name, sequence := range sequences { // only now that all requests see it
		changed = changed || c.applied[name] != sequence
		c.applied[name] = sequence
	}
	return changed
}

// course is what follows from a record for this gateway's requests. The caller holds the lock.
func (c *Control) course(rec cutover.Record, now time.Time) *routing.Course {
	active, releases, declared := c.cfg.Declared(rec.Tenant)
	c.drift(rec, active, declared, now)
	if !declared {
		return nil
	}
	course := c.inForce(rec, now).Course(active, releases)
	if slices.Contains(rec.Evicted, c.cfg.Replica) {
		course = outOfService(rec, active, course)
	}
	return course
}

// outOfService is the course of a gateway that an operator took for gone: it may have missed
// where the tenant went, so it serves nobody until it has caught up.
func outOfService(rec cutover.Record, active string, course *routing.Course) *routing.Course {
	out := routing.Course{Tenant: rec.Tenant, Epoch: rec.Epoch, Legs: []routing.Leg{{Active: active}}}
	if course != nil {
		out = *course
	}
	out.Page = &routing.Page{Text: "This gateway was away and is catching up. Try again in a moment.", RetryAfter: 2 * time.Second}
	return &out
}

// drift keeps in mind how a record and the declared state agree. The caller holds the lock.
func (c *Control) drift(rec cutover.Record, active string, declared bool, now time.Time) {
	if declared && rec.Drifted(active) {
		c.metrics.drifted.WithLabelValues(rec.Tenant).Set(1)
	} else {
		c.metrics.drifted.DeleteLabelValues(rec.Tenant)
	}
	if _, agree := rec.Agree(active); !declared || !agree {
		delete(c.agrees, rec.Tenant)
	} else if _, known := c.agrees[rec.Tenant]; !known {
		c.agrees[rec.Tenant] = now
	}
}

// compilePools makes the states of all backends anew.
func (c *Control) compilePools(now time.Time) {
	c.compiling.Lock()
	defer c.compiling.Unlock()
	next := map[string]map[string]cutover.BackendState{}
	for _, p := range c.pools.all() {
		states := map[string]cutover.BackendState{}
		for name, b := range p.Backends {
			if !ended(b.Grant, now) && b.State != cutover.Ready {
				states[name] = b.State
			}
		}
		if len(states) > 0 {
			next[p.Pool] = states
		}
	}
	c.backends.Store(&next)
}
