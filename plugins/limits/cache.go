package limits

import (
	"sync"
	"sync/atomic"
)

// cache makes a value of each key once. The limiter knows policies by their address, so the
// same configuration must always give the same one.
type cache[K comparable, V any] struct {
	made  sync.Map
	count atomic.Int64
}

// mostMade are kept. Beyond that all are made anew: nearly all are of old configurations.
const mostMade = 4096

func (c *cache[K, V]) of(key K, build func(K) *V) *V {
	if made, ok := c.made.Load(key); ok {
		return made.(*V)
	}
	if c.count.Add(1) > mostMade {
		c.made.Clear()
		c.count.Store(0)
	}
	made, _ := c.made.LoadOrStore(key, build(key))
	return made.(*V)
}
