package conduct

import (
	"sync"
	"time"

	"sluicegate.dev/sluice/gateway/report"
	"sluicegate.dev/sluice/routing/cutover"
	"sluicegate.dev/sluice/routing/odoo"
)

// views is what all replicas report, read once for all cutovers that run: it is opened and
// verified each time.
type views struct {
	mu   sync.Mutex
	read time.Time
	last report.View
}

// How old a view may be. One from before a decision merely shows that nobody follows it yet.
const (
	viewAge  = 200 * time.Millisecond
	viewFast = 40 * time.Millisecond // while requests wait for the next step
)

func (v *views) get(read func() report.View, age time.Duration) report.View {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.read.IsZero() || time.Since(v.read) >= age {
		v.last, v.read = read(), time.Now()
	}
	return v.last
}

// look gathers what is known of a cutover now.
func (d *driver) look(rec cutover.Record) cutover.Observation {
	age := viewAge
	if d.fast {
		age = viewFast
	}
	cut, view, now := rec.Cutover, d.views.get(d.cfg.View, age), time.Now()
	totals := view.Sum(d.tenant, rec.Evicted)
	old, left := totals.Of(cut.From), totals.Of(cut.Leaving())
	d.counts.now = totals
	d.samples = d.samples.add(now, totals, cut.Plan.Gates.Window)
	o := cutover.Observation{
		Now:    now.UTC(),
		Behind: view.Behind(d.tenant, rec.Sequence, rec.Evicted), Silent: view.Gone(rec.Evicted),
		InFlight: left.InFlightOf(waitedFor(cut.Plan)), Sessions: old.SeenWithin(cut.Plan.Idle), Sockets: old.Sockets,
		Held: totals.Held, Known: totals.Known,
	}
	if cut.Plan.Strategy == cutover.Drain && totals.Whole < cut.Plan.Idle {
		o.Known = false // whoever was quiet since before a gateway's start is not in its books
	}
	if !d.cfg.Control.Shared(d.tenant) || !view.Known {
		o.Behind, o.Silent = alone(cut.Plan.Strategy, o.Silent)
	}
	for _, p := range totals.Parts {
		if p.Lapsed == cut.ID {
			o.Lapsed = append(o.Lapsed, report.Replica{ID: p.ID, Host: p.Host}.Name())
		}
	}
	o.Gates = d.samples.judge(cut.Plan.Gates, cut.From, cut.Plan.To)
	d.steps.results(cut, &o)
	return o
}

// alone is who is waited for while gateways cannot talk.
func alone(s cutover.Strategy, silent []string) (behind, gone []string) {
	if s.Alone() {
		return nil, nil
	}
	return nil, append(silent, "every other one (the store is away)")
}

// waitedFor are the classes whose requests must be gone before a switch goes on: those that
// move, or that are held. The others were declared to go on meanwhile. None means all.
func waitedFor(p cutover.Plan) []odoo.Class {
	if len(p.Scope.Paths) > 0 {
		return nil // paths are not counted apart
	}
	if len(p.Scope.Classes) > 0 {
		return p.Scope.Classes
	}
	return p.Hold.Classes
}
