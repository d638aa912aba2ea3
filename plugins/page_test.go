package plugins_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
)

// callers are all that ask an Odoo server for something, each with what a refusal must hold for
// it to understand.
var callers = []struct {
	ask
	kind, holds string
}{
	{ask{"a person", "GET", "/web/login", "", []string{"Accept", "text/html"}}, "text/html", "<html"},
	{ask{"a person who sends a form", "POST", "/web/login", "login=a", []string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}}, "text/html", "<html"},
	{ask{"the web client", "POST", "/web/dataset/call_kw/res.partner/write", `{"id":1}`, []string{"Content-Type", "application/json"}}, "application/json", `"error"`},
	{ask{"JSON-RPC", "POST", "/jsonrpc", `{"id":1}`, []string{"Content-Type", "application/json"}}, "application/json", `"error"`},
	{ask{"JSON-2", "POST", "/json/2/res.partner/read", `{}`, []string{"Content-Type", "application/json", "Authorization", "bearer x"}}, "application/json", "werkzeug.exceptions.ServiceUnavailable"},
	{ask{"XML-RPC", "POST", "/xmlrpc/2/object", "<methodCall/>", []string{"Content-Type", "text/xml"}}, "text/xml", "<fault>"},
	{ask{"the first XML-RPC", "POST", "/xmlrpc/object", "<methodCall/>", []string{"Content-Type", "text/xml"}}, "text/xml", "<fault>"},
	{ask{"a web hook", "POST", "/web/hook/1", "x=1", []string{"Content-Type", "text/plain"}}, "application/problem+json", `"about:blank"`},
	{ask{"a socket", "GET", "/websocket", "", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}, "application/problem+json", "503"},
}

func TestThePageSpeaksTheCallersProtocol(t *testing.T) {
	n := startNight(t, 4)
	n.decide(&routing.Course{Tenant: "acme", Legs: []routing.Leg{{Active: "blue"}}, Page: &routing.Page{
		Text: "Back at six o'clock.", RetryAfter: 15 * time.Minute, Allow: []string{"192.0.2.0/24", "198.51.100.7", "nonsense"},
	}})
	for _, c := range callers {
		got := n.get(c.ask)
		words := strings.ReplaceAll(strings.ReplaceAll(got.body, "&#39;", "'"), `\u0026#39;`, "'")
		if got.err != nil || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "900" || !strings.HasPrefix(got.header.Get("Content-Type"), c.kind) {
			t.Errorf("%s: %d %v %v", c.name, got.status, got.header, got.err)
		}
		if !strings.Contains(words, c.holds) || !strings.Contains(words, "Back at six o'clock.") {
			t.Errorf("%s reads:\n%s", c.name, got.body)
		}
	}
	if reached := append(n.blue.reached("/"), n.green.reached("/")...); len(reached) > 0 {
		t.Errorf("Odoo saw %q", reached)
	}

	later := time.Now().Add(time.Hour)
	for rule, c := range map[string]struct {
		ask
		served string
	}{
		"a network that is let in":       {ask{path: "/web/login", header: []string{"X-Forwarded-For", "192.0.2.9"}}, "blue"},
		"one address":                    {ask{path: "/web/login", header: []string{"X-Forwarded-For", "198.51.100.7"}}, "blue"},
		"the address beside it":          {ask{path: "/web/login", header: []string{"X-Forwarded-For", "198.51.100.8"}}, ""},
		"a tester":                       {ask{path: "/web/login", header: []string{"X-Sluice-Tester", keys.SealTester("acme", routing.Tester{Release: "green", Until: later})}}, "green"},
		"one whose pass has ended":       {ask{path: "/web/login", header: []string{"X-Sluice-Tester", keys.SealTester("acme", routing.Tester{Release: "green", Until: later.Add(-2 * time.Hour)})}}, ""},
		"whoever asks how the site does": {ask{path: "/web/health"}, "blue"},
		"a file of the page":             {ask{path: "/web/static/src/app.js"}, ""},
	} {
		c.method = http.MethodGet
		if got := n.get(c.ask); got.err != nil || got.header.Get("X-Side") != c.served || (got.status == http.StatusOK) != (c.served != "") {
			t.Errorf("%s: %d by %q, want %q %v", rule, got.status, got.header.Get("X-Side"), c.served, got.err)
		}
	}
	n.decide(nil)
	if got := n.get(callers[0].ask); got.status != http.StatusOK {
		t.Errorf("without the page: %d", got.status)
	}
}

// A page without words of an operator's says what it is all the same.
func TestThePageHasWordsOfItsOwn(t *testing.T) {
	n := startNight(t, 4)
	n.decide(&routing.Course{Tenant: "acme", Legs: []routing.Leg{{Active: "blue"}}, Page: &routing.Page{}})
	if got := n.get(callers[0].ask); got.header.Get("Retry-After") != "60" || !strings.Contains(got.body, "being maintained") {
		t.Errorf("got %v\n%s", got.header, got.body)
	}
}
