package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// usualAuthority signs in the global Azure cloud.
const usualAuthority = "https://login.microsoftonline.com"

// entraPatience bounds the fetch of keys: a login waits for it when a key is new.
const entraPatience = 5 * time.Second

// Entra takes access tokens of one directory of Microsoft Entra ID, version 2.0: RS256, the
// directory's own issuer, our audience, and an app role in the claim "roles". Keys are fetched
// when the first token comes, and again when one names a key that is not known; so the gateway
// starts without the directory, and keeps taking tokens of known keys while that is away.
type Entra struct {
	tenant   string
	roles    map[string]Role
	verifier *oidc.IDTokenVerifier
}

// NewEntra asks nobody yet. roles maps app roles to ours.
func NewEntra(authority, tenant, audience string, roles map[string]string) *Entra {
	if authority == "" {
		authority = usualAuthority
	}
	base := strings.TrimSuffix(authority, "/") + "/" + tenant
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute}
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: entraPatience, Transport: directory{transport}})
	keys := directoryKeys{oidc.NewRemoteKeySet(ctx, base+"/discovery/v2.0/keys")}
	e := &Entra{tenant: tenant, roles: map[string]Role{}}
	e.verifier = oidc.NewVerifier(base+"/v2.0", keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}})
	for name, role := range roles {
		e.roles[name] = Role(role)
	}
	return e
}

var errDirectoryAway = errors.New("the directory does not answer")

// directory takes every answer but 200 for none.
type directory struct{ http.RoundTripper }

func (d directory) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDirectoryAway, err)
	case answer.StatusCode != http.StatusOK:
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%w: %s", errDirectoryAway, answer.Status)
	}
	return answer, nil
}

// directoryKeys tells its caller that the keys could not be fetched: the library passes errors
// on as text.
type directoryKeys struct{ *oidc.RemoteKeySet }

type awayKey struct{}

// VerifySignature implements oidc.KeySet.
func (k directoryKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, token)
	if away, ok := ctx.Value(awayKey{}).(*bool); ok {
		*away = errors.Is(err, errDirectoryAway) || errors.Is(err, context.DeadlineExceeded)
	}
	return payload, err //nolint:wrapcheck // the verifier says what it was about
}

// signed tells whether a token has the form of one that Entra ID signs.
func signed(token string) bool { return strings.Count(token, ".") == 2 }

// claims are those that we look at.
type claims struct {
	Tenant   string   `json:"tid"`
	Object   string   `json:"oid"`
	Version  string   `json:"ver"`
	Username string   `json:"preferred_username"`
	Client   string   `json:"azp"`
	Roles    []string `json:"roles"`
	Nonce    string   `json:"nonce"` // of an id token: that is for signing in, not for calling
}

// who finds out who an access token was given to, and their highest role here.
func (e *Entra) who(ctx context.Context, token string) (actor, error) {
	ctx, cancel := context.WithTimeout(ctx, entraPatience)
	defer cancel()
	away := false
	verified, err := e.verifier.Verify(context.WithValue(ctx, awayKey{}, &away), token)
	switch {
	case away:
		return actor{}, fmt.Errorf("%w: %w", errDirectoryAway, err)
	case err != nil:
		return actor{}, err //nolint:wrapcheck // it says what is wrong with the token
	}
	var c claims
	if err := verified.Claims(&c); err != nil || c.Tenant != e.tenant || c.Object == "" || c.Version != "2.0" || c.Nonce != "" {
		return actor{}, fmt.Errorf("it is no access token, version 2.0, of directory %s: tid %q, oid %q, ver %q", e.tenant, c.Tenant, c.Object, c.Version)
	}
	found := actor{Name: cmp.Or(c.Username, c.Client) + " (" + c.Object + ")"}
	for _, name := range c.Roles {
		if role := e.roles[name]; rank(role) > rank(found.Role) {
			found.Role = role
		}
	}
	if found.Role == "" {
		return actor{}, fmt.Errorf("%s has none of the app roles of spec.admin.entra.roles, but %q", found.Name, c.Roles)
	}
	return found, nil
}
