package limitstest

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// allow is how a replica of some limiter decides one request.
type allow func() bool

// call is one decision, with the instants between which it was made.
type call struct {
	start, end time.Duration
	allowed    bool
}

// shape says how a load is spread over three replicas and over time. It returns the replica
// of the nth request and whether there is one at that moment.
type shape struct {
	name  string
	place func(n int, at time.Duration) (replica int, there bool)
}

func shapes() []shape {
	return []shape{
		{"even", func(n int, _ time.Duration) (int, bool) { return n % 3, true }},
		{"skewed", func(n int, _ time.Duration) (int, bool) {
			switch k := n % 50; {
			case k < 45:
				return 0, true // nine of ten
			case k < 49:
				return 1, true
			default:
				return 2, true
			}
		}},
		{"bursty", func(n int, at time.Duration) (int, bool) {
			// Half a second on, half a second off, twice the pace while on.
			return n % 3, at%time.Second < time.Second/2
		}},
	}
}

// clients that send at the same time.
const clients = 64

// drive sends perSecond requests a second, whether or not the earlier ones are decided.
func drive(replicas []allow, s shape, perSecond int, span time.Duration) []call {
	if s.name == "bursty" {
		perSecond *= 2
	}
	total := int(span.Seconds() * float64(perSecond))
	calls := make([]call, total)
	there := make([]bool, total)
	begin := time.Now()
	// Clients that are there already: a new goroutine's stack grows while it is measured.
	type job struct{ n, replica int }
	jobs := make(chan job, total)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for j := range jobs {
				start := time.Since(begin)
				allowed := replicas[j.replica]()
				calls[j.n] = call{start, time.Since(begin), allowed}
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < total; <-tick.C {
		due := min(int(time.Since(begin).Seconds()*float64(perSecond)), total)
		for n := sent; n < due; n++ {
			at := time.Duration(n) * time.Second / time.Duration(perSecond)
			replica, here := s.place(n, at)
			if there[n] = here; here {
				jobs <- job{n, replica}
			}
		}
		sent = due
	}
	close(jobs)
	all.Wait()
	var made []call
	for n, c := range calls {
		if there[n] {
			made = append(made, c)
		}
	}
	return made
}

// over is by how many tokens the admissions go over rate and burst in the worst span of time,
// however each is dated within its call: whoever had to ask and wait may be dated when the
// store decided.
func over(calls []call, rate float64, burst int) float64 {
	var in []call
	for _, c := range calls {
		if c.allowed {
			in = append(in, c)
		}
	}
	slices.SortFunc(in, func(a, b call) int { return cmp.Compare(a.start, b.start) })
	ends := make([]time.Duration, len(in)) // of the calls that start at or after in[i], sorted
	worst := 0.0
	for i := len(in) - 1; i >= 0; i-- {
		k := len(in) - 1 - i
		at, _ := slices.BinarySearch(ends[:k], in[i].end)
		copy(ends[at+1:k+1], ends[at:k])
		ends[at] = in[i].end
		for j, end := range ends[:k+1] { // j+1 calls lie within [start, end]
			worst = math.Max(worst, float64(j+1)-float64(burst)-rate*(end-in[i].start).Seconds())
		}
	}
	return worst
}

// under is which part of what an ideal bucket would have admitted is missing.
func under(calls []call, rate float64, burst int) float64 {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.start, b.start) })
	level, at, ideal, passed := 0.0, time.Duration(0), 0, 0
	for _, c := range calls {
		level = math.Max(0, level-rate*(c.start-at).Seconds())
		at = c.start
		if level+1 <= float64(burst) {
			level++
			ideal++
		}
		if c.allowed {
			passed++
		}
	}
	return float64(ideal-passed) / float64(ideal)
}

func admissions(calls []call) int {
	n := 0
	for _, c := range calls {
		if c.allowed {
			n++
		}
	}
	return n
}

// quantile is of how long decisions took.
func quantile(calls []call, q float64) time.Duration {
	took := make([]time.Duration, len(calls))
	for i, c := range calls {
		took[i] = c.end - c.start
	}
	slices.Sort(took)
	return took[min(int(q*float64(len(took))), len(took)-1)]
}
