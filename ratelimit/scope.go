package ratelimit

import (
	"sync"
	"time"
)

// scope is what a replica knows of one tenant. One lock guards all of it, so that a request
// takes from several cells in one step.
type scope struct {
	limiter *Limiter
	name    string

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	recent  recent
	queue   []*request         // wait for the ledger, oldest first
	wants   []*cell            // have something to tell the ledger, nobody waits for it
	leased  map[*cell]struct{} // hold tokens or slots: the sweeper looks at them
	busy    bool               // the sweeper knows of this scope
	gather  uint64             // number of the call that is put together
	scratch flight             // for a ledger in this process
	meters  map[string]*meter  // by policy
	blocked map[string]time.Time
}

type bucketKey struct{ policy, key string }

// bucket is one key under one policy.
type bucket struct {
	id     bucketKey
	policy *Policy
	cells  []*cell
	meter  *meter
	usage  usage

	newer, older *bucket
}

// The bounds of what a replica keeps. A forgotten bucket lives on in the ledger; a lease that
// is forgotten with it counts as spent.
const (
	mostBuckets  = 100_000 // all scopes together
	fewestKept   = 64      // a scope may have so many, whatever others have
	looksAtATime = 8
)

func newScope(l *Limiter, name string) *scope {
	return &scope{
		limiter: l, name: name,
		buckets: map[bucketKey]*bucket{}, leased: map[*cell]struct{}{},
		meters: map[string]*meter{}, blocked: map[string]time.Time{},
	}
}

func (s *scope) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buckets)
}

// bucket finds the bucket of a charge, or makes it, and lets it follow its policy.
func (s *scope) bucket(p *Policy, key string) *bucket {
	id := bucketKey{p.Name, key}
	b, ok := s.buckets[id]
	if !ok {
		s.makeRoom()
		b = &bucket{id: id, meter: s.meter(p.Name)}
		s.buckets[id] = b
		s.limiter.buckets.Add(1)
	}
	if b.policy != p {
		s.adopt(b, p)
	}
	s.recent.touch(b)
	return b
}

func (s *scope) meter(policy string) *meter {
	m, ok := s.meters[policy]
	if !ok {
		m = &meter{}
		s.meters[policy] = m
	}
	return m
}

// adopt gives a bucket the limits of a policy. Cells that stay keep their counters; leases
// go back, since they were cut for the old limits.
func (s *scope) adopt(b *bucket, p *Policy) {
	old := b.cells
	b.policy, b.cells = p, nil
	s.meter(p.Name).policy = p
	for _, l := range p.limits() {
		b.cells = append(b.cells, s.cell(old, b, l))
	}
	for _, c := range old {
		if !c.in(b.cells) {
			s.giveBack(c)
		}
	}
}

func (s *scope) cell(old []*cell, b *bucket, l limit) *cell {
	for _, c := range old {
		if c.suffix != l.suffix || c.kind != l.kind {
			continue
		}
		if !c.same(l) {
			s.giveBack(c)
			c.alone, c.denied = nil, denial{}
		}
		c.limit = l
		return c
	}
	return &cell{limit: l, name: b.id.policy + ":" + l.suffix + ":" + b.id.key, policy: b.id.policy}
}

// makeRoom forgets the bucket that was longest unused, preferring one without a lease.
func (s *scope) makeRoom() {
	if s.limiter.buckets.Load() < mostBuckets || len(s.buckets) < fewestKept {
		return
	}
	var victim *bucket
	for b, n := s.recent.oldest, 0; b != nil && n < looksAtATime; b, n = b.newer, n+1 {
		if b.pinned() {
			continue
		}
		if victim == nil {
			victim = b
		}
		if !b.leased() {
			victim = b
			break
		}
	}
	if victim == nil {
		return
	}
	s.recent.remove(victim)
	delete(s.buckets, victim.id)
	for _, c := range victim.cells {
		delete(s.leased, c)
	}
	s.limiter.buckets.Add(-1)
}

// pinned says that requests or calls still point here.
func (b *bucket) pinned() bool {
	for _, c := range b.cells {
		if c.busy || c.held > 0 || c.asked > 0 || c.wanted {
			return true
		}
	}
	return false
}

func (b *bucket) leased() bool {
	for _, c := range b.cells {
		if c.tokens > 0 {
			return true
		}
	}
	return false
}

// recent orders buckets by their last use.
type recent struct{ newest, oldest *bucket }

func (r *recent) touch(b *bucket) {
	if r.newest == b {
		return
	}
	r.remove(b)
	b.older = r.newest
	if r.newest != nil {
		r.newest.newer = b
	}
	r.newest = b
	if r.oldest == nil {
		r.oldest = b
	}
}

func (r *recent) remove(b *bucket) {
	if b.newer != nil {
		b.newer.older = b.older
	} else if r.newest == b {
		r.newest = b.older
	}
	if b.older != nil {
		b.older.newer = b.newer
	} else if r.oldest == b {
		r.oldest = b.newer
	}
	b.newer, b.older = nil, nil
}
