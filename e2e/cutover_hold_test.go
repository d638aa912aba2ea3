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
	u := harness.NewUser(s.Wires, harness.SiteHost(tenant))
	u.Via = g.Web
	if a.contentType != "" {
		header = append(header, "Content-Type: "+a.contentType)
	}
	if a.fault == "<html" {
		header = append(header, "Accept: text/html")
	}
	return u.Do(ctx, a.method, a.path, a.body, header...)
}

// aHoldKeepsEveryProtocolWaiting: an operator holds a tenant. Pages, calls, RPC and web hooks
// wait on every replica, files and health checks pass, sockets are told to come back. Who leaves
// while waiting never reaches Odoo. Then all go on, each once.
func aHoldKeepsEveryProtocolWaiting(t *testing.T, s *site, tenant string) {
	s.Decide(t, http.MethodPut, tenant, "hold", harness.Object{"wait": "2m", "expires": "5m"})
	s.heldIs(t, tenant, 0)

	type answer struct {
		ask
		reply harness.Reply
		err   error
	}
	answers := make(chan answer, 64)
	waiting := 0
	for i, g := range s.All {
		for _, a := range protocols(tenant, fmt.Sprintf("kept-%d-", i)) {
			waiting++
			go func() {
				reply, err := a.send(t.Context(), s, g, tenant)
				answers <- answer{a, reply, err}
			}()
		}
	}
	left, leave := context.WithCancel(t.Context())
	leavers := protocols(tenant, "left-")
	for _, a := range leavers {
		go func() { _, _ = a.send(left, s, s.All[0], tenant) }()
	}
	s.heldIs(t, tenant, waiting+len(leavers))
	leave()
	s.heldIs(t, tenant, waiting)

	u := harness.NewUser(s.Wires, harness.SiteHost(tenant))
	for _, path := range []string{"/web/static/src/app.js", "/web/health"} {
		if reply, err := u.Do(t.Context(), http.MethodGet, path, ""); err != nil || reply.Status != http.StatusOK {
			t.Errorf("%s does not pass a hold: %d, %v", path, reply.Status, err)
		}
	}
	if _, answer, err := u.Socket(t.Context(), harness.EchoSocket("18.0")); err == nil || answer == nil ||
		answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a socket during a hold: %v, %v", answer, err)
	}
	if reply, err := protocols("other", "other-")[0].send(t.Context(), s, s.All[0], "other"); err != nil || reply.Status != http.StatusOK {
		t.Errorf("another tenant: %d, %v", reply.Status, err)
	}
	select {
	case a := <-answers:
		t.Errorf("%s was answered during the hold: %d %v %.200s", a.name, a.reply.Status, a.err, a.reply.Body)
		waiting--
	default:
	}
	s.Decide(t, http.MethodDelete, tenant, "hold", harness.Object{})
	for range waiting {
		a := <-answers
		if a.err != nil || a.reply.Status != http.StatusOK || !strings.Contains(a.reply.Body, a.served) {
			t.Errorf("%s after the hold: %d %v %.300s", a.name, a.reply.Status, a.err, a.reply.Body)
		}
	}
	for token, by := range s.Blue[0].Writes(t, tenant) {
		if strings.HasPrefix(token, "left-") || len(by) != 1 {
			t.Errorf("write %s was done by %v", token, by)
		}
	}
	if writes := len(s.Blue[0].Writes(t, tenant)); writes != 2*len(s.All) {
		t.Errorf("%d writes were done, want %d", writes, 2*len(s.All))
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
		if err := s.API().Get(t.Context(), "/tenants/"+tenant+"/status", &status); err != nil {
			return err
		}
		if !status.Remainder.Known || status.Remainder.Held != want {
			return fmt.Errorf("%+v", status)
		}
		return nil
	})
}

// aHoldShedsTheOldest: no more wait than was said.
func aHoldShedsTheOldest(t *testing.T, s *site, tenant string) {
	s.Decide(t, http.MethodPut, tenant, "hold", harness.Object{"wait": "2m", "count": 3, "expires": "5m"})
	type answer struct {
		turn int
		harness.Reply
		err error
	}
	replies := make(chan answer, 8)
	for n := range 4 {
		go func() {
			u := harness.NewUser(s.Wires, harness.SiteHost(tenant))
			u.Via = s.All[0].Web
			reply, err := u.Do(t.Context(), http.MethodGet, "/web/login", "")
			replies <- answer{n, reply, err}
		}()
		s.heldIs(t, tenant, min(n+1, 3))
	}
	shed := <-replies
	if shed.err != nil || shed.Status != http.StatusServiceUnavailable || shed.Header.Get("Retry-After") == "" || shed.turn != 0 {
		t.Errorf("the one too many: %d %v for request number %d, Retry-After %q; want 503 for the oldest", shed.Status, shed.err, shed.turn, shed.Header.Get("Retry-After"))
	}
	s.Decide(t, http.MethodDelete, tenant, "hold", harness.Object{})
	for range 3 {
		if reply := <-replies; reply.err != nil || reply.Status != http.StatusOK {
			t.Errorf("after the hold: %d %v", reply.Status, reply.err)
		}
	}
}

// maintenanceSpeaksEveryProtocol: people see a page with the operator's words, programs a
// fault in their own, testers and networks that are let in see Odoo.
func maintenanceSpeaksEveryProtocol(t *testing.T, s *site, tenant string) {
	s.Decide(t, http.MethodPut, tenant, "maintenance", harness.Object{
		"text": "Back at six o'clock.", "retryAfter": "15m", "allow": []string{"192.0.2.0/24"}, "expires": "1h",
	})
	outside, inside := "X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 192.0.2.9"
	for i, g := range s.All {
		for _, a := range protocols(tenant, fmt.Sprintf("page-%d-", i)) {
			var reply harness.Reply
			harness.Eventually(t, harness.Patience, "the page is up", func() (err error) {
				if reply, err = a.send(t.Context(), s, g, tenant, outside); err == nil && reply.Header.Get("X-Standin-Server") != "" {
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
		for _, a := range protocols(tenant, fmt.Sprintf("allowed-%d-", i)) {
			if reply, err := a.send(t.Context(), s, g, tenant, inside); err != nil || reply.Status != http.StatusOK || !strings.Contains(reply.Body, a.served) {
				t.Errorf("%s of a network that is let in: %d %v %.200s", a.name, reply.Status, err, reply.Body)
			}
		}
	}
	for token := range s.Blue[0].Writes(t, tenant) {
		if strings.HasPrefix(token, "page-") {
			t.Errorf("write %s was done during maintenance", token)
		}
	}
	s.Decide(t, http.MethodDelete, tenant, "maintenance", harness.Object{})
	began := time.Now()
	s.Settled(t, tenant, "blue")
	t.Logf("served again after %v", time.Since(began).Round(time.Millisecond))
}
