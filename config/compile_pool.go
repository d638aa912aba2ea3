package config

import (
	"maps"
	"time"
)

// Defaults of a pool.
const (
	defaultInterval = 2 * time.Second
	defaultProbe    = 6 * time.Second
	defaultFall     = 3
	defaultRise     = 2
	defaultDial     = 3 * time.Second
	defaultResponse = 130 * time.Second // Odoo's limit_time_real, 5 s for its watchdog, 5 s for us
	defaultHealth   = "/web/health"

	defaultHandshakes  = 50 // a second; one realtime process answers a few hundred when idle
	defaultConcurrency = 32
	defaultCold        = 4                // loading a database takes the whole process
	defaultWait        = 15 * time.Second // Firefox gives up after 20 s
	defaultDrain       = time.Minute
	defaultFadeIn      = 30 * time.Second
	defaultWarmUp      = time.Minute
)

// compilePools looks at the pools that something happened to.
func (c *compiler) compilePools() {
	for name, version := range c.opts.Versions {
		if last := c.previous.pools[name]; last != nil && last.pool.Auto && last.version != version {
			c.touched[KindPool][name] = true
		}
	}
	c.pools = c.previous.pools
	if len(c.touched[KindPool]) == 0 {
		return
	}
	c.pools = maps.Clone(c.previous.pools)
	for name := range c.touched[KindPool] {
		at, last := ref{KindPool, name}, c.previous.pools[name]
		now := c.servePool(at, last)
		delete(c.pools, name)
		if now != nil {
			c.pools[name] = now
		}
		if (now == nil) != (last == nil) || (now != nil && now.pool != last.pool) {
			c.replaced[at] = true
		}
	}
}

// servePool is the declared version, unchanged or built anew, or else the last good one.
func (c *compiler) servePool(at ref, last *servedPool) *servedPool {
	r := c.declared[KindPool][at.name]
	c.report(at, nil)
	switch {
	case r == nil && last != nil && c.torn(last.source):
		return last
	case r == nil:
		return nil
	case r.Broken():
		return last
	case last != nil && last.source.Digest == r.Digest && last.version == c.versionOf(r):
		same := &servedPool{pool: last.pool, source: r, version: last.version, sum: last.sum, problems: last.problems.moved(last.source, r)}
		c.report(at, same.problems)
		return same
	}
	built := c.buildPool(r)
	c.report(at, built.problems)
	if built.problems.Failed() {
		return last
	}
	return built
}
