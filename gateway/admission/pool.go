package admission

import (
	"slices"
	"sync"
	"time"
)

// Ticket is who asks for a slot.
type Ticket struct {
	Tenant  string
	Weight  int  // among the tenants of a pool; below 1 counts as 1
	Ceiling int  // slots of the whole pool that the tenant may hold; 0: none is set
	Shared  bool // several tenants are configured for the pool
	Lane    Lane
	// Sticky requests can be served by this backend only. Others may take half of the
	// places in the queue: visitors without a session must not crowd out those who have
	// one.
	Sticky bool
}

// Pool is the admission of one pool of backends. Its gates share a lock, because a tenant's
// ceiling counts over all of them; whoever holds it does arithmetic and nothing else.
type Pool struct {
	name   string
	leases *Leases

	mu      sync.Mutex
	gates   []*Gate // open ones
	tenants map[string]*tenant
}

// tenant is what one tenant holds of a pool.
type tenant struct {
	name    string
	held    int // over all gates
	behind  int // of held, in the lanes behind the interactive one
	people  int // in its interactive lane
	front   level
	ceiling int // as its last request said
	lines   int // at gates
}

// Gate makes the gate of a backend. identity tells it from any other that had or will have
// its name, and is the same on all replicas; workers is 0 when unknown: the gate then only
// counts.
func (p *Pool) Gate(backend, identity string, workers int) *Gate {
	g := &Gate{
		pool: p, backend: backend, id: p.name + "/" + backend + "@" + identity,
		workers: max(workers, 0), lines: map[string]*line{},
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g.settle(time.Now())
	g.publish()
	p.gates = append(p.gates, g)
	p.leases.opened(g)
	return g
}

// Resize takes a new number of workers. Fewer than are held: those who hold finish first.
func (g *Gate) Resize(workers int) {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	if workers = max(workers, 0); workers != g.workers {
		g.workers = workers
		g.dispatch(time.Now())
	}
}

// Flush sends those who wait away, to find another backend: this one has stopped answering.
func (g *Gate) Flush() {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.flush(Down)
}

// Close ends the gate of a backend that is no longer configured. Those who wait are sent to
// another one; those who hold a slot finish.
func (g *Gate) Close() {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	g.closed = true
	g.pool.gates = slices.DeleteFunc(g.pool.gates, func(other *Gate) bool { return other == g })
	g.pool.leases.closed(g)
	g.flush(Retired)
}

func (g *Gate) flush(why Reason) {
	now := time.Now()
	var all []*visit
	for _, l := range g.queued {
		for i := range l.queues {
			for v := l.queues[i].first; v != nil; v = v.next {
				all = append(all, v)
			}
		}
	}
	for _, v := range all {
		if v.state == asking { // who was let in meanwhile stays
			g.sendAway(v, why, now)
		}
	}
}

func (p *Pool) tenant(name string) *tenant {
	t := p.tenants[name]
	if t == nil {
		t = &tenant{name: name}
		p.tenants[name] = t
	}
	return t
}

// ceiling is how many slots of the pool t may hold on this replica.
func (p *Pool) ceiling(t *tenant) int {
	slots, workers := 0, 0
	for _, g := range p.gates {
		slots, workers = slots+g.slots, workers+g.workers
	}
	return share(t.ceiling, slots, workers)
}

// freed looks whether somebody waits at another gate for what t has given back.
func (p *Pool) freed(t *tenant, at *Gate, now time.Time) {
	if t.ceiling == 0 || t.lines < 2 {
		return
	}
	for _, g := range p.gates {
		if g != at && g.waiting > 0 {
			g.dispatch(now)
		}
	}
}
