package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// parked is a cutover that stands in one of its phases until somebody says so.
type parked struct {
	tenant string
	plan   harness.Object
	phase  string
}

// places are all phases in which a cutover can rest.
func places() []parked {
	slow := harness.Object{"shares": []harness.Object{{"percent": 50}}, "mode": "all"}
	return []parked{
		{tenant: "checked", phase: "preflight", plan: harness.Object{"strategy": "drain", "watch": "1s"}},
		{tenant: "verified", phase: "verifying", plan: harness.Object{"strategy": "drain", "skipPreflight": true, "watch": "1s"}},
		{tenant: "drained", phase: "draining", plan: harness.Object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "1s"}},
		{tenant: "shifted", phase: "shifting", plan: withStrategy("shift", slow)},
		{tenant: "stepped", phase: "external", plan: harness.Object{"strategy": "switch", "external": harness.Object{"deadline": "2m"}, "hold": harness.Object{"wait": "100s"}, "watch": "1s"}},
		{tenant: "watched", phase: "watching", plan: harness.Object{"strategy": "failover", "watch": "10m"}},
	}
}

// park brings a cutover of each tenant to its place. All are told to one replica; which one
// drives them is theirs to say.
func (s *site) park(t *testing.T, all []parked) map[string]*harness.Move {
	t.Helper()
	moves := map[string]*harness.Move{}
	var mu sync.Mutex
	var group sync.WaitGroup
	begin := func(p parked) {
		m := s.Start(t, p.tenant, "green", p.plan)
		m.In(t, p.phase)
		mu.Lock()
		defer mu.Unlock()
		moves[p.tenant] = m
	}
	var late []parked
	for _, p := range all {
		if p.phase == "preflight" || p.phase == "verifying" {
			late = append(late, p)
			continue
		}
		group.Go(func() { begin(p) })
	}
	group.Wait()
	// Green is not well, and neither the checks before nor the one after are passed.
	if len(late) > 0 {
		s.greenIs(t, false)
	}
	for _, p := range late {
		group.Go(func() { begin(p) })
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return moves
}

// greenIs makes the login page of green fail, or heals it.
func (s *site) greenIs(t *testing.T, well bool) {
	t.Helper()
	rules := `[]`
	if !well {
		rules = `[{"path": "/web/login", "status": 500}]`
	}
	for _, odoo := range s.Green {
		odoo.Tell(t, `{"rules": `+rules+`}`)
	}
}

// owners counts the moves by the replica that drives them.
func owners(t *testing.T, moves map[string]*harness.Move) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, m := range moves {
		v := m.Until(t, "has an owner", func(v harness.View) bool { return v.Owner != "" })
		count[v.Owner]++
	}
	return count
}

// identity is a replica's id, which is new at each start.
func identity(t testing.TB, g *harness.Gateway) string {
	t.Helper()
	var status struct {
		Replicas struct {
			Replicas []struct {
				ID   string
				Self bool
			}
		}
	}
	if err := g.API().Get(t.Context(), "/status", &status); err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Replicas.Replicas {
		if r.Self {
			return r.ID
		}
	}
	t.Fatalf("a replica does not know itself: %+v", status)
	return ""
}

// evict says that a replica is gone, to all the tenants.
func (s *site) evict(t *testing.T, id string, tenants ...string) {
	t.Helper()
	for _, tenant := range tenants {
		reply, err := s.API().Write(t.Context(), http.MethodPost, fmt.Sprintf("/tenants/%s/replicas/%s/evict", tenant, id), tenant, harness.Object{"reason": "it was killed"})
		if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusAccepted {
			t.Fatalf("evict %s of %s: %d %v %.300s", id, tenant, reply.Status, err, reply.Body)
		}
	}
}

// finish pushes every move to its end. What was stopped by a check that failed is told to
// go on first.
func (s *site) finish(t *testing.T, moves map[string]*harness.Move) {
	t.Helper()
	s.greenIs(t, true)
	var group sync.WaitGroup
	for tenant, m := range moves {
		group.Go(func() {
			if v := m.View(t); v.Paused {
				m.Must(t, "resume")
			}
			if v := m.Push(t); v.Phase != "completed" {
				t.Errorf("it ended badly: %v", v)
				return
			}
			s.Settled(t, tenant, "green")
		})
	}
	group.Wait()
}

func names(all []parked) []string {
	var tenants []string
	for _, p := range all {
		tenants = append(tenants, p.tenant)
	}
	return tenants
}
