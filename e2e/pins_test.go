package e2e

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestSessionsStayWithTheirServer: two Odoos that keep sessions to themselves. A login
// replaces the session's id, and a restart of the gateway forgets everything it knew; each
// user stays signed in all the same, and both servers get users.
func TestSessionsStayWithTheirServer(t *testing.T) {
	t.Parallel()
	var backends []harness.Backend
	databases := t.TempDir()
	for _, name := range []string{"one", "two"} {
		odoo := harness.StartStandIn(t, harness.StandInConfig{
			Name: name, Databases: "acme", Args: []string{"-database-dir", databases, "-cooldown-failures", "-1"},
		})
		backends = append(backends, harness.Backend{Name: name, HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: odoo.Workers})
	}
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", backends),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
		),
	})
	users := make([]*http.Client, 16)
	for i := range users {
		users[i] = signIn(t, gateway.Web)
	}
	before := servers(t, users)
	if !gateway.Stop(10 * time.Second) {
		t.Fatal("the gateway did not stop")
	}
	gateway.Start(t)
	after := servers(t, users)
	seen := map[string]bool{}
	for i := range users {
		seen[before[i]] = true
		if before[i] != after[i] {
			t.Errorf("user %d moved from %s to %s", i, before[i], after[i])
		}
	}
	if len(seen) != 2 {
		t.Errorf("all %d users are on one server: %v", len(users), seen)
	}
}

// signIn returns a browser that is signed in.
func signIn(t *testing.T, addr string) *http.Client {
	t.Helper()
	browser := harness.Client(addr)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser.Jar = jar
	page := harness.Get(t, browser, "http://acme.test/web/login")
	token := csrfToken.FindStringSubmatch(page.Body)
	if token == nil {
		t.Fatalf("no token on the login page: %d %.200s", page.Status, page.Body)
	}
	reply := harness.Post(t, browser, "http://acme.test/web/login", "application/x-www-form-urlencoded",
		"csrf_token="+token[1]+"&login=admin&password=admin&redirect=")
	if reply.Status != http.StatusSeeOther {
		t.Fatalf("login: %d %.200s", reply.Status, reply.Body)
	}
	return browser
}

// servers tells which server each browser is served by, and that it is signed in there.
func servers(t *testing.T, browsers []*http.Client) []string {
	t.Helper()
	var names []string
	for i, browser := range browsers {
		for range 5 {
			reply := harness.Get(t, browser, "http://acme.test/odoo")
			name := reply.Header.Get("X-Standin-Server")
			if reply.Status != http.StatusOK || strings.Contains(reply.Header.Get("Location"), "login") {
				t.Errorf("user %d is signed out on %s: %d", i, name, reply.Status)
			}
			if len(names) == i {
				names = append(names, name)
			} else if names[i] != name {
				t.Errorf("user %d: %s, then %s", i, names[i], name)
			}
		}
	}
	return names
}
