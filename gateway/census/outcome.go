package census

import (
	"math"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// LatencyBuckets is how many there are. Each ends at twice the time of the second before it:
// from 5 ms to 2 min a quantile is known to two fifths.
const LatencyBuckets = 32

// Histogram counts answers by the time to their first byte, the wait for a worker included.
// The last bucket has no end.
type Histogram [LatencyBuckets]uint64

// LatencyBound is the end of a bucket.
func LatencyBound(bucket int) time.Duration {
	return time.Duration(float64(5*time.Millisecond) * math.Pow(2, float64(bucket)/2))
}

func bucketOf(d time.Duration) int {
	if d <= 5*time.Millisecond {
		return 0
	}
	// The smallest n with 5 ms * 2^(n/2) >= d.
	n := int(math.Ceil(2*math.Log2(float64(d)/float64(5*time.Millisecond)) - 1e-9))
	return min(n, LatencyBuckets-1)
}

// Since is what was counted after before.
func (h Histogram) Since(before Histogram) Histogram {
	for i := range h {
		h[i] -= min(before[i], h[i])
	}
	return h
}

// Total is how many answers were counted.
func (h Histogram) Total() uint64 {
	var n uint64
	for _, m := range h {
		n += m
	}
	return n
}

// Quantile is the time that the part q of the answers took at most, between the ends of its
// bucket in proportion; 0 without any.
func (h Histogram) Quantile(q float64) time.Duration {
	rank := q * float64(h.Total())
	if rank <= 0 {
		return 0
	}
	passed := 0.0
	for i, n := range h {
		if n == 0 || passed+float64(n) < rank {
			passed += float64(n)
			continue
		}
		from := time.Duration(0)
		if i > 0 {
			from = LatencyBound(i - 1)
		}
		return from + time.Duration(float64(LatencyBound(i)-from)*(rank-passed)/float64(n))
	}
	return LatencyBound(LatencyBuckets - 1)
}

// judge counts how a request ended. What the gateway refused and what the client gave up say
// nothing about the release, and files say nothing about Odoo's code.
func (s *side) judge(x *routing.Exchange) {
	if passes(x.Class) {
		return
	}
	switch x.Outcome {
	case "", odoo.Refused, odoo.ClientGone:
		return
	case odoo.Fault, odoo.ServerError, odoo.Unavailable, odoo.Truncated, odoo.SessionExpired:
		s.failures++
	case odoo.OK, odoo.Invalid, odoo.BadCredentials, odoo.Denied, odoo.LoginRequired, odoo.NotFound:
	}
	s.requests++
	if x.Backend != "" && x.Class != odoo.Realtime && x.Class != odoo.Report {
		s.latency[bucketOf(x.Waited+x.Upstream)]++
	}
}
