package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// judgeOfStandby says whether the standby's database may be written to.
type judgeOfStandby struct {
	answer atomic.Pointer[string]
	asked  atomic.Int64
	url    string
}

func openJudge(t *testing.T, answer string) *judgeOfStandby {
	t.Helper()
	j := &judgeOfStandby{}
	j.answer.Store(&answer)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		j.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, *j.answer.Load())
	}))
	t.Cleanup(server.Close)
	j.url = server.URL + "/writable"
	return j
}

// TestAFailoverNeedsAWritableStandby: all servers of the active side die. The standby's database is
// not writable at first, so nothing moves and the metric that wakes somebody rises; once it is,
// the tenant moves by itself. The old side comes back and gets nothing: the gateway never goes
// back by itself.
func TestAFailoverNeedsAWritableStandby(t *testing.T) {
	t.Parallel()
	judge := openJudge(t, `{"writable": false, "lagSeconds": 0}`)
	s := newSite(t, harness.SiteConfig{
		Standby: true,
		Cutover: map[string]string{"acme": fmt.Sprintf(
			`{watch: 10m, failover: {automatic: true, after: 1s, check: {url: %q, maxLag: 10s, wait: 2s}}}`, judge.url)},
	}, "acme")
	s.Settled(t, "acme", "blue")
	for _, odoo := range s.Blue {
		odoo.Tell(t, `{"refuse": true}`)
	}
	harness.Eventually(t, 2*harness.Patience, "somebody is woken, and nothing moves", func() error {
		if waiting := s.All.Sum(t, "sluice_failover_waiting", `tenant="acme"`); waiting == 0 || judge.asked.Load() == 0 {
			return fmt.Errorf("waiting %v, the standby was asked %d times", waiting, judge.asked.Load())
		}
		return nil
	})
	u := harness.NewUser(s.Wires, harness.SiteHost("acme"))
	if reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", ""); err != nil || reply.Header.Get("X-Standin-Release") == "green" {
		t.Errorf("the tenant has moved to a standby that cannot be written to: %d, %v", reply.Status, err)
	}
	lagging := `{"writable": true, "lagSeconds": 3600}`
	judge.answer.Store(&lagging)
	asked := judge.asked.Load()
	harness.Eventually(t, 2*harness.Patience, "the standby is asked again", func() error {
		if now := judge.asked.Load(); now < asked+2 {
			return fmt.Errorf("asked %d times", now-asked)
		}
		return nil
	})
	if reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", ""); err != nil || reply.Header.Get("X-Standin-Release") == "green" {
		t.Errorf("the tenant has moved to a standby that is an hour behind: %d, %v", reply.Status, err)
	}
	writable := `{"writable": true, "lagSeconds": 0.5}`
	judge.answer.Store(&writable)
	s.Settled(t, "acme", "green")
	for _, odoo := range s.Blue {
		odoo.Tell(t, `{"refuse": false}`)
	}
	poolServes(t, s.All, "blue")
	s.Settled(t, "acme", "green")
}

// poolServes waits until every replica finds the servers of a pool well.
func poolServes(t *testing.T, all harness.Replicas, pool string) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "pool "+pool+" is well", func() error {
		for i, g := range all {
			var list struct {
				Pools []struct {
					Name     string
					Backends []struct{ State string }
				}
			}
			if err := g.API().Get(t.Context(), "/status/pools", &list); err != nil {
				return err
			}
			for _, p := range list.Pools {
				if p.Name == pool && p.Backends[0].State != "up" {
					return fmt.Errorf("replica %d: %s", i, p.Backends[0].State)
				}
			}
		}
		return nil
	})
}

// TestAFailoverNeedsASecondOpinion: one replica alone cannot reach the active side. It is the network's
// fault, not Odoo's, and nothing moves; once another one finds the same, it does.
func TestAFailoverNeedsASecondOpinion(t *testing.T) {
	t.Parallel()
	judge := openJudge(t, `{"writable": true, "lagSeconds": 0}`)
	s := newSite(t, harness.SiteConfig{
		Standby: true, Separate: true,
		Cutover: map[string]string{"acme": fmt.Sprintf(`{watch: 10m, failover: {automatic: true, after: 1s, check: {url: %q}}}`, judge.url)},
	}, "acme")
	s.Ways[0].Refuse(t, true)
	harness.Eventually(t, 2*harness.Patience, "the first replica waits for a second opinion", func() error {
		m := s.All[0].Metrics(t)
		if m.Sum("sluice_failover_waiting", `tenant="acme"`) == 0 {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	for _, g := range s.All[1:] {
		u := harness.NewUser(s.Wires, harness.SiteHost("acme"))
		u.Via = g.Web
		if reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", ""); err != nil || reply.Header.Get("X-Standin-Release") != "blue" {
			t.Errorf("with one replica cut off: %d from %q, %v", reply.Status, reply.Header.Get("X-Standin-Release"), err)
		}
	}
	s.Ways[1].Refuse(t, true)
	s.Settled(t, "acme", "green")
	var list struct{ Cutovers []harness.View }
	if err := s.API().Get(t.Context(), "/tenants/acme/cutovers", &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Cutovers) != 1 || !strings.Contains(list.Cutovers[0].String(), "failover") {
		t.Errorf("the cutovers of the tenant: %v", list.Cutovers)
	}
}

// TestAFencedServerIsTheLastResort: of two servers one is drained by an operator and the other dies. Who
// comes is served by the drained one, and no gateway turns in circles looking for another.
func TestAFencedServerIsTheLastResort(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.SiteConfig{Servers: 2}, "acme")
	s.backend(t, "blue", "blue-a", "drain")
	harness.Eventually(t, harness.Patience, "new people go to the other server", func() error {
		for range 12 {
			if server, err := s.newcomer(t); err != nil || server != "blue-b" {
				return fmt.Errorf("served by %q, %w", server, err)
			}
		}
		return nil
	})
	s.Blue[1].Tell(t, `{"refuse": true}`)
	harness.Eventually(t, harness.Patience, "the drained server serves them", func() error {
		for range 12 {
			if server, err := s.newcomer(t); err != nil || server != "blue-a" {
				return fmt.Errorf("served by %q, %w", server, err)
			}
		}
		return nil
	})
	harness.Eventually(t, 2*harness.Patience, "nobody spins", func() error {
		before := map[*harness.Gateway]time.Duration{}
		for _, g := range s.All {
			before[g] = g.Usage(t).CPU
		}
		<-time.After(time.Second) // what is measured is the work in it
		for i, g := range s.All {
			if used := g.Usage(t).CPU - before[g]; used > 500*time.Millisecond {
				return fmt.Errorf("replica %d used %v of a second", i, used)
			}
		}
		return nil
	})
	s.Blue[1].Tell(t, `{"refuse": false}`)
	harness.Eventually(t, harness.Patience, "the other server serves again", func() error {
		if server, err := s.newcomer(t); err != nil || server != "blue-b" {
			return fmt.Errorf("served by %q, %w", server, err)
		}
		return nil
	})
}

// newcomer is served by a server.
func (s *site) newcomer(t *testing.T) (string, error) {
	t.Helper()
	reply, err := harness.NewUser(s.Wires, harness.SiteHost("acme")).Do(t.Context(), http.MethodGet, "/web/login", "")
	if err == nil && reply.Status != http.StatusOK {
		err = fmt.Errorf("%d", reply.Status)
	}
	return reply.Header.Get("X-Standin-Server"), err
}

// backend says what an operator says of a server.
func (s *site) backend(t *testing.T, pool, name, state string) {
	t.Helper()
	path := fmt.Sprintf("/pools/%s/backends/%s/state", pool, name)
	reply, err := s.API().WriteTo(t.Context(), http.MethodPut, path, "/pools/"+pool, harness.Object{"state": state, "reason": "a test of the night"})
	if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusAccepted {
		t.Fatalf("%s %s of %s: %d %v %.300s", state, name, pool, reply.Status, err, reply.Body)
	}
}
