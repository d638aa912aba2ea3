package standin

import (
	"maps"
	"sync"
	"time"
)

// process says whose memory a registry is in: the HTTP workers count as one, the realtime
// process as another. A threaded server has the first only.
func (c *call) process() string {
	if c.gevent {
		return "realtime"
	}
	return "http"
}

// registries are the databases that a server has loaded. Odoo loads one at the first request
// that needs it, which takes seconds, and all others for that database wait. (The real one
// loads them one after the other; here they do not hinder each other.)
type registries struct {
	takes time.Duration

	mu sync.Mutex
	by map[registryKey]*registry
}

type registryKey struct{ process, database string }

type registry struct {
	ready chan struct{} // closed when the load has ended; then Warm says how
	RegistryCounts
}

// RegistryCounts say who met a database that was not in memory.
type RegistryCounts struct {
	Warm     bool   `json:"warm"`
	LoadedBy string `json:"loaded_by"` // the User-Agent of the request that had it loaded
	Early    int    `json:"early"`     // requests that came before it was loaded, that one too
}

func newRegistries(takes time.Duration) *registries {
	return &registries{takes: takes, by: map[registryKey]*registry{}}
}

// awaitRegistry returns when the call's database is in memory. The one who came first loads it.
func (c *call) awaitRegistry() error {
	key := registryKey{c.process(), c.db}
	counted := false
	for {
		own, first, warm := c.srv.registries.meet(key, c.env["HTTP_USER_AGENT"], !counted)
		counted = true
		switch {
		case warm:
			return nil
		case first:
			return c.loadRegistry(key, own)
		}
		select {
		case <-own.ready:
		case <-c.ctx.Done():
			return c.sleep(time.Hour) // says in which way the process ended
		}
	}
}

// meet finds a registry, or begins it for the one who is to load it. It counts who comes
// before it is warm.
func (r *registries) meet(key registryKey, agent string, count bool) (own *registry, first, warm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own = r.by[key]
	if first = own == nil; first {
		own = &registry{ready: make(chan struct{}), RegistryCounts: RegistryCounts{LoadedBy: agent}}
		r.by[key] = own
	}
	if count && !own.Warm {
		own.Early++
	}
	return own, first, own.Warm
}

func (c *call) loadRegistry(key registryKey, own *registry) error {
	r := c.srv.registries
	err := c.sleep(r.takes)
	r.mu.Lock()
	defer r.mu.Unlock()
	own.Warm = err == nil
	if err != nil && r.by[key] == own {
		delete(r.by, key) // the next one loads it
	}
	close(own.ready)
	return err
}

// forget is what a process that ends does.
func (r *registries) forget(process string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.by, func(key registryKey, _ *registry) bool { return key.process == process })
}

// counts are by process, then by database.
func (r *registries) counts() map[string]map[string]RegistryCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]map[string]RegistryCounts{}
	for key, own := range r.by {
		if all[key.process] == nil {
			all[key.process] = map[string]RegistryCounts{}
		}
		all[key.process][key.database] = own.RegistryCounts
	}
	return all
}
