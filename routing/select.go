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

// Whole is the Share of a backend that does not fade in.
const Whole = 1000

// assumedWorkers stands in for a number of workers that nobody declared.
const assumedWorkers = 4

// Candidate is one backend as selection sees it.
type Candidate struct {
	State    State
	Pinned   bool // the session is pinned to it
	Fenced   bool // takes no new work while another can
	Cold     bool // is loading the tenant's database: takes no new work while another can
	LastGood bool // down, but the last that was up: better than nothing
	Load     int  // requests in flight and waiting
	Workers  int  // 0: unknown
	Weight   int  // 0 counts as 1
	Share    int  // of Whole, while it fades in; 0 counts as Whole
	Score    uint64
}

// Affinity says what ties a request to a backend.
type Affinity int

// The kinds of affinity.
const (
	Free   Affinity = iota // nothing: a new session
	Soft                   // every backend knows the session; where it was, caches are warm
	Strict                 // one backend knows the session: a move signs the user out
)

// Choice says how one is chosen among equals.
type Choice struct {
	// Affinity Strict keeps a session where it is pinned unless that backend is down, and
	// finds one that is pinned nowhere by Score (see Rendezvous). Soft keeps it while there
	// is room. Otherwise the less busy of two drawn with Random takes it.
	Affinity Affinity
	Random   uint64
}

// tier is how good a choice a candidate is.
type tier int

const (
	never tier = iota
	lastGood
	fencedSaturated
	fenced
	cold
	openSaturated
	open
	home
)

// tier looks at warmth and saturation only where nothing ties the request to a backend.
func (c *Candidate) tier(affinity Affinity) tier {
	slow := c.State == Saturated && affinity != Strict
	switch {
	case c.State == Down && c.LastGood:
		return lastGood
	case c.State == Down:
		return never
	case c.Pinned && (affinity == Strict || affinity == Soft && c.roomy()):
		return home
	case c.Fenced && slow:
		return fencedSaturated
	case c.Fenced:
		return fenced
	case c.Cold && affinity != Strict:
		return cold
	case slow:
		return openSaturated
	}
	return open
}

func (c *Candidate) roomy() bool {
	return c.State != Saturated && !c.Fenced && !c.Cold && !c.full()
}

// Select returns the index of the best candidate: the pinned one where the affinity wants
// it, else up, not fenced and warm, else the next best, else the last good one, else
// ErrNoBackend. It looks at each candidate once, so it ends whatever the states are.
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
	total         uint64 // capacity of those seen in the tier
	first, second int
}

func (s *selection) offer(candidates []Candidate, i int) {
	tier := candidates[i].tier(s.choice.Affinity)
	if tier == never || tier < s.tier {
		return
	}
	if tier > s.tier {
		s.tier, s.total, s.first, s.second = tier, 0, -1, -1
	}
	if s.choice.Affinity == Strict {
		s.stick(candidates, i)
		return
	}
	s.draw(candidates, i)
}

// stick keeps the highest score by weight. Shares do not count: they change with time and
// differ between processes, and all must find the same backend.
func (s *selection) stick(candidates []Candidate, i int) {
	if s.first < 0 {
		s.first = i
		return
	}
	now, best := &candidates[i], &candidates[s.first]
	if beats(max(now.Weight, 1), now.Score, max(best.Weight, 1), best.Score) {
		s.first = i
	}
}

// draw keeps a fair sample of two, each by its capacity, the first drawn first. When i
// becomes the first, the one before is a fair draw of the rest.
func (s *selection) draw(candidates []Candidate, i int) {
	own := candidates[i].capacity()
	s.total += own
	if s.first < 0 {
		s.first = i
		return
	}
	if s.random()%s.total < own {
		s.first, s.second = i, s.first
		return
	}
	if s.second < 0 || s.random()%(s.total-candidates[s.first].capacity()) < own {
		s.second = i
	}
}

// winner is the less busy of the two. Between idle ones the draw decides, and so it does
// while one fades in, as long as that one is not what keeps the other from drowning: the
// last old server of a rolling restart must not take what new ones have room for.
func (s *selection) winner(candidates []Candidate) int {
	if s.second < 0 {
		return s.first
	}
	a, b := &candidates[s.first], &candidates[s.second]
	fading := a.fading() || b.fading()
	switch {
	case fading && !a.full(), a.Load == 0 && b.Load == 0:
		return s.first
	case fading && !b.full(), lessBusy(b, a):
		return s.second
	}
	return s.first
}

func (c *Candidate) fading() bool { return c.Share > 0 && c.Share < Whole }

func (c *Candidate) full() bool { return c.Load >= c.workers() }

func (c *Candidate) workers() int {
	if c.Workers <= 0 {
		return assumedWorkers
	}
	return c.Workers
}

// capacity is what a draw goes by.
func (c *Candidate) capacity() uint64 {
	share := Whole
	if c.fading() {
		share = c.Share
	}
	return uint64(c.worth()) * uint64(share)
}

func (c *Candidate) worth() int { return c.workers() * min(max(c.Weight, 1), maxWeight) }

// random steps the caller's number on (splitmix64).
func (s *selection) random() uint64 {
	s.choice.Random += 0x9e3779b97f4a7c15
	z := s.choice.Random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func lessBusy(a, b *Candidate) bool {
	return (a.Load+1)*b.worth() < (b.Load+1)*a.worth()
}
