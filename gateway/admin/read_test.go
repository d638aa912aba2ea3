package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluicegate.dev/sluice/gateway/admin/api"
	"sluicegate.dev/sluice/routing"
)

func TestTenants(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	_, text := ask(t, h, "GET", "/api/v1/tenants", "", nil)
	list := decode[api.TenantList](t, text)
	if len(list.Tenants) != 3 || list.Tenants[0].Name != "acme" || list.Tenants[2].Name != "initech" {
		t.Errorf("tenants not in order: %s", text)
	}
	_, text = ask(t, h, "GET", "/api/v1/tenants/acme", "", nil)
	acme := decode[api.Tenant](t, text)
	if acme.Active != "blue" || acme.Releases["blue"] != (api.Release{Pool: "acme-blue", Database: "acme"}) || acme.ClassPools["report"] != "reports" {
		t.Errorf("tenant: %s", text)
	}
}

func TestTenantStatus(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	_, text := ask(t, h, "GET", "/api/v1/tenants/acme/status", "", nil)
	acme := decode[api.TenantStatus](t, text)
	backends := acme.Releases["blue"].Pool.Backends
	if len(backends) != 2 || backends[0].InFlight != 2 || backends[0].Workers != 6 || backends[1].State != api.StateDown {
		t.Errorf("backends: %s", text)
	}
	if acme.Source != "tenants/acme.yaml:7" || acme.State != "current" {
		t.Errorf("source: %s", text)
	}
	if acme.Releases["blue"].Shared || acme.Classes["report"].Backends[0].State != api.StateUnknown {
		t.Errorf("dedicated pool, or backend that was never seen: %s", text)
	}
	if len(acme.Problems) != 1 || acme.Problems[0].Message != "is broken" {
		t.Errorf("a tenant's problems are its own: %s", text)
	}
	_, text = ask(t, h, "GET", "/api/v1/tenants/globex/status", "", nil)
	globex := decode[api.TenantStatus](t, text).Releases["blue"]
	if !globex.Shared || !slices.Equal(globex.Pool.Tenants, []string{"globex", "initech"}) {
		t.Errorf("shared pool: %s", text)
	}
}

func TestStatus(t *testing.T) {
	s := newServer(t, sample(), func(c *Config) { c.Ready = func() error { return errors.New("no configuration yet") } })
	_, text := ask(t, s.local(), "GET", "/api/v1/status", "", nil)
	status := decode[api.Status](t, text)
	if status.Ready || status.NotReady != "no configuration yet" {
		t.Errorf("readiness: %s", text)
	}
	if status.Backends != (api.BackendCounts{Up: 1, Down: 1, Unknown: 2}) {
		t.Errorf("backends: %+v", status.Backends)
	}
	if len(status.Unwell) != 1 || status.Unwell[0].Name != "acme-blue" || status.Unwell[0].Backends[0].Name != "b2" {
		t.Errorf("unwell: %s", text)
	}
	if status.Pending.Digest != "0123456789abcdef" || len(status.Problems) != 2 || status.Configuration.Origin != api.OriginLive {
		t.Errorf("configuration: %s", text)
	}
}

func TestReplicas(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	_, text := ask(t, h, "GET", "/api/v1/replicas", "", nil)
	list := decode[api.ReplicaList](t, text)
	if !list.Known || len(list.Replicas) != 2 || !list.Replicas[0].Self || list.Replicas[1].Host != "node-b" {
		t.Errorf("got %s", text)
	}
	_, text = ask(t, h, "GET", "/api/v1/status", "", nil)
	if s := decode[api.Status](t, text); s.Store.Kind != api.StoreRedis || !s.Store.Healthy || len(s.Replicas.Replicas) != 2 {
		t.Errorf("got %s", text)
	}
}

func TestStatusBeforeAnyConfiguration(t *testing.T) {
	h := newServer(t, &fake{snapshot: Snapshot{Origin: api.OriginNone}}, nil).local()
	for _, path := range []string{"/status", "/tenants", "/pools", "/status/pools"} {
		response, text := ask(t, h, "GET", "/api/v1"+path, "", nil)
		if response.StatusCode != 200 || strings.Contains(text, "null") {
			t.Errorf("%s: %d %s", path, response.StatusCode, text)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	for _, path := range []string{"/pools", "/pools/acme-blue", "/pools/acme-blue/status", "/status", "/status/pools", "/tenants/acme"} {
		_, text := ask(t, h, "GET", "/api/v1"+path, "", nil)
		if strings.Contains(text, backendSecret) {
			t.Errorf("%s shows a secret: %s", path, text)
		}
	}
}

func TestETags(t *testing.T) {
	gateway := sample()
	h := newServer(t, gateway, nil).local()
	for _, path := range []string{"/api/v1/tenants/acme", "/api/v1/pools/acme-blue"} {
		response, _ := ask(t, h, "GET", path, "", nil)
		tag := response.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) {
			t.Fatalf("%s: ETag %q is not strong", path, tag)
		}
		for _, known := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			response, text := ask(t, h, "GET", path, "", map[string]string{"If-None-Match": known})
			if response.StatusCode != http.StatusNotModified || text != "" || response.Header.Get("ETag") != tag {
				t.Errorf("%s, If-None-Match %s: %d %q %q", path, known, response.StatusCode, response.Header.Get("ETag"), text)
			}
		}
		gateway.live = nil
		if response, _ := ask(t, h, "GET", path, "", nil); response.Header.Get("ETag") != tag {
			t.Errorf("%s: live state changed the ETag", path)
		}
	}
	before, _ := ask(t, h, "GET", "/api/v1/pools/acme-blue", "", nil)
	changed := *gateway.snapshot.Pools["acme-blue"]
	changed.Digest = "a key that is not shown was changed"
	gateway.snapshot.Pools = map[string]*routing.Pool{"acme-blue": &changed}
	after, _ := ask(t, h, "GET", "/api/v1/pools/acme-blue", "", nil)
	if before.Header.Get("ETag") == after.Header.Get("ETag") {
		t.Error("a change of a secret left the ETag as it was")
	}
}

func TestErrorsHelp(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	cases := map[string]struct {
		method, path string
		status       int
		says         string
	}{
		"a typing error names the tenant meant":     {"GET", "/api/v1/tenants/acne", 404, `did you mean \"acme\"?`},
		"an unknown tenant names the command":       {"GET", "/api/v1/tenants/somebody", 404, "sluice tenant list"},
		"an unknown pool":                           {"GET", "/api/v1/pools/acme-bleu", 404, `did you mean \"acme-blue\"?`},
		"an unknown path names the description":     {"GET", "/api/v1/tenant", 404, "/api/v1/openapi.json"},
		"a wrong method names the right one":        {"DELETE", "/api/v1/tenants/acme", 405, "GET"},
		"an unknown query parameter is not ignored": {"GET", "/api/v1/tenants?filter=x", 422, "filter"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			response, text := ask(t, h, c.method, c.path, "", nil)
			if response.StatusCode != c.status || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s, want %d with %q", response.StatusCode, text, c.status, c.says)
			}
			if kind := response.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("content type %q", kind)
			}
		})
	}
}
