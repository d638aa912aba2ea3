package embedded

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"sluicegate.dev/sluice/internal/store"
)

// leases are what one process needs no file for.
type leases struct {
	mu       sync.Mutex
	slots    map[string]map[string]store.Holding // by backend, then replica
	replicas map[string]living
}

type living struct {
	store.Replica

	until int64
}

// LeaseSlots answers claims to worker slots, in their order.
func (s *Store) LeaseSlots(_ context.Context, replica string, claims []store.SlotClaim, ttl time.Duration) ([]store.SlotGrant, error) {
	start := s.now()
	defer s.called("lease_slots", start)
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	grants := make([]store.SlotGrant, len(claims))
	for i, claim := range claims {
		held := s.leases.slots[claim.Backend]
		if held == nil {
			held = map[string]store.Holding{}
			s.leases.slots[claim.Backend] = held
		}
		grants[i] = store.Grant(start.UnixMilli(), ttl, replica, claim, held)
	}
	return grants, nil
}

// Beat says that a replica is alive for ttl, and who else is or was. One that says that it
// lives no longer has said that it goes, and is forgotten.
func (s *Store) Beat(_ context.Context, me store.Replica, ttl time.Duration) ([]store.Replica, error) {
	start := s.now()
	defer s.called("beat", start)
	if len(me.Report) > store.MaxReport {
		s.metrics.Invalid("report", 1)
		me.Report = nil
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	if ttl > 0 {
		s.leases.replicas[me.ID] = living{me, start.Add(ttl).UnixMilli()}
	} else {
		delete(s.leases.replicas, me.ID)
	}
	var all []store.Replica
	for id, r := range s.leases.replicas {
		if r.until+store.Lingers.Milliseconds() <= start.UnixMilli() {
			delete(s.leases.replicas, id)
			continue
		}
		r.Silent = r.until <= start.UnixMilli()
		all = append(all, r.Replica)
	}
	slices.SortFunc(all, func(a, b store.Replica) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// sweep drops backends on which no lease is left.
func (l *leases) sweep(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for backend, held := range l.slots {
		for replica, h := range held {
			if h.Expires <= now {
				delete(held, replica)
			}
		}
		if len(held) == 0 {
			delete(l.slots, backend)
		}
	}
}
