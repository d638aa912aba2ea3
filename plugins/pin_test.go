package plugins

import (
	"net/http"
	"strings"
	"testing"

	"sluicegate.dev/sluice/routing"
)

const someSession = "7mSCkFDFEYkkOShcI5X1Ol9kEzfxWaizzjwpSQDGKmUABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"

func TestPinNamesTheServerOfASession(t *testing.T) {
	keys := routing.PinKeys{[]byte("key-key-key-key-key-key-key-key-")}
	seal := func(tenant, pool, backend string) string {
		return keys.Seal(tenant, routing.Pin{Pool: pool, Backend: backend})
	}
	for rule, c := range map[string]struct {
		cookie, pin, left string
	}{
		"our cookie counts and does not reach Odoo": {"tz=UTC; sluice_pin=" + seal("acme", "p", "b2") + "; session_id=" + someSession, "b2", "tz=UTC; session_id=" + someSession},
		"a cookie of another tenant does not count": {"sluice_pin=" + seal("beta", "p", "b2"), "", ""},
		"nor one of another pool":                   {"sluice_pin=" + seal("acme", "old", "b2"), "", ""},
		"nor one that a client made up":             {"sluice_pin=1.cABiMg.AAAA; tz=UTC", "", "tz=UTC"},
		"of two the first counts":                   {"sluice_pin=" + seal("acme", "p", "b1") + "; sluice_pin=" + seal("acme", "p", "b2"), "b1", ""},
		"a name that only looks alike stays":        {"my_sluice_pin=x", "", "my_sluice_pin=x"},
	} {
		t.Run(rule, func(t *testing.T) {
			p, reached := newPath(t, func(d *Deps) { d.Pins = keys })
			do(p, request("GET", "acme.test", "/web", "", "Cookie", c.cookie))
			got := reached()
			if got.x.Pin != c.pin || got.header.Get("Cookie") != c.left {
				t.Errorf("got pin %q, Cookie %q", got.x.Pin, got.header.Get("Cookie"))
			}
		})
	}
}

func TestPinCookieIsBoundToTheHostBehindTLS(t *testing.T) {
	keys := routing.PinKeys{[]byte("key-key-key-key-key-key-key-key-")}
	for scheme, want := range map[string]string{"http": "sluice_pin=1.", "https": "__Host-sluice_pin=1."} {
		p, reached := newPath(t, func(d *Deps) { d.Pins = keys })
		r := request("GET", "acme.test", "/web", "", "X-Forwarded-Proto", scheme)
		r.RemoteAddr = "10.0.0.1:1"
		do(p, r)
		line := reached().x.Remember("b1")
		if !strings.HasPrefix(line, want) || strings.Contains(line, "Secure") != (scheme == "https") {
			t.Errorf("%s: got %q", scheme, line)
		}
		if cookie, err := http.ParseSetCookie(line); err != nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
			t.Errorf("%s: got %v, %v", scheme, cookie, err)
		}
	}
}

func TestSharedSessionsNeedNoPin(t *testing.T) {
	p, reached := newPath(t, func(d *Deps) {
		d.Pins = routing.PinKeys{[]byte("k")}
		tenant, _ := d.Table().Resolve("acme.test")
		tenant.Active.Pool.Sessions = routing.SessionsShared
	})
	do(p, request("GET", "acme.test", "/web", "", "Cookie", "sluice_pin=x"))
	if x := reached().x; x.Remember != nil || x.Pin != "" {
		t.Error("a pool with shared sessions pins")
	}
}
