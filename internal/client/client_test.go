package client

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/gateway/admin/api"
)

// gateway answers what the real one would, to whoever has the token.
func gateway() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/tenants", func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.Header.Get("Authorization") != "Bearer the-token" {
			problem(w, 401, "a bearer token is needed")
			return
		}
		_ = json.NewEncoder(w).Encode(api.TenantList{Tenants: []api.Tenant{{Name: "acme"}}})
	})
	mux.HandleFunc("GET /api/v1/tenants/{name}", func(w http.ResponseWriter, r *http.Request) {
		problem(w, 404, "there is no tenant "+r.PathValue("name"))
	})
	mux.HandleFunc("POST /api/v1/config/confirm", func(w http.ResponseWriter, r *http.Request) {
		var in api.Confirmation
		if json.NewDecoder(r.Body).Decode(&in) != nil || r.Header.Get("Content-Type") != "application/json" {
			problem(w, 415, "json please")
			return
		}
		_ = json.NewEncoder(w).Encode(api.Confirmed{Digest: in.Digest})
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no configuration yet", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	})
	mux.HandleFunc("GET /api/v1/pools", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.ProblemDetails{Status: status, Detail: detail})
}

func onSocket(t *testing.T) *Client {
	t.Helper()
	path := filepath.Join(shortDir(t), SocketName)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gateway())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return newClient(t, Target{Socket: path})
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newClient(t *testing.T, target Target) *Client {
	t.Helper()
	c, err := New(target)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSocket(t *testing.T) {
	c := onSocket(t)
	tenants, err := c.Tenants(t.Context())
	if err != nil || len(tenants) != 1 || tenants[0].Name != "acme" {
		t.Errorf("tenants: %v %v", tenants, err)
	}
	done, err := c.Confirm(t.Context(), api.Confirmation{Digest: "abc"})
	if err != nil || done.Digest != "abc" {
		t.Errorf("confirm: %v %v", done, err)
	}
}

func TestTLSWithToken(t *testing.T) {
	server := httptest.NewTLSServer(gateway())
	defer server.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	target := Target{Server: server.URL, CAFile: ca, TokenFile: write(t, "token", " the-token\n")}
	if _, err := newClient(t, target).Tenants(t.Context()); err != nil {
		t.Error(err)
	}
	target.TokenFile = ""
	_, err := newClient(t, target).Tenants(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--token-file") {
		t.Errorf("without a token: %v", err)
	}
	target.CAFile = ""
	_, err = newClient(t, target).Tenants(t.Context())
	var unreachable *Unreachable
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown CA: %v", err)
	}
}

func TestAnswersThatAreNo(t *testing.T) {
	c := onSocket(t)
	var refused *Refused
	if _, err := c.Tenant(t.Context(), "acne"); !errors.As(err, &refused) || refused.Status != 404 || err.Error() != "there is no tenant acne" {
		t.Errorf("unknown tenant: %v", err)
	}
	if err := c.Probe(t.Context(), "/ready"); !errors.As(err, &refused) || err.Error() != "no configuration yet" {
		t.Errorf("not ready: %v", err)
	}
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "is that its admin address?") {
		t.Errorf("a redirect is not followed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var unreachable *Unreachable
	if _, err := c.Pools(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &unreachable) {
		t.Errorf("a slow answer is a time-out, not unreachable: %v", err)
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	dir := shortDir(t)
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	cases := map[string]struct {
		target Target
		says   []string
	}{
		"no socket":     {Target{Socket: filepath.Join(dir, "none"), From: "--data-dir"}, []string{"none", "--data-dir", "sluice run"}},
		"a dead socket": {Target{Socket: stale, From: "default data directory"}, []string{"stale.sock", "left over", "--server"}},
		"a closed port": {Target{Server: "http://127.0.0.1:1", From: "context prod"}, []string{"http://127.0.0.1:1", "context prod", "refused"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, c.target).Status(t.Context())
			var unreachable *Unreachable
			if !errors.As(err, &unreachable) {
				t.Fatalf("got %v", err)
			}
			for _, word := range c.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q lacks %q", err, word)
				}
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]Target{
		"an address without scheme": {Server: "gw.example:9080"},
		"credentials":               {Server: "https://user:secret@gw.example"},
		"a path":                    {Server: "https://gw.example/admin"},
		"another scheme":            {Server: "ftp://gw.example"},
		"a token file of two lines": {Server: "https://gw.example", TokenFile: write(t, "two", "a\nb\n")},
		"a token file that is gone": {Server: "https://gw.example", TokenFile: "/nowhere/token"},
		"a CA that is none":         {Server: "https://gw.example", CAFile: write(t, "ca", "x")},
	}
	for name, target := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := New(target); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
		})
	}
}
