package admission

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// load is one stream of requests in a simulation: so many workers' worth, at random times
// and of random lengths, or as many as are let in, from clients that ask again at once.
type load struct {
	ticket  Ticket
	erlangs float64       // workers that it keeps busy on average
	length  time.Duration // of a request, on average
	clients int           // that ask without a pause; erlangs counts for nothing then
}

// simulate runs loads against so many workers for a while, and returns the 95th percentile
// of the time that the requests of the first load took, wait included. Without a gate the
// workers serve in the order of arrival, as Odoo alone does.
func simulate(t *testing.T, workers int, gated bool, loads ...load) (p95 time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulation{ctx: t.Context(), gate: gateOf(workers)}
		if !gated {
			s.workers = make(chan struct{}, workers)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		for i := len(loads) - 1; i >= 0; i-- {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			if loads[i].clients > 0 {
				s.storm(ctx, &loads[i], random)
			} else {
				s.arrivals(ctx, &loads[i], random, i == 0)
			}
		}
		s.wg.Wait()
		slices.Sort(s.took)
		p95 = s.took[len(s.took)*95/100]
	})
	return p95
}

type simulation struct {
	ctx     context.Context
	gate    *Gate
	workers chan struct{}
	wg      sync.WaitGroup
	mu      sync.Mutex
	took    []time.Duration
}

func (s *simulation) arrivals(ctx context.Context, l *load, random *rand.Rand, measured bool) {
	s.wg.Go(func() {
		for ctx.Err() == nil {
			length := lasts(random, l.length)
			s.wg.Go(func() {
				start := time.Now()
				if s.serve(l.ticket, length) && measured {
					s.mu.Lock()
					s.took = append(s.took, time.Since(start))
					s.mu.Unlock()
				}
			})
			time.Sleep(time.Duration(random.ExpFloat64() * float64(l.length) / l.erlangs))
		}
	})
}

func (s *simulation) storm(ctx context.Context, l *load, random *rand.Rand) {
	for range l.clients {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		s.wg.Go(func() {
			for ctx.Err() == nil {
				if !s.serve(l.ticket, lasts(own, l.length)) {
					time.Sleep(time.Second) // it was told to come back
				}
			}
		})
	}
}

func (s *simulation) serve(k Ticket, length time.Duration) bool {
	if s.workers != nil {
		s.workers <- struct{}{}
		time.Sleep(length)
		<-s.workers
		return true
	}
	leave, err := s.gate.Enter(s.ctx, k)
	if err != nil {
		return false
	}
	time.Sleep(length)
	leave()
	return true
}

// lasts is the length of one request: most are short, some three times the mean.
func lasts(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * math.Exp(0.6*random.NormFloat64()-0.18))
}

// The promise: people wait at most half as long again while integrations flood their tenant,
// and others in the same pool notice next to nothing. Odoo alone is beside each, so that the
// test cannot pass by an easy load.
func TestPeopleDoNotNoticeAFlood(t *testing.T) {
	people := func(erlangs float64) load {
		return load{ticket: ticket("acme", Interactive), erlangs: erlangs, length: 50 * time.Millisecond}
	}
	for name, tc := range map[string]struct {
		workers int
		people  float64
		flood   load
		shared  bool
	}{
		"quick calls, four workers":           {4, 1, load{clients: 200, length: 50 * time.Millisecond}, false},
		"slow calls, four workers":            {4, 1, load{clients: 200, length: time.Second}, false},
		"slow calls, six workers":             {6, 1.5, load{clients: 200, length: time.Second}, false},
		"slow calls, eight workers half busy": {8, 4, load{clients: 500, length: time.Second}, false},
		"two workers":                         {2, 0.2, load{clients: 100, length: 200 * time.Millisecond}, false},
		"slow calls, in a shared pool":        {8, 0.8, load{clients: 200, length: time.Second}, true},
	} {
		t.Run(name, func(t *testing.T) {
			flood, people := tc.flood, people(tc.people)
			flood.ticket = ticket("acme", RPC)
			people.ticket.Shared, flood.ticket.Shared = tc.shared, tc.shared
			idle := simulate(t, tc.workers, true, people)
			flooded := simulate(t, tc.workers, true, people, flood)
			alone := simulate(t, tc.workers, false, people, flood)
			t.Logf("p95 idle %v, flooded %v (%.2fx), without admission %v (%.1fx)", idle, flooded, ratio(flooded, idle), alone, ratio(alone, idle))
			if r := ratio(flooded, idle); r > 1.5 {
				t.Errorf("people wait %.2f times as long", r)
			}
			if r := ratio(alone, idle); r < 3 {
				t.Errorf("Odoo alone is slowed down %.2f times: this flood proves nothing", r)
			}
		})
	}
}

func TestOtherTenantsDoNotNoticeAFlood(t *testing.T) {
	shared := func(tenant string, lane Lane) Ticket {
		return Ticket{Tenant: tenant, Lane: lane, Shared: true, Sticky: true}
	}
	for name, tc := range map[string]struct {
		workers int
		people  float64
		flood   []load
	}{
		"browsers at ten times the load, eight workers": {8, 0.8, []load{{ticket: shared("greedy", Interactive), erlangs: 8, length: 50 * time.Millisecond}}},
		"reports as well": {8, 0.8, []load{
			{ticket: shared("greedy", Interactive), erlangs: 8, length: 50 * time.Millisecond},
			{ticket: shared("greedy", Report), clients: 30, length: 5 * time.Second},
		}},
		"integrations, six workers": {6, 0.4, []load{{ticket: shared("greedy", RPC), clients: 200, length: time.Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			people := load{ticket: shared("acme", Interactive), erlangs: tc.people, length: 50 * time.Millisecond}
			idle := simulate(t, tc.workers, true, people)
			flooded := simulate(t, tc.workers, true, append([]load{people}, tc.flood...)...)
			alone := simulate(t, tc.workers, false, append([]load{people}, tc.flood...)...)
			t.Logf("p95 idle %v, flooded %v (%.2fx), without admission %v (%.1fx)", idle, flooded, ratio(flooded, idle), alone, ratio(alone, idle))
			if r := ratio(flooded, idle); r > 1.1 {
				t.Errorf("the other tenant waits %.2f times as long", r)
			}
			if r := ratio(alone, idle); r < 2 {
				t.Errorf("Odoo alone is slowed down %.2f times: this flood proves nothing", r)
			}
		})
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
