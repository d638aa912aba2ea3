package cutover

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// person is a session with its pin, as gateways read and write it.
type person struct {
	pin   routing.Pin
	begun bool
	lot   uint32
}

// asks has a gateway with that course serve one request.
func (p *person) asks(c *routing.Course) {
	a := c.Decide(routing.Question{
		Class: odoo.Web, Known: p.begun, Release: p.pin.Release, Epoch: p.pin.CutoverEpoch(),
		Lot: p.lot, Navigation: true, Quiet: true,
	})
	switch {
	case !p.begun:
		p.pin, p.begun = routing.Pin{Release: a.Release, Lot: p.lot}.In(c.Epoch), true
	case a.Moved:
		p.pin = p.pin.Moved(a.Release, "", "").In(c.Epoch)
	}
}

// history is a tenant over many nights.
type history struct {
	*testing.T
	random  *rand.Rand
	now     time.Time
	rec     Record
	courses []*routing.Course // as they followed each other; gateways may be some behind
	people  []*person
}

func (h *history) note() {
	c := h.rec.Course("blue", []string{"blue", "green", "standby"})
	if c == nil {
		c = &routing.Course{Legs: []routing.Leg{{Active: "blue"}}}
	}
	if n := len(h.courses); n > 0 && h.courses[n-1].Epoch == c.Epoch && !reflect.DeepEqual(h.courses[n-1].Legs, c.Legs) {
		h.Fatalf("sessions go elsewhere at the same epoch: %+v, then %+v", h.courses[n-1], c)
	}
	h.courses = append(h.courses, c)
}

// visits has some people ask gateways, some of which are behind.
func (h *history) visits() {
	for range 20 {
		p := h.people[h.random.IntN(len(h.people))]
		at := len(h.courses) - 1 - min(h.random.IntN(4), len(h.courses)-1)
		epoch, release := p.pin.Epoch, p.pin.Release
		p.asks(h.courses[at])
		switch {
		case p.pin.Epoch < epoch:
			h.Fatalf("a pin became older: %+v", p.pin)
		case release != "" && p.pin.Release != release && p.pin.Epoch == epoch:
			h.Fatalf("a session went from %s to %s without a decision", release, p.pin.Release)
		}
	}
}

// night is one cutover, to its end or until somebody aborts it.
func (h *history) night(n int) {
	from := h.rec.Active("blue")
	others := slices.DeleteFunc([]string{"blue", "green", "standby"}, func(s string) bool { return s == from })
	strategies := []Strategy{Drain, Shift, Switch, Failover}
	plan := Plan{
		To: others[h.random.IntN(2)], Strategy: strategies[h.random.IntN(4)], SkipPreflight: true,
		Mode: []routing.Mode{routing.ModeNewSessions, routing.ModeNavigation, routing.ModeAll}[h.random.IntN(3)],
	}
	rec, err := New("acme", from, plan, h.now, "ann", "", fmt.Sprint("c", n), fmt.Sprint("seed", n), h.rec)
	if err != nil {
		h.Fatal(err)
	}
	h.rec = rec
	end := h.random.IntN(40) // then it is aborted, if it still runs
	for turn := 0; h.rec.Cutover != nil; turn++ {
		h.now = h.now.Add(time.Minute)
		if turn == end {
			if next, err := h.rec.Abort(h.now, "ann", ""); err == nil {
				h.rec = next
			}
		}
		h.rec, _, _ = h.rec.Tick(Observation{Now: h.now, Known: true, Sessions: h.random.IntN(3), Verify: &Result{OK: true}})
		h.note()
		h.visits()
	}
	want := plan.To
	if h.rec.Last.Phase == Aborted {
		want = from
	}
	h.home(want)
}

// home: when a night is over everybody is on the active side, whatever they did meanwhile and
// however long they were away.
func (h *history) home(want string) {
	h.Helper()
	c := h.courses[len(h.courses)-1]
	for _, p := range h.people {
		away := *p
		if away.asks(c); away.pin.Release != want {
			h.Fatalf("%s: a session with the pin %+v goes to %s, the tenant is on %s. Closings: %+v", h.rec.Last.Phase, p.pin, away.pin.Release, want, c.Legs[len(c.Legs)-1].Closings)
		}
	}
}

func TestSessionsOverManyNights(t *testing.T) {
	for seed := range uint64(100) {
		h := &history{T: t, random: rand.New(rand.NewPCG(seed, 1)), now: night, rec: Record{Tenant: "acme"}}
		for range 60 {
			h.people = append(h.people, &person{lot: h.random.Uint32() | 1})
		}
		h.note()
		for n := range 8 {
			h.night(n)
			h.visits()
		}
	}
}
