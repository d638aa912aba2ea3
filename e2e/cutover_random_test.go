package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

var (
	cutoverRuns = flag.Int("cutover.runs", 8, "cutovers in all, under load, promoted and aborted at random moments")
	cutoverSeed = flag.Uint64("cutover.seed", 0, "of the random moments; 0: another one each time")
)

// ways are the strategies with plans that are over soon.
var ways = []struct {
	strategy string
	plan     func(dice *rand.Rand) harness.Object
}{
	{"drain", func(dice *rand.Rand) harness.Object {
		return harness.Object{"deadline": fmt.Sprintf("%ds", 2+dice.IntN(3)), "idle": "1m", "watch": "2s"}
	}},
	{"shift", func(dice *rand.Rand) harness.Object {
		modes := []string{"new-sessions", "navigation", "all"}
		return harness.Object{
			"mode": modes[dice.IntN(3)], "watch": "1s",
			"shares": []harness.Object{{"percent": 10, "for": "500ms"}, {"percent": 50, "for": "500ms"}, {"percent": 100, "for": "500ms"}},
		}
	}},
	{"switch", func(dice *rand.Rand) harness.Object {
		plan := harness.Object{"hold": harness.Object{"wait": "25s"}, "watch": "1s"}
		if dice.IntN(2) == 0 {
			plan["external"] = harness.Object{"deadline": "20s"} // an operator confirms
		}
		return plan
	}},
	{"failover", func(*rand.Rand) harness.Object { return harness.Object{"watch": "1s"} }},
}

// TestMovesUnderLoad: a tenant for each strategy, with people, programs and sockets at work the
// whole time. Each is moved again and again; every other move is aborted at some moment. No
// request fails, no write is lost or done twice, nobody is signed out, and nobody is moved but
// by the moves.
func TestMovesUnderLoad(t *testing.T) {
	t.Parallel()
	seed := *cutoverSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with -cutover.seed=%d", seed)
	var tenants []string
	for _, way := range ways {
		tenants = append(tenants, way.strategy)
	}
	s := newSite(t, harness.SiteConfig{Version: "19.0"}, tenants...)
	for i, way := range ways {
		t.Run(way.strategy, func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(seed, uint64(i)))
			day := s.Mix(t, way.strategy, seed, few)
			on, other, switches := "blue", "green", 0
			for run := range max(1, *cutoverRuns/len(ways)) {
				day.Await(t, 40)
				m := s.Start(t, way.strategy, other, withStrategy(way.strategy, way.plan(dice)))
				over := m.Push
				if run%2 == 1 && abortSometime(t, m, day, dice) {
					over = m.Over
				}
				v := over(t)
				switches++
				switch v.Phase {
				case "completed":
					on, other = other, on
				case "aborted":
					switches++ // there and back
				default:
					t.Errorf("it ended badly: %v", v)
				}
				after := time.Now()
				s.Settled(t, way.strategy, on)
				day.Await(t, 40)
				onlyServed(t, day.Sofar(), on, after)
				if t.Failed() {
					t.Logf("the last cutover: %v", v)
					break
				}
			}
			s.judge(t, day, switches)
		})
	}
}

func withStrategy(strategy string, plan harness.Object) harness.Object {
	plan["strategy"] = strategy
	return plan
}

// course are the phases of all strategies, as they follow one another.
var course = []string{"preflight", "holding", "verifying", "draining", "external", "shifting", "flipping", "releasing", "watching"}

// abortSometime aborts when some phase is reached, or once some more answers have come,
// whichever the dice say, unless the cutover has ended by then. It says whether it did.
func abortSometime(t testing.TB, m *harness.Move, day *harness.Mix, dice *rand.Rand) bool {
	t.Helper()
	enough, phase := day.Acts()+dice.IntN(120), len(course)
	if dice.IntN(2) == 0 {
		phase = dice.IntN(len(course))
	}
	m.Until(t, "has gone on for a while", func(v harness.View) bool {
		due := phase < len(course) && slices.Index(course, v.Phase) >= phase || phase == len(course) && day.Acts() >= enough
		if !due && v.Phase == "external" {
			m.Say(t, "confirm")
		}
		return due || v.Ended()
	})
	status, text := m.Say(t, "abort")
	if v := m.View(t); status == http.StatusConflict && !v.Ended() && v.Phase != "aborting" {
		t.Errorf("a cutover that is not over cannot be aborted: %.300s; %v", text, v)
	}
	return status != http.StatusConflict
}
