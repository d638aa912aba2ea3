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

// What clients rely on is in the description: they are made from it.
func TestTheDescriptionIsWhole(t *testing.T) {
	h := newServer(t, sample(), nil).local()
	_, text := ask(t, h, "GET", "/api/v1/openapi.json", "", nil)
	doc := decode[struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name string }
			Responses  map[string]struct {
				Content map[string]any
				Headers map[string]any
			}
		}
	}](t, text)
	const tenant = "/tenants/{tenant}"
	guarded := []string{"200", "202", "401", "403", "404", "409", "412", "422", "428", "429", "500", "503"}
	all := map[string][]string{
		"GET /status": {"200", "401", "429"}, "GET /replicas": {"200"}, "GET /tenants": {"200"}, "GET /pools": {"200"}, "GET /status/pools": {"200"},
		"GET " + tenant: {"200", "304", "404"}, "GET " + tenant + "/status": {"200", "404"}, "GET " + tenant + "/effective": {"200", "304", "404"},
		"GET /pools/{pool}": {"200", "304", "404"}, "GET /pools/{pool}/status": {"200", "404"},
		"GET /cutovers": {"200"}, "GET /cutovers/{id}": {"200", "404"}, "GET " + tenant + "/cutovers": {"200", "404"},
		"GET /cutovers/{id}/events": {"200", "404"}, "GET /cutovers/{id}/report": {"200", "404", "409"},
		"GET " + tenant + "/wait": {"200", "404", "408", "503"},
		"GET /audit":              {"200"}, "GET /overrides": {"200"}, "GET /export": {"200", "404"}, "GET /calendars": {"200"},
		"PUT /pools/{pool}/backends/{backend}/state": guarded,
		"PUT " + tenant + "/hold":                    guarded, "DELETE " + tenant + "/hold": guarded,
		"PUT " + tenant + "/maintenance": guarded, "DELETE " + tenant + "/maintenance": guarded,
		"POST " + tenant + "/cutovers": guarded, "POST " + tenant + "/replicas/{replica}/evict": guarded,
		"POST /cutovers/{id}/promote": guarded, "POST /cutovers/{id}/pause": guarded, "POST /cutovers/{id}/resume": guarded,
		"POST /cutovers/{id}/abort": guarded, "POST /cutovers/{id}/confirm": guarded,
		"POST /config/confirm": {"200", "409", "412"}, "POST " + tenant + "/tester": {"200", "404"},
		"GET " + tenant + "/limits": {"200", "404"}, "GET " + tenant + "/limits/client": {"200", "404"},
		"POST " + tenant + "/limits/block": {"200", "404"}, "POST " + tenant + "/limits/reset": {"200", "404"},
	}
	seen := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + strings.TrimPrefix(path, "/api/v1")
			want, known := all[name]
			if !known {
				t.Errorf("%s is not in this test", name)
			}
			seen++
			for _, status := range want {
				if _, ok := op.Responses[status]; !ok {
					t.Errorf("%s does not say that it may answer %s", name, status)
				}
			}
			if len(want) == len(guarded) && op.Responses["412"].Headers["ETag"] == nil {
				t.Errorf("%s does not say that 412 has the new ETag", name)
			}
		}
	}
	if seen != len(all) {
		t.Errorf("%d operations are described, %d are known", seen, len(all))
	}
	for path, kind := range map[string]string{"/cutovers/{id}/events": "text/event-stream", "/cutovers/{id}/report": "text/markdown", "/export": "application/yaml"} {
		if doc.Paths["/api/v1"+path]["get"].Responses["200"].Content[kind] == nil {
			t.Errorf("%s is not said to answer %s", path, kind)
		}
	}
}

// A token for some tenants reaches no other through any operation, also of those to come.
func TestNoOperationReachesAnotherTenant(t *testing.T) {
	n := newNight(t, func(c *Config) {
		for i := range c.Tokens {
			if c.Tokens[i].Role == Admin {
				c.Tokens[i].Tenants = []string{"globex"}
			}
		}
	})
	n.begin() // acme's
	_, text := ask(t, n.local(), "GET", "/api/v1/openapi.json", "", nil)
	doc := decode[struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
	}](t, text)
	bodies := map[string]string{
		"CutoverRequest": `{"to": "green", "reason": "mischief"}`, "BackendStateRequest": `{"state": "drain", "reason": "mischief"}`,
		"LimitBlock": `{"client": "user:7", "seconds": 60, "reason": "mischief"}`, "LimitReset": `{"client": "user:7", "reason": "mischief"}`,
		"TesterRequest": `{"release": "green", "seconds": 60, "reason": "mischief"}`,
	}
	names := strings.NewReplacer("{tenant}", "acme", "{pool}", "acme-blue", "{backend}", "b1", "{id}", "acme", "{replica}", "r2")
	audited := len(n.audit.records)
	tried := 0
	for path, methods := range doc.Paths {
		if !strings.Contains(path, "{") {
			continue
		}
		for method, op := range methods {
			target := names.Replace(path)
			switch {
			case strings.HasSuffix(path, "/wait"):
				target += "?until=drained&timeout=1ms"
			case strings.HasSuffix(path, "/client"):
				target += "?client=user:7"
			}
			schema := op.RequestBody.Content["application/json"].Schema.Ref
			body := bodies[schema[strings.LastIndexByte(schema, '/')+1:]]
			if body == "" && method != "get" {
				body = `{"reason": "mischief"}`
			}
			headers := with(as(Admin), "If-Match", "*")
			if answer, text := ask(t, n.h, strings.ToUpper(method), target, body, headers); answer.StatusCode != 404 || strings.Contains(text, "green") {
				t.Errorf("%s %s: %d %s", method, target, answer.StatusCode, text)
			}
			tried++
		}
	}
	if tried < 20 || len(n.audit.records) != audited {
		t.Errorf("%d were tried, and in the audit log stands %v", tried, n.audit.records[audited:])
	}
	for _, path := range []string{"/export?tenant=acme", "/audit?tenant=acme"} {
		if _, text := ask(t, n.h, "GET", "/api/v1"+path, "", as(Admin)); strings.Contains(text, "acme on") || strings.Contains(text, "CHG") {
			t.Errorf("%s: %s", path, text)
		}
	}
}
