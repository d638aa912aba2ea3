package ratelimit

import (
	"slices"
	"time"
)

// request is what one Take wants from one scope: the enforced charges, or the shadowed ones.
type request struct {
	scope    *scope
	priority bool
	shadow   bool
	slots    bool // it takes slots, which come back
	needs    []need
	buckets  []*bucket

	done     chan struct{} // closed once settled; nil when it never had to wait
	settled  bool
	granted  bool
	gone     bool // nobody waits any more
	over     bool // slots are given back
	degraded bool
	closed   bool
	wait     time.Duration
	violated []string

	space  [4]need // most have no more
	space2 [2]*bucket
}

// need is what a request takes from one cell.
type need struct {
	cell  *cell
	cost  int
	state needState
	at    int64 // when it was paid, by the ledger's clock
}

type needState uint8

const (
	missing needState = iota
	held              // taken from the lease, kept until the other cells have answered
	asked             // in a call
	paid              // the ledger has granted it
)

// requests sorts charges into those that may refuse and those that are only watched.
func (s *scope) requests(charges []Charge, priority bool, now time.Time) (enforced, shadowed *request) {
	for _, charge := range charges {
		into := &enforced
		if !charge.Policy.enforced(charge.Key) {
			into = &shadowed
		}
		if *into == nil {
			r := &request{scope: s, priority: priority, shadow: into == &shadowed}
			r.needs, r.buckets = r.space[:0], r.space2[:0]
			*into = r
		}
		(*into).add(s.bucket(charge.Policy, charge.Key), charge.Cost, now)
	}
	return enforced, shadowed
}

func (r *request) add(b *bucket, cost int, now time.Time) {
	r.buckets = append(r.buckets, b)
	for _, c := range b.cells {
		cost := c.fit(cost, r.priority)
		if c.kind == Slots {
			cost, r.slots = 1, true
		}
		c.meet(now)
		c.want(cost, now)
		if i := slices.IndexFunc(r.needs, func(n need) bool { return n.cell == c }); i >= 0 {
			r.needs[i].cost = c.fit(r.needs[i].cost+cost, r.priority)
			continue
		}
		r.needs = append(r.needs, need{cell: c, cost: cost})
	}
}

func (r *request) waits() bool { return r != nil && !r.settled }

// ready says that the request can go at once. Else it waits for a call that is out or for an
// older request, and to look through the queue would find nothing.
func (r *request) ready() bool {
	if !r.waits() {
		return false
	}
	for _, n := range r.needs {
		if n.state == missing && (n.cell.busy || n.cell.asked > 1) {
			return false
		}
	}
	return true
}

func (r *request) refuse(c *cell, wait time.Duration) {
	r.wait = max(r.wait, wait, time.Millisecond)
	if !slices.Contains(r.violated, c.policy) {
		r.violated = append(r.violated, c.policy)
	}
}
