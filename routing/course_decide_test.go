package routing

import (
	"math"
	"math/rand/v2"
	"testing"

	"sluicegate.dev/sluice/routing/odoo"
)

func splitCourse(share uint32, mode Mode) *Course {
	return &Course{Epoch: 9, Legs: []Leg{{Active: "blue", Split: &Split{To: "green", Share: share, Seed: "s1", Mode: mode}}}}
}

// A hundred thousand sessions of fifty requests each: the share is what was asked for, in
// sessions and in requests, and nobody changes sides.
func TestAShareStaysAShare(t *testing.T) {
	const sessions, requests = 100_000, 50
	random := rand.New(rand.NewPCG(1, 2))
	c := splitCourse(10_000, ModeNewSessions)
	green := 0
	for range sessions {
		lot := random.Uint32() | 1
		home := c.Decide(Question{Class: odoo.Web, Lot: lot}).Release
		for range requests - 1 {
			a := c.Decide(Question{Class: odoo.Web, Known: true, Release: home, Lot: lot, Navigation: true, Quiet: true})
			if a.Release != home || a.Moved {
				t.Fatalf("a session of %s was sent to %s", home, a.Release)
			}
		}
		if home == "green" {
			green++
		}
	}
	if share := 100 * float64(green) / sessions; math.Abs(share-10) > 1 {
		t.Errorf("%.2f %% of the sessions are on green, want 10 +- 1", share)
	}
}

// 10, 20, 50, 20, abort: sessions move one way while shares grow, stay when it shrinks, and
// all go back at the end, once.
func TestNoSessionFlipFlops(t *testing.T) {
	for _, mode := range []Mode{ModeNewSessions, ModeNavigation, ModeAll} {
		t.Run(string(mode), func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			type session struct {
				lot   uint32
				home  string
				moves int
			}
			var all []*session
			steps := []*Course{splitCourse(10_000, mode), splitCourse(20_000, mode), splitCourse(50_000, mode), splitCourse(20_000, mode)}
			for _, c := range steps {
				for range 5_000 {
					s := &session{lot: random.Uint32() | 1}
					s.home = c.Decide(Question{Lot: s.lot}).Release
					all = append(all, s)
				}
				for _, s := range all {
					a := c.Decide(Question{Known: true, Release: s.home, Lot: s.lot, Navigation: true, Quiet: true})
					if a.Release != s.home {
						if s.home == "green" {
							t.Fatal("a session went back while the cutover went on")
						}
						s.home, s.moves = a.Release, s.moves+1
					}
				}
			}
			aborted := &Course{Epoch: 9, Legs: []Leg{{Active: "blue", Closings: []Closing{{Release: "green", To: "blue", Before: 9}}}}}
			for _, s := range all {
				a := aborted.Decide(Question{Known: true, Release: s.home, Epoch: 4, Lot: s.lot})
				if a.Release != "blue" || a.Moved != (s.home == "green") {
					t.Fatalf("after the abort a session of %s is at %s", s.home, a.Release)
				}
				if s.moves > 1 {
					t.Fatalf("a session moved %d times to green", s.moves)
				}
			}
		})
	}
}

func TestDecide(t *testing.T) {
	blue := Question{Class: odoo.Web, Known: true, Release: "blue", Epoch: 1, Lot: 7}
	with := func(change func(*Question)) Question { q := blue; change(&q); return q }
	closed := &Course{Epoch: 9, Legs: []Leg{{Active: "green", Closings: []Closing{{Release: "blue", To: "green", Before: 5}}}}}
	both := &Course{Epoch: 9, Legs: []Leg{{Active: "green", Closings: []Closing{{Release: "green", To: "blue", Before: 3}, {Release: "blue", To: "green", Before: 5}}}}}
	part := &Course{Legs: []Leg{{Scope: Scope{Classes: []odoo.Class{odoo.RPC}, Paths: []string{"/edi/**"}}, Active: "green"}, {Active: "blue"}}}
	for name, row := range map[string]struct {
		course *Course
		asked  Question
		want   Answer
	}{
		"a session stays":                               {splitCourse(100_000, ModeNewSessions), blue, Answer{Release: "blue"}},
		"a new one draws":                               {splitCourse(100_000, ModeNewSessions), Question{Lot: 7}, Answer{Release: "green"}},
		"a page load moves it":                          {splitCourse(100_000, ModeNavigation), with(func(q *Question) { q.Navigation, q.Quiet = true, true }), Answer{Release: "green", Moved: true}},
		"not while something is under way":              {splitCourse(100_000, ModeNavigation), with(func(q *Question) { q.Navigation = true }), Answer{Release: "blue"}},
		"nor does another request":                      {splitCourse(100_000, ModeNavigation), with(func(q *Question) { q.Quiet = true }), Answer{Release: "blue"}},
		"nor a session that a later decision put there": {splitCourse(100_000, ModeAll), with(func(q *Question) { q.Epoch = 10 }), Answer{Release: "blue"}},
		"any request does in mode all":                  {splitCourse(100_000, ModeAll), blue, Answer{Release: "green", Moved: true}},
		"a closed release sends its sessions on":        {closed, blue, Answer{Release: "green", Moved: true}},
		"not those that came later, on purpose":         {closed, with(func(q *Question) { q.Epoch = 5 }), Answer{Release: "blue"}},
		"two closings end at the active one":            {both, blue, Answer{Release: "green", Moved: true}},
		"a pin of an aborted attempt does, too":         {both, with(func(q *Question) { q.Release, q.Epoch = "green", 1 }), Answer{Release: "green"}},
		"a part is decided without a session":           {part, with(func(q *Question) { q.Class = odoo.RPC }), Answer{Release: "green", Stateless: true}},
		"by path as well":                               {part, with(func(q *Question) { q.Path = "/edi/orders" }), Answer{Release: "green", Stateless: true}},
		"what is not in the part stays":                 {part, blue, Answer{Release: "blue"}},
		"nobody is moved by a share of nothing":         {splitCourse(0, ModeAll), with(func(q *Question) { q.Lot = 0 }), Answer{Release: "blue"}},
		"a session of neither release is left alone":    {splitCourse(0, ModeAll), with(func(q *Question) { q.Release = "old" }), Answer{Release: "old"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.course.Decide(row.asked); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestLotsAreSpreadAndNeverZero(t *testing.T) {
	low := 0
	for i := range 10_000 {
		lot := LotOf(string(rune('a'+i%26)) + string(rune(0x100+i)))
		if lot == 0 {
			t.Fatal("0 means none")
		}
		if Place("seed", lot) < allShares/2 {
			low++
		}
	}
	if low < 4_800 || low > 5_200 {
		t.Errorf("%d of 10 000 lots are in the lower half", low)
	}
}
