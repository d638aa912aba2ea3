package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestPinsOutliveAFailover: the primary dies, its replica takes over, and who signed in before
// is found with nothing but Odoo's cookie.
func TestPinsOutliveAFailover(t *testing.T) {
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := harness.StartSentinels(t)
		pinsOutlive(t, s.Store(), []*harness.Redis{s.Primary}, s.Primary, s.Replica)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := harness.StartCluster(t)
		pinsOutlive(t, c.Store(), c.Primaries, c.Primaries[1], c.Replicas[1])
	})
}

func pinsOutlive(t *testing.T, store string, primaries []*harness.Redis, dies, heir *harness.Redis) {
	t.Helper()
	odoos := newFarm(t, "18.0", 4, []string{"a", "b"})
	all := harness.StartReplicas(t, 2, harness.GatewayConfig{Spec: store}, map[string]string{"acme.yaml": odoos.documents(nil)})
	wires := harness.NewWires(webs(all)...)
	t.Cleanup(wires.Close)
	trial := &storeTrial{t: t, odoos: odoos, all: all, wires: wires}
	storeIs(t, all, true)
	browsers, programs := trial.arrive(20), trial.programs(40)
	for i, node := range primaries {
		if len(node.Keys(t, "sluice:v1:pin:*")) == 0 {
			t.Errorf("primary %d holds no pin", i)
		}
		replicated(t, node)
	}
	dies.Kill()
	for range 5 {
		each(browsers, 4, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	}
	harness.Eventually(t, harness.Patience, "the heir is primary", func() error {
		if role := heir.Info(t, "replication")["role"]; role != "master" {
			return fmt.Errorf("role %s", role)
		}
		return nil
	})
	trial.reaches()
	late := unanswered(t, all)
	each(append(browsers, programs...), 4, func(_ int, u *harness.User) { trial.crowd.visit(t.Context(), u) })
	trial.shared("the failover")
	done, bad, _ := trial.crowd.report()
	odoos.judge(t, unanswered(t, all)-late, done, bad)
}

// replicated waits until the replica has what the primary has.
func replicated(t *testing.T, primary *harness.Redis) {
	t.Helper()
	target := primary.Info(t, "replication")["master_repl_offset"]
	harness.Eventually(t, harness.Patience, "the replica has all", func() error {
		slave := primary.Info(t, "replication")["slave0"]
		_, rest, _ := strings.Cut(slave, "offset=")
		offset, _, _ := strings.Cut(rest, ",")
		if number(t, offset) < number(t, target) {
			return fmt.Errorf("%s of %s", slave, target)
		}
		return nil
	})
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// programs signs in clients that keep only Odoo's cookie.
func (s *storeTrial) programs(count int) []*harness.User {
	s.t.Helper()
	var users []*harness.User
	for range count {
		u := harness.NewUser(s.wires, "acme.test")
		u.Keep = harness.OnlySession
		users = append(users, u)
	}
	each(users, 4, func(i int, u *harness.User) {
		if err := u.SignInByCall(s.t.Context(), "acme", person(i)); err != nil {
			s.crowd.note(err, 0)
		}
	})
	return users
}

// reaches waits until what logins write reaches the store from every replica, wherever its key
// lies.
func (s *storeTrial) reaches() {
	s.t.Helper()
	storeIs(s.t, s.all, true)
	calls := func() (ok, bad float64) {
		ok = s.all.Sum(s.t, "sluice_store_calls_total", `result="ok"`)
		return ok, s.all.Sum(s.t, "sluice_store_calls_total") - ok
	}
	harness.Eventually(s.t, harness.Patience, "the store takes new pins", func() error {
		okBefore, badBefore := calls()
		s.programs(20)
		if ok, bad := calls(); bad > badBefore || ok < okBefore+20 {
			return fmt.Errorf("%v calls worked, %v did not", ok-okBefore, bad-badBefore)
		}
		return nil
	})
}
