package embedded

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

type name struct{ tenant, key string }

type pin struct {
	value   string
	epoch   uint64
	expires int64 // unix milliseconds
}

// shard is a part of all pins, so that sweeping and writing hold up few of the callers.
type shard struct {
	mu    sync.Mutex
	pins  map[name]pin
	dirty map[name]struct{} // changed since the last batch
}

func (s *Store) shard(n name) *shard {
	return &s.shards[maphash.Comparable(s.seed, n)>>(64-shardBits)]
}

// Pin returns a session's pin, or "" when there is none.
func (s *Store) Pin(_ context.Context, tenant, key string) (string, error) {
	start := s.now()
	defer s.called("pin", start)
	n := name{tenant, key}
	sh := s.shard(n)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	found, ok := sh.pins[n]
	if !ok || found.expires <= start.UnixMilli() {
		return "", nil
	}
	return found.value, nil
}

// PutPin keeps a pin unless one of the same or a newer epoch is there, and returns the one
// that is there now.
func (s *Store) PutPin(_ context.Context, tenant, key, value string, epoch uint64, ttl time.Duration) (string, error) {
	start := s.now()
	defer s.called("put_pin", start)
	n := name{tenant, key}
	sh := s.shard(n)
	sh.mu.Lock()
	there, ok := sh.pins[n]
	if ok && there.expires > start.UnixMilli() && there.epoch >= epoch {
		sh.mu.Unlock()
		return there.value, nil
	}
	s.put(sh, n, pin{value, epoch, start.Add(ttl).UnixMilli()})
	sh.mu.Unlock()
	s.pinFeed.tell(change{tenant, key, value})
	return value, nil
}

// OverwritePin replaces a pin whose value did not pass its reader's check. Any epoch beats it.
func (s *Store) OverwritePin(_ context.Context, tenant, key, value string, ttl time.Duration) error {
	start := s.now()
	defer s.called("overwrite_pin", start)
	n := name{tenant, key}
	sh := s.shard(n)
	sh.mu.Lock()
	s.put(sh, n, pin{value, 0, start.Add(ttl).UnixMilli()})
	sh.mu.Unlock()
	s.metrics.Invalid("pin", 1)
	s.pinFeed.tell(change{tenant, key, value})
	return nil
}

// ExpirePin lets a pin end after ttl.
func (s *Store) ExpirePin(_ context.Context, tenant, key string, ttl time.Duration) error {
	defer s.called("expire_pin", s.now())
	s.touch(name{tenant, key}, ttl)
	return nil
}

// TouchPins lets pins live for ttl from now.
func (s *Store) TouchPins(_ context.Context, refs []store.PinRef, ttl time.Duration) error {
	defer s.called("touch_pins", s.now())
	for _, ref := range refs {
		s.touch(name{ref.Tenant, ref.Key}, ttl)
	}
	return nil
}

func (s *Store) touch(n name, ttl time.Duration) {
	now := s.now()
	sh := s.shard(n)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if p, ok := sh.pins[n]; ok && p.expires > now.UnixMilli() {
		p.expires = now.Add(ttl).UnixMilli()
		sh.pins[n] = p
		sh.dirty[n] = struct{}{}
	}
}

// put keeps a pin in a shard that the caller has locked.
func (s *Store) put(sh *shard, n name, p pin) {
	if _, there := sh.pins[n]; !there && len(sh.pins) >= s.room {
		sh.evict()
		s.gauges.evicted.Inc()
	}
	sh.pins[n] = p
	sh.dirty[n] = struct{}{}
}

// evict drops, of a few pins that the map offers, the one that expires first.
func (sh *shard) evict() {
	var first name
	var end int64
	looked := 0
	for n, p := range sh.pins {
		if looked == 0 || p.expires < end {
			first, end = n, p.expires
		}
		if looked++; looked == 8 {
			break
		}
	}
	delete(sh.pins, first)
	sh.dirty[first] = struct{}{}
}

// sweep drops what has expired.
func (sh *shard) sweep(now int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n, p := range sh.pins {
		if p.expires <= now {
			delete(sh.pins, n)
			sh.dirty[n] = struct{}{}
		}
	}
}

// count is how many pins are kept, those included that expired since the last sweep.
func (s *Store) count() int {
	sum := 0
	for i := range s.shards {
		s.shards[i].mu.Lock()
		sum += len(s.shards[i].pins)
		s.shards[i].mu.Unlock()
	}
	return sum
}
