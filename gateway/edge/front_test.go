package edge

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quic-go/quic-go/http3"
)

const ordinary = `
http:
  routers:
    plain: {rule: "Host(` + "`plain.test`" + `)", service: backend}
    plain-tls: {rule: "Host(` + "`plain.test`" + `)", service: backend, tls: {}}
    thief: {rule: "PathPrefix(` + "`/`" + `) && Host(` + "`acme.tenant.test`" + `)", priority: 900000, service: backend}
  services:
    backend: {loadBalancer: {servers: [{url: "BACKEND"}]}}
`

func backend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("backend for " + r.Host))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func files(t *testing.T) map[string]string {
	return map[string]string{"ordinary.yaml": strings.ReplaceAll(ordinary, "BACKEND", backend(t))}
}

func unknownPage(c *Config) {
	c.Unknown = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("our page"))
	})
}

func TestWhoServesAHost(t *testing.T) {
	r := start(t, options{files: files(t), config: unknownPage})
	r.eventually("served by the file provider", func() bool { return r.statusOf("http://"+r.web, "plain.test") == 200 })

	h1 := &http.Transport{TLSClientConfig: insecure("acme.tenant.test"), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	h2 := &http.Transport{TLSClientConfig: insecure("acme.tenant.test"), ForceAttemptHTTP2: true}
	h3 := &http3.Transport{TLSClientConfig: insecure("acme.tenant.test")}
	t.Cleanup(func() { h1.CloseIdleConnections(); h2.CloseIdleConnections(); _ = h3.Close() })

	for name, tc := range map[string]struct {
		via    http.RoundTripper
		url    string
		host   string
		status int
		body   string
	}{
		"a tenant over HTTP/1.1":               {http.DefaultTransport, "http://", "acme.tenant.test", 200, "tenant=acme entry=web proto=HTTP/1.1 sni= header=\"\""},
		"a tenant over TLS":                    {h1, "https://", "acme.tenant.test", 200, "tenant=acme entry=web proto=HTTP/1.1 sni=acme.tenant.test header=\"\""},
		"a tenant over HTTP/2":                 {h2, "https://", "acme.tenant.test", 200, "tenant=acme entry=web proto=HTTP/2.0 sni=acme.tenant.test header=\"\""},
		"a tenant over HTTP/3":                 {h3, "https://", "acme.tenant.test", 200, "tenant=acme entry=web proto=HTTP/3.0 sni=acme.tenant.test header=\"\""},
		"an ordinary router":                   {http.DefaultTransport, "http://", "plain.test", 200, "backend for plain.test"},
		"an ordinary router over TLS":          {h2, "https://", "plain.test", 200, "backend for plain.test"},
		"an unknown host gets our page":        {http.DefaultTransport, "http://", "nobody.test", 404, "our page"},
		"an unknown host gets our page by TLS": {h2, "https://", "nobody.test", 404, "our page"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := r.try(tc.via, tc.url+r.web+"/", tc.host)
			if err != nil {
				t.Fatal(err)
			}
			if status, body, _ := read(t, resp); status != tc.status || body != tc.body {
				t.Errorf("got %d %q, want %d %q", status, body, tc.status, tc.body)
			}
		})
	}
}
