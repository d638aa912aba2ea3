package admin

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const directoryID = "11111111-2222-3333-4444-555555555555"

// authority signs as Entra ID does, for one directory.
type authority struct {
	*httptest.Server
	key     *rsa.PrivateKey
	fetched atomic.Int32
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+directoryID+"/discovery/v2.0/keys" {
			http.NotFound(w, r)
			return
		}
		a.fetched.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) token(t *testing.T, kid string, alg jose.SignatureAlgorithm, key any, change map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{
		"iss": a.URL + "/" + directoryID + "/v2.0", "aud": "sluice-api", "tid": directoryID, "oid": "o-1", "ver": "2.0",
		"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "preferred_username": "ann@acme.example", "roles": []string{"Sluice.Read", "Sluice.Operate"},
	}
	maps.Copy(claims, change)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensOfEntra(t *testing.T) {
	a := newAuthority(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := func(change map[string]any) string { return a.token(t, "k1", jose.RS256, a.key, change) }
	for name, row := range map[string]struct {
		token  string
		status int
	}{
		"an operator":                       {good(nil), 202},
		"a viewer":                          {good(map[string]any{"roles": []string{"Sluice.Read"}}), 403},
		"a workload without a name":         {good(map[string]any{"preferred_username": nil, "azp": "app-1"}), 202},
		"without a role of ours":            {good(map[string]any{"roles": []string{"Other"}}), 401},
		"without any role":                  {good(map[string]any{"roles": nil}), 401},
		"for another API":                   {good(map[string]any{"aud": "graph"}), 401},
		"of another directory's issuer":     {good(map[string]any{"iss": a.URL + "/99999999-2222-3333-4444-555555555555/v2.0"}), 401},
		"of another directory by its claim": {good(map[string]any{"tid": "99999999-2222-3333-4444-555555555555"}), 401},
		"of version 1.0":                    {good(map[string]any{"ver": "1.0"}), 401},
		"an id token":                       {good(map[string]any{"nonce": "n"}), 401},
		"out of date":                       {good(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), 401},
		"of a key that is not theirs":       {a.token(t, "k1", jose.RS256, other, nil), 401},
		"of a key that nobody knows":        {a.token(t, "k2", jose.RS256, other, nil), 401},
		"signed with another algorithm":     {a.token(t, "k1", jose.PS256, a.key, nil), 401},
		"without a signature":               {strings.Join(append(strings.Split(good(nil), ".")[:2], ""), "."), 401},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNight(t, func(c *Config) {
				c.Tokens = c.Tokens[:0]
				c.Entra = NewEntra(a.URL, directoryID, "sluice-api", map[string]string{"Sluice.Read": "viewer", "Sluice.Operate": "operator"})
			})
			status, text := n.send("POST", acmePath+"/cutovers", start, map[string]string{"If-Match": "*", "Authorization": "Bearer " + row.token})
			if status != row.status {
				t.Errorf("got %d %s, want %d", status, text, row.status)
			}
			if status == 202 && !strings.HasSuffix(n.audit.records[0].Actor, "(o-1)") {
				t.Errorf("in the audit log stands %q", n.audit.records[0].Actor)
			}
		})
	}
}

func TestEntraIsAwayAtTheStart(t *testing.T) {
	a := newAuthority(t)
	token := a.token(t, "k1", jose.RS256, a.key, nil)
	entra := NewEntra(a.URL, directoryID, "sluice-api", map[string]string{"Sluice.Operate": "operator"})
	address := a.URL
	n := newNight(t, func(c *Config) { c.Entra = entra })
	ask := func() int {
		status, _ := n.send("GET", "/api/v1/tenants", "", map[string]string{"Authorization": "Bearer " + token})
		return status
	}
	if got := ask(); got != http.StatusOK {
		t.Fatalf("with the directory there: %d", got)
	}
	fetched := a.fetched.Load()
	a.Close()
	if got := ask(); got != http.StatusOK || a.fetched.Load() != fetched {
		t.Errorf("a known key while %s is away: %d", address, got)
	}
	fresh := newNight(t, func(c *Config) {
		c.Entra = NewEntra(address, directoryID, "sluice-api", map[string]string{"Sluice.Operate": "operator"})
	})
	if status, _ := fresh.send("GET", "/api/v1/tenants", "", map[string]string{"Authorization": "Bearer " + token}); status != http.StatusServiceUnavailable {
		t.Errorf("nobody can say whether the token is good: %d", status)
	}
	for range 2 * guessBurst { // that is no guess
		if status, _ := fresh.send("GET", "/api/v1/tenants", "", map[string]string{"Authorization": "Bearer " + token}); status != http.StatusServiceUnavailable {
			t.Errorf("again: %d", status)
		}
	}
	if status, _ := fresh.send("GET", "/api/v1/tenants", "", nil); status != http.StatusOK {
		t.Errorf("other tokens are not concerned: %d", status)
	}
}

func TestForgedTokensOfEntraAreGuesses(t *testing.T) {
	a := newAuthority(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := newNight(t, func(c *Config) {
		c.Entra = NewEntra(a.URL, directoryID, "sluice-api", map[string]string{"Sluice.Operate": "operator"})
	})
	forged := map[string]string{"Authorization": "Bearer " + a.token(t, "k1", jose.RS256, other, nil)}
	for range guessBurst {
		if status, text := n.send("GET", "/api/v1/tenants", "", forged); status != http.StatusUnauthorized {
			t.Fatalf("a forged token: %d %s", status, text)
		}
	}
	fetched := a.fetched.Load()
	if status, _ := n.send("GET", "/api/v1/tenants", "", forged); status != http.StatusTooManyRequests {
		t.Errorf("one guess more: %d", status)
	}
	if a.fetched.Load() != fetched {
		t.Error("the directory was asked although the address must wait")
	}
}
