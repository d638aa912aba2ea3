package upstream

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
)

func TestHandshakesThatAreRefused(t *testing.T) {
	g := realtime(t, echo)
	for name, tc := range map[string]struct {
		old, new string
		status   int
	}{
		"as it should be":                 {"", "", 101},
		"a host of the tenant's wildcard": {"https://acme.test", "https://a.shop.test", 101},
		"upper case and a port":           {"https://acme.test", "https://ACME.test:8443", 101},
		"no Origin":                       {"Origin: https://acme.test\r\n", "", 403},
		"two upgrades":                    {"Upgrade: websocket", "Upgrade: websocket, h2c", 400},
		"HTTP/1.0":                        {"HTTP/1.1", "HTTP/1.0", 400},
		"another path":                    {"/websocket?", "/web/socket?", 400},
		"a page of another tenant":        {"https://acme.test", "https://beta.test", 403},
		"no page at all":                  {"https://acme.test", "null", 403},
		"a host that only begins alike":   {"https://acme.test", "https://acme.test.evil", 403},
		"two labels before the wildcard":  {"https://acme.test", "https://a.b.shop.test", 403},
		"the wildcard's parent":           {"https://acme.test", "https://shop.test", 403},
		"a user in the Origin":            {"https://acme.test", "https://acme.test@evil.test", 403},
		"another scheme":                  {"https://acme.test", "file://acme.test", 403},
		"two Origins":                     {"Origin: https://acme.test\r\n", "Origin: https://acme.test\r\nOrigin: https://evil.test\r\n", 403},
		"another version":                 {"Version: 13", "Version: 8", 426},
		"no version":                      {"Sec-WebSocket-Version: 13\r\n", "", 426},
		"no key":                          {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400},
		"a short key":                     {"dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 400},
		"two Upgrade lines":               {"Upgrade: websocket\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n", 400},
		"no upgrade in Connection":        {"keep-alive, Upgrade", "keep-alive", 400},
		"not a GET":                       {"GET ", "POST ", 400},
		"a GET with a body":               {"Host: ", "Content-Length: 2\r\nHost: ", 400},
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial()
			io.WriteString(c.Conn, strings.Replace(handshake, tc.old, tc.new, 1)+"\r\nxx")
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil || response.StatusCode != tc.status {
				t.Fatalf("got %v, %v; want %d", response, err, tc.status)
			}
			if tc.status == 426 && response.Header.Get("Sec-Websocket-Version") != "13" {
				t.Error("426 does not say which version")
			}
		})
	}
}

func TestTheHandshakeGoesToTheRealtimePortOfTheSessionsBackend(t *testing.T) {
	asked := make(chan string, 10)
	port := func(name string) string {
		return startWorker(t, func(c wire) {
			if r, err := accept(c); err == nil {
				asked <- name + " " + r.RequestURI + " " + r.Host + " " + r.Header.Get("X-Forwarded-Proto") + fmt.Sprint(r.Header["User-Agent"])
			}
			io.Copy(io.Discard, c)
		}).url()
	}
	g := newRig(t, []string{startWorker(t, say(ok, false)).url(), startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) {
		p.Backends[0].Realtime, p.Backends[1].Realtime = port("b1"), port("b2")
	})
	for _, name := range []string{"b1", "b2"} {
		c := g.dial()
		io.WriteString(c.Conn, handshake+"X-Test-Session: "+keyOf(g, name)+"\r\n\r\n")
		// An IoT box sends no User-Agent, and Odoo compares versions only where it finds one.
		if got := <-asked; got != name+" /websocket?version=18.0-5 acme.test https[]" {
			t.Errorf("got %q, want %s", got, name)
		}
	}
}

func TestAnswersThatAreNoUpgrade(t *testing.T) {
	for name, tc := range map[string]struct {
		raw    string
		status int
	}{
		"a refusal is an ordinary answer":       {"HTTP/1.1 400 BAD REQUEST\r\nContent-Length: 3\r\n\r\nbad", 400},
		"a page is an ordinary answer":          {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", 200},
		"an upgrade to something else is a 502": {"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 502},
		"a handshake answered wrongly is a 502": {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", 502},
		"an end without an answer is a 502":     {"", 502},
	} {
		t.Run(name, func(t *testing.T) {
			port := startWorker(t, say(tc.raw, true))
			g := newRig(t, []string{startWorker(t, say(ok, false)).url()}, func(_ *Config, p *routing.Pool) { p.Backends[0].Realtime = port.url() })
			if tc.raw == "" {
				port.stop()
			}
			c := g.dial()
			io.WriteString(c.Conn, handshake+"\r\n")
			response, err := http.ReadResponse(c.Reader, nil)
			if err != nil || response.StatusCode != tc.status {
				t.Fatalf("got %v, %v; want %d", response, err, tc.status)
			}
			io.Copy(io.Discard, response.Body)
			// What follows is a request of its own: the connection was never tunnelled.
			io.WriteString(c.Conn, "GET /web HTTP/1.1\r\nHost: a\r\n\r\n")
			if response, err := http.ReadResponse(c.Reader, nil); err != nil || response.StatusCode != 200 {
				t.Errorf("the next request: %v, %v", response, err)
			}
			eventually(t, "nothing is in flight", func() bool { return g.backend(0).InFlight == 0 })
		})
	}
}
