package limits

import (
	"sync"
	"time"
)

// known remembers names for a while, within bounds. It has two generations: when the younger
// is full or old it becomes the elder, and the elder is forgotten. So it never holds more than
// twice its size, and forgetting costs nothing.
type known struct {
	most int

	mu             sync.Mutex
	younger, elder map[string]time.Time
}

// How long and how many.
const (
	mostKnown   = 50_000
	provenFor   = 10 * time.Minute
	friendsFor  = 30 * 24 * time.Hour
	sessionsFor = 30 * time.Minute
)

func newKnown(most int) *known {
	return &known{most: most, younger: map[string]time.Time{}}
}

func (k *known) has(name string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.younger[name]
	if !ok {
		until = k.elder[name]
	}
	return now.Before(until)
}

func (k *known) add(name string, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.younger[name]; !ok && len(k.younger) >= k.most {
		k.younger, k.elder = make(map[string]time.Time, k.most/4), k.younger
	}
	k.younger[name] = until
}

func (k *known) forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.younger, name)
	delete(k.elder, name)
}

func (k *known) size() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.younger) + len(k.elder)
}
