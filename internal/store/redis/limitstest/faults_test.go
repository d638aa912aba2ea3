package limitstest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/ratelimit"
)

// short are the bounds that production has.
func short() redis.Bounds { return redis.Bounds{Probe: 100 * time.Millisecond} }

// tooLong is what no request may wait for a decision, on a machine that does other things too.
const tooLong = 500 * time.Millisecond

// hurried takes until told otherwise and remembers the slowest answer.
func hurried(t *testing.T, l *ratelimit.Limiter, p *ratelimit.Policy, n int) (passed, degraded int) {
	t.Helper()
	var slowest time.Duration
	for range n {
		start := time.Now()
		d := take(l, charge(p, "k"))
		slowest = max(slowest, time.Since(start))
		if d.Allowed {
			passed++
		}
		if d.Degraded {
			degraded++
		}
	}
	if slowest > tooLong {
		t.Errorf("a request waited %s for its decision", slowest)
	}
	return passed, degraded
}

func TestALedgerThatFailsHoldsNobodyUp(t *testing.T) {
	for name, c := range map[string]struct{ fail, heal func(s *redistest.Server) }{
		"frozen":  {(*redistest.Server).Freeze, (*redistest.Server).Thaw},
		"stopped": {(*redistest.Server).Stop, (*redistest.Server).Start},
		"without memory": {
			func(s *redistest.Server) {
				s.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
				s.Do("CONFIG", "SET", "maxmemory", "1")
			},
			func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", "0") },
		},
		"a replica now": {
			func(s *redistest.Server) { s.Do("REPLICAOF", "127.0.0.1", "1") },
			func(s *redistest.Server) { s.Do("REPLICAOF", "NO", "ONE") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			l := limiter(t, redis.Config{Address: server.Addr, Bounds: short()}, "a", 0)
			p := &ratelimit.Policy{Name: "p", Rate: 5, Burst: 10, Strict: true}
			c.fail(server)
			passed, degraded := hurried(t, l, p, 200)
			if passed < 5 || passed > 40 || degraded < 150 {
				t.Errorf("%d of 200 pass, %d decided alone; want about the limit, nearly all alone", passed, degraded)
			}
			c.heal(server)
			redistest.Eventually(t, 10*time.Second, "it never asks again", func() bool {
				return !take(l, charge(p, "other")).Degraded
			})
		})
	}
}

func TestASlowLedgerHoldsNobodyUp(t *testing.T) {
	server := redistest.Start(t, "--enable-debug-command", "yes")
	l := limiter(t, redis.Config{Address: server.Addr, Bounds: short()}, "a", 0)
	p := &ratelimit.Policy{Name: "p", Rate: 100, Burst: 50, Strict: true}
	take(l, charge(p, "k"))
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() { // Redis answers every 150 ms only
		for {
			select {
			case <-stop:
				return
			default:
				server.Do("DEBUG", "SLEEP", "0.15")
			}
		}
	})
	if passed, _ := hurried(t, l, p, 100); passed == 0 {
		t.Error("nobody passes")
	}
	close(stop)
	busy.Wait()
}

func TestALedgerThatForgetsCostsOneBurst(t *testing.T) {
	for name, forget := range map[string]func(s *redistest.Server){
		"all keys":    func(s *redistest.Server) { s.Do("FLUSHALL") },
		"the scripts": func(s *redistest.Server) { s.Do("SCRIPT", "FLUSH") },
		"a restart":   func(s *redistest.Server) { s.Stop(); s.Start() },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			l := limiter(t, redis.Config{Address: server.Addr}, "a", 0)
			p := slow(20)
			first := passes(l, p, "k", 50)
			forget(server)
			second := 0
			redistest.Eventually(t, 10*time.Second, "it never answers again", func() bool {
				d := take(l, charge(p, "k"))
				if d.Allowed {
					second++
				}
				return !d.Degraded
			})
			second += passes(l, p, "k", 50)
			if first != 20 || second > 20 {
				t.Errorf("%d pass, then %d; want the burst of 20, then at most another", first, second)
			}
			if name == "the scripts" && second > 0 {
				t.Errorf("%d pass though no key was lost", second)
			}
		})
	}
}

func TestAFailoverCostsAtMostOneBurst(t *testing.T) {
	s := redistest.StartSentinels(t)
	cfg := redis.Config{Sentinel: redis.Sentinel{Master: s.Master, Addresses: s.Addrs()}, Bounds: short()}
	l := limiter(t, cfg, "a", 0)
	p := slow(20)
	first := passes(l, p, "k", 30)
	s.Primary.Stop()
	alone := 0
	redistest.Eventually(t, 20*time.Second, "the new primary is never asked", func() bool {
		start := time.Now()
		d := take(l, charge(p, "k"))
		if took := time.Since(start); took > tooLong {
			t.Errorf("a request waited %s", took)
		}
		if d.Allowed {
			alone++
		}
		return !d.Degraded
	})
	after := passes(l, p, "k", 30)
	if first != 20 || alone+after > 20 {
		t.Errorf("%d pass, then %d while nobody is primary and %d after; want at most one more burst", first, alone, after)
	}
}

func TestEvictionTakesTheLeastNeededFirst(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "volatile-ttl", "--maxmemory-samples", "20")
	l := limiter(t, redis.Config{Address: server.Addr}, "a", 0)
	steady := slow(3)
	passed := passes(l, steady, "a real client", 5)
	flood := &ratelimit.Policy{Name: "flood", Rate: .01, Burst: 100, Strict: true}
	var all sync.WaitGroup
	var degraded atomic.Int64
	for w := range 16 {
		all.Go(func() {
			for i := range 1000 {
				if take(l, charge(flood, fmt.Sprintf("invented-%d-%d-%060d", w, i, 0))).Degraded {
					degraded.Add(1)
				}
			}
		})
	}
	all.Wait()
	if evicted := server.Info("evicted_keys"); evicted == "0" {
		t.Fatal("nothing was evicted: the test shows nothing")
	}
	if passed += passes(l, steady, "a real client", 5); passed != 3 {
		t.Errorf("%d requests of a client pass, want its burst of 3: its counter was evicted before idle ones", passed)
	}
	if n := degraded.Load(); n > 4000 {
		t.Errorf("%d of 16000 requests were decided without the store", n)
	}
}
