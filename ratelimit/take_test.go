package ratelimit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func ten() *ratelimit.Policy {
	return &ratelimit.Policy{Name: "ten", Rate: 10, Burst: 5, Period: time.Second}
}

func charge(p *ratelimit.Policy, key string, cost int) ratelimit.Charge {
	return ratelimit.Charge{Policy: p, Scope: "acme", Key: key, Cost: cost}
}

// take charges one policy and gives slots back at once.
func take(l *ratelimit.Limiter, p *ratelimit.Policy, key string, cost int) ratelimit.Decision {
	d, done := l.Take(context.Background(), []ratelimit.Charge{charge(p, key, cost)}, false)
	done()
	return d
}

// admitted is how many of n requests pass.
func admitted(l *ratelimit.Limiter, p *ratelimit.Policy, key string, n int) int {
	passed := 0
	for range n {
		if take(l, p, key, 1).Allowed {
			passed++
		}
	}
	return passed
}

func TestAKeyHasItsBurstAndThenItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(ratelimit.Config{})
		p := ten()
		for i := range 5 {
			if d := take(l, p, "a", 1); !d.Allowed || d.Levels[0].Remaining != 4-i {
				t.Fatalf("request %d: %+v", i, d)
			}
		}
		d := take(l, p, "a", 1)
		if d.Allowed || d.RetryAfter != 100*time.Millisecond || !slices.Equal(d.Violated, []string{"ten"}) {
			t.Fatalf("after the burst: %+v", d)
		}
		if d := take(l, p, "b", 1); !d.Allowed {
			t.Errorf("another key pays for the first: %+v", d)
		}
		time.Sleep(d.RetryAfter + 20*time.Millisecond)
		if d := take(l, p, "a", 1); !d.Allowed {
			t.Errorf("when it was told to come back: %+v", d)
		}
		time.Sleep(time.Hour)
		if got := admitted(l, p, "a", 20); got != 5 {
			t.Errorf("after an hour %d pass, want the burst", got)
		}
	})
}

func TestARefusalChargesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(ratelimit.Config{})
		client := &ratelimit.Policy{Name: "client", Rate: 1, Burst: 10}
		tenant := &ratelimit.Policy{Name: "tenant", Rate: 1, Burst: 3}
		both := []ratelimit.Charge{charge(client, "a", 1), charge(tenant, "", 1)}
		passed := 0
		var last ratelimit.Decision
		for range 20 {
			d, _ := l.Take(t.Context(), both, false)
			if d.Allowed {
				passed++
			}
			last = d
		}
		if passed != 3 || !slices.Equal(last.Violated, []string{"tenant"}) {
			t.Errorf("%d pass, then %+v; want 3, then refused by the tenant's policy", passed, last)
		}
		if got := admitted(l, client, "a", 20); got != 7 {
			t.Errorf("the client has %d left, want 7: refusals were charged", got)
		}
	})
}

func TestARefusalInOneScopeIsNotChargedInAnother(t *testing.T) {
	l := ratelimit.New(ratelimit.Config{})
	first := charge(&ratelimit.Policy{Name: "first", Rate: .001, Burst: 3}, "a", 1)
	full := charge(&ratelimit.Policy{Name: "full", Rate: .001, Burst: 1}, "a", 1)
	full.Scope = "other"
	l.Take(t.Context(), []ratelimit.Charge{full}, false)
	for range 5 {
		if d, _ := l.Take(t.Context(), []ratelimit.Charge{first, full}, false); d.Allowed {
			t.Fatalf("%+v", d)
		}
	}
	d, _ := l.Take(t.Context(), []ratelimit.Charge{first}, false)
	if !d.Allowed || d.Levels[0].Remaining != 2 {
		t.Errorf("after the first request that passed: %+v", d)
	}
}

func TestCosts(t *testing.T) {
	for name, c := range map[string]struct {
		costs []int
		want  []bool
	}{
		"weigh":                            {[]int{4, 4, 2}, []bool{true, true, true}},
		"do not fit, but a smaller does":   {[]int{8, 3, 2}, []bool{true, false, true}},
		"above the burst count as all":     {[]int{500, 1}, []bool{true, false}},
		"below one count as one":           {[]int{0, -5, 8, 1}, []bool{true, true, true, false}},
		"once all is spent, none is small": {[]int{10, 1, 1}, []bool{true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			l := ratelimit.New(ratelimit.Config{})
			p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 10}
			for i, cost := range c.costs {
				if d := take(l, p, "a", cost); d.Allowed != c.want[i] {
					t.Errorf("request %d of cost %d: %+v", i, cost, d)
				}
			}
		})
	}
}

func TestPriorityHasAReserve(t *testing.T) {
	l := ratelimit.New(ratelimit.Config{})
	p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 10, Reserve: 20}
	if got := admitted(l, p, "a", 20); got != 8 {
		t.Errorf("%d ordinary requests pass, want 8 of 10", got)
	}
	passed := 0
	for range 5 {
		if d, _ := l.Take(t.Context(), []ratelimit.Charge{charge(p, "a", 1)}, true); d.Allowed {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d priority requests pass after them, want the 2 that were kept", passed)
	}
}

func TestAShadowedPolicyOnlyWatches(t *testing.T) {
	l := ratelimit.New(ratelimit.Config{})
	p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 1, Shadow: true}
	take(l, p, "a", 1)
	d := take(l, p, "a", 1)
	if !d.Allowed || len(d.Violated) > 0 || !slices.Equal(d.Shadowed, []string{"p"}) {
		t.Errorf("got %+v; want allowed, shadowed by p", d)
	}
	t.Run("a percentage of the keys is held to it", func(t *testing.T) {
		part := &ratelimit.Policy{Name: "part", Rate: .001, Burst: 1, Percent: 30}
		refused := 0
		for i := range 2000 {
			key := fmt.Sprint("key", i)
			take(l, part, key, 1)
			first, again := take(l, part, key, 1).Allowed, take(l, part, key, 1).Allowed
			if first != again {
				t.Fatalf("%s is held to it only sometimes", key)
			}
			if !first {
				refused++
			}
		}
		if refused < 500 || refused > 700 {
			t.Errorf("%d of 2000 keys, want about 600", refused)
		}
	})
}

func TestSlots(t *testing.T) {
	l := ratelimit.New(ratelimit.Config{})
	p := &ratelimit.Policy{Name: "p", Concurrency: 2}
	enter := func() (ratelimit.Decision, func()) {
		return l.Take(t.Context(), []ratelimit.Charge{charge(p, "a", 7)}, false)
	}
	_, one := enter()
	_, two := enter()
	d, none := enter()
	if d.Allowed || d.RetryAfter <= 0 || d.Levels[0].Kind != ratelimit.Slots {
		t.Fatalf("a third at the same time: %+v", d)
	}
	none()
	one()
	one() // gives back once
	if d, _ := enter(); !d.Allowed {
		t.Errorf("after one has left: %+v", d)
	}
	if d, _ := enter(); d.Allowed {
		t.Errorf("one has left, two came: %+v", d)
	}
	two()
}

func TestALaterCorrectionIsADebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ratelimit.New(ratelimit.Config{})
		p := &ratelimit.Policy{Name: "p", Rate: 1, Burst: 10}
		take(l, p, "a", 1)
		l.Correct([]ratelimit.Charge{charge(p, "a", 1)}, 6)
		l.Correct([]ratelimit.Charge{charge(p, "a", 1)}, 6)
		d := take(l, p, "a", 1)
		if d.Allowed || d.RetryAfter.Round(time.Second) != 4*time.Second {
			t.Errorf("3 in debt and one to pay at 1/s: %+v", d)
		}
		l.Correct([]ratelimit.Charge{charge(p, "a", 1)}, 1_000_000)
		l.Correct([]ratelimit.Charge{charge(p, "a", 1)}, 1_000_000)
		time.Sleep(11*time.Second + time.Millisecond)
		if d := take(l, p, "a", 1); !d.Allowed {
			t.Errorf("a debt lasts longer than one burst takes: %+v", d)
		}
	})
}

func TestAChangedPolicyKeepsItsCounters(t *testing.T) {
	for name, c := range map[string]struct {
		spent int
		next  ratelimit.Policy
		want  int
	}{
		"the burst doubles: half stays half":  {5, ratelimit.Policy{Rate: .001, Burst: 20}, 10},
		"the burst halves: half stays half":   {5, ratelimit.Policy{Rate: .001, Burst: 4}, 2},
		"only the rate changes":               {5, ratelimit.Policy{Rate: .002, Burst: 10}, 5},
		"nothing changes but the pointer":     {5, ratelimit.Policy{Rate: .001, Burst: 10}, 5},
		"all was spent, and nothing is given": {10, ratelimit.Policy{Rate: .001, Burst: 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := ratelimit.New(ratelimit.Config{})
			admitted(l, &ratelimit.Policy{Name: "p", Rate: .001, Burst: 10}, "a", c.spent)
			c.next.Name = "p"
			if got := admitted(l, &c.next, "a", 200); got != c.want {
				t.Errorf("%d pass under the new policy, want %d", got, c.want)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := ratelimit.New(ratelimit.Config{})
	p := &ratelimit.Policy{Name: "p", Rate: 1, Burst: 100}
	steady := &ratelimit.Policy{Name: "steady", Rate: .001, Burst: 3}
	passed := 0
	for i := range 220_000 {
		take(l, p, fmt.Sprint("invented", i), 1)
		if i%11_000 == 0 && take(l, steady, "a real one", 1).Allowed {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("under the flood a client that comes back now and then passed %d times, want its burst of 3", passed)
	}
	if got := len(l.Top("acme", 10_000_000)); got > 100_000 {
		t.Errorf("%d keys are kept", got)
	}
}
