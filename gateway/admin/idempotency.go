package admin

import (
	"sync"
	"time"
)

const (
	keyLife  = 24 * time.Hour
	mostKeys = 10_000
)

// keys remembers what was answered under an Idempotency-Key. They are this gateway's own: the
// same write to another one finds that If-Match is stale, so nothing is done twice.
type keys struct {
	mu  sync.Mutex
	all map[string]*keyed
}

type keyed struct {
	key, text string
	at        time.Time
	done      chan struct{}
	answer    any // nil: it failed
}

// take returns the entry of a key, and whether the caller is the first; nil where it was used
// for something else.
func (k *keys) take(key, text string, now time.Time) (e *keyed, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]*keyed{}
	}
	if e := k.all[key]; e != nil && now.Sub(e.at) < keyLife {
		if e.text != text {
			return nil, false
		}
		return e, false
	}
	k.room(now)
	e = &keyed{key: key, text: text, at: now, done: make(chan struct{})}
	k.all[key] = e
	return e, true
}

// room forgets what is old, then what is oldest.
func (k *keys) room(now time.Time) {
	if len(k.all) < mostKeys {
		return
	}
	var oldest *keyed
	for key, e := range k.all {
		if now.Sub(e.at) >= keyLife {
			delete(k.all, key)
		} else if oldest == nil || e.at.Before(oldest.at) {
			oldest = e
		}
	}
	if len(k.all) >= mostKeys {
		delete(k.all, oldest.key)
	}
}

func (k *keys) keep(e *keyed, answer any) {
	e.answer = answer
	close(e.done)
}

// drop forgets a write that failed: it may be tried again under its key.
func (k *keys) drop(e *keyed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all[e.key] == e {
		delete(k.all, e.key)
	}
	close(e.done)
}
