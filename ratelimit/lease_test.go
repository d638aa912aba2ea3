package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func busy() *ratelimit.Policy { return &ratelimit.Policy{Name: "busy", Rate: 1000, Burst: 400} }

// calls is how many calls the replicas have made since the last time.
func calls(replicas []*replica) int {
	n := 0
	for _, r := range replicas {
		r.link.set(func(l *link) { n += l.calls; l.calls = 0 })
	}
	return n
}

func TestABusyKeyIsServedFromLeases(t *testing.T) {
	fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := busy()
		load := func(span time.Duration) int {
			var all sync.WaitGroup
			passed := make([]int, len(replicas))
			for i, r := range replicas {
				all.Go(func() { passed[i] = offer(r.Limiter, p, "hot", 250, span) })
			}
			all.Wait()
			return passed[0] + passed[1] + passed[2]
		}
		load(5 * time.Second)
		calls(replicas)
		passed := load(10 * time.Second)
		made := calls(replicas)
		if passed < 7400 {
			t.Errorf("%d of 7500 requests pass at three quarters of the rate", passed)
		}
		if per1000 := made * 1000 / passed; per1000 > 50 {
			t.Errorf("%d calls to the ledger for 1000 requests", per1000)
		}
	})
}

func TestWhatIsAskedEachTime(t *testing.T) {
	for name, p := range map[string]*ratelimit.Policy{
		"a low limit":     {Name: "p", Rate: 1, Burst: 3},
		"a strict policy": {Name: "p", Rate: 1000, Burst: 1000, Strict: true},
	} {
		t.Run(name, func(t *testing.T) {
			fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
				for range 50 {
					for _, r := range replicas {
						time.Sleep(time.Second)
						if d := take(r.Limiter, p, "a", 1); !d.Allowed {
							t.Fatalf("at the limit's pace: %+v", d)
						}
					}
				}
				if made := calls(replicas); made != 150 {
					t.Errorf("150 requests made %d calls", made)
				}
			})
		})
	}
}

func TestALeaseIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(r *replica){
		"when its key falls idle":   func(*replica) { time.Sleep(2 * time.Second) },
		"when its replica ends":     func(r *replica) { r.end() },
		"when the policy is new":    func(r *replica) { take(r.Limiter, &ratelimit.Policy{Name: "busy", Rate: 1000, Burst: 402}, "hot", 1) },
		"when its replica has died": func(r *replica) { r.link.set(func(l *link) { l.dead = true }); r.stop(); time.Sleep(6 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			fleet(t, 2, 0, func(t *testing.T, replicas []*replica) {
				offer(replicas[0].Limiter, busy(), "hot", 200, 3*time.Second)
				end(replicas[0])
				time.Sleep(500 * time.Millisecond)
				want := 400
				if got := admitted(replicas[1].Limiter, busy(), "hot", 1000); got < want-10 {
					t.Errorf("the other replica admits %d, want about the burst of %d", got, want)
				}
			})
		})
	}
}

// TestPauseThenBurst is the attack on leases that do not count what they hold: spend late what
// was leased early, and have it refilled as well.
func TestPauseThenBurst(t *testing.T) {
	for _, pause := range []time.Duration{60, 120, 260} {
		t.Run((pause * time.Millisecond).String(), func(t *testing.T) {
			fleet(t, 3, 0, func(t *testing.T, replicas []*replica) {
				p := &ratelimit.Policy{Name: "p", Rate: 100, Burst: 20, Horizon: time.Second}
				w := &witness{}
				send := func(i int) {
					if take(replicas[i%3].Limiter, p, "a", 1).Allowed {
						w.admitted(time.Now(), 1)
					}
				}
				for range 5 {
					for i := range 160 {
						time.Sleep(12 * time.Millisecond)
						send(i)
					}
					time.Sleep(pause * time.Millisecond)
					for i := range 80 {
						send(i)
					}
				}
				if over := w.over(p); over > 1e-6 {
					t.Errorf("%.3f tokens too many", over)
				}
			})
		})
	}
}

func TestARefusedKeyCostsTheLedgerLittle(t *testing.T) {
	fleet(t, 1, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 1, Burst: 3}
		offer(replicas[0].Limiter, p, "abuser", 2000, time.Second)
		calls(replicas)
		offer(replicas[0].Limiter, p, "abuser", 2000, 10*time.Second)
		if made := calls(replicas); made > 100 {
			t.Errorf("20000 refused requests made %d calls", made)
		}
	})
}

func TestRequestsThatComeTogetherShareACall(t *testing.T) {
	fleet(t, 1, 5*time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 1, Burst: 500, Strict: true}
		var all sync.WaitGroup
		for range 300 {
			all.Go(func() {
				if d := take(replicas[0].Limiter, p, "a", 1); !d.Allowed {
					t.Errorf("%+v", d)
				}
			})
		}
		all.Wait()
		if made := calls(replicas); made > 10 {
			t.Errorf("300 requests at once made %d calls", made)
		}
	})
}

func TestNobodyWaitsForWhatIsLeased(t *testing.T) {
	fleet(t, 1, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: 1e6, Burst: 100_000}
		start := time.Now()
		var clients sync.WaitGroup
		for range 64 {
			clients.Go(func() {
				for range 500 {
					take(replicas[0].Limiter, p, "a", 1)
				}
			})
		}
		clients.Wait()
		if took, made := time.Since(start), calls(replicas); took > 50*time.Millisecond || made > 50 {
			t.Errorf("64 clients with 500 requests each took %s and %d calls", took, made)
		}
	})
}

func TestAClientThatLeavesDoesNotPay(t *testing.T) {
	fleet(t, 1, 20*time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 3}
		for range 5 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			d, _ := replicas[0].Take(ctx, []ratelimit.Charge{charge(p, "a", 1)}, false)
			cancel()
			if d.Allowed {
				t.Fatalf("decided before the ledger has answered: %+v", d)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if d := take(replicas[0].Limiter, p, "a", 3); !d.Allowed {
			t.Errorf("the whole burst should be there: %+v", d)
		}
	})
}
