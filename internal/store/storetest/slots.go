package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// ask claims slots of one backend.
func ask(t *testing.T, s Store, replica string, claim store.SlotClaim) store.SlotGrant {
	t.Helper()
	return must[[]store.SlotGrant](t)(s.LeaseSlots(t.Context(), replica, []store.SlotClaim{claim}, hour))[0]
}

func (p pair) slots(t *testing.T) {
	claim := func(backend string, workers, busy, demand int) store.SlotClaim {
		return store.SlotClaim{Backend: backend, Workers: workers, Busy: busy, Demand: demand}
	}
	expect := func(what string, got store.SlotGrant, slots, replicas int) {
		t.Helper()
		if got != (store.SlotGrant{Slots: slots, Replicas: replicas}) {
			t.Errorf("%s: got %+v, want %d slots of %d replicas", what, got, slots, replicas)
		}
	}
	a := func(c store.SlotClaim) store.SlotGrant { return ask(t, p.a, "a", c) }
	b := func(c store.SlotClaim) store.SlotGrant { return ask(t, p.b, "b", c) }

	expect("alone, all", a(claim("p/1@x", 6, 0, 0)), 6, 1)
	expect("what another has is not free", b(claim("p/1@x", 6, 0, 0)), 0, 2)
	expect("without demand, half", a(claim("p/1@x", 6, 0, 0)), 3, 2)
	expect("the other half is not free before the first one has heard", b(claim("p/1@x", 6, 0, 0)), 0, 2)
	expect("it asks again, so it has", a(claim("p/1@x", 6, 0, 0)), 3, 2)
	expect("then it is", b(claim("p/1@x", 6, 0, 0)), 3, 2)
	expect("demand waits for what the other has", b(claim("p/1@x", 6, 3, 9)), 3, 2)
	a(claim("p/1@x", 6, 0, 0))
	expect("the other keeps one", a(claim("p/1@x", 6, 0, 0)), 1, 2)
	expect("the rest goes by demand", b(claim("p/1@x", 6, 3, 9)), 5, 2)
	expect("busy slots are not taken away", a(claim("p/1@x", 6, 1, 4)), 1, 2)
	expect("another backend is apart", a(claim("p/2@x", 2, 0, 0)), 2, 1)
	expect("no workers, no slots", a(claim("p/3@x", 0, 0, 5)), 0, 1)

	p.turns(t)
	p.silence(t)
	many := make([]store.SlotClaim, 250)
	for i := range many {
		many[i] = claim(fmt.Sprintf("p/many%d@x", i), i%7+1, 0, 0)
	}
	for i, g := range must[[]store.SlotGrant](t)(p.a.LeaseSlots(t.Context(), "a", many, hour)) {
		if g.Slots != i%7+1 {
			t.Errorf("claim %d of many: got %+v, want %d slots", i, g, i%7+1)
		}
	}
	if got := must[[]store.SlotGrant](t)(p.a.LeaseSlots(t.Context(), "a", nil, hour)); len(got) != 0 {
		t.Errorf("no claims: got %v", got)
	}
}

// turns has three replicas want one worker: each must get it, and no two at once.
func (p pair) turns(t *testing.T) {
	const turn = 30 * time.Millisecond
	served := map[string]int{}
	holder := map[string]int{}
	eventually(t, "one of three replicas never gets the only worker", func() bool {
		for _, r := range []string{"a", "b", "c"} {
			g := must[[]store.SlotGrant](t)(p.a.LeaseSlots(t.Context(), r, []store.SlotClaim{{Backend: "p/one@x", Workers: 1, Demand: 3}}, turn))[0]
			holder[r] = g.Slots
			served[r] += g.Slots
			if holder["a"]+holder["b"]+holder["c"] > 1 && g.Slots > 0 {
				holder = map[string]int{r: 1} // the others' leases may have ended
			}
		}
		return served["a"] > 0 && served["b"] > 0 && served["c"] > 0
	})
}

// silence has a replica go away: its slots come back after its ttl.
func (p pair) silence(t *testing.T) {
	claims := []store.SlotClaim{{Backend: "p/silent@x", Workers: 4, Busy: 4, Demand: 4}}
	must[[]store.SlotGrant](t)(p.a.LeaseSlots(t.Context(), "dead", claims, 200*time.Millisecond))
	claims[0].Busy = 0
	if g := ask(t, p.b, "alive", claims[0]); g.Slots != 0 {
		t.Errorf("slots of a live replica were given away: %+v", g)
	}
	eventually(t, "the slots of a silent replica do not come back", func() bool {
		g := ask(t, p.b, "alive", claims[0])
		return g.Slots == 4 && g.Replicas == 1
	})
}

// slotsHold has replicas come and ask at random. Together they must never be allowed more
// than there are workers, although each goes on with what it had until it hears the answer.
func (p pair) slotsHold(t *testing.T) {
	const workers, replicas, steps = 7, 4, 2000
	r := rand.New(rand.NewPCG(1, 2))
	allowed, busy := make([]int, replicas), make([]int, replicas)
	for step := range steps {
		i := r.IntN(replicas)
		// Before the call it took what it was allowed, or gave some back.
		busy[i] = min(max(busy[i]+r.IntN(5)-2, 0), max(allowed[i], busy[i]))
		claim := store.SlotClaim{Backend: "p/long@x", Workers: workers, Busy: busy[i], Demand: busy[i] + r.IntN(6)}
		s := p.a
		if i%2 == 1 {
			s = p.b
		}
		g := ask(t, s, fmt.Sprint("r", i), claim)
		if r.IntN(3) == 0 && busy[i] < allowed[i] {
			busy[i] = allowed[i] // it filled up while it asked
		}
		allowed[i] = g.Slots
		inUse := 0
		for j := range replicas {
			inUse += max(allowed[j], busy[j])
		}
		if inUse > workers {
			t.Fatalf("step %d: %d slots of %d are in use: allowed %v, busy %v", step, inUse, workers, allowed, busy)
		}
	}
}
