package admission

import (
	"math"
	"testing"
	"time"
)

func TestWhatLanesLeaveForPeople(t *testing.T) {
	for name, tc := range map[string]struct {
		slots  int
		used   float64 // by the interactive lane
		behind int     // all other lanes together
		report int
	}{
		"one worker: nothing can be left":        {1, 0, 1, 1},
		"two: one":                               {2, 0, 1, 1},
		"two, both busy with people: still one":  {2, 2, 1, 1},
		"four: three":                            {4, 0, 3, 2},
		"six: four, three quarters rounded down": {6, 0, 4, 3},
		"eight: six":                             {8, 0, 6, 4},
		"people use two of eight: four are left": {8, 2, 4, 4},
		"people use half: a quarter is kept":     {8, 4, 2, 4},
		"people use all: a quarter all the same": {8, 8, 2, 4},
		"what fades counts as nothing":           {8, 1e-9, 6, 4},
	} {
		t.Run(name, func(t *testing.T) {
			if got := behindInteractive(tc.slots, tc.used); got != tc.behind {
				t.Errorf("lanes behind may hold %d, want %d", got, tc.behind)
			}
			if got := Report.most(tc.slots); got != tc.report {
				t.Errorf("reports may hold %d, want %d", got, tc.report)
			}
		})
	}
}

func TestWhatATenantLeavesForOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		slots           int
		others          float64
		weight, present int
		want            int
	}{
		"one worker":                               {1, 0, 1, 1, 1},
		"two: one stays free":                      {2, 0, 1, 1, 1},
		"six, nobody else there: one stays free":   {6, 0, 1, 1, 5},
		"eight, nobody else: a quarter stays free": {8, 0, 1, 1, 6},
		"others use one of eight: three are left":  {8, 1, 1, 2, 5},
		"others use much: an equal share is kept":  {8, 8, 1, 2, 4},
		"a heavy tenant keeps more":                {8, 8, 3, 4, 6},
		"a light one among many keeps one":         {8, 8, 1, 100, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ofTenant(tc.slots, tc.others, tc.weight, tc.present); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestACeilingIsSharedByReplicas(t *testing.T) {
	for name, tc := range map[string]struct{ ceiling, slots, workers, want int }{
		"all workers are ours":    {4, 6, 6, 4},
		"half of them":            {4, 3, 6, 2},
		"rounded down":            {4, 2, 6, 1},
		"one at least":            {1, 1, 6, 1},
		"workers are not known":   {4, 0, 0, 4},
		"no slot of ours, as yet": {4, 0, 6, 1},
	} {
		if got := share(tc.ceiling, tc.slots, tc.workers); got != tc.want {
			t.Errorf("%s: got %d, want %d", name, got, tc.want)
		}
	}
}

func TestLevelIsAnAverageOverTime(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var l level
	l.set(4, start)
	if got := l.used(start); got != 0 {
		t.Errorf("at once: %v", got)
	}
	if got, want := l.used(start.Add(memory)), 4*(1-1/math.E); math.Abs(got-want) > 1e-9 {
		t.Errorf("after a while: %v, want %v", got, want)
	}
	l.set(0, start.Add(time.Hour))
	if got := l.used(start.Add(time.Hour)); math.Abs(got-4) > 1e-9 {
		t.Errorf("after an hour: %v", got)
	}
	if got := l.used(start.Add(2 * time.Hour)); got > 1e-9 {
		t.Errorf("an hour later: %v", got)
	}
	if got := l.used(start.Add(-time.Second)); math.Abs(got-4) > 1e-9 {
		t.Errorf("a clock that goes back changes nothing: %v", got)
	}
}
