package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAKilledDriverIsReplacedInEveryPhase: six tenants stand in the six phases in which a
// cutover can rest, two of them with people at work. The replica that drives most of them is
// killed. The others take over where it was; once an operator says that it is gone for good,
// every cutover reaches its end.
func TestAKilledDriverIsReplacedInEveryPhase(t *testing.T) {
	t.Parallel()
	all := places()
	s := newSite(t, harness.SiteConfig{}, names(all)...)
	drained, shifted := s.Mix(t, "drained", 1, few), s.Mix(t, "shifted", 2, few)
	moves := s.park(t, all)
	ids := map[string]*harness.Gateway{}
	for _, g := range s.All {
		ids[identity(t, g)] = g
	}
	count := owners(t, moves)
	victim := slices.MaxFunc(slices.Collect(maps.Keys(count)), func(a, b string) int { return count[a] - count[b] })
	before := map[string]harness.View{}
	for tenant, m := range moves {
		before[tenant] = m.View(t)
	}
	t.Logf("drivers %v; %s is killed", count, victim)
	for _, day := range []*harness.Mix{drained, shifted} {
		day.Lose(ids[victim].Web)
	}
	ids[victim].Kill()

	s.tookOver(t, moves, before, victim)
	s.evict(t, victim, names(all)...)
	s.finish(t, moves)
	s.judge(t, drained, 1)
	s.judge(t, shifted, 1)
}

// tookOver waits until another replica drives what the victim drove, and wants it to be where
// it was.
func (s *site) tookOver(t *testing.T, moves map[string]*harness.Move, before map[string]harness.View, victim string) {
	t.Helper()
	for tenant, m := range moves {
		was := before[tenant]
		v := m.Until(t, "has another driver", func(v harness.View) bool { return v.Ended() || v.Owner != victim && v.Owner != "" })
		if v.Phase != was.Phase && was.Phase != "preflight" && was.Phase != "verifying" {
			t.Errorf("%s: it was %s, and with the new driver it is: %v", tenant, was.Phase, v)
		}
	}
}

// TestAFrozenDriverIsFencedOff: the replica that drives a switch freezes, is declared gone, and
// another completes it. When the frozen one goes on it must neither drive nor serve the tenant as
// it was before.
func TestAFrozenDriverIsFencedOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.SiteConfig{}, "acme")
	m := s.Start(t, "acme", "green", harness.Object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "10m"})
	was := m.Until(t, "is draining", func(v harness.View) bool { return v.Phase == "draining" && v.Owner != "" })
	var frozen *harness.Gateway
	for _, g := range s.All {
		if identity(t, g) == was.Owner {
			frozen = g
		}
	}
	u := harness.NewUser(s.Wires, harness.SiteHost("acme"))
	u.Via = frozen.Web // somebody whose connection stays there
	if _, err := u.Do(t.Context(), http.MethodGet, "/web/login", ""); err != nil {
		t.Fatal(err)
	}
	s.Freeze(t, frozen)
	s.tookOver(t, map[string]*harness.Move{"acme": m}, map[string]harness.View{"acme": was}, was.Owner)
	s.evict(t, was.Owner, "acme")
	m.Must(t, "promote")
	after := m.In(t, "watching")
	s.Thaw(t, frozen)
	harness.Eventually(t, harness.Patience, "the frozen replica serves the tenant as decided", func() error {
		reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", "")
		if err != nil {
			return err
		}
		switch release := reply.Header.Get("X-Standin-Release"); release {
		case "green":
			return nil
		case "":
			return fmt.Errorf("%d", reply.Status) // it does not serve the tenant yet
		default:
			t.Fatalf("after it was declared gone, the frozen replica sent a request to %s: %d", release, reply.Status)
			return nil
		}
	})
	if v := m.View(t); v.Owner != after.Owner || v.Phase != "watching" {
		t.Errorf("after the frozen driver %s went on: %v", was.Owner, v)
	}
	m.Must(t, "promote")
	m.Ended(t, "completed")
}

// TestACutoverOutlivesRestarts: every replica is restarted in turn while people work, then all
// of them are killed at once and Redis with them, which comes back empty. What was decided
// stands each time.
func TestACutoverOutlivesRestarts(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(places(), func(p parked) bool { return !slices.Contains([]string{"draining", "shifting", "watching"}, p.phase) })
	s := newSite(t, harness.SiteConfig{}, append(names(all), "settled")...)
	quiet := s.Visitor("drained", nil) // somebody at lunch: gateways that were restarted have not seen him
	if err := quiet.SignIn(t.Context(), person(0)); err != nil {
		t.Fatal(err)
	}
	moves := s.park(t, all)
	done := s.Start(t, "settled", "green", harness.Object{"strategy": "failover", "watch": "1s"})
	done.Ended(t, "completed")
	followed(t, moves["shifted"], 50)
	day := s.Mix(t, "shifted", 3, few)
	day.Await(t, 50)
	for _, g := range s.All {
		day.Spare(t, g.Web)
		if !g.Stop(harness.Patience) {
			t.Error("a replica did not stop in time")
		}
		g.Start(t)
		s.Wires.Return(g.Web)
		day.Await(t, 20)
	}
	s.StoreIs(t, true)
	s.stands(t, all, moves)
	s.judge(t, day, 0)

	s.Redis.Kill()
	var killing sync.WaitGroup
	for _, g := range s.All {
		killing.Go(g.Kill)
	}
	killing.Wait()
	s.Redis.Start(t)
	s.All.Start(t)
	s.StoreIs(t, true)
	s.stands(t, all, moves)
	if keys := s.Redis.Keys(t, "sluice:v1:control:*"); len(keys) == 0 {
		t.Error("the replicas have not filled the empty Redis with what they know")
	}
	s.Settled(t, "settled", "green")
	s.finish(t, moves)
}

// stands wants every cutover to be in its phase, and to be driven.
func (s *site) stands(t *testing.T, all []parked, moves map[string]*harness.Move) {
	t.Helper()
	for _, p := range all {
		moves[p.tenant].Until(t, "is driven in its phase", func(v harness.View) bool { return v.Owner != "" && v.Phase == p.phase })
	}
}
