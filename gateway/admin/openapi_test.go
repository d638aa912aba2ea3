package admin

import (
	"slices"
	"strings"
	"testing"
)

func TestDescription(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	response, text := ask(t, h, "GET", "/api/v1/openapi.json", "", nil)
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("got %d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	doc := decode[struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string         `json:"operationId"`
			Responses   map[string]any `json:"responses"`
		} `json:"paths"`
	}](t, text)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	for _, path := range []string{
		"/api/v1/tenants", "/api/v1/tenants/{tenant}", "/api/v1/tenants/{tenant}/status", "/api/v1/pools/{pool}", "/api/v1/status", "/api/v1/replicas", "/api/v1/config/confirm",
		"/api/v1/tenants/{tenant}/cutovers", "/api/v1/cutovers/{id}/events", "/api/v1/pools/{pool}/backends/{backend}/state", "/api/v1/tenants/{tenant}/wait", "/api/v1/audit",
	} {
		if _, ok := doc.Paths[path]; !ok {
			t.Errorf("%s is not described", path)
		}
	}
	if strings.Contains(text, "$schema") || strings.Contains(text, "unpkg") {
		t.Error("the description leads elsewhere")
	}
	if response, text := ask(t, h, "GET", "/api/v1/openapi.yaml", "", nil); response.StatusCode != 200 || !strings.Contains(text, "openapi: 3.1") {
		t.Errorf("yaml: %d", response.StatusCode)
	}
}

// An operation without a role is closed to everybody, also to the socket; so this finds
// one that somebody forgot.
func TestEveryOperationNamesItsRole(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	_, text := ask(t, h, "GET", "/api/v1/openapi.json", "", nil)
	doc := decode[struct {
		Paths map[string]map[string]struct{ Description string }
	}](t, text)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			role, _, _ := strings.Cut(strings.TrimPrefix(op.Description, "Needs the role "), ".")
			if !slices.Contains([]Role{Viewer, Operator, Admin}, Role(role)) {
				t.Errorf("%s %s names no role: %q", method, path, op.Description)
			}
		}
	}
}
