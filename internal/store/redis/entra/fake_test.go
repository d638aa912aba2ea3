package entra

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const (
	oid      = "11111111-2222-3333-4444-555555555555"
	tenant   = "aaaaaaaa-0000-0000-0000-000000000000"
	clientID = "bbbbbbbb-0000-0000-0000-000000000000"
)

// authority is Entra ID's token endpoint.
type authority struct {
	*httptest.Server

	mu      sync.Mutex
	tokens  []string // given out
	asked   []url.Values
	refuses bool
	refresh int // seconds after which a token should be renewed
	expires int
	accept  func(token string) // tells the server, which at Azure needs no telling; may be nil
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{refresh: 1800, expires: 3600}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", a.describe)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", a.token)
	a.Server = httptest.NewTLSServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) describe(w http.ResponseWriter, r *http.Request) {
	base := a.URL + "/" + r.PathValue("tenant")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
	})
}

func (a *authority) token(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = r.ParseForm()
	a.asked = append(a.asked, r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	if a.refuses {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS700213: no matching federated identity"}`)
		return
	}
	token := jwt(fmt.Sprintf(`{"oid":%q,"n":%d}`, oid, len(a.tokens)))
	a.tokens = append(a.tokens, token)
	if a.accept != nil {
		a.accept(token)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": a.expires, "refresh_in": a.refresh})
}

func (a *authority) given() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.tokens...)
}

func (a *authority) set(refuses bool, refresh int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuses, a.refresh = refuses, refresh
}

func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

// options reach the authority.
func (a *authority) options() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: a.URL},
		Transport: a.Client(), Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

// workload sets what the webhook of workload identity sets in a pod.
func workload(t *testing.T) (tokenFile string) {
	t.Helper()
	tokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte("service-account-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_CLIENT_ID", clientID)
	t.Setenv("AZURE_TENANT_ID", tenant)
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", tokenFile)
	return tokenFile
}

func contains(values url.Values, name, text string) bool {
	return strings.Contains(values.Get(name), text)
}
