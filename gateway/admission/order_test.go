package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// served lets the tickets queue up in order behind a full gate, then frees one slot after
// the other and notes who comes when.
func served(t *testing.T, workers int, tickets ...Ticket) (order []string) {
	t.Helper()
	g := gateOf(workers)
	var held []func()
	for range workers {
		held = append(held, mustEnter(t, g, ticket("first", Interactive)))
	}
	turns := make(chan string)
	for i, k := range tickets {
		go func() {
			leave, err := g.Enter(t.Context(), k)
			if err != nil {
				t.Error(err)
				return
			}
			turns <- fmt.Sprintf("%s %s", k.Tenant, k.Lane)
			leave()
		}()
		synctest.Wait()
		if _, waiting, _ := g.Load(); waiting != i+1 {
			t.Fatalf("%d wait, want %d", waiting, i+1)
		}
		time.Sleep(time.Millisecond)
	}
	for _, leave := range held[1:] {
		leave() // those that nobody behind the interactive lane may take
	}
	held[0]()
	for range tickets {
		order = append(order, <-turns)
	}
	return order
}

func TestLanesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := served(t, 1,
			ticket("acme", Probe), ticket("acme", Report), ticket("acme", RPC), ticket("acme", Realtime), ticket("acme", Interactive))
		want := []string{"acme interactive", "acme realtime", "acme rpc", "acme report", "acme probe"}
		if !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
	})
}

func TestTenantsComeBeforeLanes(t *testing.T) {
	shared := func(tenant string, weight int, lane Lane) Ticket {
		return Ticket{Tenant: tenant, Weight: weight, Lane: lane, Shared: true, Sticky: true}
	}
	t.Run("one after the other, whoever has more requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got := served(t, 1, shared("a", 1, Interactive), shared("a", 1, Interactive), shared("a", 1, Interactive), shared("b", 1, Report))
			if want := []string{"a interactive", "b report", "a interactive", "a interactive"}; !slices.Equal(got, want) {
				t.Errorf("got %v", got)
			}
		})
	})
	t.Run("by weight", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var tickets []Ticket
			for range 8 {
				tickets = append(tickets, shared("light", 1, RPC), shared("heavy", 3, RPC))
			}
			heavy := 0
			for _, who := range served(t, 1, tickets...)[:8] {
				if who == "heavy rpc" {
					heavy++
				}
			}
			if heavy != 6 {
				t.Errorf("the one of weight 3 had %d of the first 8 slots, want 6", heavy)
			}
		})
	})
}

// Whoever was away has saved nothing up: otherwise a tenant that comes back would be served
// alone until it had caught up.
func TestAbsenceEarnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(1)
		shared := func(tenant string) Ticket {
			return Ticket{Tenant: tenant, Lane: Interactive, Shared: true, Sticky: true}
		}
		for range 50 {
			mustEnter(t, g, shared("old"))()
		}
		leave := mustEnter(t, g, shared("third"))
		var order []string
		var all sync.WaitGroup
		for range 4 {
			for _, who := range []string{"old", "new"} {
				all.Go(func() {
					leave, err := g.Enter(t.Context(), shared(who))
					if err != nil {
						t.Error(err)
						return
					}
					order = append(order, who)
					leave()
				})
				synctest.Wait()
				time.Sleep(time.Millisecond)
			}
		}
		leave()
		all.Wait()
		if want := []string{"new", "old", "new", "old", "new", "old", "new", "old"}; !slices.Equal(order, want) {
			t.Errorf("got %v", order)
		}
	})
}

func TestRoomComesBackWhenOthersHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(8)
		shared := func(tenant string) Ticket { return Ticket{Tenant: tenant, Lane: Interactive, Shared: true} }
		var others []func()
		for range 4 {
			others = append(others, mustEnter(t, g, shared("other")))
		}
		time.Sleep(time.Minute)
		for range 4 {
			mustEnter(t, g, shared("acme"))
		}
		for _, leave := range others {
			leave()
		}
		mustNot(t, g, shared("acme")) // the others may be back in a moment
		time.Sleep(2 * time.Minute)
		mustEnter(t, g, shared("acme"))
		mustEnter(t, g, shared("acme"))
		mustNot(t, g, shared("acme"))
	})
}

func TestWhoHoldsLessComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(4)
		shared := func(tenant string) Ticket {
			return Ticket{Tenant: tenant, Ceiling: 4, Lane: Interactive, Shared: true, Sticky: true}
		}
		leave := mustEnter(t, g, shared("a"))
		for range 3 {
			mustEnter(t, g, shared("a"))
		}
		more, less := later(t.Context(), g, shared("a")), later(t.Context(), g, shared("b"))
		synctest.Wait()
		leave()
		if o := <-less; o.err != nil {
			t.Error(o.err)
		}
		select {
		case <-more:
			t.Error("the tenant with three slots got a fourth")
		default:
		}
		g.Close()
		<-more
	})
}

func TestACeilingHoldsOverThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{}).Pool("pool")
		one, two := p.Gate("b1", "1", 4), p.Gate("b2", "2", 4)
		k := Ticket{Tenant: "acme", Ceiling: 3, Lane: Interactive, Sticky: true}
		leave := mustEnter(t, one, k)
		mustEnter(t, one, k)
		mustEnter(t, two, k)
		mustNot(t, one, k)
		mustEnter(t, two, ticket("other", Interactive))
		waits := later(t.Context(), two, k)
		synctest.Wait()
		leave() // at the other backend
		if o := <-waits; o.err != nil {
			t.Error(o.err)
		}
	})
}

func TestASharedPoolKeepsRoomForOthers(t *testing.T) {
	g := gateOf(6)
	k := Ticket{Tenant: "greedy", Lane: Interactive, Shared: true}
	for range 5 {
		mustEnter(t, g, k)
	}
	mustNot(t, g, k)
	mustEnter(t, g, Ticket{Tenant: "other", Lane: Interactive, Shared: true})

	alone := gateOf(6)
	for range 6 {
		mustEnter(t, alone, Ticket{Tenant: "greedy", Lane: Interactive})
	}
}

// What a tenant may hold is divided like the slots of a backend: otherwise its integrations
// would use it up, and its people would wait though slots are free.
func TestATenantsLanesLeaveRoomForItsPeople(t *testing.T) {
	for name, k := range map[string]Ticket{
		"in a shared pool": {Tenant: "acme", Shared: true},
		"under a ceiling":  {Tenant: "acme", Ceiling: 6},
	} {
		t.Run(name, func(t *testing.T) {
			g, people := gateOf(8), k
			k.Lane = RPC
			for range 4 {
				mustEnter(t, g, k)
			}
			mustNot(t, g, k)
			mustEnter(t, g, people)
			mustEnter(t, g, people)
			mustNot(t, g, people)
		})
	}
}

func TestLanesLeaveRoom(t *testing.T) {
	g := gateOf(4)
	report := mustEnter(t, g, ticket("acme", Report))
	mustEnter(t, g, ticket("acme", Report))
	mustNot(t, g, ticket("acme", Report))
	mustEnter(t, g, ticket("acme", RPC))
	mustNot(t, g, ticket("acme", RPC))
	mustNot(t, g, ticket("acme", Realtime))
	mustNot(t, g, ticket("acme", Probe))
	mustEnter(t, g, ticket("acme", Interactive))
	mustNot(t, g, ticket("acme", Interactive))
	report()
	mustEnter(t, g, ticket("other", RPC))
	mustNot(t, g, ticket("other", Interactive))
}

// While people keep a gate full, those behind them are served now and then: not before half
// of their patience, and by every fourth slot from then on.
func TestNobodyStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(1)
		ctx, stop := context.WithCancel(t.Context())
		var people sync.WaitGroup
		for range 20 {
			people.Go(func() {
				for {
					leave, err := g.Enter(ctx, ticket("acme", Interactive))
					if err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
					leave()
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		var took []time.Duration
		for range 3 {
			leave, err := g.Enter(ctx, ticket("acme", RPC))
			if err != nil {
				t.Error(err)
				break
			}
			took = append(took, time.Since(start))
			start = time.Now()
			leave()
		}
		for _, d := range took {
			if d < RPC.patience()/2 || d > RPC.patience()/2+time.Second {
				t.Errorf("waited %v", d)
			}
		}
		stop()
		people.Wait()
	})
}

func TestQueuesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(1)
		ctx, stop := context.WithCancel(t.Context())
		mustEnter(t, g, ticket("acme", Interactive))
		room := RPC.room(1)
		free := Ticket{Tenant: "acme", Lane: RPC}
		for range room / 2 {
			later(ctx, g, free)
		}
		synctest.Wait()
		var refused *Refused
		if _, err := g.Enter(ctx, free); !errors.As(err, &refused) || refused.Reason != Full || refused.Waiting != room/2 {
			t.Fatalf("without a session: %v", err)
		}
		for range room - room/2 {
			later(ctx, g, ticket("acme", RPC))
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		_, err := g.Enter(ctx, ticket("acme", RPC))
		if !errors.As(err, &refused) || refused.RetryAfter < 3*time.Second || refused.RetryAfter >= 5*time.Second {
			t.Fatalf("with one: %v, %v", err, refused)
		}
		if want := "tenant acme, pool pool, backend b1: queue full: 32 rpc requests wait for 1 workers"; err.Error() != want {
			t.Errorf("says %q, want %q", err, want)
		}
		// The queues of other lanes and tenants have room.
		later(ctx, g, ticket("acme", Interactive))
		later(ctx, g, ticket("other", RPC))
		synctest.Wait()
		if _, waiting, _ := g.Load(); waiting != room+2 {
			t.Errorf("%d wait, want %d", waiting, room+2)
		}
		stop()
		synctest.Wait()
		if _, waiting, _ := g.Load(); waiting != 0 {
			t.Errorf("%d wait in the end", waiting)
		}
	})
}
