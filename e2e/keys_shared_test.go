package e2e

import (
	"context"
	"os"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAReplicaWithForeignKeysRefusesToServe: its pins would be worth nothing to the others, and theirs
// nothing to it.
func TestAReplicaWithForeignKeysRefusesToServe(t *testing.T) {
	t.Parallel()
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 2, []string{"a"})
	c, documents := harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{"acme.yaml": odoos.documents(nil)}
	first := harness.StartReplicas(t, 1, c, documents)
	storeIs(t, first, true)
	stranger := harness.NewGateway(t, c, documents)
	stranger.WriteKeys(t, harness.KeyLine("k1")) // the same name, another secret
	stranger.Launch(t)
	code, err := stranger.ExitCode(harness.Patience)
	if err != nil || code != 1 {
		t.Errorf("exit code %d, %v; want 1", code, err)
	}
	for _, part := range []string{stranger.Path("data/keys"), "copy"} {
		if !stranger.Log.Contains(part) {
			t.Errorf("the log does not say %q:\n%s", part, stranger.Log.Tail(10))
		}
	}
	ring, err := os.ReadFile(first[0].Path("data/keys"))
	if err != nil {
		t.Fatal(err)
	}
	stranger.WriteKeys(t, string(ring))
	stranger.Start(t)
	storeIs(t, harness.Replicas{first[0], stranger}, true)
}

// TestAKeyRingIsRotatedUnderTraffic: first every replica learns the new key, then it signs. Nobody is
// lost on the way, with all cookies or with Odoo's alone.
func TestAKeyRingIsRotatedUnderTraffic(t *testing.T) {
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 6, []string{"a", "b", "c"})
	c, documents := harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{"acme.yaml": odoos.documents(nil)}
	all := harness.NewReplicas(t, 2, c, documents)
	before, after := harness.KeyLine("old"), harness.KeyLine("new")
	for _, g := range all {
		g.WriteKeys(t, before)
	}
	all.Start(t)
	storeIs(t, all, true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
	users := append(trial.arrive(30), trial.programs(30)...)
	for _, ring := range []string{before + after, after + before} {
		for i, g := range all {
			walking := trial.walkBy(all[1-i], users)
			wires.Close() // a connection that has sent nothing yet holds up the end of an entry point
			if !g.Stop(harness.Patience) {
				t.Error("the gateway did not stop")
			}
			g.WriteKeys(t, ring)
			g.Start(t)
			storeIs(t, harness.Replicas{g}, true)
			walking()
			trial.walkBy(g, users)()
		}
	}
	done, bad, _ := trial.crowd.report()
	odoos.judge(t, unanswered(t, all), done, bad)
}

// walkBy sends the users through one replica until the returned function is called, and each
// of them once at least.
func (s *storeTrial) walkBy(g *harness.Gateway, users []*harness.User) (stop func()) {
	for _, u := range users {
		u.Via = g.Web
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var walking sync.WaitGroup
	walking.Go(func() {
		each(users, 4, func(_ int, u *harness.User) { s.crowd.visit(s.t.Context(), u) })
		s.crowd.roam(ctx, users, 4)
	})
	return func() {
		cancel()
		walking.Wait()
	}
}
