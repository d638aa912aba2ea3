package ratelimit

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Usage is what one key did lately.
type Usage struct {
	Policy  string
	Key     string
	Allowed uint64 // requests in the last five to ten minutes
	Denied  uint64
	Blocked time.Time // until when; zero if it is not
}

// usage counts in two spans, so that what is old drops out.
type usage struct {
	since             time.Time
	allowed, denied   uint64
	allowed0, denied0 uint64 // the span before
}

const usageSpan = 5 * time.Minute

func (u *usage) turn(now time.Time) {
	switch age := now.Sub(u.since); {
	case age < usageSpan:
	case age < 2*usageSpan:
		u.allowed0, u.denied0, u.allowed, u.denied = u.allowed, u.denied, 0, 0
		u.since = u.since.Add(usageSpan)
	default:
		*u = usage{since: now}
	}
}

// count books the outcome of a request.
func (b *bucket) count(r *request, granted bool, now time.Time) {
	b.usage.turn(now)
	violated := slices.Contains(r.violated, b.id.policy)
	if granted {
		b.usage.allowed++
	} else if violated {
		b.usage.denied++
	}
	m := b.meter
	switch {
	case granted || !violated && r.shadow:
		m.allowed.Add(1)
	case !violated: // another policy refused
	case r.shadow:
		m.shadowed.Add(1)
	default:
		m.denied.Add(1)
	}
	if r.degraded {
		m.degraded.Add(1)
	}
}

func (b *bucket) blocked(now time.Time) {
	b.usage.turn(now)
	b.usage.denied++
	b.meter.denied.Add(1)
}

// Top lists the keys of a scope that asked most lately, under each policy, over all replicas.
// With others to ask it takes up to a second.
func (l *Limiter) Top(scope string, n int) []Usage {
	all := merge(l.own(scope, math.MaxInt), l.others(scope))
	sortUsage(all)
	return all[:min(n, len(all))]
}

// merge adds what other replicas saw of the same keys.
func merge(all, more []Usage) []Usage {
	at := make(map[bucketKey]int, len(all))
	for i, u := range all {
		at[bucketKey{u.Policy, u.Key}] = i
	}
	for _, u := range more {
		i, ok := at[bucketKey{u.Policy, u.Key}]
		if !ok {
			at[bucketKey{u.Policy, u.Key}] = len(all)
			all = append(all, u)
			continue
		}
		all[i].Allowed += u.Allowed
		all[i].Denied += u.Denied
		if u.Blocked.After(all[i].Blocked) {
			all[i].Blocked = u.Blocked
		}
	}
	return all
}

func sortUsage(all []Usage) {
	slices.SortFunc(all, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(b.Allowed+b.Denied, a.Allowed+a.Denied), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Policy, b.Policy))
	})
}

// own is what this replica saw.
func (l *Limiter) own(scope string, n int) []Usage {
	s := l.scope(scope)
	now := l.now()
	s.mu.Lock()
	all := make([]Usage, 0, len(s.buckets))
	for id, b := range s.buckets {
		b.usage.turn(now)
		u := Usage{
			Policy: id.policy, Key: id.key, Blocked: s.blocked[id.key],
			Allowed: b.usage.allowed + b.usage.allowed0, Denied: b.usage.denied + b.usage.denied0,
		}
		if u.Allowed+u.Denied > 0 {
			all = append(all, u)
		}
	}
	s.mu.Unlock()
	sortUsage(all)
	return all[:min(n, len(all))]
}
