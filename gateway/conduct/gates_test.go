package conduct

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing/cutover"
)

// counts are requests of which some failed and all took about as long.
func counts(requests, failures uint64, took int) report.Counts {
	c := report.Counts{Requests: requests, Failures: failures}
	c.Latency[took] = requests
	return c
}

func TestGates(t *testing.T) {
	const fast, slow, slower = 6, 9, 12 // buckets: 40 ms, 113 ms, 320 ms
	g := cutover.Gates{Requests: 100, Failures: 2, MoreThan: 1, Latency: 1.5}
	for rule, c := range map[string]struct {
		gates      cutover.Gates
		old, fresh report.Counts
		ok, nobody bool
		says       string
	}{
		"all is well":                               {g, counts(1000, 5, fast), counts(1000, 5, fast), true, false, "gates hold"},
		"too few requests say nothing":              {g, counts(1000, 0, fast), counts(99, 99, slower), false, true, ""},
		"none say nothing, whatever the gates":      {cutover.Gates{Failures: 1}, counts(1000, 0, fast), report.Counts{}, false, true, ""},
		"more failures than are allowed":            {g, counts(1000, 100, fast), counts(1000, 30, fast), false, false, "3.00 % of 1000 requests failed"},
		"more failures than on the old side":        {g, counts(1000, 0, fast), counts(1000, 15, fast), false, false, "1.50 %"},
		"as many as on the old side":                {g, counts(1000, 8, fast), counts(1000, 15, fast), true, false, ""},
		"slower than the old side":                  {g, counts(1000, 0, slow), counts(1000, 0, slower), false, false, "slowest 5 %"},
		"slower, but nobody would notice":           {g, counts(1000, 0, 0), counts(1000, 0, fast), true, false, ""},
		"an old side without traffic is no measure": {g, counts(10, 0, fast), counts(1000, 15, slower), true, false, ""},
		"gates that are not set judge nothing":      {cutover.Gates{Requests: 1}, counts(1000, 0, fast), counts(1000, 900, slower), true, false, ""},
	} {
		r := judgeGates(c.gates, c.old, c.fresh)
		switch {
		case c.nobody:
			if r != nil {
				t.Errorf("%s: %+v", rule, r)
			}
		case r == nil || r.OK != c.ok || !strings.Contains(r.Text, c.says):
			t.Errorf("%s: %+v", rule, r)
		}
	}
}

// A window is judged when it is full, and from then on with each sample; numbers of which
// some are missing judge nothing.
func TestGatesWaitForTheirWindow(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	g := cutover.Gates{Requests: 10, Failures: 5, Window: 10 * time.Second}
	sum := func(second int, failures uint64, known bool) report.Totals {
		c := counts(uint64(100*second), failures, 0)
		one := report.Tenant{Releases: map[string]report.Counts{"green": c}}
		return report.Totals{Known: known, Parts: []report.Part{{ID: "a", Tenant: one}}, Tenant: one}
	}
	var s samples
	for second := range 60 {
		failures := uint64(0)
		if second >= 30 { // from here on everything fails
			failures = uint64(100 * (second - 29))
		}
		known := second != 20
		s = s.add(at.Add(time.Duration(second)*time.Second), sum(second, failures, known), g.Window)
		r := s.judge(g, "blue", "green")
		switch {
		case second < 10 || second == 20 || second == 30:
			if r != nil && second != 30 {
				t.Errorf("second %d: judged too early: %+v", second, r)
			}
		case r == nil && second == 30: // its window begins with what was not known
		case r == nil:
			t.Errorf("second %d: nothing is said", second)
		case r.OK != (second < 30):
			t.Errorf("second %d: %+v", second, r)
		}
		if len(s) > 12 {
			t.Fatalf("%d samples are kept", len(s))
		}
	}
}

// A new side that fails is left again by itself.
func TestGatesRollBack(t *testing.T) {
	for _, strategy := range []cutover.Strategy{cutover.Shift, cutover.Drain} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "a", "b", "c")
			defer w.stop()
			w.spoil = func(c report.Counts) report.Counts {
				c.Failures = c.Requests / 5
				return c
			}
			plan := plans()[strategy]
			plan.Watch = time.Minute
			w.begin(plan)
			c := w.ends(5 * time.Minute)
			last := c.Timeline[len(c.Timeline)-2]
			if c.Phase != cutover.Aborted || last.Actor != "gates" || !strings.Contains(last.Text, "20.00 %") {
				t.Errorf("%s ended %s: %v", strategy, c.Phase, c.Timeline)
			}
		})
	}
}
