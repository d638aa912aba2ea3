package store

import (
	"cmp"
	"slices"
	"time"
)

// Holding is what the store knows of one replica's lease on one backend's slots.
type Holding struct {
	Granted int   // what it may use
	Held    int   // what it may still have in use: never less than Granted
	Demand  int   // what it could use
	Since   int64 // when it last went from none to some, or back, in milliseconds
	Expires int64 // when its lease ends, in milliseconds
}

// Grant answers the claim of replica me to a backend whose leases are held. It changes held:
// ended leases go, and the one of me is new. The rule, which the Redis script follows step by
// step:
//
//   - What all may have in use together is never more than Workers. A replica that is told to
//     shrink counts with what it had until it asks again and so has heard.
//   - Each live replica gets one slot where Workers allow. Where they do not, those with
//     demand come first, and take turns of one ttl.
//   - The rest goes by demand; what nobody demands is spread evenly, as headroom.
func Grant(now int64, ttl time.Duration, me string, claim SlotClaim, held map[string]Holding) SlotGrant {
	workers, turn := max(claim.Workers, 0), ttl.Milliseconds()
	for name, h := range held {
		if h.Expires <= now {
			delete(held, name)
		}
	}
	mine, known := held[me]
	if !known {
		mine.Since = now
	}
	before := mine.Granted
	mine.Demand, mine.Expires = max(claim.Demand, claim.Busy, 0), now+turn
	held[me] = mine

	free := workers
	for name, h := range held {
		if name != me {
			free -= h.Held
		}
	}
	mine.Granted = max(0, min(shares(now, turn, workers, held)[me], free))
	mine.Held = max(mine.Granted, claim.Busy, before)
	if (mine.Granted > 0) != (before > 0) {
		mine.Since = now
	}
	held[me] = mine
	return SlotGrant{Slots: mine.Granted, Replicas: len(held)}
}

// shares says what each replica should get, were nothing in use.
func shares(now, turn int64, workers int, held map[string]Holding) map[string]int {
	order := queue(now, turn, held)
	got := make(map[string]int, len(order))
	left, wanted := workers, 0
	for _, name := range order {
		if left > 0 {
			got[name], left = 1, left-1
		}
		wanted += max(0, held[name].Demand-1)
	}
	if left == 0 {
		return got
	}
	if wanted > left {
		byDemand(left, wanted, order, held, got)
		return got
	}
	for _, name := range order {
		got[name] += max(0, held[name].Demand-1)
	}
	spread(left-wanted, order, got)
	return got
}

// queue orders replicas by their right to the first slot.
func queue(now, turn int64, held map[string]Holding) []string {
	rank := func(h Holding) int {
		switch {
		case h.Demand <= 0:
			return 3
		case h.Granted > 0 && now-h.Since < turn:
			return 0
		case h.Granted <= 0:
			return 1
		default:
			return 2
		}
	}
	names := make([]string, 0, len(held))
	for name := range held {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := held[a], held[b]
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Since, y.Since), cmp.Compare(a, b))
	})
	return names
}

// byDemand divides what is left in proportion to demand, the largest remainders rounded up.
func byDemand(left, wanted int, order []string, held map[string]Holding, got map[string]int) {
	rest := left
	remainder := make(map[string]int, len(order))
	for _, name := range order {
		exact := left * max(0, held[name].Demand-1)
		got[name] += exact / wanted
		rest -= exact / wanted
		remainder[name] = exact % wanted
	}
	byRemainder := slices.Clone(order)
	slices.SortStableFunc(byRemainder, func(a, b string) int {
		return cmp.Or(cmp.Compare(remainder[b], remainder[a]), cmp.Compare(a, b))
	})
	for _, name := range byRemainder[:rest] {
		got[name]++
	}
}

// spread divides what nobody demands.
func spread(left int, order []string, got map[string]int) {
	byName := slices.Sorted(slices.Values(order))
	for i, name := range byName {
		got[name] += left / len(byName)
		if i < left%len(byName) {
			got[name]++
		}
	}
}
