package ratelimit_test

import (
	"math"
	"testing"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func away(replicas []*replica, is bool) {
	for _, r := range replicas {
		r.link.set(func(l *link) { l.away = is })
	}
}

func TestWithoutALedgerThePolicyDecides(t *testing.T) {
	for name, c := range map[string]struct {
		loss ratelimit.Loss
		want func(d ratelimit.Decision, passed int) bool
	}{
		"local share": {ratelimit.LocalShare, func(d ratelimit.Decision, passed int) bool { return passed == 40 && !d.Closed && d.Degraded }},
		"open":        {ratelimit.Open, func(d ratelimit.Decision, passed int) bool { return passed == 100 && d.Allowed && d.Degraded }},
		"closed":      {ratelimit.Closed, func(d ratelimit.Decision, passed int) bool { return passed == 0 && d.Closed && d.RetryAfter > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			fleet(t, 1, 0, func(t *testing.T, replicas []*replica) {
				away(replicas, true)
				p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 40, OnStoreLoss: c.loss}
				passed := admitted(replicas[0].Limiter, p, "a", 100)
				if d := take(replicas[0].Limiter, p, "a", 1); !c.want(d, passed) {
					t.Errorf("%d of 100 pass, then %+v", passed, d)
				}
			})
		})
	}
}

func TestALiveLeaseIsSpentFirst(t *testing.T) {
	fleet(t, 1, 0, func(t *testing.T, replicas []*replica) {
		p := busy()
		p.OnStoreLoss = ratelimit.Closed
		offer(replicas[0].Limiter, p, "a", 400, 4*time.Second)
		away(replicas, true)
		passed := admitted(replicas[0].Limiter, p, "a", 1000)
		if passed < 20 || passed > 200 {
			t.Errorf("%d pass, want what the lease had", passed)
		}
	})
}

func TestReplicasKeepAboutTheLimitWithoutALedger(t *testing.T) {
	fleet(t, 3, 0, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 100, Burst: 30}
		for range 100 { // half of the demand goes to the first
			time.Sleep(20 * time.Millisecond)
			take(replicas[0].Limiter, p, "a", 2)
			take(replicas[1].Limiter, p, "a", 1)
			take(replicas[2].Limiter, p, "a", 1)
		}
		away(replicas, true)
		time.Sleep(5 * time.Second)
		passed := make([]int, 3)
		start := time.Now()
		for time.Since(start) < 20*time.Second {
			time.Sleep(5 * time.Millisecond)
			for i, r := range replicas {
				if take(r.Limiter, p, "a", 1).Allowed {
					passed[i]++
				}
			}
		}
		sum := passed[0] + passed[1] + passed[2]
		if limit := 30 + 100*20.0; math.Abs(float64(sum)-limit) > limit/20 {
			t.Errorf("%v pass, %d in all; the limit is %.0f", passed, sum, limit)
		}
		if passed[0] <= passed[1] || passed[1] < 300 {
			t.Errorf("%v pass: want more where the demand was, and no replica without", passed)
		}
	})
}

func TestWhatPassedWithoutALedgerIsADebt(t *testing.T) {
	fleet(t, 2, 0, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 1, Burst: 10, OnStoreLoss: ratelimit.Open}
		take(replicas[0].Limiter, p, "a", 1)
		away(replicas, true)
		if got := admitted(replicas[0].Limiter, p, "a", 50); got != 50 {
			t.Fatalf("%d pass", got)
		}
		away(replicas, false)
		time.Sleep(time.Second)
		d := take(replicas[1].Limiter, p, "a", 1)
		if d.Allowed || d.RetryAfter > 2*time.Second {
			t.Errorf("the other replica, one burst later: %+v; want refused for about a second", d)
		}
	})
}

func TestASilentLedgerCostsARequestLittle(t *testing.T) {
	fleet(t, 1, 10*time.Second, func(t *testing.T, replicas []*replica) {
		start := time.Now()
		d := take(replicas[0].Limiter, ten(), "a", 1)
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("decided after %s", took)
		}
		if !d.Allowed || !d.Degraded {
			t.Errorf("%+v", d)
		}
	})
}

func TestQuotasAndSlotsWithoutALedger(t *testing.T) {
	fleet(t, 2, 0, func(t *testing.T, replicas []*replica) {
		slots := &ratelimit.Policy{Name: "slots", Concurrency: 4}
		quota := &ratelimit.Policy{Name: "quota", Quotas: []ratelimit.Quota{{Window: ratelimit.Day, Limit: 100}}}
		for range 5 {
			for _, r := range replicas {
				time.Sleep(time.Second)
				admitted(r.Limiter, quota, "a", 2)
				enter(t, r, slots)()
			}
		}
		away(replicas, true)
		time.Sleep(10 * time.Second)
		for i, r := range replicas {
			if got := admitted(r.Limiter, quota, "a", 200); got < 30 || got > 50 {
				t.Errorf("replica %d admits %d more of the 80 that were left, want about its half", i, got)
			}
			running := 0
			for range 10 {
				if enter(t, r, slots) != nil {
					running++
				}
			}
			if running != 2 {
				t.Errorf("replica %d runs %d at the same time, want its half of 4", i, running)
			}
		}
	})
}
