package upstream

import (
	"slices"
	"sync/atomic"
	"time"

	"sluicegate.dev/sluice/routing"
)

// A cutover leaves the sockets of a release behind: a page that follows its session to the
// new release must not hear of the old one.

// linger is how long a move goes on after its last socket was told: a handshake that was on
// its way when the sessions moved has opened by then, or never will.
const linger = 30 * time.Second

// place is a tenant's release.
type place struct{ tenant, release string }

// moves are the releases whose sockets are being sent away, under the lock of sockets.
type moves struct {
	now     map[place]*move
	closing map[string]map[string]uint32 // by tenant and release, as FollowCourse saw it last
}

// move is one of them. One that was called off closes no more.
type move struct {
	off   atomic.Bool
	until time.Time // zero until the last socket was told
}

func (m *moves) running(at place) bool {
	one := m.now[at]
	return one != nil && (one.until.IsZero() || time.Now().Before(one.until))
}

// MoveSockets closes the sockets of one release of a tenant with 1012, one first and the
// others after a pause, at the pace that the release's own pool takes handshakes (its
// counterpart has the same size), this replica's part of it, and within most; 0 is what the
// pool declares. It goes on in the background; a second call meanwhile changes nothing.
// KeepSockets calls it off.
func (u *Upstream) MoveSockets(tenant, release string, most time.Duration) {
	s, at, m := &u.sockets, place{tenant, release}, &move{}
	s.mu.Lock()
	if s.moves.running(at) {
		s.mu.Unlock()
		return
	}
	if s.moves.now == nil {
		s.moves.now = map[place]*move{}
	}
	s.moves.now[at] = m
	s.mu.Unlock()
	match := func(k *socket) bool { return k.tenant == tenant && k.release == release && !m.off.Load() }
	s.start(func() { s.move(m, match, u.pace(match, most)) })
}

// KeepSockets calls MoveSockets off: who was not told yet stays.
func (u *Upstream) KeepSockets(tenant, release string) {
	at, s := place{tenant, release}, &u.sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.moves.now[at]; m != nil {
		m.off.Store(true)
		delete(s.moves.now, at)
	}
}

func (s *sockets) move(m *move, match func(*socket) bool, by pacing) {
	s.closeAll(match, "moved", by)
	s.mu.Lock()
	defer s.mu.Unlock()
	m.until = time.Now().Add(linger)
}

// pace is how fast the sockets that match may come back.
func (u *Upstream) pace(match func(*socket) bool, most time.Duration) pacing {
	at := pacing{rate: defaultHandshakes, most: defaultDrain, settle: settle}
	if found := u.sockets.matching(match); len(found) > 0 {
		at = found[0].backend.owner.drain()
	}
	at.rate /= float64(u.replicas())
	if most > 0 {
		at.most = most
	}
	return at
}

// FollowCourse moves the sockets of releases that a tenant's new course closes, and keeps
// those of all others. It may be called with the same course any number of times; a nil one
// closes nothing.
func (u *Upstream) FollowCourse(tenant string, c *routing.Course, most time.Duration) {
	closing := closings(c)
	s := &u.sockets
	s.mu.Lock()
	before := s.moves.closing[tenant]
	if s.moves.closing == nil {
		s.moves.closing = map[string]map[string]uint32{}
	}
	if s.moves.closing[tenant] = closing; len(closing) == 0 {
		delete(s.moves.closing, tenant)
	}
	s.mu.Unlock()
	for release, epoch := range closing {
		if known, ok := before[release]; !ok || known < epoch {
			u.MoveSockets(tenant, release, most)
		}
	}
	for release := range before {
		if _, still := closing[release]; !still {
			u.KeepSockets(tenant, release)
		}
	}
}

// reopened says that sessions were sent to a release after it was closed: those that live there
// now stay.
func reopened(leg routing.Leg, closing routing.Closing) bool {
	return slices.ContainsFunc(leg.Closings, func(later routing.Closing) bool {
		return later.To == closing.Release && later.Before > closing.Before
	})
}

// closings are the releases that a course sends everybody away from. A release that takes
// sessions again is none, whatever closed it before.
func closings(c *routing.Course) map[string]uint32 {
	if c == nil || len(c.Legs) == 0 {
		return nil
	}
	leg := c.Legs[len(c.Legs)-1] // sockets have sessions, and those are not in parts
	out := map[string]uint32{}
	for _, closing := range leg.Closings {
		if closing.Release != leg.Active && (leg.Split == nil || leg.Split.To != closing.Release) && !reopened(leg, closing) {
			out[closing.Release] = max(out[closing.Release], closing.Before)
		}
	}
	return out
}
