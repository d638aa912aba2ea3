package control

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store/redis"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
	"sluicegate.dev/sluice/routing/cutover"
)

// onRedis runs a gateway with a client of its own until the test ends.
func onRedis(t *testing.T, id, address, dir string) *Control {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := redis.New(redis.Config{Address: address, Log: log, Bounds: redis.Bounds{Call: time.Second, Reply: 500 * time.Millisecond, Probe: 100 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	local, err := OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{
		Store: s, Local: local, Keys: ring(), Replica: id, Log: log,
		Declared: func(string) (string, []string, bool) { return "blue", []string{"blue", "green"}, true },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{s.Run, c.Run} {
		all.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); all.Wait() })
	return c
}

func at(epoch uint32, all ...*Control) func() bool {
	return func() bool {
		for _, c := range all {
			rec, _ := c.Tenant("acme")
			if course := c.Course("acme"); rec.Epoch != epoch || course == nil || course.Epoch != epoch || !c.Shared("acme") {
				return false
			}
		}
		return true
	}
}

// decide makes one decision more, and says whether all hear of it.
func decide(t *testing.T, c *Control) bool {
	t.Helper()
	got, err := c.Change(t.Context(), "acme", closing)
	if err != nil {
		t.Fatal(err)
	}
	return got.Shared
}

func TestRedisComesAndGoes(t *testing.T) {
	server := redistest.Start(t)
	a := onRedis(t, "a", server.Addr, t.TempDir())
	b := onRedis(t, "b", server.Addr, t.TempDir())
	const soon = 30 * time.Second

	redistest.Eventually(t, soon, "a decision is not shared", func() bool { return decide(t, a) })
	rec, _ := a.Tenant("acme")
	epoch := rec.Epoch
	redistest.Eventually(t, soon, "a decision is not heard", at(epoch, a, b))

	server.Stop()
	if decide(t, a) {
		t.Error("shared without Redis")
	}
	decide(t, b)
	decide(t, b) // b decides more: it prevails
	epoch += 2
	server.Start()
	redistest.Eventually(t, soon, "they do not agree after Redis is back", at(epoch, a, b))
	one, _ := a.Tenant("acme")
	if one.By != "b" {
		t.Errorf("the decisions of %s prevail", one.By)
	}

	server.Do("FLUSHALL")
	c := onRedis(t, "c", server.Addr, t.TempDir()) // knows nothing
	redistest.Eventually(t, soon, "an emptied Redis is not filled again", at(epoch, a, b, c))

	server.Freeze()
	decide(t, a)
	server.Thaw()
	redistest.Eventually(t, soon, "a decision that Redis may or may not have taken is lost", at(epoch+1, a, b, c))

	var all sync.WaitGroup
	for _, one := range []*Control{a, b, c} {
		all.Go(func() {
			for range 20 {
				_, err := one.Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) { return closing(r) })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	redistest.Eventually(t, soon, "they do not agree after a race", func() bool {
		one, v1 := a.Tenant("acme")
		_, v2 := b.Tenant("acme")
		_, v3 := c.Tenant("acme")
		return v1 == v2 && v2 == v3 && one.Epoch >= epoch+1+20 && a.Shared("acme")
	})
}
