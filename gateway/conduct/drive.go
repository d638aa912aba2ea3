package conduct

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluicegate.dev/sluice/routing/cutover"
)

const (
	tickEvery = 250 * time.Millisecond
	tickFast  = 50 * time.Millisecond // while requests wait for the next step
	beatEvery = time.Second
	silence   = 5 * time.Second // an owner whose beat stands still for so long is replaced
	farewell  = time.Second     // to give up what is owned, at the end
)

// errNotOurs means that somebody else drives the cutover by now, or that it has changed since
// it was looked at.
var errNotOurs = errors.New("the cutover is driven by another replica, or has changed")

// driver looks after one cutover: it drives it, or watches whoever does. All it knows beyond
// the record can be found out again.
type driver struct {
	*Conductor
	tenant, id string

	heard pulse     // the owner's, as last seen
	at    time.Time // when that was new, by our own clock
	owned bool      // by us, when we last looked
	beat  time.Time // our last one that the others could see
	told  int       // lines of the timeline that were sent out; -1: none yet

	common bool // the store has had it

	steps   *steps
	samples samples
	counts  tally
	fast    bool
}

// pulse changes as long as somebody drives.
type pulse struct {
	owner       string
	fence, beat uint64
}

func pulseOf(c *cutover.Cutover) pulse { return pulse{c.Owner, c.Fence, c.Beat} }

func newDriver(c *Conductor, tenant, id string) *driver {
	return &driver{Conductor: c, tenant: tenant, id: id, at: time.Now(), told: -1, steps: newSteps(c)}
}

// run returns when the cutover has ended, or ctx.
func (d *driver) run(ctx context.Context) {
	defer d.steps.stop()
	for d.once(ctx) {
		wait := tickEvery
		if d.fast {
			wait = tickFast
		}
		if !pause(ctx, wait) {
			d.steps.stop() // nothing of ours goes on while another replica begins
			d.giveUp(context.WithoutCancel(ctx))
			return
		}
	}
}

// once looks at the cutover and does what is to be done. It is false when nothing is, ever.
func (d *driver) once(ctx context.Context) bool {
	rec, _ := d.cfg.Control.Tenant(d.tenant)
	cut := rec.Cutover
	if cut == nil || cut.ID != d.id || cut.Phase.Ended() {
		d.finish(rec)
		return false
	}
	if p := pulseOf(cut); p != d.heard {
		d.heard, d.at = p, time.Now()
	}
	mine := cut.Owner == d.cfg.Replica && !slices.Contains(rec.Evicted, d.cfg.Replica)
	if mine != d.owned {
		d.change(ctx, cut, mine)
	}
	switch {
	case mine:
		d.drive(ctx, rec)
	case d.orphaned(rec):
		d.takeOver(ctx)
	}
	return true
}

// change notes that we have begun or ceased to own the cutover. A former owner stops at once:
// what it still does could cross what the new one does.
func (d *driver) change(ctx context.Context, cut *cutover.Cutover, mine bool) {
	d.owned = mine
	d.steps.stop()
	d.samples, d.counts, d.fast = nil, tally{}, false
	if !mine {
		d.log.WarnContext(ctx, "another gateway drives the cutover now", "tenant", d.tenant, "cutover", d.id, "owner", cut.Owner)
		return
	}
	d.beat = time.Now()
	if d.told < 0 && cut.Fence > 1 {
		d.told = lines(cut) - 1 // whoever came before us may have died before it sent the last line
	}
	d.told = max(d.told, 0)
}

// orphaned says whether the cutover is for us to take. Without the store we cannot know what
// its owner does; then only what each gateway may do for itself is driven.
func (d *driver) orphaned(rec cutover.Record) bool {
	if slices.Contains(rec.Evicted, d.cfg.Replica) || !d.shared(rec.Cutover) {
		return false
	}
	return rec.Cutover.Owner == "" || time.Since(d.at) >= silence
}

// shared says whether what we do to the cutover is seen by the others, or need not be: an
// operator who starts a drain while the store is away does so on each gateway. One that all
// knew rests until they can talk again: elsewhere it may have been aborted.
func (d *driver) shared(cut *cutover.Cutover) bool {
	if d.cfg.Control.Shared(d.tenant) {
		d.common = true
		return true
	}
	return cut.Plan.Strategy.Alone() && (!d.common || cut.Plan.Strategy == cutover.Failover)
}

func (d *driver) takeOver(ctx context.Context) {
	before := d.heard
	_, err := d.cfg.Control.Change(ctx, d.tenant, func(r cutover.Record) (cutover.Record, error) {
		if r.Cutover == nil || r.Cutover.ID != d.id || pulseOf(r.Cutover) != before {
			return r, errNotOurs
		}
		return r.TakeOver(d.cfg.Replica), nil
	})
	switch {
	case errors.Is(err, errNotOurs): // somebody was faster
	case err != nil:
		d.log.WarnContext(ctx, "a cutover without a driver could not be taken over, trying again", "tenant", d.tenant, "cutover", d.id, "err", err)
	case before.owner == "":
		d.log.InfoContext(ctx, "this gateway drives the cutover", "tenant", d.tenant, "cutover", d.id)
	default:
		d.metrics.takeovers.Inc()
		d.log.WarnContext(ctx, "this gateway drives the cutover now: the one that did is not heard of any more", "tenant", d.tenant, "cutover", d.id, "owner", before.owner)
	}
}

// drive ticks the model and does what it wants.
func (d *driver) drive(ctx context.Context, rec cutover.Record) {
	if !d.shared(rec.Cutover) {
		// The others cannot see that we live, and one of them takes over: whatever we did from
		// here on could cross it. Control brings the record back with the store.
		d.steps.stop()
		d.fast = false
		return
	}
	seen := d.look(rec)
	next, wants, changed := rec.Tick(seen)
	if due := time.Since(d.beat) >= beatEvery; changed || due {
		done, ok := d.write(ctx, rec, seen, due)
		if !ok {
			return
		}
		if next = done; next.Cutover == nil {
			return // the next look finds that it has ended
		}
		wants = next.Wants()
	}
	d.notices.tell(*next.Cutover, d.told)
	d.told = lines(next.Cutover)
	d.fast = wants.Fast
	d.steps.want(ctx, *next.Cutover, wants)
}

// write ticks the record that all agree on, and beats. A record that others have changed
// since we looked is looked at again instead.
func (d *driver) write(ctx context.Context, rec cutover.Record, seen cutover.Observation, beat bool) (cutover.Record, bool) {
	result, err := d.cfg.Control.Change(ctx, d.tenant, func(r cutover.Record) (cutover.Record, error) {
		if r.Cutover == nil || r.Cutover.ID != d.id || r.Cutover.Owner != d.cfg.Replica || r.Cutover.Fence != rec.Cutover.Fence || r.Sequence != rec.Sequence {
			return r, errNotOurs
		}
		next, _, _ := r.Tick(seen)
		if beat && next.Cutover != nil {
			next = next.Beaten()
		}
		return d.counts.onto(next, d.id), nil
	})
	if err != nil {
		if !errors.Is(err, errNotOurs) {
			d.log.WarnContext(ctx, "a step of the cutover could not be written, trying again", "tenant", d.tenant, "cutover", d.id, "err", err)
		}
		return rec, false
	}
	d.counts.kept()
	if beat && result.Shared {
		d.beat = time.Now()
	}
	return result.Record, result.Shared || d.shared(rec.Cutover)
}

// giveUp leaves the cutover to whoever comes first.
func (d *driver) giveUp(ctx context.Context) {
	if !d.owned {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	_, err := d.cfg.Control.Change(ctx, d.tenant, func(r cutover.Record) (cutover.Record, error) {
		if r.Cutover == nil || r.Cutover.ID != d.id || r.Cutover.Owner != d.cfg.Replica {
			return r, errNotOurs
		}
		return r.TakeOver(""), nil
	})
	if err != nil && !errors.Is(err, errNotOurs) {
		d.log.WarnContext(ctx, "a cutover could not be handed over: another gateway takes it in five seconds", "tenant", d.tenant, "cutover", d.id, "err", err)
	}
}

// finish says how the cutover ended, if it was ours.
func (d *driver) finish(rec cutover.Record) {
	cut := rec.Cutover
	if cut == nil || cut.ID != d.id {
		cut = rec.Last
	}
	if cut == nil || cut.ID != d.id || !d.owned {
		return
	}
	d.notices.tell(*cut, d.told)
	d.metrics.ended.WithLabelValues(string(cut.Plan.Strategy), string(cut.Phase)).Inc()
	d.log.Info("cutover ended", "tenant", d.tenant, "cutover", d.id, "result", string(cut.Phase), "to", cut.Plan.To)
}
