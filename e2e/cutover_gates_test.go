package e2e

import (
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestAGateRollsBack: half of the people are on green, whose calls begin to fail the way Odoo's do:
// with status 200. The gates see it against blue, and everybody is back on blue without a word
// of an operator.
func TestAGateRollsBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, harness.SiteConfig{}, "acme")
	day := s.Mix(t, "acme", 1, func(m *harness.Mix) { m.People, m.Programs, m.Pause = 8, 4, 60*time.Millisecond })
	m := s.Start(t, "acme", "green", harness.Object{
		"strategy": "shift", "mode": "all", "shares": []harness.Object{{"percent": 50, "for": "10m"}},
		"gates": harness.Object{"requests": 20, "failures": 5, "window": "5s", "rollback": true},
	})
	m.In(t, "shifting")
	day.Await(t, 150)
	if v := m.View(t); v.Phase != "shifting" {
		t.Fatalf("while all is well: %v", v)
	}
	failing := `{"rules": [{"path": "/web/session/get_session_info", "status": 200, "header": {"Content-Type": "application/json"},` +
		`"body": "{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": {\"code\": 200, \"message\": \"Odoo Server Error\", \"data\": {\"name\": \"builtins.KeyError\", \"message\": \"x\"}}}"}]}`
	for _, odoo := range s.Green {
		odoo.Tell(t, failing)
	}
	v := m.Ended(t, "aborted")
	gated := false
	for _, e := range v.Timeline {
		gated = gated || e.Actor == "gates" && strings.Contains(e.Text, "%")
	}
	if !gated {
		t.Errorf("the timeline does not say which gate: %v", v)
	}
	after := time.Now()
	s.Settled(t, "acme", "blue")
	day.Await(t, 60)
	onlyServed(t, day.Sofar(), "blue", after)
	seen := day.Stop()
	for what, n := range seen.Failed() {
		if !strings.Contains(what, "Odoo Server Error") {
			t.Errorf("%d times: %s", n, what)
		}
	}
	if strayed := seen.Strayed(2); len(strayed) > 0 {
		t.Errorf("%q", strayed)
	}
}
