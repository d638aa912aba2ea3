package plugins

import (
	"math/rand/v2"
	"net/http"
	"strings"

	"sluicegate.dev/sluice/routing"
)

// decide asks the tenant's course, where it has one. Otherwise a session stays on its
// release, and a new one begins on the active one.
func (s *session) decide(r *http.Request) routing.Answer {
	x := s.x
	if s.course == nil {
		if s.known {
			return routing.Answer{Release: s.at.Release}
		}
		return routing.Answer{Release: s.active.Name}
	}
	leg := s.course.Leg(x.Class, x.Path)
	q := routing.Question{
		Class: x.Class, Path: x.Path,
		Known: s.known, Release: s.at.Release, Epoch: s.at.CutoverEpoch(),
	}
	if s.known && x.Tenant.Releases[q.Release] == nil {
		q.Known = false // its release is gone: it begins anew
	}
	if leg.Split != nil {
		q.Lot = s.draw(r, leg)
		q.Navigation = navigates(r)
		q.Quiet = q.Navigation && x.Visit != nil && x.Visit.Quiet()
	}
	return s.course.Decide(q)
}

// draw is the session's lot: the one that it has, else that of its key. A visitor draws anew
// with each request, until one of them begins a session. Programs whose part moves alone have
// no session; theirs is the credential that they bring in every request, else the address that they
// come from.
func (s *session) draw(r *http.Request, leg *routing.Leg) uint32 {
	x := s.x
	switch {
	case !leg.Scope.Same(routing.Scope{}):
		if credential := r.Header.Get("Authorization"); credential != "" {
			return routing.LotOf(credential)
		}
		return routing.LotOf(x.Client.String())
	case s.at.Lot != 0:
		s.lot = s.at.Lot
	case x.SessionKey != "":
		s.lot = routing.LotOf(x.SessionKey)
	default:
		s.lot = max(1, rand.Uint32())
	}
	return s.lot
}

// decided is a pin as of the course's step, with the lot that was drawn.
func (s *session) decided(pin routing.Pin) routing.Pin {
	if s.lot != 0 {
		pin.Lot = s.lot
	}
	if s.course != nil {
		pin = pin.In(s.course.Epoch)
	}
	return pin
}

// navigates tells whether a browser loads a page: what it shows then may be another release's.
// Browsers say so (Fetch Metadata); older ones only accept HTML.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" {
		return dest == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Upgrade") == "" &&
		r.Header.Get("X-Requested-With") == ""
}
