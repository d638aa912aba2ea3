package admission_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admission"
	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// gateways are replicas over a real Redis, in front of one server.
type gateways struct {
	t       *testing.T
	ctx     context.Context
	workers int
	gates   []*admission.Gate
	wg      sync.WaitGroup

	now, most atomic.Int64 // requests at the server
	served    atomic.Int64
}

func startGateways(t *testing.T, server *redistest.Server, replicas, workers int) *gateways {
	ctx, stop := context.WithCancel(t.Context())
	f := &gateways{t: t, ctx: ctx, workers: workers}
	for i := range replicas {
		s, err := redis.New(redis.Config{Address: server.Addr, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l := admission.New(admission.Config{
			Store: s, Replica: string(rune('a' + i)), Replicas: func() int { return replicas }, Log: slog.New(slog.DiscardHandler),
		})
		for _, part := range []interface{ Run(context.Context) error }{s, l} {
			f.wg.Go(func() {
				if err := part.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		f.gates = append(f.gates, l.Pool("pool").Gate("b1", "10.0.0.1:8069", workers))
	}
	t.Cleanup(func() {
		stop()
		f.wg.Wait()
	})
	return f
}

// press keeps n requests at each gateway.
func (f *gateways) press(n int) {
	for _, g := range f.gates {
		for range n {
			f.wg.Go(func() {
				for f.ctx.Err() == nil {
					leave, err := g.Enter(f.ctx, admission.Ticket{Tenant: "acme", Lane: admission.Interactive, Sticky: true})
					if err != nil {
						return
					}
					now := f.now.Add(1)
					for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
					}
					<-time.After(5 * time.Millisecond)
					f.now.Add(-1)
					f.served.Add(1)
					leave()
				}
			})
		}
	}
}

// settled waits until the gateways together have as many slots as there are workers.
func (f *gateways) settled() {
	f.t.Helper()
	redistest.Eventually(f.t, 10*time.Second, "the slots do not add up", func() bool {
		sum := 0
		for _, g := range f.gates {
			_, _, slots := g.Load()
			if slots == 0 {
				return false
			}
			sum += slots
		}
		return sum == f.workers && f.now.Load() <= int64(f.workers) // who had more has finished
	})
}

// serves looks at what happens while n more requests are served.
func (f *gateways) serves(n int64) (most int64) {
	f.t.Helper()
	f.most.Store(0)
	until := f.served.Load() + n
	redistest.Eventually(f.t, 30*time.Second, "requests are not served", func() bool { return f.served.Load() >= until })
	return f.most.Load()
}

func TestThreeReplicasOverRedis(t *testing.T) {
	server := redistest.Start(t)
	f := startGateways(t, server, 3, 6)
	f.press(10)
	f.settled()
	if most := f.serves(1000); most > 6 {
		t.Errorf("%d requests at 6 workers", most)
	}
	t.Run("Redis stops: each goes on with its part", func(t *testing.T) {
		server.Stop()
		if most := f.serves(4000); most > 6 { // longer than what was granted holds
			t.Errorf("%d requests at 6 workers", most)
		}
		for i, g := range f.gates {
			if _, _, slots := g.Load(); slots != 2 {
				t.Errorf("replica %d has %d slots", i, slots)
			}
		}
	})
	t.Run("Redis starts, empty: they share again", func(t *testing.T) {
		server.Start()
		f.settled()
		if most := f.serves(1000); most > 6 {
			t.Errorf("%d requests at 6 workers", most)
		}
	})
	t.Run("Redis freezes: nobody waits for it", func(t *testing.T) {
		server.Freeze()
		defer server.Thaw()
		if most := f.serves(4000); most > 6 {
			t.Errorf("%d requests at 6 workers", most)
		}
	})
}
