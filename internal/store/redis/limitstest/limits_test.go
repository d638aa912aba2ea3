package limitstest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/ratelimit"
)

// patient bounds suit a machine that does other things too. Tests of the bounds set their own.
func patient() redis.Bounds {
	return redis.Bounds{Call: 3 * time.Second, Reply: 2 * time.Second, Dial: 5 * time.Second, Probe: 100 * time.Millisecond}
}

// running returns a store whose Run ends with the test.
func running(t testing.TB, cfg redis.Config) *redis.Store {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	cfg.Metrics = prometheus.NewRegistry()
	if cfg.Bounds == (redis.Bounds{}) {
		cfg.Bounds = patient()
	}
	s, err := redis.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, s.Run)
	return s
}

// begin runs a part until the test ends.
func begin(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func sentinels(t *testing.T) redis.Config {
	t.Helper()
	s := redistest.StartSentinels(t)
	return redis.Config{Sentinel: redis.Sentinel{Master: s.Master, Addresses: s.Addrs()}}
}

// limiter returns one replica's limiter over a store of its own; it runs until the test ends.
func limiter(t testing.TB, cfg redis.Config, name string, skew time.Duration) *ratelimit.Limiter {
	t.Helper()
	l := ratelimit.New(ratelimit.Config{
		Ledger: running(t, cfg).Limits(), Replica: name, Replicas: func() int { return 2 },
		Now: func() time.Time { return time.Now().Add(skew) },
	})
	begin(t, l.Run)
	redistest.Eventually(t, 10*time.Second, "the store is not asked", func() bool { return !take(l, charge(slow(1), "warm-"+name)).Degraded })
	return l
}

func charge(p *ratelimit.Policy, key string) ratelimit.Charge {
	return ratelimit.Charge{Policy: p, Scope: "acme", Key: key, Cost: 1}
}

func take(l *ratelimit.Limiter, charges ...ratelimit.Charge) ratelimit.Decision {
	d, done := l.Take(context.Background(), charges, false)
	done()
	return d
}

func passes(l *ratelimit.Limiter, p *ratelimit.Policy, key string, n int) int {
	passed := 0
	for range n {
		if take(l, charge(p, key)).Allowed {
			passed++
		}
	}
	return passed
}

// slow is a limit that refills nothing while a test lasts, and leases nothing.
func slow(burst int) *ratelimit.Policy {
	return &ratelimit.Policy{Name: fmt.Sprint("slow", burst), Rate: 1e-4, Burst: burst, Strict: true}
}

// topologies are the ways Redis is run.
func topologies() map[string]func(t *testing.T) redis.Config {
	return map[string]func(t *testing.T) redis.Config{
		"one server":         func(t *testing.T) redis.Config { return redis.Config{Address: redistest.Start(t).Addr} },
		"a cluster of three": func(t *testing.T) redis.Config { return redis.Config{Cluster: redistest.StartCluster(t).Addrs()[:1]} },
		"behind sentinels":   sentinels,
	}
}

func TestReplicasShareTheirLimits(t *testing.T) {
	for where, settings := range topologies() {
		t.Run(where, func(t *testing.T) {
			cfg := settings(t)
			a, b := limiter(t, cfg, "a", 0), limiter(t, cfg, "b", 5*time.Minute)
			p := slow(10)
			if got := passes(a, p, "k", 6) + passes(b, p, "k", 10); got != 10 {
				t.Errorf("%d pass at both, want 10", got)
			}
			t.Run("all levels or none", func(t *testing.T) {
				client, tenant := slow(100), &ratelimit.Policy{Name: "tenant", Rate: 1e-4, Burst: 3}
				passed := 0
				for i := range 10 {
					if take([]*ratelimit.Limiter{a, b}[i%2], charge(client, "levels"), charge(tenant, "")).Allowed {
						passed++
					}
				}
				if left := passes(b, client, "levels", 200); passed != 3 || left != 97 {
					t.Errorf("%d pass and %d are left to the client, want 3 and 97", passed, left)
				}
			})
			t.Run("many tenants at once", func(t *testing.T) {
				for i := range 50 {
					scope := fmt.Sprint("tenant", i)
					passed := 0
					for j := range 5 {
						if take([]*ratelimit.Limiter{a, b}[j%2], ratelimit.Charge{Policy: slow(3), Scope: scope, Key: "k"}).Allowed {
							passed++
						}
					}
					if passed != 3 {
						t.Errorf("%s: %d pass, want 3", scope, passed)
					}
				}
			})
			t.Run("slots", func(t *testing.T) {
				p := &ratelimit.Policy{Name: "slots", Concurrency: 3}
				var leave []func()
				for i := range 10 {
					if d, done := []*ratelimit.Limiter{a, b}[i%2].Take(t.Context(), []ratelimit.Charge{charge(p, "k")}, false); d.Allowed {
						leave = append(leave, done)
					}
				}
				if len(leave) != 3 {
					t.Errorf("%d run at the same time, want 3", len(leave))
				}
				for _, done := range leave {
					done()
				}
			})
			t.Run("the top of both", func(t *testing.T) {
				top := a.Top("acme", 1000)
				i := slices.IndexFunc(top, func(u ratelimit.Usage) bool { return u.Key == "k" && u.Policy == p.Name })
				if i < 0 || top[i].Allowed != 10 {
					t.Errorf("want the 10 that both admitted: %+v", top)
				}
			})
			t.Run("orders", func(t *testing.T) {
				if err := a.Block(t.Context(), "acme", "k", time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				redistest.Eventually(t, 5*time.Second, "b does not hear of the block", func() bool {
					return take(b, charge(p, "k")).Blocked
				})
				if err := b.Block(t.Context(), "acme", "k", time.Time{}); err != nil {
					t.Fatal(err)
				}
				if err := b.Reset(t.Context(), "acme", "k"); err != nil {
					t.Fatal(err)
				}
				redistest.Eventually(t, 5*time.Second, "a refuses after the reset", func() bool {
					return take(a, charge(p, "k")).Allowed
				})
			})
		})
	}
}

func TestLimitsKeepNothingForever(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, redis.Config{Address: server.Addr}, "a", 0)
	p := &ratelimit.Policy{Name: "p", Rate: 100, Burst: 10, Concurrency: 5, Quotas: []ratelimit.Quota{{Window: ratelimit.Hour, Limit: 50}}}
	passes(l, p, "a key with spaces, {braces} and ünicode", 3)
	keys, _ := server.Do("KEYS", "*limit*braces*").([]any)
	if len(keys) != 3 {
		t.Errorf("keys: %v, want one for each limit", keys)
	}
	for _, key := range keys {
		if ttl, _ := server.Do("PTTL", key).(int64); ttl <= 0 {
			t.Errorf("%v has no end: %d", key, ttl)
		}
		if !strings.HasPrefix(key.(string), "sluice:v1:limit:{acme}:") {
			t.Errorf("%v does not carry its tenant as hash tag", key)
		}
	}
}

func TestWhatSomebodyElseWroteThereCountsAsNone(t *testing.T) {
	server := redistest.Start(t)
	l := limiter(t, redis.Config{Address: server.Addr}, "a", 0)
	p := slow(5)
	for name, words := range map[string][]any{
		"another type":        {"SET", "x"},
		"nonsense":            {"HSET", "s", "nonsense"},
		"not a number":        {"HSET", "s", "nan 1 1 1 1"},
		"an endless number":   {"HSET", "s", "inf 1e300 -inf 0 0"},
		"a strange replica":   {"HSET", "other", "one two three"},
		"an endless replica":  {"HSET", "other", "1e300 1e300 1"},
		"a level beyond it":   {"HSET", "s", "1e15 0 5 0 0"},
		"a clock far ahead":   {"HSET", "s", "0 9e17 5 0 0"},
		"a field of no words": {"HSET", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			key := fmt.Sprintf("sluice:v1:limit:{acme}:%s:rate:%s", p.Name, name)
			server.Do(append([]any{words[0], key}, words[1:]...)...)
			if d := take(l, charge(p, name)); d.Degraded || d.RetryAfter.Seconds() > 2*5/p.Rate {
				t.Errorf("%+v", d)
			}
			if reply := server.Do("TYPE", key); reply != "hash" {
				t.Errorf("left as %v", reply)
			}
			if ttl, _ := server.Do("PTTL", key).(int64); ttl <= 0 {
				t.Errorf("has no end: %d", ttl)
			}
		})
	}
}
