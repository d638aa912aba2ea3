package conduct

import (
	"fmt"
	"time"

	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing/cutover"
)

// Gates compare what the new side did within a window with what the old side did. Outcomes
// count, not status codes: most of Odoo's failures are HTTP 200.

// sample is the sum of all replicas at one moment.
type sample struct {
	at     time.Time
	totals report.Totals
}

// samples are those of the last window and a little more, oldest first.
type samples []sample

const sampleEvery = time.Second

// add keeps a sample where the last one is old enough, and drops those that no window needs.
func (s samples) add(now time.Time, t report.Totals, window time.Duration) samples {
	if len(s) > 0 && now.Sub(s[len(s)-1].at) < sampleEvery {
		return s
	}
	s = append(s, sample{now, t})
	for len(s) > 1 && now.Sub(s[1].at) >= window { // s[0] stays the newest that is older than the window
		s = s[1:]
	}
	return s
}

// judge says whether the gates hold over a window that is full; nil while it is not, or while
// too few requests have come to say. Numbers that are not known judge nothing.
func (s samples) judge(g cutover.Gates, from, to string) *cutover.Result {
	if len(s) < 2 {
		return nil
	}
	first, last := s[0], s[len(s)-1]
	if last.at.Sub(first.at) < g.Window || !first.totals.Known || !last.totals.Known {
		return nil
	}
	return judgeGates(g, last.totals.Since(first.totals, from), last.totals.Since(first.totals, to))
}

const (
	minRequests = 20                     // that the old side must have served to be compared with
	quick       = 100 * time.Millisecond // nobody notices less, however many times more it is
)

// judgeGates is nil while the new side has served too little.
func judgeGates(g cutover.Gates, old, fresh report.Counts) *cutover.Result {
	if fresh.Requests == 0 || fresh.Requests < uint64(max(g.Requests, 0)) {
		return nil
	}
	failing := percent(fresh)
	if g.Failures > 0 && failing > g.Failures {
		return &cutover.Result{Text: fmt.Sprintf("%.2f %% of %d requests failed on the new side, %.2f %% are allowed", failing, fresh.Requests, g.Failures)}
	}
	compared := old.Requests >= minRequests
	if was := percent(old); g.MoreThan > 0 && compared && failing-was > g.MoreThan {
		return &cutover.Result{Text: fmt.Sprintf("%.2f %% of %d requests failed on the new side, %.2f %% on the old one; it may be %.2f points more", failing, fresh.Requests, was, g.MoreThan)}
	}
	slow, was := fresh.Latency.Quantile(0.95), old.Latency.Quantile(0.95)
	if g.Latency > 0 && compared && slow > quick && float64(slow) > g.Latency*float64(was) {
		return &cutover.Result{Text: fmt.Sprintf("the slowest 5 %% of requests take %s on the new side, %s on the old one; %.1f times as much is allowed", rounded(slow), rounded(was), g.Latency)}
	}
	return &cutover.Result{OK: true, Text: fmt.Sprintf("gates hold: %d requests on the new side, %.2f %% failed, 95 %% within %s", fresh.Requests, failing, rounded(slow))}
}

func percent(c report.Counts) float64 {
	if c.Requests == 0 {
		return 0
	}
	return 100 * float64(c.Failures) / float64(c.Requests)
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
