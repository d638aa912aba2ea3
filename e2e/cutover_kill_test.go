package e2e

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

var cutoverKills = flag.Int("cutover.kills", 2, "gateways that are killed at random moments while tenants are moved")

// TestGatewaysDieAtRandomMoments: four tenants are moved at once, each in a way of its own, with people
// at work. At some moment a gateway is killed and started again; every other time the
// cutovers are aborted. Each ends on one side or the other, and but for what was in the killed gateway
// nothing fails, is lost or done twice.
func TestGatewaysDieAtRandomMoments(t *testing.T) {
	t.Parallel()
	seed := *cutoverSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with -cutover.seed=%d", seed)
	dice := rand.New(rand.NewPCG(seed, 4711))
	var tenants []string
	for _, way := range ways {
		tenants = append(tenants, way.strategy)
	}
	s := newSite(t, harness.SiteConfig{Version: "19.0"}, tenants...)
	days, on, switches := map[string]*harness.Mix{}, map[string]string{}, 0
	for _, tenant := range tenants {
		days[tenant], on[tenant] = s.Mix(t, tenant, seed, few), "blue"
	}
	for round := range *cutoverKills {
		moves := map[string]*harness.Move{}
		for _, way := range ways {
			moves[way.strategy] = s.Start(t, way.strategy, other(on[way.strategy]), withStrategy(way.strategy, way.plan(dice)))
		}
		s.dies(t, s.All[dice.IntN(len(s.All))], days, dice.IntN(100))
		s.endAll(t, moves, on, round%2 == 1)
		switches += 2
		if t.Failed() {
			break
		}
	}
	for tenant, day := range days {
		t.Logf("%s is on %s", tenant, on[tenant])
		s.judge(t, day, switches)
	}
}

func other(release string) string {
	if release == "blue" {
		return "green"
	}
	return "blue"
}

// dies kills a gateway once so many more people were answered, and starts it again.
func (s *site) dies(t *testing.T, victim *harness.Gateway, days map[string]*harness.Mix, answers int) {
	t.Helper()
	days["drain"].Await(t, answers/4) // nobody is held there
	for _, day := range days {
		day.Lose(victim.Web)
	}
	victim.Kill()
	victim.Start(t)
	for _, day := range days {
		day.Regain(victim.Web)
	}
}

// endAll aborts every move, or pushes it to its end, and wants everybody to be served by one
// side.
func (s *site) endAll(t *testing.T, moves map[string]*harness.Move, on map[string]string, abort bool) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	for tenant, m := range moves {
		group.Go(func() {
			over := m.Push
			if abort {
				if status, _ := m.Say(t, "abort"); status != http.StatusConflict {
					over = m.Over
				}
			}
			v := over(t)
			mu.Lock()
			switch v.Phase {
			case "completed":
				on[tenant] = other(on[tenant])
			case "aborted":
			default:
				t.Errorf("it ended badly: %v", v)
			}
			release := on[tenant]
			mu.Unlock()
			s.Settled(t, tenant, release)
		})
	}
	group.Wait()
}
