package admission

import (
	"math"
	"time"
)

// memory is over how long the use of slots is averaged.
const memory = 10 * time.Second

// level is how many slots somebody asks for, and its average over the last while.
type level struct {
	now  int
	mean float64
	at   time.Time
}

// set notes that the level is n from now on.
func (l *level) set(n int, now time.Time) {
	l.mean = l.used(now)
	l.now, l.at = n, now
}

// used is the average as it is at now.
func (l *level) used(now time.Time) float64 {
	passed := now.Sub(l.at)
	if passed <= 0 || float64(l.now) == l.mean {
		return l.mean
	}
	x := float64(passed) / float64(memory)
	gone := x - x*x/2 // what an exponential is near zero; requests come thick and fast
	if x > 1e-3 {
		gone = -math.Expm1(-x)
	}
	return l.mean + (float64(l.now)-l.mean)*gone
}

// reserve is how many of the slots others must leave free for those who come first. A
// worker that has begun is not stopped, so the only way not to wait for it is that it has
// not begun: what was used on average, and its square root times deviations on top, is
// nearly always enough for what comes at random. It is least at least, and keep slots
// remain for the others however much is used.
func reserve(slots int, used, deviations float64, least, keep int) int {
	if slots < 2 {
		return 0
	}
	wanted := int(math.Ceil(used + deviations*math.Sqrt(used) - 1e-3)) // what fades never quite ends
	return min(max(least, min(wanted, slots-keep)), slots-1)
}

// behindInteractive is how many slots all other lanes may hold together: three quarters at
// most, a quarter at least.
func behindInteractive(slots int, used float64) int {
	return slots - reserve(slots, used, 1, slots-slots*3/4, max(1, slots/4))
}

// most is how many slots a lane may hold for itself.
func (l Lane) most(slots int) int {
	switch l {
	case Report:
		return max(1, slots/2)
	case Probe:
		return 1
	default:
		return slots
	}
}

// ofTenant is how many slots one tenant may hold where several share the pool and nobody
// has set a ceiling: it leaves a quarter and at least one, more where the others have used
// more, but keeps its share by weight. present is the weight of all who are there.
func ofTenant(slots int, others float64, weight, present int) int {
	keep := max(1, slots*weight/max(present, weight+1))
	return slots - reserve(slots, others, 2, max(1, slots/4), keep)
}

// share is what is left of a ceiling over the whole pool for a replica that has slots of
// its workers. It is rounded down: a ceiling is not exceeded by adding up replicas, unless
// there are more of them than the ceiling allows workers.
func share(ceiling, slots, workers int) int {
	if workers <= 0 || slots >= workers {
		return ceiling
	}
	return max(1, ceiling*slots/workers)
}

// everyFourth is how often a request that has waited for half of its patience goes before
// those of a better lane: a busy lane must not starve the ones behind it.
const everyFourth = 4
