package report

import (
	"time"

	"sluicegate.dev/sluice/gateway/census"
	"sluicegate.dev/sluice/internal/store"
)

// Sources are where a gateway's report comes from.
type Sources struct {
	Replica string
	Keys    Keys
	// Tenants are those about which something was decided, what runs first: what does not fit
	// is left out from the end.
	Tenants func() []string
	// Applied says which sequence of each tenant's record holds here.
	Applied func() map[string]uint64
	Pools   func() map[string]uint64 // the same of pools; may be nil
	Counts  func(tenant string) Tenant
	Down    func() []string      // pools without a backend that serves
	Whole   func() time.Duration // for how long the books have been kept
}

// Write returns the sealed report of now. It is as long as the store passes on.
func (s Sources) Write() ([]byte, error) {
	tenants, applied := s.Tenants(), s.Applied()
	r := Report{Down: s.Down(), Whole: s.Whole(), Sequences: map[string]uint64{}, Tenants: map[string]Tenant{}}
	if s.Pools != nil {
		r.Pools = s.Pools()
	}
	for _, t := range tenants {
		r.Sequences[t] = applied[t]
		r.Tenants[t] = s.Counts(t)
	}
	for {
		text, err := s.Keys.Seal(s.Replica, r)
		if err != nil || len(text) <= store.MaxReport || len(tenants) == 0 {
			return text, err
		}
		keep := len(tenants) / 2
		for _, t := range tenants[keep:] {
			delete(r.Sequences, t)
			delete(r.Tenants, t)
		}
		tenants = tenants[:keep]
	}
}

// Of is a tenant as the census knows it, without what waits at the edge.
func Of(c census.Counts, now time.Time) Tenant {
	t := Tenant{Undecided: c.Undecided, Releases: make(map[string]Counts, len(c.Releases))}
	for _, r := range c.Releases {
		counts := Counts{
			InFlight: r.InFlight, Classes: r.Classes, Sockets: r.Sockets, Seen: r.Seen, Live: r.Live,
			Requests: r.Requests, Failures: r.Failures, Latency: r.Latency,
		}
		for _, one := range r.Longest {
			counts.Longest = append(counts.Longest, Running{Class: string(one.Class), For: now.Sub(one.Since)})
		}
		t.Releases[r.Name] = counts
	}
	return t
}
