package conduct

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluicegate.dev/sluice/routing/cutover"
)

// waits is why a gateway's failover waits for a person, empty when it does not.
func (n *node) waits() string {
	for _, why := range reasons() {
		if testutil.ToFloat64(n.conductor.metrics.waiting.WithLabelValues("acme", string(why))) == 1 {
			return string(why)
		}
	}
	return ""
}

// sees says which gateways see the active servers down.
func (w *world) sees(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		n.down = nil
	}
	for _, name := range names {
		w.nodes[name].down = []string{"acme-blue"}
	}
}

// wants changes how the tenant fails over.
func (w *world) wants(change func(*Standby)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.standby)
}

func TestFailover(t *testing.T) {
	for rule, c := range map[string]struct {
		prepare func(w *world)
		moves   bool
		waits   string // what gateway a says
	}{
		"two see it, and the standby is writable": {
			func(w *world) { w.sees("a", "b") }, true, "",
		},
		"one alone may have lost its own network": {
			func(w *world) { w.sees("a") }, false, "second_opinion",
		},
		"one that is alone by all that is known goes by its own word": {
			func(w *world) { w.remove("b", "c"); w.sees("a") }, true, "",
		},
		"one whose others are silent does not": {
			func(w *world) { w.kill("b"); w.kill("c"); w.sees("a") }, false, "second_opinion",
		},
		"but where they were evicted it does": {
			func(w *world) { w.kill("b"); w.kill("c"); w.evict("b"); w.evict("c"); w.sees("a") }, true, "",
		},
		"without the store nobody has a second opinion": {
			func(w *world) {
				w.mu.Lock()
				for _, n := range w.nodes {
					local := w.rec
					n.alone, n.local = true, &local
				}
				w.mu.Unlock()
				w.sees("a", "b", "c")
			}, false, "second_opinion",
		},
		"a standby that is not writable": {
			func(w *world) { w.writable = `{"writable": false, "lagSeconds": 0}`; w.sees("a", "b", "c") }, false, "check",
		},
		"a standby that is too far behind": {
			func(w *world) { w.writable = `{"writable": true, "lagSeconds": 30}`; w.sees("a", "b", "c") }, false, "check",
		},
		"a standby whose lag nobody knows": {
			func(w *world) { w.writable = `{"writable": true}`; w.sees("a", "b", "c") }, false, "check",
		},
		"a tenant that wants a person to decide": {
			func(w *world) { w.wants(func(s *Standby) { s.Automatic = false }); w.sees("a", "b", "c") }, false, "manual",
		},
		"a tenant without a check": {
			func(w *world) { w.wants(func(s *Standby) { s.Plan.Check = nil }); w.sees("a", "b", "c") }, false, "no_check",
		},
		"a failover that does not go on": {
			func(w *world) {
				w.writable = `{"writable": false, "lagSeconds": 0}`
				w.begin(plans()[cutover.Failover])
				w.sees("a", "b", "c")
			}, true, "running",
		},
		"another cutover runs": {
			func(w *world) {
				w.begin(cutover.Plan{Strategy: cutover.Shift, To: "green", Shares: []cutover.Share{{Percent: 10}}})
				w.sees("a", "b", "c")
			}, false, "running",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				c.prepare(w)
				time.Sleep(9 * time.Second)
				if phase := w.phase(); strings.Contains(string(phase), "flip") {
					t.Fatalf("it is %s before its time", phase)
				}
				time.Sleep(11 * time.Second)
				w.mu.Lock()
				rec := w.rec
				w.mu.Unlock()
				moved := rec.Active("blue") == "standby" || rec.Cutover != nil && rec.Cutover.Plan.Strategy == cutover.Failover
				if moved != c.moves {
					t.Errorf("moved: %v, %s", moved, show(rec))
				}
				if got := w.nodes["a"].waits(); got != c.waits {
					t.Errorf("waits for %q, want %q", got, c.waits)
				}
			})
		})
	}
}

func (w *world) phase() cutover.Phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	return phaseOf(w.rec)
}

// remove is a stop that says goodbye.
func (w *world) remove(names ...string) {
	for _, name := range names {
		w.nodes[name].cancel()
		<-w.nodes[name].done
		w.mu.Lock()
		delete(w.nodes, name)
		w.mu.Unlock()
	}
}

// A tenant that has gone to its standby stays there when the old side is back, and an outage
// that ends ends its alert. Where a person aborted a failover, none is begun again.
func TestFailoverIsOneWay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.sees("a", "b")
		w.ends(time.Minute)
		w.sees()
		time.Sleep(5 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := w.rec.Active("blue"); got != "standby" || w.rec.Cutover != nil {
			t.Errorf("active is %s, %s runs", got, show(w.rec))
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.sees("a")
		time.Sleep(20 * time.Second)
		if w.nodes["a"].waits() == "" {
			t.Error("nobody is called")
		}
		w.sees()
		time.Sleep(2 * time.Second)
		if why := w.nodes["a"].waits(); why != "" {
			t.Errorf("the alert stays: %s", why)
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.sees("a", "b")
		for w.phase() != cutover.Watching {
			time.Sleep(100 * time.Millisecond)
		}
		if _, err := w.nodes["c"].Change(t.Context(), "acme", func(r cutover.Record) (cutover.Record, error) {
			return r.Abort(time.Now(), "ann", "blue is back")
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.rec.Active("blue") != "blue" || w.rec.Cutover != nil {
			t.Errorf("it began again: %s", show(w.rec))
		}
	})
}

// A person is called at once, then each minute: neither once only, nor each second.
func TestCallsAreNotAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a", "b")
		defer w.stop()
		w.sees("a")
		time.Sleep(10*time.Minute + 15*time.Second)
		if n := w.nodes["a"].log.count("waits for a person"); n < 10 || n > 12 {
			t.Errorf("%d calls in ten minutes", n)
		}
	})
}

func TestMetricsAreRegisteredOnce(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	w := &world{rec: cutover.Record{Tenant: "acme", Cutover: &cutover.Cutover{ID: "c1", Owner: "a", Phase: cutover.Drained, Paused: true, Plan: cutover.Plan{Strategy: cutover.Drain}}}}
	only(Config{Replica: "a", Control: &node{world: w, id: "a"}, Metrics: registry})
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP sluice_cutover_blocked 1 while a tenant's cutover does not go on: paused, or blocked by what its status says.
# TYPE sluice_cutover_blocked gauge
sluice_cutover_blocked{tenant="acme"} 1
# HELP sluice_cutover_owned Cutovers that this gateway drives.
# TYPE sluice_cutover_owned gauge
sluice_cutover_owned 1
# HELP sluice_cutover_running 1 for each cutover that runs, as this gateway knows it.
# TYPE sluice_cutover_running gauge
sluice_cutover_running{phase="draining",strategy="drain",tenant="acme"} 1
`), "sluice_cutover_blocked", "sluice_cutover_owned", "sluice_cutover_running")
	if err != nil {
		t.Error(err)
	}
}
