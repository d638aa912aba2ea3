package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"syscall"
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
	s := newSite(t, siteConfig{}, names(all)...)
	drained, shifted := s.mix(t, "drained", 1, few), s.mix(t, "shifted", 2, few)
	moves := s.park(t, all)
	ids := map[string]*harness.Gateway{}
	for _, g := range s.all {
		ids[identity(t, g)] = g
	}
	count := owners(t, moves)
	victim := slices.MaxFunc(slices.Collect(maps.Keys(count)), func(a, b string) int { return count[a] - count[b] })
	before := map[string]view{}
	for tenant, m := range moves {
		before[tenant] = m.view(t)
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
func (s *site) tookOver(t *testing.T, moves map[string]*move, before map[string]view, victim string) {
	t.Helper()
	for tenant, m := range moves {
		was := before[tenant]
		v := m.until(t, "has another driver", func(v view) bool { return v.ended() || v.Owner != victim && v.Owner != "" })
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
	s := newSite(t, siteConfig{}, "acme")
	m := s.start(t, "acme", "green", object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "10m"})
	was := m.until(t, "is draining", func(v view) bool { return v.Phase == "draining" && v.Owner != "" })
	var frozen *harness.Gateway
	for _, g := range s.all {
		if identity(t, g) == was.Owner {
			frozen = g
		}
	}
	u := harness.NewUser(s.wires, nightHost("acme"))
	u.Via = frozen.Web // somebody whose connection stays there
	if _, err := u.Do(t.Context(), http.MethodGet, "/web/login", ""); err != nil {
		t.Fatal(err)
	}
	s.freeze(t, frozen)
	s.tookOver(t, map[string]*move{"acme": m}, map[string]view{"acme": was}, was.Owner)
	s.evict(t, was.Owner, "acme")
	m.must(t, "promote")
	after := m.in(t, "watching")
	s.thaw(t, frozen)
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
	if v := m.view(t); v.Owner != after.Owner || v.Phase != "watching" {
		t.Errorf("after the frozen driver %s went on: %v", was.Owner, v)
	}
	m.must(t, "promote")
	m.ended(t, "completed")
}

// freeze stops a replica without closing anything.
func (s *site) freeze(t *testing.T, g *harness.Gateway) {
	t.Helper()
	s.frozen[g] = true
	s.signal(t, g, syscall.SIGSTOP)
	t.Cleanup(func() { _ = g.Signal(syscall.SIGCONT) }) // a frozen process cannot end
}

func (s *site) thaw(t *testing.T, g *harness.Gateway) {
	t.Helper()
	delete(s.frozen, g)
	s.signal(t, g, syscall.SIGCONT)
}

func (s *site) signal(t *testing.T, g *harness.Gateway, signal syscall.Signal) {
	t.Helper()
	if err := g.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// TestACutoverOutlivesRestarts: every replica is restarted in turn while people work, then all
// of them are killed at once and Redis with them, which comes back empty. What was decided
// stands each time.
func TestACutoverOutlivesRestarts(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(places(), func(p parked) bool { return !slices.Contains([]string{"draining", "shifting", "watching"}, p.phase) })
	s := newSite(t, siteConfig{}, append(names(all), "settled")...)
	moves := s.park(t, all)
	done := s.start(t, "settled", "green", object{"strategy": "failover", "watch": "1s"})
	done.ended(t, "completed")
	day := s.mix(t, "shifted", 3, few)
	day.Await(t, 50)
	for _, g := range s.all {
		s.wires.Drop(g.Web)
		if !g.Stop(harness.Patience) {
			t.Error("a replica did not stop in time")
		}
		g.Start(t)
		s.wires.Return(g.Web)
		day.Await(t, 20)
	}
	storeIs(t, s.all, true)
	s.stands(t, all, moves)
	s.judge(t, day, 0)

	s.redis.Kill()
	var killing sync.WaitGroup
	for _, g := range s.all {
		killing.Go(g.Kill)
	}
	killing.Wait()
	s.redis.Start(t)
	s.all.Start(t)
	storeIs(t, s.all, true)
	s.stands(t, all, moves)
	if keys := s.redis.Keys(t, "sluice:v1:control:*"); len(keys) == 0 {
		t.Error("the replicas have not filled the empty Redis with what they know")
	}
	s.settled(t, "settled", "green")
	s.finish(t, moves)
}

// stands wants every cutover to be in its phase, and to be driven.
func (s *site) stands(t *testing.T, all []parked, moves map[string]*move) {
	t.Helper()
	for _, p := range all {
		moves[p.tenant].until(t, "is driven in its phase", func(v view) bool { return v.Owner != "" && v.Phase == p.phase })
	}
}
