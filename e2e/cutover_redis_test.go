package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestACutoverWithoutRedis: Redis goes away while one tenant is drained, one is shifted, one is
// held for somebody else's step and one is past the point of no return. Nobody is moved, nothing
// fails; the hold ends with its lease, to the old side, and past the point of no return with
// the page. An abort works gateway by gateway. When Redis is back, empty, all agree again.
func TestACutoverWithoutRedis(t *testing.T) {
	t.Parallel()
	hold := harness.Object{"wait": "100s"}
	all := []parked{
		{tenant: "drained", phase: "draining", plan: harness.Object{"strategy": "drain", "idle": "10m", "deadline": "20m", "watch": "1s"}},
		{tenant: "shifted", phase: "shifting", plan: harness.Object{"strategy": "shift", "shares": []harness.Object{{"percent": 50}}, "mode": "all", "watch": "1s"}},
		{tenant: "held", phase: "external", plan: harness.Object{"strategy": "switch", "hold": hold, "external": harness.Object{"deadline": "3m"}, "watch": "1s"}},
		{tenant: "passed", phase: "external", plan: harness.Object{"strategy": "switch", "hold": hold, "external": harness.Object{"deadline": "3m", "noReturn": true}, "watch": "1s"}},
	}
	s := newSite(t, harness.SiteConfig{}, names(all)...)
	staying := s.Mix(t, "drained", 2, few)
	moves := s.park(t, all)
	moves["passed"].Until(t, "is past the point of no return", func(v harness.View) bool { return v.NoReturn })
	followed(t, moves["shifted"], 50)
	day := s.Mix(t, "shifted", 1, few)
	day.Await(t, 50)

	s.Redis.Kill()
	s.StoreIs(t, false)
	day.Await(t, 100)
	s.released(t, "held", http.StatusOK, "blue")
	s.released(t, "passed", http.StatusServiceUnavailable, "")
	for _, g := range s.All { // an operator goes from gateway to gateway
		m := *moves["drained"]
		m.At = g
		m.Must(t, "abort")
	}
	s.Settled(t, "drained", "blue")
	if v := moves["shifted"].View(t); v.Phase != "shifting" || v.Percent != 50 {
		t.Errorf("without Redis the shift went on: %v", v)
	}
	day.Await(t, 50)
	seen := day.Sofar()
	if strayed := seen.Strayed(0); len(strayed) > 0 {
		t.Errorf("people were moved while Redis was away: %q", strayed)
	}

	s.Redis.Start(t)
	s.StoreIs(t, true)
	moves["drained"].Ended(t, "aborted")
	s.Settled(t, "drained", "blue")
	for _, tenant := range []string{"shifted", "passed"} {
		if v := moves[tenant].Push(t); v.Phase != "completed" {
			t.Errorf("with Redis back: %v", v)
		}
		s.Settled(t, tenant, "green")
	}
	if v := moves["held"].Push(t); v.Phase == "failed" {
		t.Errorf("with Redis back: %v", v)
	}
	s.judge(t, day, 1)
	s.judge(t, staying, 0)
}

// released waits until requests of a tenant that was held are answered on every replica: by
// the release, or with the page.
func (s *site) released(t *testing.T, tenant string, status int, release string) {
	t.Helper()
	for i, g := range s.All {
		harness.Eventually(t, 2*harness.Patience, fmt.Sprintf("replica %d lets requests of %s go", i, tenant), func() error {
			u := harness.NewUser(s.Wires, harness.SiteHost(tenant))
			u.Via = g.Web
			reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", "")
			if err != nil {
				return err
			}
			got := reply.Header.Get("X-Standin-Release")
			if got == "green" {
				t.Fatalf("replica %d sent a request of %s to the side that is half moved", i, tenant)
			}
			if reply.Status != status || got != release || status != http.StatusOK && reply.Header.Get("Retry-After") == "" {
				return fmt.Errorf("%d from %q, Retry-After %q", reply.Status, got, reply.Header.Get("Retry-After"))
			}
			return nil
		})
	}
}

// TestAFlushedRedisChangesNothing: somebody empties Redis in the middle of a move with people at
// work. The gateways fill it again, the move goes on, and can be aborted.
func TestAFlushedRedisChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.SiteConfig{}, "acme")
	day := s.Mix(t, "acme", 1, few)
	m := s.Start(t, "acme", "green", harness.Object{"strategy": "shift", "shares": []harness.Object{{"percent": 40}}, "mode": "all"})
	m.In(t, "shifting")
	day.Await(t, 60)
	s.Redis.Do(t, "FLUSHALL")
	day.Await(t, 60)
	harness.Eventually(t, harness.Patience, "the record is back", func() error {
		if keys := s.Redis.Keys(t, "sluice:v1:control:*"); len(keys) == 0 {
			return fmt.Errorf("no record in Redis")
		}
		return nil
	})
	if v := m.View(t); v.Phase != "shifting" || v.Percent != 40 {
		t.Errorf("after Redis was emptied: %v", v)
	}
	m.Must(t, "abort")
	m.Ended(t, "aborted")
	after := time.Now()
	s.Settled(t, "acme", "blue")
	day.Await(t, 40)
	onlyServed(t, day.Sofar(), "blue", after)
	s.judge(t, day, 2)
}
