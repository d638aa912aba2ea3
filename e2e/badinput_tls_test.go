package e2e

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// tlsNames: the tenant of the server name in the handshake must be the tenant of the
// request (T14, T15), over every version of HTTP.
func (l *lab) tlsNames(t *testing.T) {
	misdirected := []int{404, 421}
	for _, r := range []struct {
		id, sni, host string
		want          []int
		reach         string
	}{
		{"T14 other tenant", "acme.test", "beta.test", []int{421}, ""},
		{"T14 same tenant", "acme.test", "acme.test", []int{200}, "acme"},
		{"T14 another host of one wildcard tenant", "a.wild.test", "b.wild.test", []int{200}, "wild"},
		{"T14 wildcard and the exact host beside it", "a.wild.test", "special.wild.test", []int{421}, ""},
		{"T15 no server name", "", "acme.test", misdirected, ""},
		{"T15 unknown server name", "nobody.test", "acme.test", misdirected, ""},
		{"T15 unknown server name and host", "nobody.test", "nobody.test", misdirected, ""},
		{"T15 upper case", "ACME.TEST", "acme.test", []int{200, 421}, "acme"},
	} {
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{ServerName: r.sni, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
			marker := markerOf("tls " + r.id)
			e := harness.RawTLS(t, l.gateway.TLS, config, strings.ReplaceAll(get(r.host, "/"), "{case}", marker))
			if !slices.Contains(r.want, e.Status()) {
				t.Errorf("h1: %v, want one of %v", e, r.want)
			}
			h2 := harness.TLSClient(l.gateway.TLS, &tls.Config{ServerName: r.sni, InsecureSkipVerify: true}, true)
			h3 := harness.HTTP3Client(t, l.gateway.TLS, &tls.Config{ServerName: r.sni, InsecureSkipVerify: true, NextProtos: []string{"h3"}})
			for _, client := range []*http.Client{h2, h3} {
				if r.sni == "" {
					continue // these clients always send a name
				}
				reply := harness.Get(t, client, "https://"+r.host+"/", "X-Case: "+marker)
				if !slices.Contains(r.want, reply.Status) || reply.Proto == "HTTP/1.1" {
					t.Errorf("%s: status %d, want one of %v", reply.Proto, reply.Status, r.want)
				}
			}
			l.judge(t, row{reach: r.reach}, marker)
		})
	}
	t.Run("T14 another tenant later on the connection", func(t *testing.T) {
		config := &tls.Config{ServerName: "acme.test", InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
		both := strings.ReplaceAll(get("acme.test", "/")+get("beta.test", "/"), "{case}", "t14-later")
		e := harness.RawTLS(t, l.gateway.TLS, config, both)
		if got := e.Statuses(); !slices.Equal(got, []int{200, 421}) {
			t.Errorf("answers %v, want 200 and 421", got)
		}
		l.judge(t, row{reach: "acme"}, "t14-later")
	})
	t.Run("T15 a dot at the end of the server name", func(t *testing.T) {
		// Go's client takes the dot off, so the hello is written by hand; nothing but a refusal
		// or an ordinary handshake may come back, and the gateway lives.
		e := harness.Raw(t, l.gateway.TLS, clientHello("acme.test."))
		if len(e.Answers) > 0 {
			t.Errorf("an HTTP answer to a handshake: %v", e)
		}
	})
	t.Run("X06 plain HTTP on the TLS port", func(t *testing.T) {
		marker := "x06-plain"
		e := harness.Raw(t, l.gateway.TLS, strings.ReplaceAll(get("acme.test", "/"), "{case}", marker))
		if e.Status() == 200 {
			t.Errorf("the TLS port serves plain HTTP: %v", e)
		}
		l.judge(t, row{}, marker)
	})
}

// clientHello is a minimal TLS 1.2 hello that names the server.
func clientHello(name string) string {
	u16 := func(n int) string { return string([]byte{byte(n >> 8), byte(n)}) }
	entry := "\x00" + u16(len(name)) + name
	list := u16(len(entry)) + entry
	extensions := "\x00\x00" + u16(len(list)) + list + "\x00\x0a\x00\x04\x00\x02\x00\x17" + "\x00\x0d\x00\x04\x00\x02\x04\x03"
	body := "\x03\x03" + strings.Repeat("r", 32) + "\x00" + u16(4) + "\xc0\x2b\xc0\x2f" + "\x01\x00" + u16(len(extensions)) + extensions
	message := "\x01\x00" + u16(len(body)) + body
	return "\x16\x03\x01" + u16(len(message)) + message
}
