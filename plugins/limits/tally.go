package limits

import (
	"sync"
	"time"
)

// tally counts by name over five to ten minutes, within bounds, as known remembers.
type tally struct {
	most int

	mu             sync.Mutex
	since          time.Time
	younger, elder map[string]int
}

const tallySpan = 5 * time.Minute

func newTally(most int) *tally { return &tally{most: most, younger: map[string]int{}} }

func (t *tally) add(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	if len(t.younger) >= t.most {
		t.younger, t.elder = map[string]int{}, t.younger
	}
	t.younger[name]++
}

func (t *tally) count(name string, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	return t.younger[name] + t.elder[name]
}

func (t *tally) turn(now time.Time) {
	if now.Sub(t.since) < tallySpan {
		return
	}
	t.younger, t.elder = map[string]int{}, t.younger
	if now.Sub(t.since) >= 2*tallySpan {
		t.elder = nil
	}
	t.since = now
}

// tried notes that the request was a guess that failed, or may have been one.
func (v *Visit) tried() {
	if v.friend != "" {
		v.limits.tries.add(v.friend, v.limits.now())
	}
}
