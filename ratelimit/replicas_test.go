package ratelimit_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sluicegate.dev/sluice/ratelimit"
)

// event is one thing that happens to one replica.
type event struct {
	after   time.Duration
	replica int
	what    string // "" for a request
	cost    int
}

type plan struct {
	policy   ratelimit.Policy
	replicas int
	skews    []time.Duration
	delay    time.Duration
	events   []event
}

func drawPlan(t *rapid.T) plan {
	p := plan{
		policy: ratelimit.Policy{
			Name:    "p",
			Rate:    rapid.SampledFrom([]float64{1, 10, 100, 500, 2000}).Draw(t, "rate"),
			Burst:   rapid.SampledFrom([]int{1, 5, 20, 100, 400}).Draw(t, "burst"),
			Strict:  rapid.IntRange(0, 9).Draw(t, "strict") == 9,
			Horizon: rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, time.Second}).Draw(t, "horizon"),
			// So that nothing passes but what the ledger has granted.
			OnStoreLoss: ratelimit.Closed,
		},
		replicas: rapid.IntRange(1, 4).Draw(t, "replicas"),
		delay:    rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 30 * time.Millisecond, 100 * time.Millisecond}).Draw(t, "delay"),
	}
	for range p.replicas {
		p.skews = append(p.skews, rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Minute, -5 * time.Minute}).Draw(t, "skew"))
	}
	n := rapid.IntRange(1, 40).Draw(t, "bursts")
	for range n {
		what := rapid.SampledFrom([]string{"", "", "", "", "", "", "lose", "late", "late", "crash", "stop", "ledger back"}).Draw(t, "what")
		e := event{
			after:   time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond,
			replica: rapid.IntRange(0, p.replicas-1).Draw(t, "who"), what: what, cost: 1,
		}
		if what == "" {
			e.cost = rapid.SampledFrom([]int{1, 1, 1, 3, 10}).Draw(t, "cost")
			gap := rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 7 * time.Millisecond}).Draw(t, "gap")
			for range rapid.IntRange(1, 150).Draw(t, "length") {
				p.events = append(p.events, e)
				e.after = gap
				if rapid.IntRange(0, 3).Draw(t, "hop") == 0 {
					e.replica = rapid.IntRange(0, p.replicas-1).Draw(t, "to")
				}
			}
			continue
		}
		p.events = append(p.events, e)
	}
	return p
}

// witness sees what was admitted, each between two instants.
type witness struct {
	mu  sync.Mutex
	all []admission
}

type admission struct {
	start, end time.Time
	cost       int
}

func (w *witness) admitted(start time.Time, cost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, admission{start, time.Now(), cost})
}

// over is by how many tokens the admissions go over rate and burst in the worst span of time,
// however each is dated between its instants: what the ledger grants is admitted once the
// answer is here.
func (w *witness) over(p *ratelimit.Policy) float64 {
	slices.SortFunc(w.all, func(a, b admission) int { return b.start.Compare(a.start) })
	var within []admission // those that start no earlier, by their end
	worst := 0.0
	for _, a := range w.all {
		at, _ := slices.BinarySearchFunc(within, a, func(x, y admission) int { return x.end.Compare(y.end) })
		within = slices.Insert(within, at, a)
		sum := 0
		for _, b := range within {
			sum += b.cost
			worst = max(worst, float64(sum-p.Burst)-p.Rate*b.end.Sub(a.start).Seconds())
		}
	}
	return worst
}

// play runs a plan in a bubble of virtual time and returns by how many tokens the replicas
// together went over the policy.
func play(t *testing.T, p plan) float64 {
	w := &witness{}
	var back atomic.Int64
	ledger := ratelimit.NewMemory(func() time.Time { return time.Now().Add(-time.Duration(back.Load())) })
	start := func(i, n int) *replica {
		return run(ledger, fmt.Sprintf("r%d-%d", i, n), p.replicas, p.skews[i], p.delay)
	}
	replicas := make([]*replica, p.replicas)
	for i := range replicas {
		replicas[i] = start(i, 0)
	}
	var requests sync.WaitGroup
	var old []*replica
	for n, e := range p.events {
		time.Sleep(e.after)
		r := replicas[e.replica]
		switch e.what {
		case "lose":
			r.link.set(func(l *link) { l.lose = 2 })
		case "late":
			r.link.set(func(l *link) { l.late = 3 })
		case "crash": // its leases stay where they are
			r.link.set(func(l *link) { l.dead = true })
			r.stop()
			old = append(old, r)
			replicas[e.replica] = start(e.replica, n+1)
		case "stop":
			r.end()
			replicas[e.replica] = start(e.replica, n+1)
		case "ledger back":
			back.Add(int64(5 * time.Minute))
		default:
			requests.Go(func() {
				start := time.Now()
				if d := take(r.Limiter, &p.policy, "key", e.cost); d.Allowed {
					w.admitted(start, min(e.cost, p.policy.Burst))
				}
			})
		}
	}
	requests.Wait()
	for _, r := range append(old, replicas...) {
		r.end()
	}
	return w.over(&p.policy)
}

func TestReplicasNeverAdmitMoreThanThePolicy(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var over float64
		synctest.Test(t, func(t *testing.T) { over = play(t, p) })
		if over > 1e-4 {
			rt.Fatalf("%.6f tokens over burst %d, rate %v", over, p.policy.Burst, p.policy.Rate)
		}
	})
}
