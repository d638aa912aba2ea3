package store

import (
	"fmt"
	"testing"
	"time"
)

// have is a replica that was granted slots before.
func have(granted, demand int) Holding {
	return Holding{Granted: granted, Held: granted, Demand: demand, Expires: 10_000}
}

func TestGrant(t *testing.T) {
	const now, ttl = 5_000, 3 * time.Second
	for rule, c := range map[string]struct {
		workers, busy, demand int
		held                  map[string]Holding
		slots                 int
	}{
		"alone, all of them":                          {6, 0, 0, nil, 6},
		"none, where there are none":                  {0, 0, 9, nil, 0},
		"never more than what the others leave":       {6, 0, 9, map[string]Holding{"b": have(5, 0)}, 1},
		"nothing, while the others use all":           {6, 0, 9, map[string]Holding{"b": have(6, 0)}, 0},
		"without demand, evenly":                      {7, 0, 0, map[string]Holding{"me": have(1, 0), "b": have(1, 0)}, 3},
		"and what does not divide to the first names": {7, 0, 0, map[string]Holding{"me": have(1, 0), "zoe": have(1, 0)}, 4},
		"by demand, where it is more than there is":   {10, 0, 17, map[string]Holding{"me": have(1, 0), "b": have(1, 9)}, 6},
		"one each comes first":                        {4, 0, 1, map[string]Holding{"me": have(1, 0), "b": have(1, 1000)}, 1},
		"what is demanded, and half of the headroom":  {10, 0, 3, map[string]Holding{"me": have(1, 0), "b": have(1, 1)}, 6},
		"more replicas than workers: demand first":    {1, 0, 1, map[string]Holding{"b": {Expires: 10_000}}, 1},
		"who has its turn keeps it":                   {1, 0, 1, map[string]Holding{"b": {Granted: 0, Demand: 5, Since: 4_000, Expires: 10_000}, "me": {Granted: 1, Held: 1, Since: 4_000, Expires: 10_000}}, 1},
		"until it was long enough":                    {1, 0, 1, map[string]Holding{"b": {Granted: 0, Demand: 5, Since: 1_000, Expires: 10_000}, "me": {Granted: 1, Held: 1, Since: 1_000, Expires: 10_000}}, 0},
		"a lease that has ended counts for nothing":   {6, 0, 0, map[string]Holding{"b": {Granted: 6, Held: 6, Expires: now}}, 6},
	} {
		t.Run(rule, func(t *testing.T) {
			held := map[string]Holding{}
			for name, h := range c.held {
				held[name] = h
			}
			got := Grant(now, ttl, "me", SlotClaim{Workers: c.workers, Busy: c.busy, Demand: c.demand}, held)
			if got.Slots != c.slots || got.Replicas != len(held) {
				t.Errorf("got %+v, want %d slots; held %v", got, c.slots, held)
			}
			if mine := held["me"]; mine.Granted != got.Slots || mine.Expires != now+ttl.Milliseconds() {
				t.Errorf("remembers %+v of %+v", mine, got)
			}
		})
	}
}

// Who is told to shrink counts with what it had, until it asks again.
func TestShrinkingTakesTwoCalls(t *testing.T) {
	held := map[string]Holding{"me": have(6, 6), "b": have(0, 6)}
	claim := SlotClaim{Workers: 6, Demand: 1}
	for call, want := range []int{6, 1} {
		got := Grant(5_000, time.Second, "me", claim, held)
		if got.Slots != 1 || held["me"].Held != want {
			t.Errorf("call %d: %+v, counts with %d, want %d", call, got, held["me"].Held, want)
		}
	}
}

func BenchmarkGrant(b *testing.B) {
	held := map[string]Holding{}
	for i := 0; b.Loop(); i++ {
		Grant(int64(i), time.Hour, fmt.Sprint("r", i%5), SlotClaim{Workers: 16, Busy: 3, Demand: i % 20}, held)
	}
}
