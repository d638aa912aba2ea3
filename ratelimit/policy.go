package ratelimit

import (
	"hash/fnv"
	"math"
	"time"
)

// Policy is what holds for every key that is charged to it. It is a value of the
// configuration: never changed once it is in use. A new policy of the same name takes over
// the counters.
type Policy struct {
	Name string

	// Rate in tokens per second, Burst how many may come at once. No rate: no such limit.
	Rate  float64
	Burst int
	// Period is the rate's period as configured (a minute for 600/m). It is only shown.
	Period time.Duration

	// Quotas bound what a key may spend in a calendar window.
	Quotas []Quota
	// Concurrency bounds what a key may have running at the same time, over all replicas.
	Concurrency int

	// Strict asks the ledger for each request: for logins, payments.
	Strict bool
	// Horizon is how far ahead tokens are leased. Default: a second from a burst of 100 on,
	// else a quarter of it.
	Horizon time.Duration
	// Reserve is the percentage of each limit that only priority requests may use.
	Reserve int
	// OnStoreLoss says what holds while the ledger is away.
	OnStoreLoss Loss

	// Shadow counts what would be refused and refuses nothing.
	Shadow bool
	// Percent of the keys are held to the policy, the rest as in Shadow. 0 means all.
	Percent int
}

// Loss says what a policy does while the ledger is away.
type Loss int

const (
	// LocalShare enforces this replica's share of the limit.
	LocalShare Loss = iota
	// Open admits everything.
	Open
	// Closed refuses everything.
	Closed
)

// enforced says whether the policy may refuse the key. Which keys a percentage takes is fixed
// by the key alone, so that one client always sees the same.
func (p *Policy) enforced(key string) bool {
	if p.Shadow {
		return false
	}
	if p.Percent <= 0 || p.Percent >= 100 {
		return true
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32()%100) < p.Percent
}

const (
	shortHorizon = 250 * time.Millisecond
	longHorizon  = time.Second
	longBurst    = 100 // a burst that can afford the long horizon
	longestLease = 4 * time.Second
	slotBeat     = 3 * time.Second // a silent replica's slots come back after this
	leaseFactor  = 4               // a lease lives this many horizons
)

func (p *Policy) horizon(limit int) time.Duration {
	switch {
	case p.Horizon > 0:
		return min(p.Horizon, longestLease/leaseFactor)
	case limit >= longBurst:
		return longHorizon
	default:
		return shortHorizon
	}
}

// limits lists the cells that a key of the policy has.
func (p *Policy) limits() []limit {
	var all []limit
	add := func(l limit) {
		l.reserve = l.size * min(max(p.Reserve, 0), 100) / 100
		l.strict = p.Strict
		all = append(all, l)
	}
	if p.Rate > 0 {
		size := p.Burst
		if size < 1 {
			size = max(1, int(math.Ceil(p.Rate)))
		}
		h := p.horizon(size)
		add(limit{kind: Rate, suffix: "rate", size: size, rate: p.Rate / 1e6, horizon: h, ttl: leaseFactor * h, shown: p.Period})
	}
	for _, q := range p.Quotas {
		if q.Limit > 0 {
			h := p.horizon(q.Limit)
			add(limit{kind: Windowed, suffix: string(q.Window), size: q.Limit, quota: q, horizon: h, ttl: leaseFactor * h, shown: q.Window.length()})
		}
	}
	if p.Concurrency > 0 {
		add(limit{kind: Slots, suffix: "slots", size: p.Concurrency, horizon: shortHorizon, ttl: slotBeat})
	}
	return all
}

// limit is one limit of a policy, as cells carry it.
type limit struct {
	kind    Kind
	suffix  string // tells the cells of one key apart
	size    int
	reserve int     // of it, for priority requests only
	rate    float64 // tokens per microsecond
	quota   Quota
	strict  bool
	horizon time.Duration
	ttl     time.Duration
	shown   time.Duration
}

// same says whether the ledger would see no difference.
func (l limit) same(o limit) bool {
	return l.kind == o.kind && l.suffix == o.suffix && l.size == o.size && l.rate == o.rate && l.quota.zone() == o.quota.zone()
}
