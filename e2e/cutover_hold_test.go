package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// decide writes what an operator decides about a tenant.
func (s *site) decide(t *testing.T, method, tenant, what string, body object) {
	t.Helper()
	body["reason"] = "a test of the night"
	reply, err := s.api().Write(t.Context(), method, "/tenants/"+tenant+"/"+what, tenant, body)
	if err != nil || reply.Status != http.StatusOK && reply.Status != http.StatusAccepted {
		t.Fatalf("%s %s of %s: %d %v %.400s", method, what, tenant, reply.Status, err, reply.Body)
	}
}

// ask is one request of a protocol and what its answer holds when Odoo gives it.
type ask struct {
	name, method, path, contentType, body, served string
	fault                                         string // what an answer holds that was not Odoo's
}

// protocols are all that clients of Odoo speak. Writes carry the token.
func protocols(tenant, token string) []ask {
	rpc := func(name string) string {
		return fmt.Sprintf(`"args":[%q,100,%q,"res.partner","create",[{"name":"x","marker":%q}]]`, tenant, person(0), token+name)
	}
	return []ask{
		{name: "page", method: "GET", path: "/web/login", served: "csrf_token", fault: "<html"},
		{name: "portal", method: "GET", path: "/shop", served: "database", fault: "<html"},
		{
			name: "call", method: "POST", path: "/web/webclient/version_info", contentType: "application/json",
			body: `{"jsonrpc":"2.0","id":5,"params":{}}`, served: "server_serie", fault: `"error"`,
		},
		{
			name: "json", method: "POST", path: "/jsonrpc", contentType: "application/json", served: `"result"`, fault: `"error"`,
			body: `{"jsonrpc":"2.0","id":7,"method":"call","params":{"service":"object","method":"execute_kw",` + rpc("json") + `}}`,
		},
		{
			name: "xml", method: "POST", path: "/xmlrpc/2/common", contentType: "text/xml", served: "server_serie", fault: "<fault>",
			body: `<?xml version="1.0"?><methodCall><methodName>version</methodName><params></params></methodCall>`,
		},
		{
			name: "hook", method: "POST", path: "/web/hook/shop", contentType: "application/x-www-form-urlencoded",
			body: "marker=" + token + "hook", served: "ok",
		},
	}
}

func (a ask) send(ctx context.Context, s *site, g *harness.Gateway, tenant string, header ...string) (harness.Reply, error) {
	u := harness.NewUser(s.wires, nightHost(tenant))
	u.Via = g.Web
	if a.contentType != "" {
		header = append(header, "Content-Type: "+a.contentType)
	}
	if a.name == "page" {
		header = append(header, "Accept: text/html")
	}
	return u.Do(ctx, a.method, a.path, a.body, header...)
}

// TestAHoldKeepsEveryProtocolWaiting: an operator holds a tenant. Pages, calls, RPC and web hooks
// wait on every replica, files and health checks pass, sockets are told to come back. Who leaves
// while waiting never reaches Odoo. Then all go on, each once.
func TestAHoldKeepsEveryProtocolWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteConfig{}, "acme", "other")
	s.decide(t, http.MethodPut, "acme", "hold", object{"wait": "2m", "expires": "5m"})
	s.heldIs(t, "acme", 0)

	type answer struct {
		ask
		reply harness.Reply
		err   error
	}
	answers := make(chan answer, 64)
	waiting := 0
	for i, g := range s.all {
		for _, a := range protocols("acme", fmt.Sprintf("kept-%d-", i)) {
			waiting++
			go func() {
				reply, err := a.send(t.Context(), s, g, "acme")
				answers <- answer{a, reply, err}
			}()
		}
	}
	left, leave := context.WithCancel(t.Context())
	leavers := protocols("acme", "left-")
	for _, a := range leavers {
		go func() { _, _ = a.send(left, s, s.all[0], "acme") }()
	}
	s.heldIs(t, "acme", waiting+len(leavers))
	leave()
	s.heldIs(t, "acme", waiting)

	u := harness.NewUser(s.wires, nightHost("acme"))
	for _, path := range []string{"/web/static/src/app.js", "/web/health"} {
		if reply, err := u.Do(t.Context(), http.MethodGet, path, ""); err != nil || reply.Status != http.StatusOK {
			t.Errorf("%s does not pass a hold: %d, %v", path, reply.Status, err)
		}
	}
	if _, answer, err := u.Socket(t.Context(), harness.EchoSocket("18.0")); err == nil || answer == nil ||
		answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a socket during a hold: %v, %v", answer, err)
	}
	if reply, err := protocols("other", "other-")[0].send(t.Context(), s, s.all[0], "other"); err != nil || reply.Status != http.StatusOK {
		t.Errorf("another tenant: %d, %v", reply.Status, err)
	}
	select {
	case a := <-answers:
		t.Errorf("%s was answered during the hold: %d %v %.200s", a.name, a.reply.Status, a.err, a.reply.Body)
		waiting--
	default:
	}
	s.decide(t, http.MethodDelete, "acme", "hold", object{})
	for range waiting {
		a := <-answers
		if a.err != nil || a.reply.Status != http.StatusOK || !strings.Contains(a.reply.Body, a.served) {
			t.Errorf("%s after the hold: %d %v %.300s", a.name, a.reply.Status, a.err, a.reply.Body)
		}
	}
	for token, by := range s.blue[0].Writes(t, "acme") {
		if strings.HasPrefix(token, "left-") || len(by) != 1 {
			t.Errorf("write %s was done by %v", token, by)
		}
	}
	if writes := len(s.blue[0].Writes(t, "acme")); writes != 2*len(s.all) {
		t.Errorf("%d writes were done, want %d", writes, 2*len(s.all))
	}
}

// heldIs waits until so many requests of a tenant are held, over all replicas.
func (s *site) heldIs(t *testing.T, tenant string, want int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("%d requests are held", want), func() error {
		var status struct {
			Remainder struct {
				Known bool
				Held  int
			}
			Replicas []struct{ Held bool }
		}
		if err := s.api().Get(t.Context(), "/tenants/"+tenant+"/status", &status); err != nil {
			return err
		}
		if !status.Remainder.Known || status.Remainder.Held != want {
			return fmt.Errorf("%+v", status)
		}
		return nil
	})
}

// TestAHoldShedsTheOldest: no more wait than was said.
func TestAHoldShedsTheOldest(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteConfig{}, "acme")
	s.decide(t, http.MethodPut, "acme", "hold", object{"wait": "2m", "count": 3, "expires": "5m"})
	replies := make(chan harness.Reply, 8)
	for n := range 4 {
		go func() {
			u := harness.NewUser(s.wires, nightHost("acme"))
			u.Via = s.all[0].Web
			reply, _ := u.Do(t.Context(), http.MethodGet, fmt.Sprintf("/web/login?n=%d", n), "")
			reply.Header.Set("X-Turn", fmt.Sprint(n))
			replies <- reply
		}()
		s.heldIs(t, "acme", min(n+1, 3))
	}
	shed := <-replies
	if shed.Status != http.StatusServiceUnavailable || shed.Header.Get("Retry-After") == "" || shed.Header.Get("X-Turn") != "0" {
		t.Errorf("the one too many: %d for the request number %s, Retry-After %q; want 503 for the oldest", shed.Status, shed.Header.Get("X-Turn"), shed.Header.Get("Retry-After"))
	}
	s.decide(t, http.MethodDelete, "acme", "hold", object{})
	for range 3 {
		if reply := <-replies; reply.Status != http.StatusOK {
			t.Errorf("after the hold: %d", reply.Status)
		}
	}
}

// TestMaintenanceSpeaksEveryProtocol: people see a page with the operator's words, programs a
// fault in their own, testers and networks that are let in see Odoo.
func TestMaintenanceSpeaksEveryProtocol(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteConfig{trusted: []string{"127.0.0.0/8"}}, "acme")
	s.decide(t, http.MethodPut, "acme", "maintenance", object{
		"text": "Back at six o'clock.", "retryAfter": "15m", "allow": []string{"192.0.2.0/24"}, "expires": "1h",
	})
	outside, inside := "X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 192.0.2.9"
	for i, g := range s.all {
		for _, a := range protocols("acme", fmt.Sprintf("page-%d-", i)) {
			var reply harness.Reply
			harness.Eventually(t, harness.Patience, "the page is up", func() (err error) {
				if reply, err = a.send(t.Context(), s, g, "acme", outside); err == nil && reply.Header.Get("X-Standin-Server") != "" {
					err = fmt.Errorf("%s was served by Odoo", a.name)
				}
				return err
			})
			if reply.Header.Get("Retry-After") != "900" || !strings.Contains(reply.Body, a.fault) {
				t.Errorf("%s: %d, Retry-After %q: %.300s", a.name, reply.Status, reply.Header.Get("Retry-After"), reply.Body)
			}
			if a.name == "page" && (reply.Status != http.StatusServiceUnavailable || !strings.Contains(reply.Body, "Back at six o")) {
				t.Errorf("the page: %d %.400s", reply.Status, reply.Body)
			}
		}
		for _, a := range protocols("acme", fmt.Sprintf("allowed-%d-", i)) {
			if reply, err := a.send(t.Context(), s, g, "acme", inside); err != nil || reply.Status != http.StatusOK || !strings.Contains(reply.Body, a.served) {
				t.Errorf("%s of a network that is let in: %d %v %.200s", a.name, reply.Status, err, reply.Body)
			}
		}
	}
	for token := range s.blue[0].Writes(t, "acme") {
		if strings.HasPrefix(token, "page-") {
			t.Errorf("write %s was done during maintenance", token)
		}
	}
	s.decide(t, http.MethodDelete, "acme", "maintenance", object{})
	began := time.Now()
	s.settled(t, "acme", "blue")
	t.Logf("served again after %v", time.Since(began).Round(time.Millisecond))
}
