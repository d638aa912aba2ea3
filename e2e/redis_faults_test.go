package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// redisFault is a way in which a store goes bad while requests come.
type redisFault struct {
	name  string
	spoil func(*storeTrial)
	heal  func(*storeTrial)
	opens bool // replicas must notice and leave the store alone until it answers again
}

var redisFaults = []redisFault{
	{"frozen", func(s *storeTrial) { s.redis.Freeze(s.t) }, func(s *storeTrial) { s.redis.Thaw(s.t) }, true},
	{
		"silent", func(s *storeTrial) { s.toxic.Add(s.t, "silent", "timeout", map[string]int{"timeout": 0}) },
		func(s *storeTrial) { s.toxic.Remove(s.t, "silent") }, true,
	},
	{"refused", func(s *storeTrial) { s.toxic.Refuse(s.t, true) }, func(s *storeTrial) { s.toxic.Refuse(s.t, false) }, true},
	{"killed", func(s *storeTrial) { s.redis.Kill() }, func(s *storeTrial) { s.redis.Start(s.t) }, true},
	{
		"slow by 30 ms", func(s *storeTrial) { s.toxic.Add(s.t, "slow", "latency", map[string]int{"latency": 30}) },
		func(s *storeTrial) { s.toxic.Remove(s.t, "slow") }, false,
	},
	{
		"read-only", func(s *storeTrial) { s.redis.Do(s.t, "REPLICAOF", "127.0.0.1", harness.FreePort(s.t)) },
		func(s *storeTrial) { s.redis.Do(s.t, "REPLICAOF", "NO", "ONE") }, true,
	},
	{"flushed", func(s *storeTrial) { s.redis.Do(s.t, "FLUSHALL") }, func(*storeTrial) {}, false},
	{"failed over, with the last second lost", failOver, func(*storeTrial) {}, false},
	{"restored from an older snapshot", restoreOlder, func(*storeTrial) {}, false},
	{"evicting", evict, func(s *storeTrial) { s.redis.Do(s.t, "CONFIG", "SET", "maxmemory", "0") }, false},
}

// storeTrial is three replicas whose way to their Redis leads through a toxic proxy.
type storeTrial struct {
	t     *testing.T
	redis *harness.Redis
	toxic *harness.Toxic
	odoos *farm
	all   harness.Replicas
	wires *harness.Wires
	users []*harness.User // keep all cookies
	crowd crowd

	excused int // visits of clients with one cookie that were lost while the store was late
}

// TestRequestsAreServedWhateverBecomesOfRedis: browsers carry their pin with them, so nothing that happens to the store may
// reach them. Once the store is well again, replicas share pins as before.
func TestRequestsAreServedWhateverBecomesOfRedis(t *testing.T) {
	redis := harness.StartRedis(t)
	toxic := harness.StartToxic(t, redis.Addr)
	odoos := newFarm(t, "18.0", 6, []string{"a", "b", "c"})
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(toxic.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	s := &storeTrial{t: t, redis: redis, toxic: toxic, odoos: odoos, all: all, wires: harness.NewWires(webs(all)...)}
	t.Cleanup(s.wires.Close)
	s.wellAgain()
	s.arrive(150)
	s.roam(time.Second) // until caches and connections are warm
	s.crowd.report()
	for _, fault := range redisFaults {
		s.try(fault)
	}
	if s.excused > 0 {
		t.Logf("%d visits of clients with one cookie were lost after faults, while the store was late", s.excused)
	} else {
		odoos.wantNoneLost(t)
	}
}

// try lets the users roam before, during and after a fault.
func (s *storeTrial) try(fault redisFault) {
	s.t.Helper()
	s.roam(500 * time.Millisecond)
	_, badBefore, before := s.crowd.report()
	fault.spoil(s)
	newcomers := s.arrive(10)
	s.roam(1200 * time.Millisecond)
	each(newcomers, 4, func(_ int, u *harness.User) { s.crowd.visit(s.t.Context(), u) })
	done, bad, during := s.crowd.report()
	if fault.opens {
		s.leftAlone(fault.name)
	}
	fault.heal(s)
	s.wellAgain()
	s.roam(300 * time.Millisecond)
	s.shared(fault.name)
	after, badAfter, _ := s.crowd.report()
	s.t.Logf("%-40s p50 %v p99 %v in health, p50 %v p99 %v max %v with the fault", fault.name+":",
		quantile(before, 0.5), quantile(before, 0.99), quantile(during, 0.5), quantile(during, 0.99), quantile(during, 1))
	if len(badBefore)+len(bad)+len(badAfter) > 0 || done == 0 || after == 0 {
		s.t.Errorf("%s: before %v; of %d visits meanwhile %v; of %d after it %v", fault.name, badBefore, done, bad, after, badAfter)
	}
}

// arrive signs browsers in.
func (s *storeTrial) arrive(count int) []*harness.User {
	s.t.Helper()
	var users []*harness.User
	for range count {
		users = append(users, harness.NewUser(s.wires, "acme.test"))
	}
	each(users, 8, func(i int, u *harness.User) {
		if err := u.SignIn(s.t.Context(), person(i)); err != nil {
			s.crowd.note(err, 0)
		}
	})
	s.users = append(s.users, users...)
	return users
}

func (s *storeTrial) roam(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	s.crowd.roam(ctx, s.users, 4)
}

// shared: somebody who keeps nothing but Odoo's cookie is found by every replica.
func (s *storeTrial) shared(when string) {
	s.t.Helper()
	late, visits := unanswered(s.t, s.all), crowd{}
	for i := range 9 {
		u := harness.NewUser(s.wires, "acme.test")
		u.Keep = harness.OnlySession
		u.Via = s.all[i%len(s.all)].Web
		if err := u.SignInByCall(s.t.Context(), "acme", person(i)); err != nil {
			s.t.Errorf("after %s: %v", when, err)
			continue
		}
		for _, g := range s.all {
			u.Via = g.Web
			visits.visit(s.t.Context(), u)
		}
	}
	done, bad, _ := visits.report()
	for what, n := range bad {
		if late == unanswered(s.t, s.all) {
			s.t.Errorf("after %s, %d of %d visits: %s", when, n, done, what)
		} else {
			s.excused += n
		}
	}
}

// wellAgain waits until every replica uses the store.
func (s *storeTrial) wellAgain() { s.t.Helper(); storeIs(s.t, s.all, true) }

// leftAlone: every replica has noticed, and asks the store no more for anything that a request
// needs. (One probe in the background goes on.)
func (s *storeTrial) leftAlone(when string) {
	s.t.Helper()
	storeIs(s.t, s.all, false)
	before := s.asked()
	harness.Eventually(s.t, harness.Patience, "calls that were under way have ended", func() error {
		<-time.After(100 * time.Millisecond) // longer than a call may take
		last := before
		if before = s.asked(); !maps.Equal(before, last) {
			return fmt.Errorf("%v, then %v", last, before)
		}
		return nil
	})
	s.arrive(10)
	if after := s.asked(); !maps.Equal(before, after) {
		s.t.Errorf("%s: calls went to a store that is known to be away: %v, then %v", when, before, after)
	}
}

// asked counts the calls that were sent, by what for and how they ended; probes are none.
func (s *storeTrial) asked() map[string]float64 {
	s.t.Helper()
	calls := map[string]float64{}
	for _, g := range s.all {
		for _, sample := range g.Metrics(s.t) {
			sent := sample.Name == "sluice_store_calls_total" && !strings.Contains(sample.Labels, "unavailable") && !strings.Contains(sample.Labels, "probe")
			if sent {
				calls[sample.Labels] += sample.Value
			}
		}
	}
	return calls
}

// failOver makes a replica that stops following the primary at a moment; who signs in after
// that moment is not on it. Then it becomes the primary.
func failOver(s *storeTrial) {
	successor := harness.StartRedis(s.t)
	follow(s.t, successor, s.redis)
	successor.Do(s.t, "REPLICAOF", "NO", "ONE")
	s.arrive(20)
	s.toxic.Lead(s.t, successor.Addr)
	s.redis.Kill()
	s.redis = successor
}

func follow(t *testing.T, replica, primary *harness.Redis) {
	t.Helper()
	host, port := splitAddr(primary.Addr)
	replica.Do(t, "REPLICAOF", host, port)
	harness.Eventually(t, harness.Patience, "the replica has all", func() error {
		if state := replica.Info(t, "replication")["master_link_status"]; state != "up" {
			return fmt.Errorf("link %s", state)
		}
		return nil
	})
}

func restoreOlder(s *storeTrial) {
	dump := s.redis.Snapshot(s.t)
	s.arrive(20)
	s.redis.Restore(s.t, dump)
}

// evict gives Redis no room beyond what it uses, so that each new pin costs an old one.
func evict(s *storeTrial) {
	s.redis.Do(s.t, "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	s.redis.Do(s.t, "CONFIG", "SET", "maxmemory", s.redis.Info(s.t, "memory")["used_memory"])
	before := len(s.redis.Keys(s.t, "sluice:v1:pin:*"))
	s.arrive(30)
	if s.redis.Info(s.t, "stats")["evicted_keys"] == "0" {
		s.t.Errorf("nothing was evicted of %d pins", before)
	}
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, int(q*float64(len(all))))].Round(10 * time.Microsecond)
}
