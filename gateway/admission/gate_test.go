package admission

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func gateOf(workers int) *Gate {
	return New(Config{}).Pool("pool").Gate("b1", "127.0.0.1:8069", workers)
}

func ticket(tenant string, lane Lane) Ticket { return Ticket{Tenant: tenant, Lane: lane, Sticky: true} }

// mustEnter takes a slot that must be free.
func mustEnter(t *testing.T, g *Gate, k Ticket) func() {
	t.Helper()
	leave, ok := g.TryEnter(k)
	if !ok {
		t.Fatalf("%s of %s got no slot", k.Lane, k.Tenant)
	}
	return leave
}

func mustNot(t *testing.T, g *Gate, k Ticket) {
	t.Helper()
	if _, ok := g.TryEnter(k); ok {
		t.Fatalf("%s of %s got a slot", k.Lane, k.Tenant)
	}
}

// later enters in a goroutine of its own and sends what came of it.
func later(ctx context.Context, g *Gate, k Ticket) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		leave, err := g.Enter(ctx, k)
		c <- outcome{leave, err}
	}()
	return c
}

type outcome struct {
	leave func()
	err   error
}

func TestOneSlotPerWorker(t *testing.T) {
	g := gateOf(3)
	var leave func()
	for range 3 {
		leave = mustEnter(t, g, ticket("acme", Interactive))
	}
	mustNot(t, g, ticket("acme", Interactive))
	leave()
	leave() // twice does no harm
	mustEnter(t, g, ticket("acme", Interactive))
	mustNot(t, g, ticket("acme", Interactive))
	if busy, waiting, slots := g.Load(); busy != 3 || waiting != 0 || slots != 3 {
		t.Errorf("load is %d, %d, %d", busy, waiting, slots)
	}
}

func TestWithoutWorkersNobodyWaits(t *testing.T) {
	g := gateOf(0)
	for range 100 {
		mustEnter(t, g, Ticket{Tenant: "acme", Lane: Report, Shared: true, Ceiling: 1})
	}
	if busy, _, slots := g.Load(); busy != 100 || slots != 0 {
		t.Errorf("%d busy of %d", busy, slots)
	}
}

func TestAClientThatGoesNeverGetsASlot(t *testing.T) {
	t.Run("before its turn", func(t *testing.T) { clientThatGoes(t, func(leave, cancel func()) { cancel(); leave() }) })
	t.Run("with its turn", func(t *testing.T) { clientThatGoes(t, func(leave, cancel func()) { leave(); cancel() }) })
}

func clientThatGoes(t *testing.T, both func(leave, cancel func())) {
	synctest.Test(t, func(t *testing.T) {
		g := gateOf(1)
		leave := mustEnter(t, g, ticket("acme", Interactive))
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		first := later(ctx, g, ticket("acme", Interactive))
		synctest.Wait()
		second := later(t.Context(), g, ticket("acme", Interactive))
		synctest.Wait()
		both(leave, func() { cancel(gone) })
		if o := <-first; !errors.Is(o.err, gone) || o.leave != nil {
			t.Errorf("got %v", o.err)
		}
		if o := <-second; o.err != nil {
			t.Errorf("the next one: %v", o.err)
		}
		if _, err := g.Enter(ctx, ticket("acme", Interactive)); !errors.Is(err, gone) {
			t.Errorf("arrived gone: %v", err)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end    func(g *Gate)
		reason Reason
	}{
		"with the patience of the lane":        {func(*Gate) { time.Sleep(RPC.patience() + time.Second) }, Aged},
		"when the backend is no longer there":  {(*Gate).Close, Retired},
		"when the backend stops answering":     {(*Gate).Flush, Down},
		"well, with more workers":              {func(g *Gate) { g.Resize(4) }, ""},
		"well, when their number is not known": {func(g *Gate) { g.Resize(0) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gateOf(2)
				mustEnter(t, g, ticket("acme", RPC))
				waits := later(t.Context(), g, ticket("acme", RPC))
				synctest.Wait()
				tc.end(g)
				o := <-waits
				var refused *Refused
				if errors.As(o.err, &refused); (tc.reason == "") != (o.err == nil) || refused != nil && refused.Reason != tc.reason {
					t.Errorf("got %v", o.err)
				}
				if _, waiting, _ := g.Load(); waiting != 0 {
					t.Errorf("%d still wait", waiting)
				}
			})
		})
	}
}
