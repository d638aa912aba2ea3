package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// tenantCertificate is one for acme.tenant.test, and the function that serves it.
func tenantCertificate(t *testing.T) func(*tls.ClientHelloInfo) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "acme.tenant.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return func(hello *tls.ClientHelloInfo) *tls.Certificate {
		if hello.ServerName == "acme.tenant.test" {
			return certificate
		}
		return nil
	}
}

func TestWhichCertificateAServerNameGets(t *testing.T) {
	everyName := `
http:
  routers:
    plain: {rule: "Host(` + "`plain.test`" + `)", service: s, tls: {}}
    some-path: {rule: "PathPrefix(` + "`/path`" + `)", service: s, tls: {}}
  services: {s: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}}
`
	for name, routers := range map[string]string{
		"without routers of others":              "",
		"beside a router that claims every name": everyName,
	} {
		t.Run(name, func(t *testing.T) {
			serve := tenantCertificate(t)
			r := start(t, options{files: map[string]string{"r.yaml": routers}, config: func(c *Config) {
				unknownPage(c)
				c.Certificate = serve
			}})
			if routers != "" {
				r.eventually("routed", func() bool { return r.statusOver(t, "plain.test", "/path") == 502 })
			}
			for sni, want := range map[string]string{
				"acme.tenant.test": "acme.tenant.test",
				"plain.test":       "TRAEFIK DEFAULT CERT",
				"nobody.test":      "TRAEFIK DEFAULT CERT",
				"":                 "TRAEFIK DEFAULT CERT",
			} {
				if got := r.certificateOver(t, sni); got != want {
					t.Errorf("over TCP %q gets the certificate of %q, want %q", sni, got, want)
				}
				if got := r.certificateOverQUIC(t, sni); got != want {
					t.Errorf("over QUIC %q gets the certificate of %q, want %q", sni, got, want)
				}
			}
			if got := r.statusOver(t, "acme.tenant.test", "/path"); got != 200 {
				t.Errorf("the tenant got %d", got)
			}
		})
	}
}

func (r *rig) statusOver(t *testing.T, host, path string) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: insecure(host)}
	defer transport.CloseIdleConnections()
	resp, err := r.try(transport, "https://"+r.web+path, host)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (r *rig) certificateOver(t *testing.T, sni string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", r.web, insecure(sni))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func (r *rig) certificateOverQUIC(t *testing.T, sni string) string {
	t.Helper()
	conf := insecure(sni)
	conf.NextProtos = []string{"h3"}
	conn, err := quic.DialAddr(t.Context(), r.web, conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseWithError(0, "") }()
	return conn.ConnectionState().TLS.PeerCertificates[0].Subject.CommonName
}

func TestOldTLSIsRefused(t *testing.T) {
	r := start(t, options{})
	conf := insecure("acme.tenant.test")
	conf.MinVersion, conf.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", r.web, conf); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
}

func TestTLSEntryPointKeepsTenantsAndOurPage(t *testing.T) {
	r := start(t, options{
		web:    "http: {tls: {options: modern@file}}",
		files:  map[string]string{"options.yaml": "tls: {options: {modern: {minVersion: VersionTLS13}}}"},
		config: unknownPage,
	})
	r.eventually("served with the options", func() bool { return r.statusOver(t, "acme.tenant.test", "/") == 200 })
	if got := r.statusOver(t, "nobody.test", "/"); got != 404 {
		t.Errorf("the unknown host got %d", got)
	}
	conf := insecure("acme.tenant.test")
	conf.MaxVersion = tls.VersionTLS12
	if conn, err := tls.Dial("tcp", r.web, conf); err == nil {
		_ = conn.Close()
		t.Error("the entry point's options do not hold for tenants")
	}
}

func TestCatchAllTCPRouterKeepsItsConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "from the TCP service")
			_ = conn.Close()
		}
	}()
	r := start(t, options{config: unknownPage, files: map[string]string{"tcp.yaml": `
tcp:
  routers: {all: {rule: "HostSNI(` + "`*`" + `)", service: s, tls: {}}}
  services: {s: {loadBalancer: {servers: [{address: "` + listener.Addr().String() + `"}]}}}
`}})
	r.eventually("served by the TCP router", func() bool {
		conn, err := tls.Dial("tcp", r.web, insecure("database.test"))
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		text, _ := io.ReadAll(conn)
		return string(text) == "from the TCP service"
	})
}
