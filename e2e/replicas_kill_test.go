package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAKilledReplicaTakesOnlyItsOwnRequestsWithIt: kill -9 of one of three in the middle of the day.
func TestAKilledReplicaTakesOnlyItsOwnRequestsWithIt(t *testing.T) {
	const workers, walkers, sockets = 6, 12, 30
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", workers, []string{"a", "b"})
	all := harness.StartReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	storeIs(t, all, true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
	users := append(trial.arrive(60), trial.programs(30)...)
	ctx, cancel := context.WithCancel(t.Context())
	held := &harness.Held{}
	defer held.Wait()
	defer cancel()
	for i, u := range users[:sockets] {
		u.Via = all[i%3].Web
		if err := held.Open(ctx, u, harness.EchoSocket("18.0")); err != nil {
			t.Fatal(err)
		}
		u.Via = ""
	}

	victim := all[2]
	walk := &killedWalk{victim: victim.Web, bad: map[string]int{}}
	var walking sync.WaitGroup
	var over atomic.Bool
	for i := range walkers {
		walking.Go(func() { walk.through(ctx, &over, wires, users[i*len(users)/walkers:(i+1)*len(users)/walkers]) })
	}
	walk.wait(t, 300)
	walk.killed.Store(true)
	victim.Kill()
	wires.Drop(victim.Web)
	walk.wait(t, 600)
	over.Store(true)
	walking.Wait()

	t.Logf("%d visits; %d were in flight in the killed replica and failed", walk.visits.Load(), walk.inFlight.Load())
	odoos.judge(t, unanswered(t, all), int(walk.visits.Load()), walk.bad)
	harness.Eventually(t, harness.Patience, "only the killed replica's sockets end", func() error {
		if open, ended := held.Now(); open != sockets*2/3 {
			return fmt.Errorf("%d open, ended %v", open, ended)
		}
		return nil
	})
	slotsComeBack(t, odoos, slices.Clone(all[:2]), workers)
}

// killedWalk is users whose balancer takes a dead replica out: what fails there is asked once
// more elsewhere.
type killedWalk struct {
	victim   string
	killed   atomic.Bool
	visits   atomic.Int64
	inFlight atomic.Int64 // failed in the victim, and were sent before it was killed
	mu       sync.Mutex
	bad      map[string]int
}

func (k *killedWalk) through(ctx context.Context, over *atomic.Bool, wires *harness.Wires, users []*harness.User) {
	for i := 0; !over.Load(); i++ {
		u := users[i%len(users)]
		addrs := wires.Addrs()
		u.Via = addrs[i%len(addrs)]
		began := k.killed.Load()
		err := u.Visit(ctx)
		if err != nil && !errors.Is(err, harness.ErrLost) && u.Via == k.victim && k.killed.Load() {
			if !began {
				k.inFlight.Add(1)
			}
			u.Via = addrs[(i+1)%len(addrs)]
			if u.Via == k.victim {
				u.Via = addrs[(i+2)%len(addrs)]
			}
			err = u.Visit(ctx)
		}
		k.visits.Add(1)
		if err != nil {
			k.mu.Lock()
			k.bad[short(err.Error())]++
			k.mu.Unlock()
		}
	}
}

// wait lets so many more visits happen.
func (k *killedWalk) wait(t *testing.T, more int64) {
	t.Helper()
	target := k.visits.Load() + more
	harness.Eventually(t, harness.Patience, "users go on", func() error {
		if now := k.visits.Load(); now < target {
			return fmt.Errorf("%d of %d visits", now, target)
		}
		return nil
	})
}

// slotsComeBack puts more slow requests on the replicas than all servers have workers, until
// every worker is busy at once.
func slotsComeBack(t *testing.T, odoos *farm, all harness.Replicas, workers int) {
	t.Helper()
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	for i := range 2 * workers * len(odoos.servers) {
		busy.Go(func() {
			for ctx.Err() == nil {
				u := harness.NewUser(wires, "acme.test")
				u.Via = all[i%len(all)].Web
				_, _ = u.Do(ctx, "GET", "/standin/slow?seconds=0.3", "")
			}
		})
	}
	harness.Eventually(t, harness.Patience, "the replicas that are left use every worker", func() error {
		var now []int
		for _, s := range odoos.servers {
			now = append(now, s.Counters(t).Workers.Busy)
		}
		if slots := all.Sum(t, "sluice_admission_slots"); slices.Min(now) < workers || int(slots) != workers*len(odoos.servers) {
			return fmt.Errorf("busy %v, slots %v", now, slots)
		}
		return nil
	})
}
