package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAMoveOutlivesAnOlderStore: where servers share sessions, a session moves when its server dies, and the
// move is newer than what it was pinned to. Then the server is back, and Redis is restored from
// before the move: the older record must not win, neither against the cookie, nor in what
// replicas know, nor later for a client that keeps none of our cookies.
func TestAMoveOutlivesAnOlderStore(t *testing.T) {
	t.Parallel()
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b"}, "-session-dir", t.TempDir())
	pool := harness.PoolOf("acme", `{version: "18.0", sessions: shared}`, odoos.backends(),
		"health: {interval: 100ms, timeout: 2s, fall: 2, rise: 1}", "balance: {fadeIn: 0s, warmUp: 0s}")
	tenant := harness.Tenant("acme", "acme", "acme", []string{"acme.test"})
	all := harness.NewReplicas(t, 3, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": harness.Documents(pool, tenant),
	})
	all[:2].Start(t)
	storeIs(t, all[:2], true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	u := harness.NewUser(wires, "acme.test")
	u.Via = all[0].Web
	if err := u.SignIn(t.Context(), person(0)); err != nil {
		t.Fatal(err)
	}
	before := redis.Snapshot(t)
	died := odoos.named(t, u.Home)
	died.Tell(t, `{"refuse": true}`)
	home := u.Home
	serversUp(t, all[:2], 1)
	server, err := servedBy(t, u)
	if err != nil || server == home {
		t.Fatalf("while %s is down: served by %q, %v", home, server, err)
	}
	u.Home = server
	if moves := all.Sum(t, "sluice_pin_moves_total", `tenant="acme"`); moves == 0 {
		t.Error("the move was not counted")
	}
	died.Tell(t, `{"refuse": false}`)
	serversUp(t, all[:2], 2)
	redis.Restore(t, before)
	all[2:].Start(t) // knows nothing but the store and the cookie
	storeIs(t, all, true)
	for i, g := range all {
		u.Via = g.Web
		if server, err := servedBy(t, u); server != u.Home || err != nil {
			t.Errorf("replica %d: with the newer cookie served by %q, want %s: %v", i, server, u.Home, err)
		}
	}
	u.SetCookie(pinName, "")
	u.Keep = harness.OnlySession
	for i, g := range all {
		u.Via = g.Web
		harness.Eventually(t, harness.Patience, "the newer record is back", func() error {
			if server, err := servedBy(t, u); server != u.Home || err != nil {
				return fmt.Errorf("replica %d: served by %q, want %s: %w", i, server, u.Home, err)
			}
			return nil
		})
	}
}

// TestASessionWaitsForItsServer: where each server keeps its own, the others are no home. While the server
// is away its users see a login page, which is counted; when it is back, so are they.
func TestASessionWaitsForItsServer(t *testing.T) {
	t.Parallel()
	redis := harness.StartRedis(t)
	odoos := newFarm(t, "18.0", 4, []string{"a", "b"})
	all := harness.StartReplicas(t, 2, harness.GatewayConfig{Spec: harness.Store(redis.Addr)}, map[string]string{
		"acme.yaml": odoos.documents(nil, "health: {interval: 100ms, timeout: 2s, fall: 2, rise: 1}"),
	})
	storeIs(t, all, true)
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
	users := append(trial.arrive(6), trial.programs(6)...)
	away := odoos.servers[0]
	away.Tell(t, `{"refuse": true}`)
	for _, u := range users {
		reply, err := u.Do(t.Context(), http.MethodGet, "/my", "")
		if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusSeeOther {
			t.Errorf("a user of %s, while %s is away: %d, %v", u.Home, away.Name, reply.Status, err)
		}
	}
	if away := homes(users)[away.Name]; away > 0 && all.Sum(t, "sluice_pin_moves_total", `tenant="acme"`) == 0 {
		t.Error("no move was counted")
	}
	away.Tell(t, `{"refuse": false}`)
	for i, u := range users {
		harness.Eventually(t, harness.Patience, "the user is at home again", func() error {
			if err := u.Visit(t.Context()); err != nil {
				return fmt.Errorf("user %d: %w", i, err)
			}
			return nil
		})
	}
}

// serversUp waits until every replica counts so many servers as up.
func serversUp(t *testing.T, all harness.Replicas, want float64) {
	t.Helper()
	for _, g := range all {
		harness.Eventually(t, harness.Patience, "the probes tell", func() error {
			if up := g.Metrics(t).Sum("sluice_backend_up"); up != want {
				return fmt.Errorf("%v up, want %v", up, want)
			}
			return nil
		})
	}
}

// servedBy looks at a page and says whose it is; a user who is signed out is an error.
func servedBy(t *testing.T, u *harness.User) (string, error) {
	t.Helper()
	reply, err := u.Do(t.Context(), http.MethodGet, "/my", "")
	if err == nil && reply.Status != http.StatusOK {
		err = fmt.Errorf("status %d", reply.Status)
	}
	return reply.Header.Get("X-Standin-Server"), err
}
