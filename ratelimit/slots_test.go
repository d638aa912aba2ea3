package ratelimit_test

import (
	"testing"
	"time"

	"sluicegate.dev/sluice/ratelimit"
)

// enter takes one slot; leave is nil when there was none.
func enter(t *testing.T, r *replica, p *ratelimit.Policy) (leave func()) {
	t.Helper()
	d, done := r.Take(t.Context(), []ratelimit.Charge{charge(p, "a", 1)}, false)
	if !d.Allowed {
		return nil
	}
	return done
}

func TestSlotsCountOverReplicas(t *testing.T) {
	p := &ratelimit.Policy{Name: "p", Concurrency: 4, OnStoreLoss: ratelimit.Closed}
	fill := func(t *testing.T, replicas []*replica) (leave []func()) {
		t.Helper()
		for i := range 12 {
			if done := enter(t, replicas[i%len(replicas)], p); done != nil {
				leave = append(leave, done)
			}
			time.Sleep(30 * time.Millisecond)
		}
		return leave
	}
	t.Run("no more than there are, and they come back", func(t *testing.T) {
		fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
			for range 20 {
				leave := fill(t, replicas)
				if len(leave) != 4 {
					t.Fatalf("%d run at the same time, want 4", len(leave))
				}
				for _, done := range leave {
					done()
				}
				time.Sleep(time.Second)
			}
		})
	})
	t.Run("one that runs for an hour keeps its slot", func(t *testing.T) {
		fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
			done := enter(t, replicas[0], p)
			time.Sleep(time.Hour)
			if got := len(fill(t, replicas)); got != 3 {
				t.Errorf("%d more run beside it, want 3", got)
			}
			done()
		})
	})
	t.Run("those of a replica that died come back after three seconds", func(t *testing.T) {
		fleet(t, 3, time.Millisecond, func(t *testing.T, replicas []*replica) {
			enter(t, replicas[0], p)
			enter(t, replicas[0], p)
			replicas[0].link.set(func(l *link) { l.dead = true })
			time.Sleep(time.Second)
			if got := len(fill(t, replicas[1:])); got != 2 {
				t.Errorf("a second later %d run elsewhere, want 2", got)
			}
			time.Sleep(3 * time.Second)
			if got := len(fill(t, replicas[1:])); got != 2 {
				t.Errorf("after 4 s %d more run elsewhere, want the 2 that came back", got)
			}
		})
	})
	t.Run("what runs while the ledger forgets still counts", func(t *testing.T) {
		fleet(t, 2, 0, func(t *testing.T, replicas []*replica) {
			enter(t, replicas[0], p)
			enter(t, replicas[0], p)
			replicas[0].link.set(func(l *link) { l.dead = true })
			time.Sleep(5 * time.Second) // its reservation lapses
			replicas[0].link.set(func(l *link) { l.dead = false })
			time.Sleep(2 * time.Second)
			if got := len(fill(t, replicas)); got != 2 {
				t.Errorf("%d run beside the 2, want 2", got)
			}
		})
	})
}
