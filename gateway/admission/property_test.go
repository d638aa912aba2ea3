package admission

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// machine drives a pool of two gates by single steps, without goroutines, and holds what
// must be true after each.
type machine struct {
	pool  *Pool
	gates []*Gate
	all   []*visit
}

func newMachine(t *rapid.T) *machine {
	m := &machine{pool: New(Config{}).Pool("pool")}
	for _, name := range []string{"b1", "b2"} {
		m.gates = append(m.gates, m.pool.Gate(name, name, rapid.IntRange(1, 9).Draw(t, "workers")))
	}
	return m
}

func (m *machine) gate(t *rapid.T) *Gate { return rapid.SampledFrom(m.gates).Draw(t, "gate") }

// Arrive has somebody ask, and maybe queue.
func (m *machine) Arrive(t *rapid.T) {
	tenant := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant")
	k := Ticket{
		Tenant: tenant, Weight: len(tenant), Shared: true, Lane: rapid.SampledFrom(Lanes()).Draw(t, "lane"),
		Sticky: rapid.Bool().Draw(t, "sticky"),
	}
	if tenant == "c" {
		k.Ceiling = 3
	}
	if v, refused := m.gate(t).arrive(&k, rapid.Bool().Draw(t, "waits")); refused == nil && v != nil {
		m.all = append(m.all, v)
	}
}

// Leave has somebody go: done, or tired of waiting.
func (m *machine) Leave(t *rapid.T) {
	if len(m.all) == 0 {
		t.Skip("nobody is there")
	}
	i := rapid.IntRange(0, len(m.all)-1).Draw(t, "who")
	m.all[i].leave()
	m.all[i].leave()
	m.all = append(m.all[:i], m.all[i+1:]...)
}

func (m *machine) Resize(t *rapid.T) {
	m.gate(t).Resize(rapid.IntRange(1, 9).Draw(t, "workers"))
}

func (m *machine) Flush(t *rapid.T) { m.gate(t).Flush() }

// TimePasses makes everything older, and has everybody look.
func (m *machine) TimePasses(t *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds")) * time.Second
	for _, g := range m.gates {
		g.front.at, g.asked.at = g.front.at.Add(-d), g.asked.at.Add(-d)
		for _, l := range g.lines {
			l.asked.at = l.asked.at.Add(-d)
		}
	}
	for _, v := range m.all {
		v.since = v.since.Add(-d)
	}
	for _, v := range m.all {
		v.look()
	}
}

func (m *machine) Check(t *rapid.T) {
	held := map[string]int{}
	for _, g := range m.gates {
		m.counts(t, g, held)
		m.nobodyForgotten(t, g)
	}
	for name, n := range held {
		if m.pool.tenants[name].held != n {
			t.Fatalf("tenant %s holds %d, the books say %d", name, n, m.pool.tenants[name].held)
		}
	}
	for _, v := range m.all {
		if v.state == over && v.why == nil {
			t.Fatal("somebody is out without a word")
		}
	}
}

// counts holds the books of a gate against the visits themselves.
func (m *machine) counts(t *rapid.T, g *Gate, held map[string]int) {
	var inLane, inQueue [lanes]int
	for _, v := range m.all {
		switch {
		case v.line.gate != g:
		case v.state == holding:
			inLane[v.lane]++
			held[v.line.tenant.name]++
		case v.state == asking:
			inQueue[v.lane]++
		}
	}
	busy, waiting := 0, 0
	for i := range inLane {
		busy, waiting = busy+inLane[i], waiting+inQueue[i]
	}
	gotBusy, gotWaiting, _ := g.Load()
	if inLane != g.inLane || inQueue != g.inQueue || busy != gotBusy || waiting != gotWaiting {
		t.Fatalf("holding %v, waiting %v; the books say %v and %v, %d and %d", inLane, inQueue, g.inLane, g.inQueue, gotBusy, gotWaiting)
	}
	asked, present := 0, 0
	for _, l := range g.lines {
		asked, present = asked+l.asked.now, present+l.present
	}
	if asked != g.asked.now || present != g.present {
		t.Fatalf("asked for %d by weight %d; the books say %d and %d", asked, present, g.asked.now, g.present)
	}
}

// nobodyForgotten: whoever still waits may not have a slot.
func (m *machine) nobodyForgotten(t *rapid.T, g *Gate) {
	if v := g.next(time.Now()); v != nil {
		t.Fatalf("%s of %s waits, and a slot is free for it", v.lane, v.line.tenant.name)
	}
}

// Limits is checked whenever a slot is taken: who got one was within every bound, and the
// first of its line in its lane.
func (m *machine) limits(t *rapid.T, before map[*visit]state) {
	for _, v := range m.all {
		if v.state != holding || before[v] == holding {
			continue
		}
		g, l := v.line.gate, v.line
		behind := g.busy - g.inLane[Interactive]
		switch {
		case g.busy > g.slots:
			t.Fatalf("%d busy of %d", g.busy, g.slots)
		case v.lane != Interactive && (behind > behindInteractive(g.slots, 0) || g.inLane[v.lane] > v.lane.most(g.slots)):
			t.Fatalf("%s took a slot that others must leave: %v of %d", v.lane, g.inLane, g.slots)
		case l.tenant.ceiling > 0 && l.tenant.held > l.tenant.ceiling:
			t.Fatalf("%s holds %d of its ceiling", l.tenant.name, l.tenant.held)
		case l.tenant.ceiling == 0 && l.held > ofTenant(g.slots, 0, l.weight, l.weight):
			t.Fatalf("%s holds %d of %d slots", l.tenant.name, l.held, g.slots)
		case v.lane != Interactive && l.tenant.ceiling == 0 && l.behind > behindInteractive(ofTenant(g.slots, 0, l.weight, l.weight), 0):
			t.Fatalf("%s of %s took a slot of its people", v.lane, l.tenant.name)
		}
		if first := l.queues[v.lane].first; first != nil && first.since.Before(v.since) {
			t.Fatal("somebody of the same line and lane has waited for longer")
		}
	}
}

func TestTheBooksAndTheBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		step := func(f func(*rapid.T)) func(*rapid.T) {
			return func(t *rapid.T) {
				before := make(map[*visit]state, len(m.all))
				for _, v := range m.all {
					before[v] = v.state
				}
				f(t)
				m.limits(t, before)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"arrive": step(m.Arrive), "arrive again": step(m.Arrive), "leave": step(m.Leave),
			"resize": step(m.Resize), "flush": step(m.Flush), "time passes": step(m.TimePasses), "": m.Check,
		})
		for _, v := range m.all {
			v.leave()
		}
		m.all = nil
		m.Check(t)
		if busy, waiting, _ := m.gates[0].Load(); busy+waiting != 0 {
			t.Fatalf("%d hold, %d wait in the end", busy, waiting)
		}
	})
}
