package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// sides is a tenant with a release on Odoo 18 and one on Odoo 19, each with a database and
// servers of its own, behind one gateway.
type sides struct {
	gateway     *harness.Gateway
	blue, green *harness.StandIn
}

func newSides(t *testing.T) *sides {
	t.Helper()
	start := func(name, version, database string) *harness.StandIn {
		return harness.StartStandIn(t, harness.StandInConfig{
			Name: name, Version: version, Databases: database, Args: []string{"-cooldown-failures", "-1"},
		})
	}
	s := &sides{blue: start("blue", "18.0", "acme"), green: start("green", "19.0", "acme_v19")}
	s.gateway = harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{"acme.yaml": s.documents("blue", true)})
	return s
}

func (s *sides) documents(active string, both bool) string {
	pool := func(o *harness.StandIn) string {
		return harness.PoolOf(o.Name, fmt.Sprintf("{version: %q, sessions: local}", o.Version),
			[]harness.Backend{{Name: "b1", HTTP: o.HTTP, Realtime: o.Realtime, Workers: o.Workers}})
	}
	releases := "green: {pool: green, database: acme_v19}"
	if both {
		releases += ", blue: {pool: blue, database: acme}"
	}
	tenant := fmt.Sprintf("apiVersion: sluicegate.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec:\n"+
		"  hosts: [acme.test]\n  releases: {%s}\n  active: %s\n", releases, active)
	return harness.Documents(pool(s.blue), pool(s.green), tenant)
}

// change makes another release active, or takes blue away, and waits until that is served.
func (s *sides) change(t *testing.T, active string, both bool) {
	t.Helper()
	before := s.gateway.Metrics(t).Sum("sluice_config_applies_total")
	s.gateway.Write(t, "tenants/acme.yaml", s.documents(active, both))
	harness.Eventually(t, harness.Patience, "the change is served", func() error {
		if now := s.gateway.Metrics(t).Sum("sluice_config_applies_total"); now <= before {
			return fmt.Errorf("%v applies", now)
		}
		return nil
	})
}

// pass makes a tester's pass, as a header line.
func (s *sides) pass(t *testing.T, release string) string {
	t.Helper()
	out := s.gateway.CLI(t, "tenant", "tester", "acme", "--release", release, "--for", "10m", "--reason", "before the cutover", "-o", "json")
	var pass struct{ Header, Pass string }
	if err := json.Unmarshal([]byte(out.Stdout), &pass); err != nil || pass.Pass == "" {
		t.Fatalf("%v: %s", err, out.All())
	}
	return pass.Header + ": " + pass.Pass
}

// at says which side serves a browser, and what the answer was.
func at(t *testing.T, browser *http.Client, path string, header ...string) (string, harness.Reply) {
	t.Helper()
	reply := harness.Get(t, browser, "http://acme.test"+path, header...)
	return reply.Header.Get("X-Standin-Server"), reply
}

// TestASessionKeepsItsRelease: blue has users when green becomes active. They stay on blue, with
// blue's database, over a restart as well; who comes then is on green. When blue is taken out
// of the tenant they go to green, which does not know them.
func TestASessionKeepsItsRelease(t *testing.T) {
	t.Parallel()
	s := newSides(t)
	old := signIn(t, s.gateway.Web)
	s.change(t, "green", true)
	young := signIn(t, s.gateway.Web)
	where := func(when string) {
		t.Helper()
		for range 3 {
			for side, browser := range map[string]*http.Client{"blue": old, "green": young} {
				if server, reply := at(t, browser, "/odoo"); server != side || reply.Status != http.StatusOK {
					t.Errorf("%s: %d from %s, want 200 from %s", when, reply.Status, server, side)
				}
			}
		}
	}
	where("after the change")
	for database, want := range map[string]int{"acme": http.StatusOK, "acme_v19": http.StatusForbidden} {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","method":"call","params":{"db":%q,"login":"admin","password":"wrong"}}`, database)
		if reply := harness.Post(t, old, "http://acme.test/web/session/authenticate", "application/json", body); reply.Status != want {
			t.Errorf("a sign-in to %s from a session on blue: %d, want %d", database, reply.Status, want)
		}
	}
	if !s.gateway.Stop(10 * time.Second) {
		t.Fatal("the gateway did not stop")
	}
	s.gateway.Start(t)
	where("after a restart")
	s.change(t, "green", false)
	if server, reply := at(t, old, "/odoo"); server != "green" || reply.Status != http.StatusSeeOther {
		t.Errorf("without blue: %d from %s, want the login page of green", reply.Status, server)
	}
	if moves := s.gateway.Metrics(t).Sum("sluice_pin_moves_total", `tenant="acme"`, `reason="release gone"`); moves != 1 {
		t.Errorf("%v moves were counted, want 1", moves)
	}
}

// TestATesterSeesTheOtherRelease: who has a pass works on green while everybody else is on blue.
func TestATesterSeesTheOtherRelease(t *testing.T) {
	t.Parallel()
	s := newSides(t)
	pass := s.pass(t, "green")
	browser := signIn(t, s.gateway.Web)
	for range 3 {
		if server, reply := at(t, browser, "/web/login", pass); server != "green" || reply.Header.Get("X-Sluice-Tester") != "on green" {
			t.Errorf("with a pass: %s, told %q", server, reply.Header.Get("X-Sluice-Tester"))
		}
		if server, reply := at(t, browser, "/odoo"); server != "blue" || reply.Status != http.StatusOK || reply.Header.Get("X-Sluice-Tester") != "" {
			t.Errorf("without it: %d from %s", reply.Status, server)
		}
	}
	for rule, line := range map[string]string{
		"a letter too many": pass + "A", "for nobody": "X-Sluice-Tester: t1.0.x.y", "empty": "X-Sluice-Tester: ",
	} {
		if server, reply := at(t, browser, "/odoo", line); server != "blue" || reply.Status != http.StatusOK {
			t.Errorf("a pass %s: %d from %s", rule, reply.Status, server)
		}
	}
	if out := s.gateway.CLI(t, "tenant", "tester", "acme", "--release", "red", "--reason", "a typo"); out.Code != 1 {
		t.Errorf("a pass to no release: exit %d, %s", out.Code, out.All())
	}
}
