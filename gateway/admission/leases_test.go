package admission

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// hub is a store for tests: the rule of the real ones, and failures on demand.
type hub struct {
	mu    sync.Mutex
	held  map[string]map[string]store.Holding
	delay time.Duration
	err   error
	trips int
	names map[string]bool // of backends that were ever asked for
}

func newHub() *hub {
	return &hub{held: map[string]map[string]store.Holding{}, names: map[string]bool{}}
}

func (h *hub) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.trips
	h.trips = 0
	return n
}

func (h *hub) LeaseSlots(ctx context.Context, me string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error) {
	if h.delay > 0 {
		select {
		case <-time.After(h.delay):
		case <-ctx.Done():
			return nil, store.ErrUnknown
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trips++
	if h.err != nil {
		return nil, h.err
	}
	var grants []store.SlotGrant
	for _, c := range claims {
		h.names[c.Backend] = true
		if h.held[c.Backend] == nil {
			h.held[c.Backend] = map[string]store.Holding{}
		}
		grants = append(grants, store.Grant(time.Now().UnixMilli(), ttl, me, c, h.held[c.Backend]))
	}
	return grants, nil
}

// replica is one gateway of several, with a gate for the same backend.
type replica struct {
	*Gate
	leases *Leases
	busy   sync.WaitGroup
}

// together runs replicas over h for as long as test takes.
func together(t *testing.T, h *hub, replicas, workers int, test func(ctx context.Context, of []*replica)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var of []*replica
		for i := range replicas {
			l := New(Config{Store: h, Replica: string(rune('a' + i)), Replicas: func() int { return replicas }, Log: slog.New(slog.DiscardHandler)})
			running.Go(func() {
				if err := l.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			of = append(of, &replica{leases: l, Gate: l.Pool("pool").Gate("b1", "10.0.0.1:8069", workers)})
		}
		test(ctx, of)
		stop()
		for _, r := range of {
			r.busy.Wait()
		}
		running.Wait()
	})
}

// press keeps n requests at the gate until ctx ends.
func (r *replica) press(ctx context.Context, n int) {
	for range n {
		r.busy.Go(func() {
			for ctx.Err() == nil {
				leave, err := r.Enter(ctx, Ticket{Tenant: "acme", Lane: Interactive, Sticky: true})
				if err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
				leave()
			}
		})
	}
}

// watch looks at all replicas for a while and returns the most slots that were held at once,
// and the fewest and most that each had.
func watch(of []*replica, d time.Duration) (held int, least, most []int) {
	least, most = make([]int, len(of)), make([]int, len(of))
	for i := range least {
		least[i] = 1 << 20
	}
	for range d / time.Millisecond {
		time.Sleep(time.Millisecond)
		sum := 0
		for i, r := range of {
			busy, _, slots := r.Load()
			sum += busy
			least[i], most[i] = min(least[i], slots), max(most[i], slots)
		}
		held = max(held, sum)
	}
	return held, least, most
}

func TestOneReplicaHasAllWorkers(t *testing.T) {
	h := newHub()
	together(t, h, 1, 6, func(ctx context.Context, of []*replica) {
		start := time.Now()
		of[0].press(ctx, 20)
		synctest.Wait()
		if busy, _, slots := of[0].Load(); busy != 6 || slots != 6 || time.Since(start) > grace {
			t.Errorf("%d busy of %d after %v", busy, slots, time.Since(start))
		}
		time.Sleep(time.Second)
		h.count()
		time.Sleep(10 * time.Second)
		if n := h.count(); n > 11 {
			t.Errorf("%d round trips in ten seconds, alone", n)
		}
	})
}

func TestAStoreOfOurOwnIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{})
		g := l.Pool("pool").Gate("b1", "x", 6)
		if _, _, slots := g.Load(); slots != 6 {
			t.Errorf("%d slots", slots)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReplicasNeverUseMoreThanThereIs(t *testing.T) {
	h := newHub()
	together(t, h, 3, 6, func(ctx context.Context, of []*replica) {
		for _, r := range of {
			r.press(ctx, 10)
		}
		time.Sleep(2 * time.Second) // each may use one while nobody knows of the others
		h.count()
		held, least, most := watch(of, 10*time.Second)
		if held > 6 {
			t.Errorf("%d requests at 6 workers", held)
		}
		for i := range of {
			if least[i] < 1 || most[i] > 4 {
				t.Errorf("replica %d had %d to %d slots", i, least[i], most[i])
			}
		}
		if n := h.count(); n > 3*10*5 {
			t.Errorf("%d round trips in ten seconds, three replicas under load", n)
		}
	})
}

func TestSlotsFollowDemand(t *testing.T) {
	h := newHub()
	together(t, h, 2, 8, func(whole context.Context, of []*replica) {
		ctx, stop := context.WithCancel(whole)
		of[0].press(ctx, 30)
		of[1].press(ctx, 1)
		time.Sleep(3 * time.Second)
		if _, _, slots := of[0].Load(); slots < 6 {
			t.Errorf("the busy one has %d of 8", slots)
		}
		stop()
		of[0].busy.Wait()
		of[1].busy.Wait()
		ctx, stop = context.WithCancel(whole)
		of[1].press(ctx, 30)
		start := time.Now()
		for _, _, slots := of[1].Load(); slots < 6; _, _, slots = of[1].Load() {
			time.Sleep(10 * time.Millisecond)
			if time.Since(start) > 5*time.Second {
				t.Fatalf("the other one has %d of 8 after %v", slots, time.Since(start))
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v until the slots had changed hands", took)
		}
		time.Sleep(idleAfter + leaseTTL + time.Second)
		if _, _, slots := of[1].Load(); slots != 8 {
			t.Errorf("the other one went home, and %d of 8 are used", slots)
		}
		stop()
		of[1].busy.Wait()
	})
}

func TestWithoutTheStore(t *testing.T) {
	for name, tc := range map[string]struct {
		replicas, workers, slots int
	}{
		"each uses its part":                  {3, 6, 2},
		"rounded up":                          {4, 6, 2},
		"one at least":                        {9, 4, 1},
		"whoever is alone uses all there are": {1, 6, 6},
	} {
		t.Run("from the start: "+name, func(t *testing.T) {
			h := newHub()
			h.fail(store.ErrUnavailable)
			together(t, h, tc.replicas, tc.workers, func(ctx context.Context, of []*replica) {
				of[0].press(ctx, 20)
				synctest.Wait()
				if busy, _, slots := of[0].Load(); busy != tc.slots || slots != tc.slots {
					t.Errorf("%d busy of %d slots, want %d", busy, slots, tc.slots)
				}
			})
		})
	}
	t.Run("lost: what was granted holds until it ends, and then the part", func(t *testing.T) {
		h := newHub()
		together(t, h, 2, 6, func(ctx context.Context, of []*replica) {
			of[0].press(ctx, 20)
			of[1].press(ctx, 20)
			time.Sleep(3 * time.Second)
			h.fail(store.ErrUnknown)
			held, least, most := watch(of, 10*time.Second)
			if held > 6 || least[0] < 3 || most[0] > 3 {
				t.Errorf("%d held, %d to %d slots", held, least[0], most[0])
			}
			if !of[0].leases.lost.Load() {
				t.Error("nobody has noticed")
			}
			h.fail(nil)
			if held, _, _ := watch(of, 3*time.Second); held > 6 {
				t.Errorf("%d held after it came back", held)
			}
			if of[0].leases.lost.Load() {
				t.Error("nobody has noticed that it is back")
			}
		})
	})
	t.Run("lost: whoever had more gives it up with the end of its lease", func(t *testing.T) {
		h := newHub()
		together(t, h, 2, 6, func(ctx context.Context, of []*replica) {
			of[0].press(ctx, 20)
			time.Sleep(3 * time.Second)
			h.fail(store.ErrUnavailable)
			time.Sleep(leaseTTL / 3)
			if _, _, slots := of[0].Load(); slots != 6 {
				t.Errorf("%d slots while the lease lasts", slots)
			}
			time.Sleep(leaseTTL)
			if _, _, slots := of[0].Load(); slots != 3 {
				t.Errorf("%d slots after it", slots)
			}
		})
	})
}

// A store that answers late keeps nobody waiting for longer than the grace.
func TestALateStoreKeepsNobodyWaiting(t *testing.T) {
	h := newHub()
	h.delay = 40 * time.Millisecond
	together(t, h, 1, 6, func(ctx context.Context, of []*replica) {
		start := time.Now()
		leave, err := of[0].Enter(ctx, ticket("acme", Interactive))
		if took := time.Since(start); err != nil || took > 2*grace {
			t.Fatalf("the first one waited %v: %v", took, err)
		}
		second := later(ctx, of[0].Gate, ticket("acme", Interactive))
		if o := <-second; o.err != nil || time.Since(start) > 2*h.delay {
			t.Errorf("the second one waited %v: %v", time.Since(start), o.err)
		}
		leave()
	})
}

// With more replicas than workers somebody is granted nothing at times. Its sessions cannot
// go elsewhere, so it uses one worker all the same.
func TestNobodyIsLeftWithNothing(t *testing.T) {
	h := newHub()
	together(t, h, 4, 2, func(ctx context.Context, of []*replica) {
		for _, r := range of {
			r.press(ctx, 3)
		}
		time.Sleep(time.Second)
		for i, r := range of {
			start := time.Now()
			leave, err := r.Enter(ctx, ticket("acme", Interactive))
			if err != nil || time.Since(start) > 300*time.Millisecond {
				t.Errorf("replica %d: waited %v: %v", i, time.Since(start), err)
				continue
			}
			leave()
		}
	})
}

func TestWhoIsGoneIsNotAskedFor(t *testing.T) {
	h := newHub()
	together(t, h, 1, 6, func(ctx context.Context, of []*replica) {
		leave, err := of[0].Enter(ctx, ticket("acme", Interactive))
		if err != nil {
			t.Fatal(err)
		}
		leave()
		of[0].Close()
		time.Sleep(time.Second)
		h.count()
		time.Sleep(10 * time.Second)
		if n := h.count(); n != 0 {
			t.Errorf("%d round trips for nobody", n)
		}
		if len(h.names) != 1 || !h.names["pool/b1@10.0.0.1:8069"] {
			t.Errorf("asked for %v", h.names)
		}
	})
}

func TestAChangeOfWorkersIsLeased(t *testing.T) {
	h := newHub()
	together(t, h, 1, 2, func(ctx context.Context, of []*replica) {
		of[0].press(ctx, 20)
		time.Sleep(time.Second)
		for _, workers := range []int{6, 3} {
			of[0].Resize(workers)
			time.Sleep(2 * time.Second)
			if busy, _, slots := of[0].Load(); busy != workers || slots != workers {
				t.Errorf("%d busy of %d slots, want %d", busy, slots, workers)
			}
		}
	})
}
