package cutover

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// lease is how long a gateway holds without news.
const lease = 10 * time.Second

// gateway is one of several as the model sees them: it applies the record that it heard last.
type gateway struct {
	name  string
	rec   Record
	heard time.Time
	cut   bool // it hears nothing, and nobody hears it

	flight []request
	lapsed bool // its hold ended for want of news, and requests went on
	said   said // what the driver has of it
}

// request is one on its way.
type request struct {
	side string
	ends time.Time
}

// said is a gateway's report.
type said struct {
	sequence uint64
	flight   map[string]int
	lapsed   bool
}

func (g *gateway) report() said {
	s := said{sequence: g.rec.Sequence, flight: map[string]int{}, lapsed: g.lapsed}
	for _, r := range g.flight {
		s.flight[r.side]++
	}
	return s
}

// serves says which side gets the tenant's requests from this gateway: "" while they are held
// or answered with the page.
func (g *gateway) serves(now time.Time) string {
	c := g.rec.Course("blue", []string{"blue", "green"})
	switch {
	case c == nil:
		return "blue"
	case c.Page != nil:
		return ""
	case c.Hold != nil && (c.Hold.Final || now.Sub(g.heard) < lease):
		return ""
	}
	return c.Decide(routing.Question{Class: odoo.Web, Known: true, Release: "blue", Epoch: 0}).Release
}

// world is a tenant that moves, gateways that hear of it late or never, and drivers that die.
type world struct {
	t        *testing.T
	random   *rand.Rand
	now      time.Time
	shared   Record // in the store
	gateways []*gateway
	noReturn bool
	driving  bool // a driver lives
	took     time.Time
	half     bool // the external step has begun and is not done: nobody may serve
	upgraded bool // it is done: only green works
	early    bool // the operator did it before its time
	copying  bool // a step that can be undone has begun: what blue is told now, green does not know
	stray    bool // blue was told something
	log      []string
}

func newWorld(t *testing.T, seed uint64, plan Plan) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC), driving: true}
	for i := range 3 {
		w.gateways = append(w.gateways, &gateway{name: string(rune('a' + i)), heard: w.now})
	}
	w.noReturn = plan.NoReturn
	r, err := New("acme", "blue", plan, w.now, "ann", "CHG-1", "c1", "seed", Record{})
	if err != nil {
		t.Fatal(err)
	}
	w.shared = r
	return w
}

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

// pass lets time go on; news reach whoever is not cut off, most of the time.
func (w *world) pass(lossy bool) {
	w.now = w.now.Add(time.Duration(50+w.random.IntN(900)) * time.Millisecond)
	for _, g := range w.gateways {
		if !g.cut && !(lossy && w.chance(30)) {
			g.rec, g.heard = w.shared, w.now
		}
		w.serve(g)
		if !g.cut && !(lossy && w.chance(30)) {
			g.said = g.report()
		}
	}
}

// serve lets a gateway's requests come and end.
func (w *world) serve(g *gateway) {
	g.flight = slices.DeleteFunc(g.flight, func(r request) bool { return !r.ends.After(w.now) })
	side := g.serves(w.now)
	if side == "" || w.chance(40) {
		return
	}
	g.flight = append(g.flight, request{side, w.now.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond)})
	if c := g.rec.Course("blue", []string{"blue", "green"}); c != nil && c.Hold != nil {
		g.lapsed = true
	}
	w.stray = w.stray || w.copying && side == "blue"
}

// observe is what the driver sees: acknowledgements may be old, never newer than the truth.
func (w *world) observe() Observation {
	o := Observation{Now: w.now, Known: true}
	for _, g := range w.gateways {
		o.InFlight += g.said.flight[w.shared.Cutover.Leaving()]
		if g.said.lapsed {
			o.Lapsed = append(o.Lapsed, g.name)
		}
		switch {
		case g.cut:
			o.Known = false
			o.Silent = append(o.Silent, g.name)
		case g.said.sequence < w.shared.Sequence:
			o.Behind = append(o.Behind, g.name)
		}
	}
	return o
}

// stepping notes that somebody's step may have begun.
func (w *world) stepping() {
	c := w.shared.Cutover
	w.copying = w.copying || c != nil && c.Phase == Stepping && !c.Plan.NoReturn
}

// drive is one turn of the driver.
func (w *world) drive(bad int) {
	if !w.driving {
		if w.now.Sub(w.took) > 5*time.Second { // the others have noticed
			w.driving = true
			w.shared = w.shared.TakeOver(fmt.Sprint("replica", w.random.IntN(9)))
		}
		return
	}
	if w.chance(5) {
		w.driving, w.took = false, w.now
		return
	}
	if w.shared.Cutover == nil {
		return
	}
	w.stepping()
	o, wants := w.observe(), w.shared.Wants()
	answer := func(wanted bool) *Result {
		if !wanted || w.chance(40) {
			return nil
		}
		return &Result{OK: !w.chance(bad), Text: "said so"}
	}
	o.Preflight, o.Check, o.Verify, o.Gates = answer(wants.Preflight), answer(wants.Check), answer(wants.Verify), answer(wants.Gates)
	if wants.External {
		w.half = !w.upgraded && w.shared.Cutover.Plan.NoReturn
		if o.External = answer(true); o.External != nil && o.External.OK {
			w.half, w.upgraded = false, true
		}
	}
	if w.chance(10) {
		return // it dies between what it did and writing it down; another repeats it
	}
	before := w.shared
	next, _, changed := w.shared.Tick(o)
	if changed {
		w.shared = next
		w.say("tick", before)
	}
	w.shared = w.shared.Beaten()
}

func (w *world) say(what string, before Record) {
	now := "-"
	if w.shared.Cutover != nil {
		now = string(w.shared.Cutover.Phase)
	}
	was := "-"
	if before.Cutover != nil {
		was = string(before.Cutover.Phase)
	}
	w.log = append(w.log, fmt.Sprintf("%s %s: %s -> %s epoch %d", w.now.Format("04:05.000"), what, was, now, w.shared.Epoch))
}

// check holds what must never be otherwise.
func (w *world) check(strict bool) {
	w.t.Helper()
	sides := map[string][]string{}
	for _, g := range w.gateways {
		if side := g.serves(w.now); side != "" {
			sides[side] = append(sides[side], g.name)
		}
		for _, r := range g.flight {
			if r.ends.After(w.now) {
				sides[r.side] = append(sides[r.side], g.name)
			}
		}
	}
	if strict && len(sides) > 1 {
		w.fatal("two owners: %v", sides)
	}
	if w.half && len(sides) > 0 {
		w.fatal("requests reach a half moved database: %v", sides)
	}
	if w.upgraded && !w.early && w.noReturn && len(sides["blue"]) > 0 {
		w.fatal("requests reach the side that was left: %v", sides)
	}
	c := w.shared.Cutover
	if c != nil && c.Phase == Completed {
		w.fatal("an ended cutover is still there")
	}
	if c != nil && (c.Phase == Aborting && c.Paused || c.Phase == Failed && c.Held) {
		w.fatal("it stands still: %+v", c)
	}
	if c != nil && c.Flipped && w.stray {
		w.fatal("green was not told what blue was")
	}
	if w.upgraded && w.noReturn && (c == nil && w.shared.Last.Phase == Aborted || c != nil && c.Phase == Aborting) {
		w.fatal("it goes back past the point of no return")
	}
}

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.log {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// command does something that an operator could do.
func (w *world) command() {
	before := w.shared
	var err error
	switch w.random.IntN(5) {
	case 0:
		w.shared, err = before.Promote(w.now, "ann", "go")
	case 1:
		w.shared, err = before.Pause(w.now, "ann", "wait")
	case 2:
		w.shared, err = before.Resume(w.now, "ann", "go on")
	case 3:
		if c := before.Cutover; c != nil && (c.Phase != Failed && !w.upgraded || !w.noReturn) {
			w.shared, err = before.Abort(w.now, "ann", "back")
		}
	case 4:
		if c := before.Cutover; c != nil && c.Plan.External != nil && c.Plan.External.Webhook == "" && (c.Ready || c.Phase == Stepping) {
			w.stepping()
			w.early = w.early || !c.Ready && c.Plan.NoReturn
			w.half, w.upgraded = false, true
			w.shared, err = before.Confirm(w.now, "ann", "done")
		}
	}
	if err != nil && w.shared.Sequence != before.Sequence {
		w.fatal("a refused command changed the record: %v", err)
	}
	w.say("command", before)
}

// settle lets everybody talk again until the cutover has ended.
func (w *world) settle() {
	for _, g := range w.gateways {
		g.cut = false
	}
	for range 5000 {
		w.pass(false)
		w.drive(0)
		w.check(false)
		c := w.shared.Cutover
		if c == nil {
			return
		}
		if c.Phase == Failed {
			w.half, w.upgraded = false, true
			w.shared, _ = w.shared.Confirm(w.now, "ann", "repaired")
		}
		if c.Paused {
			w.shared, _ = w.shared.Resume(w.now, "ann", "go on")
		}
		if c.Phase == Stepping && c.Plan.External.Webhook == "" && (c.Ready || !c.Plan.NoReturn) {
			w.half, w.upgraded = false, true
			w.shared, _ = w.shared.Confirm(w.now, "ann", "done")
		}
	}
	w.fatal("it does not end: %+v", w.shared.Cutover)
}
