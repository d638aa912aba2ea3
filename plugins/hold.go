package plugins

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sluicegate.dev/sluice/internal/answer"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// Holds keep requests waiting at the edge.
type Holds interface {
	// Enter waits while a tenant is held. Then what holds must be looked at again, unless the
	// hold's lease has expired: such a request goes on to the side that it came for. leave is
	// called when the request is over.
	Enter(ctx context.Context, tenant string, h *routing.Hold, bytes int64) (leave func(), expired bool, err error)
}

// unknownLength is what a body of unknown length counts as among those that wait.
const unknownLength = 64 << 10

// await loads the tenant's course, and waits as long as that holds the request. The body is
// not read meanwhile. An error is the answer: the maintenance page, or that the wait has
// ended badly.
func (s *session) await(r *http.Request) (leave func(), err error) {
	x, deps, left := s.x, &s.path.deps, func() {}
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
		case s.course.Hold == nil || !waits(s.course.Hold, x.Class) || s.tester != nil:
			return left, nil
		case isHandshake(r):
			left()
			return nil, heldBack("Live connections come back in a moment.", shortly())
		}
		left() // it waits once more, and then goes on once
		if x.Visit != nil {
			x.Visit.Waits()
		}
		length := r.ContentLength
		if length < 0 {
			length = unknownLength
		}
		var expired bool
		if left, expired, err = deps.Holds.Enter(r.Context(), x.Tenant.Name, s.course.Hold, length); err != nil {
			return nil, whyHeld(err)
		}
		if expired {
			if x.Visit != nil {
				x.Visit.At("", false)
			}
			return left, nil
		}
	}
}

// waits tells whether requests of a class are held: files and health never are.
func waits(h *routing.Hold, class odoo.Class) bool {
	if class == odoo.Static || class == odoo.Health {
		return false
	}
	return len(h.Classes) == 0 || slices.Contains(h.Classes, class)
}

func isHandshake(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// exempt tells who sees the tenant behind its maintenance page: testers, and those networks
// that an operator has named.
func (s *session) exempt(p *routing.Page) bool {
	if s.tester != nil {
		return true
	}
	return slices.ContainsFunc(p.Allow, func(network string) bool { return networkHas(network, s.x.Client) })
}

// maintenance is the page that an operator has put up, or that a cutover needs.
func maintenance(p *routing.Page) error {
	text := p.Text
	if text == "" {
		text = "This site is being maintained. It will be back soon. Nothing of your request was carried out."
	}
	retry := p.RetryAfter
	if retry <= 0 {
		retry = time.Minute
	}
	return &refusal{answer.Refusal{Status: http.StatusServiceUnavailable, Code: "maintenance", Title: "Maintenance", Detail: text, RetryAfter: retry}}
}

// whyHeld is what a request is told that waited in vain.
func whyHeld(err error) error {
	switch {
	case errors.Is(err, routing.ErrHoldLost):
		return maintenance(&routing.Page{})
	case errors.Is(err, routing.ErrHeldTooLarge):
		return heldBack("What it sends is too large to wait.", shortly())
	case errors.Is(err, routing.ErrHeldTooLong), errors.Is(err, routing.ErrHeldTooMany):
		return heldBack("It has waited as long as it could.", shortly())
	}
	return err // the client has gone
}

func heldBack(what string, retry time.Duration) error {
	return &refusal{answer.Refusal{
		Status: http.StatusServiceUnavailable, Code: "held", Title: "One moment",
		Detail: "This site is being moved. " + what + " Nothing of your request was carried out: try again.", RetryAfter: retry,
	}}
}

// shortly spreads those that come back.
func shortly() time.Duration { return 2*time.Second + time.Duration(rand.Int64N(int64(4*time.Second))) }

// networkHas tells whether an address is in a network, or is it.
func networkHas(network string, addr netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(network); err == nil {
		return prefix.Contains(addr)
	}
	one, err := netip.ParseAddr(network)
	return err == nil && one == addr
}
