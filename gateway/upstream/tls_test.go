package upstream

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// certify makes a self-signed certificate for name, as PEM.
func certify(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestBackendsBehindTLSAreVerified(t *testing.T) {
	serverCert, serverKey := certify(t, "odoo.internal")
	clientCert, clientKey := certify(t, "gateway.internal")
	strangeCert, strangeKey := certify(t, "odoo.internal")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() == "sluice-health" {
			io.WriteString(w, `{"status": "pass"}`)
			return
		}
		io.WriteString(w, "hello "+r.TLS.PeerCertificates[0].DNSNames[0]+strings.Repeat(".", 100_000))
	}))
	pair, err := tls.X509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(clientCert)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()

	good := routing.BackendTLS{ServerName: "odoo.internal", CA: serverCert, Cert: clientCert, Key: clientKey}
	for name, tc := range map[string]struct {
		change func(*routing.BackendTLS)
		ok     bool
	}{
		"all is as declared":            {func(*routing.BackendTLS) {}, true},
		"another server name":           {func(c *routing.BackendTLS) { c.ServerName = "other.internal" }, false},
		"another CA":                    {func(c *routing.BackendTLS) { c.CA = strangeCert }, false},
		"no CA: the system's":           {func(c *routing.BackendTLS) { c.CA = nil }, false},
		"a CA that is none":             {func(c *routing.BackendTLS) { c.CA = []byte("none") }, false},
		"no client certificate":         {func(c *routing.BackendTLS) { c.Cert, c.Key = nil, nil }, false},
		"a stranger's certificate":      {func(c *routing.BackendTLS) { c.Cert, c.Key = strangeCert, strangeKey }, false},
		"a certificate without its key": {func(c *routing.BackendTLS) { c.Key = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			conf := good
			tc.change(&conf)
			g := newRig(t, []string{server.URL}, func(_ *Config, p *routing.Pool) { p.Backends[0].TLS = &conf })
			g.run()
			if tc.ok {
				g.eventuallyState(Up)
			} else {
				g.eventuallyState(Down)
			}
			for range 2 {
				response, body := g.ask("GET", "/web", "")
				if (response.StatusCode == 200) != tc.ok || tc.ok && !strings.HasPrefix(body, "hello gateway.internal") {
					t.Errorf("got %d, %.30s", response.StatusCode, body)
				}
			}
			if idle := g.backend(0).Idle; tc.ok && idle != 1 {
				t.Errorf("%d idle connections; the second request should have used the first one's", idle)
			}
		})
	}
}

// h2 puts the rig behind HTTP/2, where a connection carries many requests.
func (g *rig) h2() *http.Client {
	front := httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	front.EnableHTTP2 = true
	front.StartTLS()
	g.t.Cleanup(front.Close)
	client := front.Client()
	g.front.Close()
	g.front = front
	return client
}

func TestHTTP2ClientsAreServedAlike(t *testing.T) {
	big := strings.Repeat("x", 5<<20)
	worker := startWorker(t, func(c wire) {
		r, body, err := readRequest(c)
		if err != nil {
			return
		}
		switch r.URL.Path {
		case "/web/short":
			io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"+big[:200_000])
		default:
			io.WriteString(c.Conn, "HTTP/1.0 200 OK\r\nX-Got: "+http.StatusText(200)+"\r\n\r\n"+body+big)
		}
	})
	g := newRig(t, []string{worker.url()})
	client := g.h2()
	for range 2 {
		response, err := client.Post(g.front.URL+"/web", "text/plain", strings.NewReader(big))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.ProtoMajor != 2 || !bytes.Equal(body, []byte(big+big)) {
			t.Errorf("HTTP/%d: %d bytes, %v", response.ProtoMajor, len(body), err)
		}
	}
	response, err := client.Get(g.front.URL + "/web/short")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Errorf("a truncated answer passed for whole, %d bytes", n)
	}
	eventually(t, "its outcome is known", func() bool { return g.last.Load().Outcome == odoo.Truncated })
}

// On HTTP/2 a deadline is a timer that ends the stream. It must run only while a write waits
// for the client, not while we wait for the backend.
func TestAStreamMayPauseOverHTTP2(t *testing.T) {
	for kind, head := range map[string]string{
		"events": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
		"a page": "HTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(kind, func(t *testing.T) {
			g := newRig(t, []string{startWorker(t, func(c wire) {
				readRequest(c)
				io.WriteString(c.Conn, head)
				for range 3 {
					io.WriteString(c.Conn, "tick")
					<-time.After(600 * time.Millisecond)
				}
			}).url()}, withTiming(Timing{ClientStall: 250 * time.Millisecond}))
			response, err := g.h2().Get(g.front.URL + "/web")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); string(body) != "tickticktick" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}
