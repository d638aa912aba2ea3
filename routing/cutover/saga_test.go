package cutover

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

func plans() map[string]Plan {
	minute := time.Minute
	return map[string]Plan{
		"drain":                  {Strategy: Drain, To: "green", Deadline: minute, Watch: minute},
		"shift":                  {Strategy: Shift, To: "green", Shares: []Share{{10, 5 * time.Second}, {50, 5 * time.Second}, {100, 5 * time.Second}}, Gates: Gates{Failures: 1, Rollback: true}, Watch: minute},
		"switch":                 {Strategy: Switch, To: "green", Watch: minute},
		"switch with a step":     {Strategy: Switch, To: "green", Watch: minute, External: &External{Webhook: "https://hooks.example"}},
		"switch without return":  {Strategy: Switch, To: "green", Watch: minute, NoReturn: true, External: &External{Webhook: "https://hooks.example", Deadline: minute}},
		"switch by an operator":  {Strategy: Switch, To: "green", Watch: minute, NoReturn: true, External: &External{Deadline: minute}},
		"switch with a copy":     {Strategy: Switch, To: "green", Watch: minute, External: &External{Deadline: minute}},
		"switch with gates":      {Strategy: Switch, To: "green", Watch: minute, NoReturn: true, External: &External{Webhook: "https://hooks.example"}, Gates: Gates{Failures: 1, Rollback: true}},
		"failover":               {Strategy: Failover, To: "green", Watch: minute, Check: &Check{URL: "https://check.example"}},
		"failover without check": {Strategy: Failover, To: "green", Watch: minute, SkipPreflight: true},
	}
}

// Random lives of cutovers: gateways that lose touch, drivers that die at any moment, answers
// that fail, operators that press any button. What must hold holds at every step, and when
// all can talk again it ends.
func TestCutoversSurviveAnything(t *testing.T) {
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(200) {
				w := newWorld(t, seed, plan)
				for range 150 {
					w.pass(true)
					if w.chance(5) {
						g := w.gateways[w.random.IntN(3)]
						g.cut = !g.cut
					}
					if w.chance(8) {
						w.command()
					}
					w.drive(15)
					w.check(plan.Strategy == Switch)
				}
				w.settle()
				if got := w.shared.Course("blue", []string{"blue", "green"}); w.shared.Last.Phase == Aborted {
					restored(t, w.shared, got)
				} else if got.Legs[0].Active != "green" || got.Hold != nil || got.Page != nil {
					w.fatal("completed, and yet %+v", got)
				}
			}
		})
	}
}

// restored: after an abort sessions are where they were, and so are new ones.
func restored(t *testing.T, r Record, c *routing.Course) {
	t.Helper()
	if len(r.Settled) != 0 || len(r.Closings) != 1 || r.Cutover != nil {
		t.Fatalf("after the abort: %+v", r)
	}
	for _, q := range []routing.Question{
		{Class: odoo.Web, Lot: 1},
		{Class: odoo.Web, Known: true, Release: "blue"},
		{Class: odoo.Web, Known: true, Release: "blue", Epoch: r.Epoch},
		{Class: odoo.Web, Known: true, Release: "green", Epoch: r.Epoch - 1},
	} {
		if got := c.Decide(q).Release; got != "blue" {
			t.Fatalf("%+v goes to %s after the abort", q, got)
		}
	}
	if c.Hold != nil || c.Page != nil || c.Legs[0].Split != nil {
		t.Fatalf("after the abort: %+v", c)
	}
}

// When nothing goes wrong a cutover passes the phases of its plan, in order, and completes.
func TestACalmNight(t *testing.T) {
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, plan)
			for n := 0; n < 5000 && w.shared.Cutover != nil; n++ {
				w.pass(false)
				w.driving = true
				w.drive(0)
				w.check(plan.Strategy == Switch)
				c := w.shared.Cutover
				if c != nil && c.Phase == Stepping && c.Plan.External.Webhook == "" && (c.Ready || !c.Plan.NoReturn) {
					w.shared, _ = w.shared.Confirm(w.now, "ann", "done")
				}
			}
			if w.shared.Last == nil {
				w.fatal("it does not end: %+v", w.shared.Cutover)
			}
			var passed []Phase
			for _, e := range w.shared.Last.Timeline {
				passed = append(passed, e.Phase)
			}
			if passed = slices.Compact(passed); !slices.Equal(passed, plan.WithDefaults().Phases()) {
				w.fatal("it passed %v, the plan has %v", passed, plan.WithDefaults().Phases())
			}
		})
	}
}

// The same tick seen twice, or by two drivers, is one tick.
func TestTicksAreRepeatable(t *testing.T) {
	for name, plan := range plans() {
		w := newWorld(t, 1, plan)
		for n := 0; n < 300 && w.shared.Cutover != nil; n++ {
			w.pass(false)
			o := w.observe()
			o.Preflight, o.Verify, o.External, o.Check = &Result{OK: true}, &Result{OK: true}, &Result{OK: true}, &Result{OK: true}
			a, _, _ := w.shared.Tick(o)
			b, _, _ := w.shared.Tick(o)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: the same tick made %+v and %+v", name, a, b)
			}
			w.shared = a
		}
	}
}

// Two records that grew apart come together as one, whoever merges them, and never at a lower
// epoch.
func TestMerge(t *testing.T) {
	var all []Record
	for name, plan := range plans() {
		for seed := range uint64(20) {
			w := newWorld(t, seed, plan)
			for range 30 {
				w.pass(true)
				w.drive(10)
				r := w.shared
				r.By = fmt.Sprint(name, seed)
				all = append(all, r)
			}
		}
	}
	for i, a := range all {
		b := all[(i*7919+13)%len(all)]
		c := all[(i*104729+5)%len(all)]
		ab := Merge(a, b)
		if !reflect.DeepEqual(ab, Merge(b, a)) && prevails(a, b) != prevails(b, a) {
			t.Fatalf("it depends on who merges: %+v and %+v", a, b)
		}
		if ab.Epoch < a.Epoch || ab.Epoch < b.Epoch {
			t.Fatal("the epoch fell")
		}
		if !reflect.DeepEqual(Merge(ab, c), Merge(a, Merge(b, c))) {
			t.Fatal("it depends on the order")
		}
	}
}
