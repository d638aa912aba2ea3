package ratelimit_test

import (
	"fmt"
	"math"
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
		delay:    rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond, 30 * time.Millisecond}).Draw(t, "delay"),
	}
	for range p.replicas {
		p.skews = append(p.skews, rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Minute, -5 * time.Minute}).Draw(t, "skew"))
	}
	n := rapid.IntRange(1, 40).Draw(t, "bursts")
	for range n {
		what := rapid.SampledFrom([]string{"", "", "", "", "", "", "lose", "crash", "stop", "ledger back"}).Draw(t, "what")
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

// witness is a bucket of the policy that is fed with what was admitted.
type witness struct {
	mu    sync.Mutex
	rate  float64
	burst float64
	level float64
	at    time.Time
	worst float64
}

func (w *witness) admitted(cost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.level = max(0, w.level-w.rate*now.Sub(w.at).Seconds()) + float64(cost)
	w.at = now
	w.worst = max(w.worst, w.level-w.burst)
}

// play runs a plan in a bubble of virtual time and returns by how many tokens the replicas
// together went over the policy.
func play(t *testing.T, p plan) float64 {
	w := &witness{rate: p.policy.Rate, burst: float64(p.policy.Burst), at: time.Now()}
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
				if d := take(r.Limiter, &p.policy, "key", e.cost); d.Allowed {
					w.admitted(min(e.cost, p.policy.Burst))
				}
			})
		}
	}
	requests.Wait()
	for _, r := range append(old, replicas...) {
		r.end()
	}
	return w.worst
}

func TestReplicasNeverAdmitMoreThanThePolicy(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var over float64
		synctest.Test(t, func(t *testing.T) { over = play(t, p) })
		// What the ledger grants is admitted once the answer is here.
		late := p.policy.Rate * p.delay.Seconds()
		if over > math.Max(late, 0)+1e-5 {
			rt.Fatalf("%.6f tokens over burst %d, rate %v (%.3f may be late)", over, p.policy.Burst, p.policy.Rate, late)
		}
	})
}
