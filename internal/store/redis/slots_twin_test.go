package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
	"sluicegate.dev/sluice/internal/store/storetest/redistest"
)

// The Lua that shares slots and its Go twin must agree on everything, also on what they
// remember.
func TestSlotsScriptAndItsTwinAgree(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := running(t, Config{Address: server.Addr})
	ready(t, s)
	const steps = 4000
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 7))
		backend, now, held := fmt.Sprintf("p/b@%d", seed), int64(1_700_000_000_000), map[string]store.Holding{}
		replicas := 2 + r.IntN(5)
		for step := range steps {
			now += int64(r.IntN(400))
			ttl := time.Duration(500+r.IntN(2000)) * time.Millisecond
			me := fmt.Sprint("r", r.IntN(replicas))
			claim := store.SlotClaim{Backend: backend, Workers: r.IntN(9) + r.IntN(2)*8, Busy: r.IntN(4), Demand: r.IntN(12)}
			want := store.Grant(now, ttl, me, claim, held)
			got := lease(t, s, me, claim, ttl, now)
			if got != want {
				t.Fatalf("seed %d, step %d: %s claims %+v: Redis says %+v, Go %+v of %+v", seed, step, me, claim, got, want, held)
			}
			if step%100 == 0 {
				remembered(t, server, backend, held)
			}
		}
	}
}

func lease(t *testing.T, s *Store, me string, claim store.SlotClaim, ttl time.Duration, now int64) store.SlotGrant {
	t.Helper()
	replies, err := s.do(context.Background(), "lease_slots", s.claim(me, claim, ttl, now))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := replies[0].table()
	if err != nil || rows[2] != int64(0) {
		t.Fatalf("%v: %v", rows, err)
	}
	return store.SlotGrant{Slots: int(rows[0].(int64)), Replicas: int(rows[1].(int64))}
}

func remembered(t *testing.T, server *redistest.Server, backend string, held map[string]store.Holding) {
	t.Helper()
	there, _ := server.Do("HGETALL", slotsKey(backend)).(map[any]any)
	if len(there) != len(held) {
		t.Fatalf("Redis remembers %v, Go %v", there, held)
	}
	for name, h := range held {
		want := fmt.Sprintf("%d:%d:%d:%d:%d", h.Granted, h.Held, h.Demand, h.Since, h.Expires)
		if there[name] != want {
			t.Fatalf("%s: Redis remembers %v, Go %s", name, there[name], want)
		}
	}
}
