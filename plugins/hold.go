package plugins

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/internal/deadline"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Holds keep requests waiting at the edge.
type Holds interface {
	// Enter waits while a tenant is held. Then what holds must be looked at again, unless the
	// hold has lapsed: such a request goes on to the side that it came for. leave is called when
	// the request is over.
	Enter(ctx context.Context, tenant string, h *routing.Hold, class odoo.Class, bytes int64) (leave func(), lapsed bool, err error)
}

// errGone is for a client that has left while its request was held.
var errGone = errors.New("the client has left")

// await loads the tenant's course, and waits as long as that holds the request. An error is
// the answer: the maintenance page, or that the wait has ended badly.
func (s *session) await(r *http.Request) (leave func(), err error) {
	x, deps, left, lapsed := s.x, &s.path.deps, func() {}, ""
	for {
		if x.Visit != nil {
			x.Visit.At("", false)
		}
		s.course = deps.Courses(x.Tenant.Name)
		switch {
		case s.course == nil:
			return left, nil
		case s.course.Page != nil && !s.exempt(s.course.Page):
			left()
			return nil, maintenance(s.course.Page)
		case s.course.Hold == nil || !s.waits(s.course.Hold), lapsed != "" && goesOn(s.course.Hold, lapsed):
			return left, nil
		case isHandshake(r):
			left()
			return nil, heldBack("Live connections come back in a moment.")
		}
		left() // it waits once more, and then goes on once
		if left, lapsed, err = s.hold(r, s.course.Hold); err != nil {
			return nil, err
		}
	}
}

// hold waits once. It says which hold has lapsed, if one has.
func (s *session) hold(r *http.Request, h *routing.Hold) (leave func(), lapsed string, err error) {
	x := s.x
	if x.Visit != nil {
		x.Visit.Waits()
	}
	// It waits for longer than a request may take to arrive, by our own doing.
	_ = deadline.FromContext(r.Context()).SetReadDeadline(time.Time{})
	if err := s.takeShort(r); err != nil {
		return nil, "", bodyRefusal(err)
	}
	leave, over, err := s.path.deps.Holds.Enter(r.Context(), x.Tenant.Name, h, x.Class, weight(r))
	if err != nil {
		return nil, "", whyHeld(err)
	}
	s.mindLeaver(r)
	if over {
		lapsed = lapsedName(h)
	}
	return leave, lapsed, nil
}

// lapsedName is never empty.
func lapsedName(h *routing.Hold) string { return "hold " + h.ID }

// goesOn tells whether a request may pass a hold because its lease has ended. Past the point
// of no return nobody may.
func goesOn(h *routing.Hold, lapsed string) bool { return !h.Final && lapsed == lapsedName(h) }

// waits tells whether the request is held: files and health never are. A tester passes to look
// at the side that does not serve yet, never to the one that is held back.
func (s *session) waits(h *routing.Hold) bool {
	class := s.x.Class
	switch {
	case class == odoo.Static, class == odoo.Health:
		return false
	case s.tester != nil && s.tester.Release != s.course.Leg(class, s.x.Path).Active:
		return false
	}
	return len(h.Classes) == 0 || slices.Contains(h.Classes, class)
}

func isHandshake(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// whyHeld is what a request is told that waited in vain.
func whyHeld(err error) error {
	switch {
	case errors.Is(err, routing.ErrHoldLost):
		return maintenance(&routing.Page{})
	case errors.Is(err, routing.ErrHeldTooLarge):
		return heldBack("There is no room for what it sends.")
	case errors.Is(err, routing.ErrHeldTooLong), errors.Is(err, routing.ErrHeldTooMany):
		return heldBack("It has waited as long as it could.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errGone
	}
	return err
}

// heldBack has no problem type: Odoo's web client tries again by itself then, which is right
// for something that takes seconds.
func heldBack(what string) error {
	return &refusal{answer.Refusal{
		Status: http.StatusServiceUnavailable, Code: "held", Title: "One moment",
		Detail: "This site is being moved. " + what + " Nothing of your request was carried out: try again.", RetryAfter: shortly(),
	}}
}

// shortly spreads those that come back.
func shortly() time.Duration { return 2*time.Second + time.Duration(rand.Int64N(int64(4*time.Second))) }
