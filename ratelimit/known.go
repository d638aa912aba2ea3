package ratelimit

import (
	"container/list"
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Recall keeps for all replicas which keys are known.
type Recall interface {
	Recalls(ctx context.Context, scope, key string) (bool, error)
	Remember(ctx context.Context, scope, key string, ttl time.Duration) error
	Forget(ctx context.Context, scope, key string) error
}

// Known says which keys somebody has vouched for: credentials that Odoo has accepted lately. A
// key that is not known should be charged to a small bucket that it shares with its like, for
// what it claims to be costs an attacker nothing.
//
// Memory is bounded whatever is asked. So is what a flood of invented keys costs the store: a
// few look-ups a second, beyond which an unknown key stays unknown.
type Known struct {
	store   Recall // nil: this process only
	now     func() time.Time
	lookups *rate.Limiter
	tell    chan promise

	mu     sync.Mutex
	keys   map[scopedKey]*list.Element
	recent *list.List
}

const (
	knownFor   = 10 * time.Minute
	unknownFor = 2 * time.Second // another replica may learn better
	knownKeys  = 100_000
	lookupWait = 3 * time.Millisecond // a request waits no longer
	lookupRate = 200                  // a second
	promises   = 1024                 // that wait to be written; more are dropped, and come again
)

type scopedKey struct{ scope, key string }

type knownKey struct {
	scopedKey
	known bool
	until time.Time
}

type promise struct {
	scopedKey
	known bool
}

// NewKnown returns an empty Known. store may be nil: one replica needs none. now may be nil.
func NewKnown(store Recall, now func() time.Time) *Known {
	if now == nil {
		now = time.Now
	}
	return &Known{
		store: store, now: now, lookups: rate.NewLimiter(lookupRate, lookupRate), tell: make(chan promise, promises),
		keys: map[scopedKey]*list.Element{}, recent: list.New(),
	}
}

// Run writes to the store what is learnt, until ctx ends.
func (k *Known) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-k.tell:
			// A failure costs little: the key is vouched for again with its next request.
			if p.known {
				_ = k.store.Remember(ctx, p.scope, p.key, knownFor)
			} else {
				_ = k.store.Forget(ctx, p.scope, p.key)
			}
		}
	}
}

// Known says whether a key was vouched for in the last minutes, here or at another replica.
// When the store is away only this replica's memory counts.
func (k *Known) Known(ctx context.Context, scope, key string) bool {
	id, now := scopedKey{scope, key}, k.now()
	if known, _, ok := k.get(id, now); ok {
		return known
	}
	if k.store == nil || !k.lookups.AllowN(now, 1) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	known, err := k.store.Recalls(ctx, scope, key)
	if err != nil {
		return false
	}
	ttl := unknownFor
	if known {
		ttl = knownFor / 2
	}
	k.put(id, known, now.Add(ttl))
	return known
}

// Promote vouches for a key: Odoo has accepted it.
func (k *Known) Promote(scope, key string) {
	id, now := scopedKey{scope, key}, k.now()
	if known, until, ok := k.get(id, now); ok && known && until.Sub(now) > knownFor/2 {
		return
	}
	k.put(id, true, now.Add(knownFor))
	k.say(promise{id, true})
}

// Demote takes it back: Odoo has refused the key.
func (k *Known) Demote(scope, key string) {
	id, now := scopedKey{scope, key}, k.now()
	if known, _, ok := k.get(id, now); ok && !known {
		return
	}
	k.put(id, false, now.Add(unknownFor))
	k.say(promise{id, false})
}

func (k *Known) say(p promise) {
	if k.store == nil {
		return
	}
	select {
	case k.tell <- p:
	default:
	}
}

func (k *Known) get(id scopedKey, now time.Time) (known bool, until time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.keys[id]
	if e == nil {
		return false, time.Time{}, false
	}
	entry, _ := e.Value.(knownKey)
	if !now.Before(entry.until) {
		k.recent.Remove(e)
		delete(k.keys, id)
		return false, time.Time{}, false
	}
	k.recent.MoveToFront(e)
	return entry.known, entry.until, true
}

func (k *Known) put(id scopedKey, known bool, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.keys[id]; e != nil {
		k.recent.Remove(e)
	}
	k.keys[id] = k.recent.PushFront(knownKey{id, known, until})
	for k.recent.Len() > knownKeys {
		oldest := k.recent.Back()
		entry, _ := k.recent.Remove(oldest).(knownKey)
		delete(k.keys, entry.scopedKey)
	}
}
