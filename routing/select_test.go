package routing

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestSelect(t *testing.T) {
	for name, c := range map[string]struct {
		candidates []Candidate
		choice     Choice
		want       int
	}{
		"the only one":                             {[]Candidate{{State: Up}}, Choice{}, 0},
		"up before down":                           {[]Candidate{{State: Down}, {State: Up}}, Choice{}, 1},
		"unknown counts as up":                     {[]Candidate{{State: Down}, {State: Unknown}}, Choice{}, 1},
		"up before saturated":                      {[]Candidate{{State: Saturated}, {State: Saturated}, {State: Up, Load: 99}}, Choice{Random: 3}, 2},
		"saturated before fenced":                  {[]Candidate{{State: Up, Fenced: true}, {State: Saturated}}, Choice{}, 1},
		"fenced before last good":                  {[]Candidate{{State: Down, LastGood: true}, {State: Up, Fenced: true}}, Choice{}, 1},
		"fenced and saturated after fenced":        {[]Candidate{{State: Saturated, Fenced: true}, {State: Up, Fenced: true}}, Choice{}, 1},
		"the last good one":                        {[]Candidate{{State: Down}, {State: Down, LastGood: true}}, Choice{}, 1},
		"nobody":                                   {[]Candidate{{State: Down}, {State: Down}}, Choice{}, -1},
		"an empty pool":                            {nil, Choice{}, -1},
		"the less busy of two":                     {[]Candidate{{State: Up, Load: 3, Workers: 2}, {State: Up, Load: 4, Workers: 4}}, Choice{}, 1},
		"a session goes by score":                  {[]Candidate{{State: Up, Score: 1}, {State: Up, Score: 9, Load: 99}}, Choice{Sticky: true}, 1},
		"a session stays where it is slow":         {[]Candidate{{State: Up, Score: 1}, {State: Saturated, Score: 9}}, Choice{Sticky: true}, 1},
		"a session leaves what is down":            {[]Candidate{{State: Up, Score: 1}, {State: Down, Score: 9, LastGood: true}}, Choice{Sticky: true}, 0},
		"a session without a pin avoids the fence": {[]Candidate{{State: Up, Score: 1}, {State: Up, Score: 9, Fenced: true}}, Choice{Sticky: true}, 0},
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
			Score:    rapid.Uint64().Draw(t, "score"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.SliceOfN(candidate, 0, 8).Draw(t, "candidates")
		choice := Choice{Sticky: rapid.Bool().Draw(t, "sticky"), Random: rapid.Uint64().Draw(t, "random")}
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
		switch {
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

func BenchmarkSelect(b *testing.B) {
	candidates := make([]Candidate, 6)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		_, _ = Select(candidates, Choice{Random: i})
	}
}
