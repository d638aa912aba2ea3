package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// fake is a gateway that serves what its fields say.
type fake struct {
	snapshot  Snapshot
	live      []api.PoolStatus
	confirmed []string
	fails     error
}

func (f *fake) Snapshot() Snapshot               { return f.snapshot }
func (f *fake) UpstreamStatus() []api.PoolStatus { return f.live }

func (f *fake) Store() api.StoreStatus {
	return api.StoreStatus{Kind: api.StoreRedis, Healthy: true}
}

func (f *fake) Replicas() api.ReplicaList {
	return api.ReplicaList{Known: true, Replicas: []api.Replica{{ID: "r1", Host: "node-a", Self: true}, {ID: "r2", Host: "node-b"}}}
}

func (f *fake) TesterPass(tenant string, pass routing.Tester) api.TesterPass {
	return api.TesterPass{Tenant: tenant, Release: pass.Release, Backend: pass.Backend, Until: pass.Until, Header: "X-Sluice-Tester", Cookie: "sluice_tester", Pass: "t1.pass"}
}

func (f *fake) Confirm(_ context.Context, digest string) ([]string, error) {
	if f.fails != nil {
		return nil, f.fails
	}
	f.confirmed = append(f.confirmed, digest)
	return f.snapshot.Pending.Tenants, nil
}

const backendSecret = "hunter2"

// sample has a dedicated and a shared pool, and a class with a pool of its own.
func sample() *fake {
	profile, _ := odoo.ProfileFor("18.0")
	pool := func(name string, backends ...routing.Backend) *routing.Pool {
		return &routing.Pool{Name: name, Profile: profile, Sessions: routing.SessionsLocal, Isolation: routing.IsolationHeader, Backends: backends, Digest: "pool-" + name}
	}
	blue := pool("acme-blue",
		routing.Backend{Name: "b1", HTTP: "http://admin:" + backendSecret + "@10.0.0.1:8069", Workers: 6, Weight: 1, TLS: &routing.BackendTLS{Key: []byte(backendSecret)}},
		routing.Backend{Name: "b2", HTTP: "http://10.0.0.2:8069", Weight: 1})
	shared := pool("shared", routing.Backend{Name: "s1", HTTP: "http://10.0.0.3:8069", Weight: 1})
	reports := pool("reports", routing.Backend{Name: "r1", HTTP: "http://10.0.0.4:8069", Weight: 1})
	tenant := func(name string, p *routing.Pool) *routing.Tenant {
		release := &routing.Release{Name: "blue", Pool: p, Database: name}
		return &routing.Tenant{Name: name, Hosts: []string{name + ".example"}, Releases: map[string]*routing.Release{"blue": release}, Active: release, Digest: "tenant-" + name}
	}
	acme := tenant("acme", blue)
	acme.ClassPools = map[odoo.Class]*routing.Pool{odoo.Report: reports}
	return &fake{
		snapshot: Snapshot{
			Revision: "r1", Origin: api.OriginLive, Since: time.Unix(1700000000, 0),
			Tenants:  map[string]*routing.Tenant{"acme": acme, "globex": tenant("globex", shared), "initech": tenant("initech", shared)},
			Pools:    map[string]*routing.Pool{"acme-blue": blue, "shared": shared, "reports": reports},
			Problems: []api.Problem{{Resource: "Tenant acme", Message: "is broken"}, {Resource: "Tenant other", Message: "too"}},
			Source:   func(name string) (string, string) { return "tenants/" + name + ".yaml:7", "current" },
			Pending:  &api.PendingRemoval{Digest: "0123456789abcdef", Tenants: []string{"gone"}, Of: 3},
		},
		live: []api.PoolStatus{
			{Name: "acme-blue", Backends: []api.BackendStatus{{Name: "b1", State: api.StateUp, InFlight: 2}, {Name: "b2", State: api.StateDown, Reason: "refused"}}},
			{Name: "removed", Backends: []api.BackendStatus{{Name: "x", State: api.StateDown}}},
		},
	}
}

var tokens = map[Role]string{
	Viewer:   "viewer-token-0123456789",
	Operator: "operator-token-0123456789",
	Admin:    "admin-token-0123456789",
}

// newServer is a server whose token files hold the values of tokens.
func newServer(t testing.TB, gateway Gateway, change func(*Config)) *Server {
	t.Helper()
	dir := t.TempDir()
	c := Config{Gateway: gateway, Runtime: newRuntime(), Audit: &auditFake{}, Version: "test", Address: "127.0.0.1:9080", Hosts: []string{"admin.example"}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()}
	for role, token := range tokens {
		file := filepath.Join(dir, string(role))
		if err := os.WriteFile(file, []byte("\n "+token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Tokens = append(c.Tokens, Token{Name: string(role) + "-token", Role: role, File: file})
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends one request to a handler and returns the answer with its body. A header with
// an empty value is left out; Host is set as such.
func ask(t testing.TB, h http.Handler, method, path, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9080"
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9080}))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		switch {
		case name == "Host":
			r.Host = value
		case value != "":
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(text)
}

func as(role Role) map[string]string {
	return map[string]string{"Authorization": "Bearer " + tokens[role]}
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

var errTooLate = errors.New("the change is gone")
