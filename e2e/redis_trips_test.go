package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// tripsPerThousand is what pins may cost the store in steady state.
const tripsPerThousand = 20

// TestSteadyStateSparesTheStore counts what requests of known sessions cost: a replica that has seen a session
// asks nobody about it.
func TestSteadyStateSparesTheStore(t *testing.T) {
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 6, []string{"a", "b", "c"})
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	storeIs(t, all, true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
	users := append(trial.arrive(100), trial.programs(100)...)
	for _, g := range all { // every replica has seen every session
		for _, u := range users {
			u.Via = g.Web
		}
		each(users, 8, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	}
	for _, u := range users {
		u.Via = ""
	}
	warm, lost, _ := trial.crowd.report()
	redis.Do(t, "CONFIG", "RESETSTAT")
	before, beforeAll := pinTrips(t, all), trips(t, all)
	const rounds = 25
	for range rounds {
		each(users, 8, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	}
	commands := redis.Calls(t)
	pins, byPurpose := pinTrips(t, all)-before, map[string]float64{}
	for op, n := range trips(t, all) {
		byPurpose[op] = n - beforeAll[op]
	}
	done, bad, _ := trial.crowd.report()
	thousands := float64(done) / 1000
	t.Logf("%d requests: %.1f trips for pins per 1 000; all trips by purpose, background included: %v; Redis saw %v", done, pins/thousands, byPurpose, commands)
	if pins > tripsPerThousand*thousands {
		t.Errorf("%.1f trips for pins per 1 000 requests, want at most %d", pins/thousands, tripsPerThousand)
	}
	if done != rounds*len(users) {
		t.Errorf("%d visits", done)
	}
	for what, n := range bad {
		lost[what] += n
	}
	odoos.judge(t, unanswered(t, all), warm+done, lost)
}

// pinTrips counts the round trips that pins cost.
func pinTrips(t *testing.T, all harness.Replicas) float64 {
	t.Helper()
	total := 0.0
	for _, op := range pinCalls {
		total += all.Sum(t, "sluice_store_calls_total", fmt.Sprintf("op=%q", op))
	}
	return total
}

// trips counts all round trips, by purpose.
func trips(t *testing.T, all harness.Replicas) map[string]float64 {
	t.Helper()
	count := map[string]float64{}
	for _, g := range all {
		for _, s := range g.Metrics(t) {
			if s.Name == "sluice_store_calls_total" {
				_, op, _ := strings.Cut(s.Labels, `op="`)
				op, _, _ = strings.Cut(op, `"`)
				count[op] += s.Value
			}
		}
	}
	return count
}

// TestRequestsWithoutACookieMakeNoPins: a crawler gets a session from every page and keeps none of them.
func TestRequestsWithoutACookieMakeNoPins(t *testing.T) {
	t.Parallel()
	const visits = 50_000
	redis := harness.StartRedis(t)
	site := harness.NewFast(t)
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", site.Addr, []string{"acme.test"}),
	})
	storeIs(t, all, true)
	before := pinTrips(t, all)
	cookies := 0
	var mu sync.Mutex
	var crawling sync.WaitGroup
	for i := range 12 {
		crawling.Go(func() {
			n, err := harness.Crawl(all[i%3].Web, "acme.test", harness.AnonymousPath, visits/12)
			mu.Lock()
			defer mu.Unlock()
			cookies += n
			if err != nil {
				t.Errorf("crawler %d: %v", i, err)
			}
		})
	}
	crawling.Wait()
	if seen := site.Count(http.MethodGet + " " + harness.AnonymousPath); seen < visits-12 || cookies != seen {
		t.Errorf("%d visits reached the site, %d were given a session", seen, cookies)
	}
	if pins := redis.Keys(t, "sluice:v1:pin:*"); len(pins) > 0 {
		t.Errorf("%d pins for %d visits without a cookie", len(pins), visits)
	}
	if trips := pinTrips(t, all) - before; trips > 0 {
		t.Errorf("%v trips to the store for %d visits without a cookie", trips, visits)
	}
}
