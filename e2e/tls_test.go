package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestTLSOfTenants: each tenant's own certificate, the way from http to https, and what
// Odoo and the browser are told about the scheme.
func TestTLSOfTenants(t *testing.T) {
	t.Parallel()
	authority := harness.NewAuthority(t)
	acme, beta := harness.NewRecorder(t, "acme"), harness.NewRecorder(t, "beta")
	certificate := func(name string) string {
		return fmt.Sprintf("tls: {certificate: {certFile: ../certs/%[1]s.crt, keyFile: ../certs/%[1]s.key}}", name)
	}
	gateway := harness.NewGateway(t, harness.GatewayConfig{
		TLS: true, Spec: "  publicPorts: {websecure: 8443}\n", Files: map[string]string{"certs/readme": "made by the test\n"},
	}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", acme.Addr, []string{"acme.test", "*.acme.test"}, certificate("acme")),
		"beta.yaml": harness.Both("beta", "beta", beta.Addr, []string{"beta.test"}, certificate("beta")),
	})
	authority.Issue(t, gateway.Path("certs"), "acme", "acme.test", "*.acme.test")
	authority.Issue(t, gateway.Path("certs"), "beta", "beta.test")
	gateway.Start(t)

	for _, host := range []string{"acme.test", "shop.acme.test", "beta.test"} {
		t.Run("own certificate of "+host, func(t *testing.T) {
			client := harness.TLSClient(gateway.TLS, authority.Client(host), true)
			if reply := harness.Get(t, client, "https://"+host+"/web"); reply.Status != http.StatusOK || reply.Proto != "HTTP/2.0" {
				t.Errorf("%d over %s", reply.Status, reply.Proto)
			}
			h3 := harness.HTTP3Client(t, gateway.TLS, authority.Client(host, "h3"))
			if reply := harness.Get(t, h3, "https://"+host+"/web"); reply.Status != http.StatusOK {
				t.Errorf("%d over HTTP/3", reply.Status)
			}
		})
	}
	t.Run("http goes to https", func(t *testing.T) {
		client := harness.Client(gateway.Web)
		reply := harness.Get(t, client, "http://acme.test:8080/web/login?redirect=%2Fodoo&x=1", "X-Forwarded-Host: evil.test", "X-Forwarded-Prefix: //evil.test")
		if got := reply.Header.Get("Location"); reply.Status != http.StatusPermanentRedirect || got != "https://acme.test:8443/web/login?redirect=%2Fodoo&x=1" {
			t.Errorf("%d to %q", reply.Status, got)
		}
		if reply := harness.Get(t, client, "http://acme.test//evil.test/%2e%2e"); strings.Contains(reply.Header.Get("Location"), "//evil.test/") && !strings.HasPrefix(reply.Header.Get("Location"), "https://acme.test:8443/") {
			t.Errorf("redirected to %q", reply.Header.Get("Location"))
		}
	})
	t.Run("what Odoo and the browser are told", func(t *testing.T) {
		acme.Answer("HTTP/1.0 200 OK\r\nSet-Cookie: session_id=" + strings.Repeat("s", 84) + "; HttpOnly; Path=/\r\nSet-Cookie: tz=UTC; Path=/\r\nX-Accel-Redirect: /web/filestore/x\r\nContent-Length: 2\r\n\r\nok")
		defer acme.Handle(nil)
		client := harness.TLSClient(gateway.TLS, authority.Client("acme.test"), false)
		reply := harness.Get(t, client, "https://acme.test/cookies", "X-Forwarded-Proto: http", "X-Forwarded-Port: 80")
		for _, cookie := range reply.Header["Set-Cookie"] {
			if strings.HasPrefix(cookie, "session_id=") && (!strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "HttpOnly")) {
				t.Errorf("the session cookie is %q", cookie)
			}
		}
		if len(reply.Header["Set-Cookie"]) < 2 {
			t.Errorf("cookies %q", reply.Header["Set-Cookie"])
		}
		if got := reply.Header.Get("X-Accel-Redirect"); got != "" {
			t.Errorf("X-Accel-Redirect reached the client: %q", got)
		}
		seen := acme.Matching("/cookies")
		if len(seen) != 1 {
			t.Fatalf("seen %d times", len(seen))
		}
		for name, want := range map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "acme.test:8443", "X-Forwarded-For": "127.0.0.1"} {
			if got := seen[0].Get(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
	t.Run("a websocket over TLS is https to Odoo, not wss", func(t *testing.T) {
		config := authority.Client("beta.test", "http/1.1")
		e := harness.RawTLS(t, gateway.TLS, config, handshake("beta.test", "/websocket", "Origin: https://beta.test:8443"))
		if e.Status() != http.StatusSwitchingProtocols {
			t.Fatalf("%v", e)
		}
		if seen := beta.Matching("/websocket"); len(seen) != 1 || strings.Join(seen[0].Get("X-Forwarded-Proto"), ",") != "https" {
			t.Errorf("the backend saw %v", seen)
		}
	})
	t.Run("old versions of TLS are refused", func(t *testing.T) {
		config := authority.Client("acme.test")
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		if conn, err := tls.Dial("tcp", gateway.TLS, config); err == nil {
			conn.Close()
			t.Error("TLS 1.1 was accepted")
		}
	})
}

// TestClientAddress: who the client is, is decided once, from proxies that are trusted, and
// Odoo gets one bare address.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		trusted []string
		header  []string
		address string
		scheme  string
	}{
		{"nobody is trusted", nil, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"}, "127.0.0.1", "http"},
		{"the balancer is trusted", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"}, "203.0.113.7", "https"},
		{"a client in front of the balancer lies", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 10.1.2.3, 203.0.113.7"}, "203.0.113.7", "http"},
		{"two trusted proxies", []string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.7, 10.1.2.3"}, "203.0.113.7", "http"},
		{"an address with a port", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.7:4711"}, "203.0.113.7", "http"},
		{"an IPv6 address", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7", "http"},
		{"unknown", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: unknown"}, "127.0.0.1", "http"},
		{"nothing from the trusted balancer", []string{"127.0.0.0/8"}, nil, "127.0.0.1", "http"},
		{"wss from the trusted balancer", []string{"127.0.0.0/8"}, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: wss"}, "203.0.113.7", "https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			backend := harness.NewRecorder(t, "acme")
			gateway := harness.StartGateway(t, harness.GatewayConfig{TrustedProxies: c.trusted}, map[string]string{
				"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
			})
			harness.Get(t, harness.Client(gateway.Web), "http://acme.test/who", c.header...)
			seen := backend.Matching("/who")
			if len(seen) != 1 {
				t.Fatalf("seen %d times", len(seen))
			}
			if got := seen[0].Get("X-Forwarded-For"); len(got) != 1 || got[0] != c.address {
				t.Errorf("X-Forwarded-For: %q, want %q", got, c.address)
			}
			if got := seen[0].Get("X-Forwarded-Proto"); len(got) != 1 || got[0] != c.scheme {
				t.Errorf("X-Forwarded-Proto: %q, want %q", got, c.scheme)
			}
		})
	}
	t.Run("without HTTP/3 nothing listens on UDP (X07)", func(t *testing.T) {
		gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{})
		packet, err := net.ListenPacket("udp", gateway.Web)
		if err != nil {
			t.Fatalf("the UDP port is taken: %v", err)
		}
		packet.Close()
	})
}
