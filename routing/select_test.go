package routing

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSelect(t *testing.T) {
	for name, c := range map[string]struct {
		candidates []Candidate
		choice     Choice
		want       int
	}{
		"the only one":                               {[]Candidate{{State: Up}}, Choice{}, 0},
		"up before down":                             {[]Candidate{{State: Down}, {State: Up}}, Choice{}, 1},
		"unknown counts as up":                       {[]Candidate{{State: Down}, {State: Unknown}}, Choice{}, 1},
		"up before saturated":                        {[]Candidate{{State: Saturated}, {State: Saturated}, {State: Up, Load: 99}}, Choice{Random: 3}, 2},
		"saturated before fenced":                    {[]Candidate{{State: Up, Fenced: true}, {State: Saturated}}, Choice{}, 1},
		"fenced before last good":                    {[]Candidate{{State: Down, LastGood: true}, {State: Up, Fenced: true}}, Choice{}, 1},
		"fenced and saturated after fenced":          {[]Candidate{{State: Saturated, Fenced: true}, {State: Up, Fenced: true}}, Choice{}, 1},
		"the last good one":                          {[]Candidate{{State: Down}, {State: Down, LastGood: true}}, Choice{}, 1},
		"nobody":                                     {[]Candidate{{State: Down}, {State: Down}}, Choice{}, -1},
		"an empty pool":                              {nil, Choice{}, -1},
		"the less busy of two":                       {[]Candidate{{State: Up, Load: 3, Workers: 2}, {State: Up, Load: 4, Workers: 4}}, Choice{}, 1},
		"a session goes by score":                    {[]Candidate{{State: Up, Score: 1}, {State: Up, Score: 9, Load: 99}}, Choice{Affinity: Strict}, 1},
		"a session stays where it is slow":           {[]Candidate{{State: Up, Score: 1}, {State: Saturated, Score: 9}}, Choice{Affinity: Strict}, 1},
		"a session leaves what is down":              {[]Candidate{{State: Up, Score: 1}, {State: Down, Score: 9, LastGood: true}}, Choice{Affinity: Strict}, 0},
		"a pinned session stays behind the fence":    {[]Candidate{{State: Up, Score: 9}, {State: Up, Pinned: true, Fenced: true}}, Choice{Affinity: Strict}, 1},
		"a pinned session stays where it is slow":    {[]Candidate{{State: Up}, {State: Saturated, Pinned: true, Load: 99}}, Choice{Affinity: Strict}, 1},
		"a pinned session leaves what is down":       {[]Candidate{{State: Saturated}, {State: Down, Pinned: true, LastGood: true}}, Choice{Affinity: Strict}, 0},
		"a shared session stays while there is room": {[]Candidate{{State: Up}, {State: Up, Pinned: true, Load: 3, Workers: 4}}, Choice{Affinity: Soft}, 1},
		"a shared session leaves a full one":         {[]Candidate{{State: Up}, {State: Up, Pinned: true, Load: 4, Workers: 4}}, Choice{Affinity: Soft}, 0},
		"a shared session leaves a slow one":         {[]Candidate{{State: Up, Load: 9}, {State: Saturated, Pinned: true}}, Choice{Affinity: Soft}, 0},
		"a shared session leaves a fenced one":       {[]Candidate{{State: Up, Load: 9}, {State: Up, Pinned: true, Fenced: true}}, Choice{Affinity: Soft}, 0},
		"a new session looks at no pin":              {[]Candidate{{State: Up}, {State: Up, Pinned: true, Load: 9}}, Choice{}, 0},
		"a warm one, even a slow one, before cold":   {[]Candidate{{State: Up, Cold: true}, {State: Saturated}}, Choice{}, 1},
		"a cold one before a fenced one":             {[]Candidate{{State: Up, Cold: true}, {State: Up, Fenced: true}}, Choice{}, 0},
		"a cold one when nobody else can":            {[]Candidate{{State: Up, Cold: true}, {State: Down}}, Choice{}, 0},
		"who knows a session need not be warm":       {[]Candidate{{State: Up, Score: 9, Cold: true}, {State: Up, Score: 1}}, Choice{Affinity: Strict}, 0},
		"weight is worth as much as workers":         {[]Candidate{{State: Up, Load: 3, Workers: 4}, {State: Up, Load: 4, Workers: 4, Weight: 2}}, Choice{}, 1},
		"one that fades in gets what overflows":      {[]Candidate{{State: Up, Load: 4, Workers: 4}, {State: Up, Load: 1, Workers: 4, Share: 1}}, Choice{}, 1},
		"of two full ones the less busy":             {[]Candidate{{State: Up, Load: 9, Workers: 4}, {State: Up, Load: 4, Workers: 4, Share: 1}}, Choice{}, 1},
		"a session without a pin avoids the fence":   {[]Candidate{{State: Up, Score: 1}, {State: Up, Score: 9, Fenced: true}}, Choice{Affinity: Strict}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Select(c.candidates, c.choice)
			if got != c.want || errors.Is(err, ErrNoBackend) != (c.want < 0) {
				t.Errorf("got %d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestSelectNeverTakesTheWorse(t *testing.T) {
	candidate := rapid.Custom(func(t *rapid.T) Candidate {
		return Candidate{
			State:    State(rapid.IntRange(int(Unknown), int(Down)).Draw(t, "state")),
			Fenced:   rapid.Bool().Draw(t, "fenced"),
			LastGood: rapid.Bool().Draw(t, "last good"),
			Load:     rapid.IntRange(0, 9).Draw(t, "load"),
			Workers:  rapid.IntRange(0, 8).Draw(t, "workers"),
			Pinned:   rapid.Bool().Draw(t, "pinned"),
			Cold:     rapid.Bool().Draw(t, "cold"),
			Weight:   rapid.IntRange(-1, 9).Draw(t, "weight"),
			Share:    rapid.IntRange(0, Whole).Draw(t, "share"),
			Score:    rapid.Uint64().Draw(t, "score"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.SliceOfN(candidate, 0, 8).Draw(t, "candidates")
		choice := Choice{Affinity: Affinity(rapid.IntRange(int(Free), int(Strict)).Draw(t, "affinity")), Random: rapid.Uint64().Draw(t, "random")}
		got, err := Select(candidates, choice)
		open, up, good := false, false, false
		for _, c := range candidates {
			open = open || (c.State != Down && !c.Fenced)
			up = up || c.State != Down
			good = good || c.LastGood
		}
		if err != nil {
			if up || good {
				t.Fatalf("nobody was chosen of %+v", candidates)
			}
			return
		}
		chosen := candidates[got]
		for _, c := range candidates {
			if choice.Affinity == Strict && c.Pinned && c.State != Down && !chosen.Pinned {
				t.Fatalf("%+v although the pinned one is up", chosen)
			}
		}
		switch {
		case choice.Affinity == Strict && chosen.Pinned && chosen.State != Down:
		case open && (chosen.Fenced || chosen.State == Down):
			t.Fatalf("%+v although one is up and open", chosen)
		case up && chosen.State == Down:
			t.Fatalf("%+v although one is up", chosen)
		case chosen.State == Down && !chosen.LastGood:
			t.Fatalf("%+v cannot serve", chosen)
		}
	})
}

func TestSelectSpreads(t *testing.T) {
	candidates := make([]Candidate, 5)
	counts := make([]int, 5)
	for i := range uint64(5000) {
		got, err := Select(candidates, Choice{Random: i * 0x9e3779b97f4a7c15})
		if err != nil {
			t.Fatal(err)
		}
		counts[got]++
	}
	for i, n := range counts {
		if n < 700 || n > 1300 {
			t.Errorf("backend %d got %d of 5000", i, n)
		}
	}
}

// While a server fades in, its part of the new sessions is its share; all others' is theirs.
func TestSelectByShare(t *testing.T) {
	for name, c := range map[string]struct {
		candidates []Candidate
		want       []float64
	}{
		"one of two at a quarter":     {[]Candidate{{Workers: 4}, {Workers: 4, Share: 250}}, []float64{0.8, 0.2}},
		"busier, but not full":        {[]Candidate{{Workers: 4, Load: 3}, {Workers: 4, Share: 250}}, []float64{0.8, 0.2}},
		"two new and the last old":    {[]Candidate{{Share: 500}, {Share: 500}, {}}, []float64{0.25, 0.25, 0.5}},
		"the last old one is full":    {[]Candidate{{Share: 500}, {Share: 500}, {Load: 4}}, []float64{0.5, 0.5, 0}},
		"idle servers by their size":  {[]Candidate{{Workers: 2}, {Workers: 6}}, []float64{0.25, 0.75}},
		"idle servers by weight":      {[]Candidate{{Weight: 1}, {Weight: 3}}, []float64{0.25, 0.75}},
		"share of a weight":           {[]Candidate{{Weight: 3}, {Weight: 2, Share: 500}}, []float64{0.75, 0.25}},
		"a share of nothing is whole": {[]Candidate{{}, {Share: 0}}, []float64{0.5, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			const draws = 40_000
			counts := make([]int, len(c.candidates))
			for i := range uint64(draws) {
				got, err := Select(c.candidates, Choice{Random: i * 0x9e3779b97f4a7c15})
				if err != nil {
					t.Fatal(err)
				}
				counts[got]++
			}
			for i, n := range counts {
				if got := float64(n) / draws; math.Abs(got-c.want[i]) > 0.02 {
					t.Errorf("backend %d got %.3f of the sessions, want %.3f", i, got, c.want[i])
				}
			}
		})
	}
}

func TestSessionsFollowWeight(t *testing.T) {
	candidates := []Candidate{{Weight: 1}, {Weight: 3, Share: 10}}
	counts := make([]int, 2)
	for i := range 8000 {
		for j, name := range []string{"b1", "b2"} {
			candidates[j].Score = Score("acme", fmt.Sprint(i), name)
		}
		got, err := Select(candidates, Choice{Affinity: Strict})
		if err != nil {
			t.Fatal(err)
		}
		counts[got]++
	}
	if counts[0] < 1800 || counts[0] > 2200 {
		t.Errorf("got %v of 8000, want a quarter and three quarters", counts)
	}
}

func BenchmarkSelect(b *testing.B) {
	candidates := make([]Candidate, 6)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		_, _ = Select(candidates, Choice{Random: i})
	}
}
