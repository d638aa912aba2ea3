package limitstest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/ratelimit"
)

// trio is three replicas on one Redis. The wall clock of the last is five minutes ahead.
func trio(t testing.TB, address string) []*ratelimit.Limiter {
	t.Helper()
	var all []*ratelimit.Limiter
	for i, skew := range []time.Duration{0, 0, 5 * time.Minute} {
		all = append(all, limiter(t, redis1(address), fmt.Sprint("r", i), skew))
	}
	return all
}

func doors(replicas []*ratelimit.Limiter, p *ratelimit.Policy, key string) []allow {
	var all []allow
	for _, l := range replicas {
		all = append(all, func() bool { return take(l, charge(p, key)).Allowed })
	}
	return all
}

func TestNoLoadGoesOverALimit(t *testing.T) {
	replicas := trio(t, redistest.Start(t).Addr)
	var all sync.WaitGroup
	for _, s := range shapes() {
		for _, p := range []*ratelimit.Policy{
			{Name: "500 and 100 at once", Rate: 500, Burst: 100},
			{Name: "100 and 20 at once", Rate: 100, Burst: 20, Horizon: time.Second},
			{Name: "10 and 5 at once", Rate: 10, Burst: 5},
		} {
			all.Go(func() {
				// So that nothing passes but what the ledger has granted.
				p.OnStoreLoss = ratelimit.Closed
				calls := drive(doors(replicas, p, s.name), s, int(2*p.Rate), 3*time.Second)
				if worst := over(calls, p.Rate, p.Burst); worst > 1e-3 {
					t.Errorf("%s, %s: %.3f tokens over", p.Name, s.name, worst)
				}
				if admissions(calls) < p.Burst {
					t.Errorf("%s, %s: %d pass", p.Name, s.name, admissions(calls))
				}
			})
		}
	}
	all.Wait()
}

func TestOvershootIsSeen(t *testing.T) {
	var calls []call
	for i := range 30 {
		at := time.Duration(i) * time.Millisecond
		calls = append(calls, call{at, at, true})
	}
	if got := over(calls, 100, 20); got < 7 || got > 8 {
		t.Errorf("30 at once within 29 ms, burst 20, 100/s: %.2f over, want 7.1", got)
	}
	for i := range calls {
		calls[i].start = 0 // each may have been decided any time before
	}
	if got := over(calls, 100, 27); got > 1 {
		t.Errorf("%.2f over", got)
	}
}
