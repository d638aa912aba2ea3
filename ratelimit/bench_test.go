package ratelimit_test

import (
	"context"
	"testing"

	"sluicegate.dev/sluice/ratelimit"
)

func BenchmarkTake(b *testing.B) {
	client := &ratelimit.Policy{Name: "client", Rate: 1e9, Burst: 1 << 30}
	tenant := &ratelimit.Policy{Name: "tenant", Rate: 1e9, Burst: 1 << 30}
	charges := []ratelimit.Charge{{Policy: client, Scope: "acme", Key: "a", Cost: 1}, {Policy: tenant, Scope: "acme", Key: "", Cost: 1}}
	bench := func(b *testing.B, l *ratelimit.Limiter, charges []ratelimit.Charge) {
		b.ReportAllocs()
		for b.Loop() {
			d, done := l.Take(context.Background(), charges, false)
			if !d.Allowed {
				b.Fatal(d)
			}
			done()
		}
	}
	b.Run("from this process, one level", func(b *testing.B) { bench(b, ratelimit.New(ratelimit.Config{}), charges[:1]) })
	b.Run("from this process, two levels", func(b *testing.B) { bench(b, ratelimit.New(ratelimit.Config{}), charges) })
	leased := func(b *testing.B) *ratelimit.Limiter {
		l := ratelimit.New(ratelimit.Config{Ledger: ratelimit.NewMemory(nil), Replica: "r"})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = l.Run(ctx) }()
		b.Cleanup(func() { cancel(); <-done })
		return l
	}
	b.Run("from a lease, one level", func(b *testing.B) { bench(b, leased(b), charges[:1]) })
	b.Run("from a lease, two levels", func(b *testing.B) { bench(b, leased(b), charges) })
}

func BenchmarkTakeTogether(b *testing.B) {
	l := ratelimit.New(ratelimit.Config{Ledger: ratelimit.NewMemory(nil), Replica: "r"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	defer func() { cancel(); <-done }()
	charges := []ratelimit.Charge{{Policy: &ratelimit.Policy{Name: "p", Rate: 1e9, Burst: 1 << 30}, Scope: "acme", Key: "a", Cost: 1}}
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if d, _ := l.Take(ctx, charges, false); !d.Allowed {
				b.Error(d)
				return
			}
		}
	})
}
