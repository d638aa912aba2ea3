package admission

import (
	"context"
	"sync/atomic"
	"testing"
)

// BenchmarkEnter is a request that finds a worker free.
func BenchmarkEnter(b *testing.B) {
	for name, k := range map[string]Ticket{
		"a pool of its own": {Tenant: "acme", Weight: 1, Lane: Interactive, Sticky: true},
		"a shared pool":     {Tenant: "acme", Weight: 1, Lane: Interactive, Sticky: true, Shared: true},
	} {
		b.Run(name, func(b *testing.B) {
			g, ctx := gateOf(6), context.Background()
			b.ReportAllocs()
			for b.Loop() {
				leave, err := g.Enter(ctx, k)
				if err != nil {
					b.Fatal(err)
				}
				leave()
			}
		})
	}
}

// BenchmarkEnterContended is a gate that all processors use at once; some wait.
func BenchmarkEnterContended(b *testing.B) {
	g, ctx := gateOf(6), context.Background()
	var waited atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			leave, err := g.Enter(ctx, Ticket{Tenant: "acme", Lane: Interactive, Sticky: true})
			if err != nil {
				b.Error(err)
				return
			}
			if _, waiting, _ := g.Load(); waiting > 0 {
				waited.Add(1)
			}
			leave()
		}
	})
	b.ReportMetric(float64(waited.Load())/float64(b.N), "behind/op")
}

func BenchmarkLoad(b *testing.B) {
	g := gateOf(6)
	for b.Loop() {
		g.Load()
	}
}
