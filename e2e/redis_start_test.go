package e2e

import (
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestGatewaysStartWithoutTheirRedis: nobody answers at its address. Users sign in and stay where they are all the
// same; when Redis comes, it is used.
func TestGatewaysStartWithoutTheirRedis(t *testing.T) {
	redis := harness.NewRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b", "c"})
	all := harness.StartReplicas(t, 2, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil),
	})
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, redis: redis, odoos: odoos, all: all, wires: wires}
	storeIs(t, all, false)
	users := trial.arrive(40)
	for range 5 {
		each(users, 8, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	}
	for _, g := range all {
		if !g.Log.Contains(redis.Addr) {
			t.Errorf("the log does not say which store is away:\n%s", g.Log.Tail(10))
		}
	}
	redis.Start(t)
	trial.wellAgain()
	trial.shared("the start of Redis")
	each(users, 8, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	done, bad, _ := trial.crowd.report()
	odoos.judge(t, 0, done, bad)
}
