package routing

import (
	"slices"

	"sluicegate.dev/sluice/routing/odoo"
)

// allShares is the Share of a split that takes every session.
const allShares = 100_000

// Question is what a course is asked of one request.
type Question struct {
	Class odoo.Class
	Path  string

	// Of the session, where it is known: the release that it is pinned to and the cutover's
	// epoch in that pin.
	Known   bool
	Release string
	Epoch   uint32

	// Lot is the session's number, kept for as long as it lives; 0 is none.
	Lot uint32
	// Navigation is a page being loaded; Quiet says that nothing else of the session is under
	// way.
	Navigation, Quiet bool
}

// Answer says where a request goes.
type Answer struct {
	Release string
	Moved   bool // the session leaves the release that it is pinned to
	// Stateless requests are decided one by one: their pins are neither read nor written.
	Stateless bool
}

// Decide says where a request goes. A session stays on its release unless that was closed to
// it, or it has drawn a lot that a split moves now. So a session is never on two releases:
// each step only ever moves it one way.
func (c *Course) Decide(q Question) Answer {
	leg := c.Leg(q.Class, q.Path)
	if !leg.Scope.whole() {
		return Answer{Release: leg.begin(q.Lot), Stateless: true}
	}
	if !q.Known {
		return Answer{Release: leg.begin(q.Lot)}
	}
	if q.Epoch > c.Epoch {
		return Answer{Release: q.Release} // it was pinned by a gateway that knows of a later decision
	}
	if to, closed := leg.closed(q.Release, q.Epoch); closed {
		return Answer{Release: to, Moved: true}
	}
	if s := leg.Split; s != nil && q.Release != s.To && s.moves(q) && s.takes(q.Lot) {
		return Answer{Release: s.To, Moved: true}
	}
	return Answer{Release: q.Release}
}

// Leg is the first whose scope covers a request.
func (c *Course) Leg(class odoo.Class, path string) *Leg {
	last := len(c.Legs) - 1
	for i := range c.Legs[:last] {
		if c.Legs[i].Scope.Covers(class, path) {
			return &c.Legs[i]
		}
	}
	return &c.Legs[last]
}

// Covers says whether a request belongs to the scope.
func (s Scope) Covers(class odoo.Class, path string) bool {
	return s.whole() || slices.Contains(s.Classes, class) || PathMatchAny(s.Paths, path)
}

func (s Scope) whole() bool { return len(s.Classes) == 0 && len(s.Paths) == 0 }

// Same says whether two scopes cover the same.
func (s Scope) Same(o Scope) bool {
	return slices.Equal(s.Classes, o.Classes) && slices.Equal(s.Paths, o.Paths)
}

// begin is where a session begins.
func (l *Leg) begin(lot uint32) string {
	if l.Split != nil && l.Split.takes(lot) {
		return l.Split.To
	}
	return l.Active
}

// closed follows closings to a release that is open. A chain of them is as long as the list at
// most: two that point at each other lead to the one that takes new sessions.
func (l *Leg) closed(release string, epoch uint32) (to string, closed bool) {
	to = release
	for range l.Closings {
		i := slices.IndexFunc(l.Closings, func(c Closing) bool { return c.Release == to && epoch < c.Before })
		if i < 0 {
			return to, to != release
		}
		to = l.Closings[i].To
	}
	if slices.ContainsFunc(l.Closings, func(c Closing) bool { return c.Release == to && epoch < c.Before }) {
		to = l.Active
	}
	return to, to != release
}

func (s *Split) moves(q Question) bool {
	switch s.Mode {
	case ModeAll:
		return true
	case ModeNavigation:
		return q.Navigation && q.Quiet
	}
	return false
}

// takes says whether the lot is among those that the share moves. A lot's place in the row
// depends on the seed alone, so a larger share takes all that a smaller one took.
func (s *Split) takes(lot uint32) bool {
	return s.Share > 0 && Place(s.Seed, lot) < s.Share
}

// Place is where a lot stands in the row of a cutover, from 0 to 99 999.
func Place(seed string, lot uint32) uint32 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := 0; i < len(seed); i++ {
		h = (h ^ uint64(seed[i])) * prime
	}
	h ^= uint64(lot) * 0x9e3779b97f4a7c15
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint32((h ^ h>>33) % allShares)
}

// LotOf is the lot of a session that has drawn none: its key's. It is never 0.
func LotOf(key string) uint32 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := 0; i < len(key); i++ {
		h = (h ^ uint64(key[i])) * prime
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return max(1, uint32(h>>32))
}
