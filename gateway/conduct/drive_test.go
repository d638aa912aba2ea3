package conduct

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluicegate.dev/sluice/internal/keyring"
	"sluicegate.dev/sluice/routing/cutover"
)

func testKeys() []keyring.Key { return []keyring.Key{{Name: "k1", Secret: []byte("report secret")}} }

const hookURL = "http://hooks.example/step"

// plans are one of each strategy, all that they can have switched on.
func plans() map[cutover.Strategy]cutover.Plan {
	gates := cutover.Gates{Requests: 10, Failures: 5, MoreThan: 1, Latency: 3, Window: 3 * time.Second, Rollback: true}
	told := []string{"http://hooks.example/told"}
	return map[cutover.Strategy]cutover.Plan{
		cutover.Drain: {Strategy: cutover.Drain, To: "green", Deadline: time.Minute, Watch: 5 * time.Second, Gates: gates, Webhooks: told},
		cutover.Shift: {
			Strategy: cutover.Shift, To: "green", Watch: 5 * time.Second, Gates: gates, Webhooks: told,
			Shares: []cutover.Share{{Percent: 10, For: 5 * time.Second}, {Percent: 100, For: 5 * time.Second}},
		},
		cutover.Switch: {
			Strategy: cutover.Switch, To: "green", Watch: 5 * time.Second, NoReturn: true, Webhooks: told,
			External: &cutover.External{Webhook: hookURL, Deadline: time.Minute},
		},
		cutover.Failover: {
			Strategy: cutover.Failover, To: "standby", Watch: 5 * time.Second, Webhooks: told,
			Check: &cutover.Check{URL: "http://standby.example/check", MaxLag: time.Second},
		},
	}
}

func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b", "c")
		defer w.stop()
		test(t, w)
	})
}

func TestEachStrategyRunsToItsEnd(t *testing.T) {
	for strategy, plan := range plans() {
		t.Run(string(strategy), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.begin(plan)
				c := w.ends(3 * time.Minute)
				if c.Phase != cutover.Completed || c.Fence != 1 {
					t.Fatalf("it ended %s with fence %d: %v", c.Phase, c.Fence, c.Timeline)
				}
				time.Sleep(30 * time.Second) // notices and reports come behind
				told := w.calls("cutover.event")
				if len(told) != len(c.Timeline) {
					t.Errorf("%d lines in the timeline, %d were told", len(c.Timeline), len(told))
				}
				if strategy == cutover.Switch {
					if calls := w.calls("cutover.external"); len(calls) != 1 || calls[0].key != "c1/external" {
						t.Errorf("the external step was called %v", calls)
					}
				}
				for name, n := range w.nodes {
					if _, err := n.conductor.cfg.Reports.Get("acme", "c1"); err != nil {
						t.Errorf("gateway %s has no report: %v", name, err)
					}
				}
			})
		})
	}
}

// Whoever drives a cutover dies as each phase begins. Another goes on after five seconds, and
// no sooner: the first may merely be slow.
func TestDriverDiesInEachPhase(t *testing.T) {
	for strategy, plan := range plans() {
		for i, phase := range phasesOf(t, plan) {
			t.Run(fmt.Sprintf("%s in %s", strategy, phase), func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					kill := func(w *world) {
						if owner := w.owner(); owner != "" && w.victim() == "" {
							w.kill(owner)
						}
					}
					w.onPhase = func(w *world, p cutover.Phase) {
						if p == phase && i > 0 {
							kill(w)
						}
					}
					w.begin(plan)
					if i == 0 { // entered before anybody drove it
						time.Sleep(300 * time.Millisecond)
						kill(w)
					}
					for w.victim() == "" {
						time.Sleep(10 * time.Millisecond)
					}
					dead, at := w.victim(), time.Now()
					took := w.awaitHeir(dead, time.Minute).Sub(at)
					if took < silence-beatEvery-2*tickEvery || took > silence+time.Second {
						t.Errorf("another one took over after %s", took)
					}
					time.Sleep(time.Second)
					w.evict(dead) // else all wait for what it would say
					c := w.ends(5 * time.Minute)
					if c.Fence < 2 || c.Owner == dead {
						t.Errorf("fence %d, driven by %s, which is dead", c.Fence, c.Owner)
					}
					if c.Phase != cutover.Completed && !(strategy == cutover.Switch && c.Phase == cutover.Aborted && !c.Passed) {
						t.Errorf("it ended %s: %v", c.Phase, c.Timeline)
					}
					keys := map[string]bool{}
					for _, call := range w.calls("cutover.external") {
						keys[call.key] = true
					}
					if len(keys) > 1 {
						t.Errorf("one external step was ordered under several keys: %v", keys)
					}
				})
			})
		}
	}
}

// phasesOf runs a plan once and says which phases it passes.
func phasesOf(t *testing.T, plan cutover.Plan) (all []cutover.Phase) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a")
		defer w.stop()
		w.begin(plan)
		w.ends(5 * time.Minute)
		all = slices.DeleteFunc(slices.Clone(w.phases), cutover.Phase.Ended)
	})
	return all
}

func (w *world) awaitHeir(dead string, within time.Duration) time.Time {
	w.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if owner := w.owner(); owner != "" && owner != dead {
			return time.Now()
		}
	}
	w.t.Fatalf("nobody took over from %q: %s", dead, show(w.rec))
	return time.Time{}
}

// victim is the gateway that was killed.
func (w *world) victim() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range w.nodes {
		if n.dead {
			return name
		}
	}
	return ""
}

func (w *world) evict(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rec = w.rec.Evict(time.Now(), name)
}

// A driver whose process stood still writes what it decided before: it is refused.
func TestFormerDriverIsFencedOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.begin(plans()[cutover.Drain])
		time.Sleep(4 * time.Second)
		first := w.owner()
		w.mu.Lock()
		w.nodes[first].stall = 8 * time.Second
		w.mu.Unlock()
		w.awaitHeir(first, 10*time.Second)
		time.Sleep(5 * time.Second)
		if owner := w.owner(); owner == first {
			t.Errorf("the former driver is back without having been asked")
		}
		if c := w.ends(3 * time.Minute); c.Phase != cutover.Completed || c.Fence != 2 {
			t.Errorf("it ended %s with fence %d", c.Phase, c.Fence)
		}
	})
}

// A gateway that is told to stop hands over what it drives: nobody waits for five seconds.
func TestStopHandsOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.begin(plans()[cutover.Drain])
		time.Sleep(4 * time.Second)
		first := w.owner()
		w.nodes[first].cancel()
		<-w.nodes[first].done
		at := time.Now()
		if took := w.awaitHeir(first, 10*time.Second).Sub(at); took > time.Second {
			t.Errorf("it took %s", took)
		}
		if c := w.ends(3 * time.Minute); c.Phase != cutover.Completed {
			t.Errorf("it ended %s", c.Phase)
		}
	})
}

// A driver that has lost the store stands still at once; another that has it goes on. Back
// again, the first learns that it was replaced.
func TestDriverWithoutStoreStandsStill(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.begin(plans()[cutover.Switch])
		time.Sleep(500 * time.Millisecond)
		first := w.owner()
		n := w.nodes[first]
		w.mu.Lock()
		local := w.rec
		n.alone, n.local = true, &local
		before := phaseOf(local)
		w.mu.Unlock()
		w.awaitHeir(first, 10*time.Second)
		time.Sleep(3 * time.Second)
		w.mu.Lock()
		if p := phaseOf(*n.local); p != before && !p.Ended() {
			t.Errorf("alone it went on from %s to %s", before, p)
		}
		if n.local.Cutover != nil && n.local.Cutover.Passed {
			t.Error("alone it passed the point of no return")
		}
		n.alone, n.local = false, nil
		w.mu.Unlock()
		c := w.ends(5 * time.Minute)
		if c.Phase != cutover.Completed || c.Fence != 2 || c.Owner == first {
			t.Errorf("it ended %s with fence %d by %s", c.Phase, c.Fence, c.Owner)
		}
		if calls := w.calls("cutover.external"); len(calls) != 1 {
			t.Errorf("the external step was ordered %d times", len(calls))
		}
	})
}

// Without a store nobody takes a shift over: whoever drives it may well be alive. A drain goes
// on at each gateway for itself.
func TestCutoversWithoutStore(t *testing.T) {
	for strategy, goesOn := range map[cutover.Strategy]bool{cutover.Shift: false, cutover.Drain: true} {
		inWorld(t, func(t *testing.T, w *world) {
			w.begin(plans()[strategy])
			time.Sleep(2 * time.Second)
			owner := w.owner()
			w.mu.Lock()
			for _, n := range w.nodes {
				local := w.rec
				n.alone, n.local = true, &local
			}
			w.mu.Unlock()
			time.Sleep(2 * time.Minute)
			w.mu.Lock()
			defer w.mu.Unlock()
			for name, n := range w.nodes {
				c := n.local.Cutover
				if stood := c != nil && c.Owner == owner && c.Fence == 1 && c.Phase == cutover.Shifting && c.Stage == 0; stood == goesOn {
					t.Errorf("%s at gateway %s: %s", strategy, name, show(*n.local))
				}
				if ended := n.local.Last != nil && n.local.Last.Phase == cutover.Completed; ended && !goesOn {
					t.Errorf("%s ended at gateway %s", strategy, name)
				}
			}
		})
	}
}

func TestExternalStep(t *testing.T) {
	for rule, c := range map[string]struct {
		status   int
		url      string
		noReturn bool
		confirm  bool
		want     cutover.Phase
		calls    int
		says     string
	}{
		"200: done":                            {200, hookURL, true, false, cutover.Completed, 1, "the external step is done"},
		"202: somebody confirms":               {202, hookURL, true, true, cutover.Completed, 1, "confirmed"},
		"500 with a way back: aborted":         {500, hookURL, false, false, cutover.Aborted, 1, "answers 500"},
		"500 without: the page, and a person":  {500, hookURL, true, false, cutover.Failed, 1, "answers 500"},
		"nobody there: tried until it is late": {200, "http://away.example/", false, false, cutover.Aborted, 0, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				plan := plans()[cutover.Switch]
				plan.NoReturn = c.noReturn
				plan.External = &cutover.External{Webhook: c.url, Deadline: 20 * time.Second}
				w.status = c.status
				w.begin(plan)
				time.Sleep(15 * time.Second)
				if c.confirm {
					if _, err := w.nodes["a"].Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) {
						return r.Confirm(time.Now(), "upgrader", "done")
					}); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Minute)
				w.mu.Lock()
				defer w.mu.Unlock()
				cut := w.rec.Cutover
				if cut == nil {
					cut = w.rec.Last
				}
				if cut.Phase != c.want || !strings.Contains(fmt.Sprint(cut.Timeline), c.says) {
					t.Errorf("it is %s: %v", cut.Phase, cut.Timeline)
				}
				n := 0
				for _, h := range w.heard {
					if h.body["event"] == "cutover.external" {
						n++
					}
				}
				if n != c.calls {
					t.Errorf("%d calls, want %d", n, c.calls)
				}
			})
		})
	}
}

// A gateway whose hold had ended served blue while the external step ran: what that did may lack
// it, so the tenant stays on blue.
func TestAHoldThatLapsedTaintsTheStep(t *testing.T) {
	for hold, want := range map[string]cutover.Phase{"c1": cutover.Aborted, "one of last week": cutover.Completed} {
		inWorld(t, func(t *testing.T, w *world) {
			w.onPhase = func(w *world, p cutover.Phase) {
				if p == cutover.Stepping {
					w.mu.Lock()
					w.nodes["b"].lapsed = hold
					w.mu.Unlock()
				}
			}
			plan := plans()[cutover.Switch]
			plan.NoReturn = false
			w.begin(plan)
			c := w.ends(3 * time.Minute)
			if c.Phase != want || want == cutover.Aborted && !strings.Contains(fmt.Sprint(c.Timeline), "b (b) had lost touch") {
				t.Errorf("with hold %q lapsed it ended %s: %v", hold, c.Phase, c.Timeline)
			}
		})
	}
}
