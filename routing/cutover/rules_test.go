package cutover

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

var night = time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)

// in is a cutover in a phase, as change leaves it.
func in(t *testing.T, phase Phase, plan Plan, change func(*Cutover)) Record {
	t.Helper()
	plan.To = "green"
	r, err := New("acme", "blue", plan, night, "ann", "CHG-1", "c1", "seed", Record{})
	if err != nil {
		t.Fatal(err)
	}
	r.enter(phase, night, "ann", "begun")
	if change != nil {
		change(r.Cutover)
	}
	return r
}

func after(d time.Duration) Observation { return Observation{Now: night.Add(d), Known: true} }

func phaseOf(r Record) Phase {
	if r.Cutover == nil {
		return r.Last.Phase
	}
	return r.Cutover.Phase
}

func TestGatesGoBackOnlyWhereThereIsAWay(t *testing.T) {
	bad := after(time.Second)
	bad.Gates = &Result{Text: "4 % failed"}
	rollback, watched := Gates{Failures: 1, Rollback: true}, func(c *Cutover) { c.Flipped = true }
	for rule, c := range map[string]struct {
		plan   Plan
		change func(*Cutover)
		want   Phase
		paused bool
	}{
		"a drain goes back":                     {Plan{Strategy: Drain, Gates: rollback}, watched, Aborting, false},
		"a switch goes back":                    {Plan{Strategy: Switch, Gates: rollback}, watched, Aborting, false},
		"not past the point of no return":       {Plan{Strategy: Switch, Gates: rollback, NoReturn: true, External: &External{}}, func(c *Cutover) { c.Flipped, c.Passed = true, true }, Watching, true},
		"a failover never by itself":            {Plan{Strategy: Failover, Gates: rollback}, watched, Watching, true},
		"nor a drain whose plan wants a person": {Plan{Strategy: Drain, Gates: Gates{Failures: 1}}, watched, Watching, true},
	} {
		t.Run(rule, func(t *testing.T) {
			next, _, changed := in(t, Watching, c.plan, c.change).Tick(bad)
			got := next.Cutover
			if !changed || got.Phase != c.want || got.Paused != c.paused || c.paused && !strings.Contains(got.Blocked, "4 % failed") {
				t.Errorf("%s, paused %v, %q", got.Phase, got.Paused, got.Blocked)
			}
		})
	}
}

// Held requests must not wait for a gateway that is gone, once it can do no harm.
func TestGoingBackDoesNotWaitForTheDead(t *testing.T) {
	r := in(t, Aborting, Plan{Strategy: Switch}, func(c *Cutover) { c.Flipped, c.Held, c.Final = true, true, true })
	gone := func(d time.Duration) Observation { o := after(d); o.Known, o.Silent = false, []string{"c"}; return o }
	r, _, _ = r.Tick(gone(time.Minute))
	if r.Cutover == nil || !r.Cutover.Flipped || !strings.Contains(r.Cutover.Blocked, "evict") {
		t.Fatalf("it went back although a gateway may still serve green: %+v", r.Cutover)
	}
	busy := after(time.Minute) // it is there again, and knows; from now on what it has in flight has its time
	busy.InFlight = 1
	for range 3 {
		r, _, _ = r.Tick(busy)
	}
	if !r.Cutover.Flipped {
		t.Fatal("it went back while a request was on its way to green")
	}
	if r, _, _ = r.Tick(after(time.Minute)); r.Cutover.Flipped {
		t.Fatal("it did not go back")
	}
	if next, _, _ := r.Tick(gone(time.Minute + time.Second)); phaseOf(next) != Aborting {
		t.Error("it gave the gateway no time to follow")
	}
	r, _, _ = r.Tick(gone(time.Minute + ackWithin))
	if r.Cutover != nil || !strings.Contains(r.Last.Timeline[len(r.Last.Timeline)-1].Text, "c has not followed") {
		t.Errorf("it still waits: %+v", r.Cutover)
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	type say = func(Record, time.Time, string, string) (Record, error)
	noReturn := Plan{Strategy: Switch, NoReturn: true, External: &External{}}
	passed := func(c *Cutover) { c.Passed = true }
	for rule, c := range map[string]struct {
		rec  Record
		say  say
		want error
		text string
	}{
		"nothing runs":                        {Record{Tenant: "acme"}, Record.Abort, ErrNoCutover, "acme"},
		"back over the point of no return":    {in(t, Verifying, noReturn, passed), Record.Abort, ErrPastReturn, "blue"},
		"abort twice":                         {in(t, Aborting, Plan{}, nil), Record.Abort, ErrNotNow, "being aborted"},
		"a hold that pauses":                  {in(t, Drained, Plan{Strategy: Switch}, func(c *Cutover) { c.Held = true }), Record.Pause, ErrNotNow, "cannot rest"},
		"pause twice":                         {in(t, Drained, Plan{}, func(c *Cutover) { c.Paused = true }), Record.Pause, ErrNotNow, "paused already"},
		"resume what runs":                    {in(t, Drained, Plan{}, nil), Record.Resume, ErrNotNow, "the sessions on blue"},
		"promote what waits for nobody":       {in(t, Verifying, Plan{}, nil), Record.Promote, ErrNotNow, "nothing to promote"},
		"confirm what waits for no word":      {in(t, Drained, Plan{}, nil), Record.Confirm, ErrNotNow, "not for a confirmation"},
		"a share of what does not shift":      {in(t, Drained, Plan{}, nil), share(10), ErrNotNow, "not shifting"},
		"a share that is none":                {in(t, Shifting, Plan{Strategy: Shift}, nil), share(101), ErrInvalidPlan, "0 to 100"},
		"pause on the way back":               {in(t, Aborting, Plan{}, nil), Record.Pause, ErrNotNow, "cannot rest"},
		"a failed one pauses":                 {in(t, Failed, noReturn, passed), Record.Pause, ErrNotNow, "cannot rest"},
		"a share of nothing runs":             {Record{Tenant: "acme"}, share(1), ErrNoCutover, "acme"},
		"confirm, promote, resume of nothing": {Record{Tenant: "acme"}, Record.Confirm, ErrNoCutover, "sluice cutover list"},
	} {
		t.Run(rule, func(t *testing.T) {
			before, _ := json.Marshal(c.rec)
			got, err := c.say(c.rec, night.Add(time.Minute), "ann", "CHG-1")
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("it says %v", err)
			}
			if now, _ := json.Marshal(got); string(now) != string(before) {
				t.Errorf("it has changed: %s", now)
			}
		})
	}
	r := in(t, Drained, Plan{}, nil)
	if _, err := New("acme", "blue", Plan{To: "green"}, night, "bob", "", "c2", "", r); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "c1") {
		t.Errorf("two at once: %v", err)
	}
}

func share(percent float64) func(Record, time.Time, string, string) (Record, error) {
	return func(r Record, now time.Time, actor, reason string) (Record, error) {
		return r.SetShare(now, actor, reason, percent)
	}
}

// Values are never changed in place: whoever holds an older record keeps what it was.
func TestRecordsAreValues(t *testing.T) {
	w := newWorld(t, 3, plans()["switch with a step"])
	type kept struct {
		rec  Record
		text string
	}
	var all []kept
	for range 400 {
		text, _ := json.Marshal(w.shared)
		all = append(all, kept{w.shared, string(text)})
		w.pass(true)
		w.drive(10)
		if w.chance(10) {
			w.command()
		}
	}
	for i, k := range all {
		if text, _ := json.Marshal(k.rec); string(text) != k.text {
			t.Fatalf("record %d has changed behind its owner: %s, was %s", i, text, k.text)
		}
	}
}

// However long operators go on and off, the store still takes the record.
func TestTimelinesAreBounded(t *testing.T) {
	r := in(t, Drained, Plan{}, nil)
	for range 2000 {
		r, _ = r.Pause(night, "ann", strings.Repeat("<ä>", 500))
		r, _ = r.Resume(night, "ann", "go on")
	}
	r.ended(night)
	last := r.Last
	r, err := New("acme", "blue", Plan{To: "green"}, night, "ann", "again", "c2", "", r)
	if err != nil {
		t.Fatal(err)
	}
	r.Cutover.Timeline = last.Timeline
	text, _ := json.Marshal(r)
	if len(text) > 400<<10 {
		t.Errorf("the record has %d bytes", len(text))
	}
	if n := len(last.Timeline) + last.Dropped; n != 4002 {
		t.Errorf("%d lines and %d dropped ones", len(last.Timeline), last.Dropped)
	}
}

func TestAPartOfATenant(t *testing.T) {
	rpc, releases := routing.Scope{Classes: []odoo.Class{odoo.RPC}}, []string{"blue", "green"}
	r := in(t, Holding, Plan{Strategy: Switch, Scope: rpc}, nil)
	if got := r.Course("blue", releases).Hold.Classes; !slices.Equal(got, rpc.Classes) {
		t.Errorf("%v are held, only %v move", got, rpc.Classes)
	}
	r.enter(Flipping, night, "ann", "")
	r.flip()
	c := r.Course("blue", releases)
	if program, person := c.Decide(routing.Question{Class: odoo.RPC}), c.Decide(routing.Question{Class: odoo.Web}); program.Release != "green" || !program.Stateless || person.Release != "blue" || person.Stateless {
		t.Errorf("flipped: programs %+v, people %+v", program, person)
	}
	r.enter(Completed, night, "ann", "")
	r.ended(night)
	if part, whole := r.ActiveIn(rpc, "blue"), r.Active("blue"); part != "green" || whole != "blue" || r.Drifted("blue") {
		t.Errorf("settled: the part is on %s, the tenant on %s", part, whole)
	}
	if _, agrees := r.Agree("blue"); agrees {
		t.Error("declared is what the part has left")
	}
	if next, agrees := r.Agree("green"); !agrees || len(next.Settled) != 0 || next.Sequence != r.Sequence+1 {
		t.Errorf("declared is where the part is: %+v", next.Settled)
	}
	r.Settled = append(r.Settled, Settled{Active: "blue"})
	if _, agrees := r.Agree("green"); agrees {
		t.Error("the part would go to where the tenant is: blue")
	}
}

func TestMergePool(t *testing.T) {
	at := func(minutes int, state BackendState) Backend {
		return Backend{State: state, Grant: Grant{At: night.Add(time.Duration(minutes) * time.Minute)}}
	}
	a := Pool{Pool: "p", Sequence: 2, By: "a", Backends: map[string]Backend{"b1": at(1, Draining), "b2": at(5, Ready)}}
	b := Pool{Pool: "p", Sequence: 1, By: "b", Backends: map[string]Backend{"b2": at(2, Draining), "b3": at(3, OutOfOrder), "b1": at(4, Ready)}}
	for _, got := range []Pool{MergePool(a, b), MergePool(b, a)} {
		for name, want := range map[string]BackendState{"b1": Ready, "b2": Ready, "b3": OutOfOrder} {
			if got.Backends[name].State != want {
				t.Errorf("%s is %q, said last was %q", name, got.Backends[name].State, want)
			}
		}
		if got.Sequence != 2 || len(a.Backends) != 2 || len(b.Backends) != 3 {
			t.Errorf("sequence %d, or the records themselves have changed", got.Sequence)
		}
	}
	if got := MergePool(Pool{Pool: "p"}, b); len(got.Backends) != 3 {
		t.Errorf("nothing is left of what one knew: %+v", got)
	}
}
