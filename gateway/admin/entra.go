package admin

import (
	"context"
	"log/slog"
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
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: entraPatience})
	keys := oidc.NewRemoteKeySet(ctx, base+"/discovery/v2.0/keys")
	e := &Entra{tenant: tenant, roles: map[string]Role{}}
	e.verifier = oidc.NewVerifier(base+"/v2.0", keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}})
	for name, role := range roles {
		e.roles[name] = Role(role)
	}
	return e
}

// who finds out who an access token was given to, and their highest role here.
func (e *Entra) who(ctx context.Context, token string, log *slog.Logger) (actor, bool) {
	if strings.Count(token, ".") != 2 {
		return actor{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, entraPatience)
	defer cancel()
	verified, err := e.verifier.Verify(ctx, token)
	if err != nil {
		log.WarnContext(ctx, "admin API refused a token of Entra ID", "err", err)
		return actor{}, false
	}
	var claims struct {
		Tenant   string   `json:"tid"`
		Object   string   `json:"oid"`
		Version  string   `json:"ver"`
		Username string   `json:"preferred_username"`
		Client   string   `json:"azp"`
		Roles    []string `json:"roles"`
		Nonce    string   `json:"nonce"` // of an id token: that is for signing in, not for calling
	}
	if err := verified.Claims(&claims); err != nil || claims.Tenant != e.tenant || claims.Object == "" || claims.Version != "2.0" || claims.Nonce != "" {
		log.WarnContext(ctx, "admin API refused a token of Entra ID: it is no access token, version 2.0, of this directory", "tid", claims.Tenant, "oid", claims.Object, "ver", claims.Version)
		return actor{}, false
	}
	found := actor{Name: claims.Username}
	if found.Name == "" {
		found.Name = claims.Client
	}
	found.Name += " (" + claims.Object + ")"
	for _, name := range claims.Roles {
		if role := e.roles[name]; rank(role) > rank(found.Role) {
			found.Role = role
		}
	}
	if found.Role == "" {
		log.WarnContext(ctx, "admin API refused a token of Entra ID: it has none of the app roles of spec.admin.entra.roles", "oid", claims.Object, "roles", claims.Roles)
		return actor{}, false
	}
	return found, true
}
