package routing

import "errors"

// ErrNoBackend says that no backend of a pool can take a request.
var ErrNoBackend = errors.New("no backend can take the request")

// State is what selection knows of a backend.
type State int

// The states. Unknown counts as up: a backend that nobody has looked at gets its chance.
// Saturated counts as up, after those that are.
const (
	Unknown State = iota
	Up
	Saturated
	Down
)

// Candidate is one backend as selection sees it.
type Candidate struct {
	State    State
	Fenced   bool // takes no new work while another can
	LastGood bool // down, but the last that was up: better than nothing
	Load     int  // requests in flight
	Workers  int  // 0 counts as 1
	Score    uint64
}

// Choice says how one is chosen among equals.
type Choice struct {
	// Sticky takes the highest Score (see Rendezvous): a session stays even where its
	// backend is saturated. Otherwise the less busy of two drawn with Random.
	Sticky bool
	Random uint64
}

// tier is how good a choice a candidate is.
type tier int

const (
	never tier = iota
	lastGood
	fencedSaturated
	fenced
	openSaturated
	open
)

// tier tells up from saturated only where nothing ties the request to a backend.
func (c *Candidate) tier(sticky bool) tier {
	slow := c.State == Saturated && !sticky
	switch {
	case c.State == Down && c.LastGood:
		return lastGood
	case c.State == Down:
		return never
	case c.Fenced && slow:
		return fencedSaturated
	case c.Fenced:
		return fenced
	case slow:
		return openSaturated
	}
	return open
}

// Select returns the index of the best candidate: up and not fenced, else up and fenced,
// else the last good one, else ErrNoBackend. It looks at each candidate once, so it ends
// whatever the states are.
func Select(candidates []Candidate, choice Choice) (int, error) {
	s := selection{choice: choice, first: -1, second: -1}
	for i := range candidates {
		s.offer(candidates, i)
	}
	if s.first < 0 {
		return -1, ErrNoBackend
	}
	return s.winner(candidates), nil
}

// selection holds two of the best tier that were drawn so far, or the one that sticks.
type selection struct {
	choice        Choice
	tier          tier
	seen          uint64
	first, second int
}

func (s *selection) offer(candidates []Candidate, i int) {
	tier := candidates[i].tier(s.choice.Sticky)
	if tier == never || tier < s.tier {
		return
	}
	if tier > s.tier {
		s.tier, s.seen, s.first, s.second = tier, 0, -1, -1
	}
	if s.choice.Sticky {
		if s.first < 0 || candidates[i].Score > candidates[s.first].Score {
			s.first = i
		}
		return
	}
	s.draw(i)
}

// draw keeps a fair sample of two.
func (s *selection) draw(i int) {
	s.seen++
	switch s.seen {
	case 1:
		s.first = i
	case 2:
		s.second = i
	default:
		switch s.random() % s.seen {
		case 0:
			s.first = i
		case 1:
			s.second = i
		}
	}
}

func (s *selection) winner(candidates []Candidate) int {
	a, b := s.first, s.second
	if b < 0 {
		return a
	}
	if s.random()&1 == 1 { // who wins when both are as busy
		a, b = b, a
	}
	if lessBusy(&candidates[b], &candidates[a]) {
		return b
	}
	return a
}

// random steps the caller's number on (splitmix64).
func (s *selection) random() uint64 {
	s.choice.Random += 0x9e3779b97f4a7c15
	z := s.choice.Random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func lessBusy(a, b *Candidate) bool {
	return (a.Load+1)*max(b.Workers, 1) < (b.Load+1)*max(a.Workers, 1)
}
