package ratelimit_test

import (
	"errors"
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
		if top := replicas[1].Top("acme", 1); len(top) != 1 || top[0].Key != "a" || top[0].Denied != 1 || top[0].Blocked.IsZero() {
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
		late := run(replicas[0].link.Ledger, "late", 0, 0)
		defer late.end()
		time.Sleep(2 * time.Second)
		if got := admitted(late.Limiter, p, "a", 10); got != 0 {
			t.Errorf("a replica that starts later does the reset again: %d pass", got)
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
