package ratelimit_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

func TestOrdersReachEveryReplicaWithinASecond(t *testing.T) {
	fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := busy()
		for _, r := range replicas {
			offer(r.Limiter, p, "a", 100, time.Second) // has a lease
		}
		now := time.Now()
		if err := replicas[0].Block(t.Context(), "acme", "a", now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for i, r := range replicas {
			d := take(r.Limiter, p, "a", 1)
			if d.Allowed || !d.Blocked || d.RetryAfter < 50*time.Minute {
				t.Errorf("replica %d: %+v", i, d)
			}
			if d := take(r.Limiter, p, "b", 1); !d.Allowed {
				t.Errorf("replica %d refuses another key: %+v", i, d)
			}
		}
		if top := replicas[1].Top("acme", 1); len(top) != 1 || top[0].Key != "a" || top[0].Denied != 3 || top[0].Blocked.IsZero() {
			t.Errorf("the top says %+v", top)
		}
		if err := replicas[1].Block(t.Context(), "acme", "a", time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for i, r := range replicas {
			if d := take(r.Limiter, p, "a", 1); !d.Allowed {
				t.Errorf("replica %d after it was lifted: %+v", i, d)
			}
		}
	})
}

func TestAResetGivesTheBurstBack(t *testing.T) {
	fleet(t, 2, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 5, Quotas: []ratelimit.Quota{{Window: ratelimit.Month, Limit: 5}}}
		admitted(replicas[0].Limiter, p, "a", 10)
		take(replicas[1].Limiter, p, "a", 1)
		if err := replicas[0].Reset(t.Context(), "acme", "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := admitted(replicas[1].Limiter, p, "a", 10); got != 5 {
			t.Errorf("%d pass after the reset, want 5", got)
		}
		late := run(replicas[0].link.Ledger, "late", 2, 0, 0)
		defer late.end()
		time.Sleep(2 * time.Second)
		if got := admitted(late.Limiter, p, "a", 10); got != 0 {
			t.Errorf("a replica that starts later does the reset again: %d pass", got)
		}
	})
}

func TestTheTopIsOfAllReplicas(t *testing.T) {
	fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
		p := &ratelimit.Policy{Name: "p", Rate: .001, Burst: 10, Strict: true}
		for i, r := range replicas {
			admitted(r.Limiter, p, "everywhere", 5)
			admitted(r.Limiter, p, fmt.Sprint("only at ", i), 1+i)
		}
		time.Sleep(time.Second)
		start := time.Now()
		top := replicas[1].Top("acme", 3)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %s", took)
		}
		want := []ratelimit.Usage{
			{Policy: "p", Key: "everywhere", Allowed: 10, Denied: 5},
			{Policy: "p", Key: "only at 2", Allowed: 3},
			{Policy: "p", Key: "only at 1", Allowed: 2},
		}
		if !slices.Equal(top, want) {
			t.Errorf("got %+v", top)
		}
		away(replicas, true)
		if top := replicas[1].Top("acme", 3); len(top) != 2 || top[0].Allowed != 5 {
			t.Errorf("alone it knows %+v, want what it saw itself", top)
		}
	})
}

func TestAnOrderWithoutAStoreHoldsHere(t *testing.T) {
	fleet(t, 1, 0, func(t *testing.T, replicas []*replica) {
		replicas[0].link.set(func(l *link) { l.away = true })
		err := replicas[0].Block(t.Context(), "acme", "a", time.Now().Add(time.Hour))
		if !errors.Is(err, ratelimit.ErrNotSent) {
			t.Errorf("got %v", err)
		}
		if d := take(replicas[0].Limiter, busy(), "a", 1); d.Allowed {
			t.Errorf("%+v", d)
		}
	})
}
