package ratelimit

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// meter counts for one policy in one scope.
type meter struct {
	policy                                     *Policy // the last one seen; the scope's lock guards it
	allowed, denied, shadowed, degraded, calls atomic.Uint64
}

// collector reads the counters at each scrape, so that a series ends with its tenant.
type collector struct {
	limiter *Limiter

	allowed, denied, shadowed, degraded, calls *prometheus.Desc
	leased, buckets, trips, failed             *prometheus.Desc
}

func newCollector(l *Limiter) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sluice_limit_"+name, help, labels, nil)
	}
	by := func(name, help string) *prometheus.Desc { return desc(name, help, "tenant", "policy") }
	return &collector{
		limiter:  l,
		allowed:  by("allowed_total", "Requests that a policy let pass."),
		denied:   by("denied_total", "Requests that a policy refused."),
		shadowed: by("shadow_denied_total", "Requests that a policy would have refused, were it enforced."),
		degraded: by("degraded_total", "Requests that were decided without the store."),
		calls:    by("store_calls_total", "Calls to the store in which a bucket of the policy took part."),
		leased:   by("leased_tokens", "Tokens that this replica holds ahead of their use, and slots in use."),
		buckets:  desc("buckets", "Keys under a policy that this replica knows."),
		trips:    desc("round_trips_total", "Round trips to the store."),
		failed:   desc("store_failures_total", "Calls to the store without an answer."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.allowed, c.denied, c.shadowed, c.degraded, c.calls, c.leased, c.buckets, c.trips, c.failed} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	one := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, s := range c.limiter.scopes() {
		s.mu.Lock()
		leased := map[string]int{}
		for cell := range s.leased {
			leased[cell.policy] += cell.tokens + cell.held
		}
		for policy, m := range s.meters {
			one(c.allowed, prometheus.CounterValue, float64(m.allowed.Load()), s.name, policy)
			one(c.denied, prometheus.CounterValue, float64(m.denied.Load()), s.name, policy)
			one(c.shadowed, prometheus.CounterValue, float64(m.shadowed.Load()), s.name, policy)
			one(c.degraded, prometheus.CounterValue, float64(m.degraded.Load()), s.name, policy)
			one(c.calls, prometheus.CounterValue, float64(m.calls.Load()), s.name, policy)
			one(c.leased, prometheus.GaugeValue, float64(leased[policy]), s.name, policy)
		}
		s.mu.Unlock()
	}
	one(c.buckets, prometheus.GaugeValue, float64(c.limiter.buckets.Load()))
	one(c.trips, prometheus.CounterValue, float64(c.limiter.trips.Load()))
	one(c.failed, prometheus.CounterValue, float64(c.limiter.failed.Load()))
}
