package edge

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestStatusEntryPoint(t *testing.T) {
	registry := prometheus.NewRegistry()
	ours := prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_test_total", Help: "A test's."})
	registry.MustRegister(ours)
	ready := true
	r := start(t, options{
		extra:  "\napi: {insecure: true}\n",
		config: func(c *Config) { c.Registry, c.Ready = registry, func() bool { return ready } },
	})
	if got, _, _ := r.get("acme.tenant.test", "/"); got != 200 {
		t.Fatal(got)
	}
	for name, tc := range map[string]struct {
		path   string
		status int
		holds  string
	}{
		"our metrics":           {"/metrics", 200, "sluice_test_total 0"},
		"Traefik's beside them": {"/metrics", 200, "traefik_config_reloads_total"},
		"ready":                 {"/ready", 200, "ready"},
		"ping stays Traefik's":  {"/ping", 200, "OK"},
		"the dashboard's page":  {"/dashboard/", 200, `href="/api/http/routers"`},
		"Traefik's API":         {"/api/entrypoints", 200, `"name":"web"`},
		"no tenant lives here":  {"/", 301, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := r.try(http.DefaultTransport, "http://"+r.status+tc.path, "acme.tenant.test")
			if err != nil {
				t.Fatal(err)
			}
			if status, body, _ := read(t, resp); status != tc.status || !strings.Contains(body, tc.holds) {
				t.Errorf("got %d %.2000q, want %d with %q", status, body, tc.status, tc.holds)
			}
		})
	}
	if strings.Contains(r.metrics(), "traefik_entrypoint_requests_total") {
		t.Error("a tenant's request is counted twice")
	}
	if page := r.metrics(); strings.Count(page, "# TYPE go_goroutines gauge") != 1 || strings.Index(page, "sluice_") > strings.Index(page, "traefik_") {
		t.Error("the page repeats a family, or ours do not come first")
	}
	ready = false
	if got := r.statusOf("http://"+r.status+"/ready", ""); got != 503 {
		t.Errorf("not ready: got %d, want 503", got)
	}
}

func TestMetricsMoveWithTraefiks(t *testing.T) {
	r := start(t, options{extra: "\nmetrics: {prometheus: {entryPoint: web}}\n"})
	r.get("acme.tenant.test", "/")
	if status, page, _ := r.get("metrics.test", "/metrics"); status != 200 || !strings.Contains(page, "sluice_edge_reloads_total") || !strings.Contains(page, "traefik_config_reloads_total") {
		t.Errorf("got %d %.300q, want both registries", status, page)
	}
	if _, body, _ := r.get("acme.tenant.test", "/metrics"); !strings.HasPrefix(body, "tenant=acme") {
		t.Errorf("the tenant's /metrics is %.100q", body)
	}
}

func TestTracesNameTheTenant(t *testing.T) {
	spans := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(unzipped)
		if err != nil {
			t.Error(err)
		}
		spans <- string(text)
	}))
	defer collector.Close()
	r := start(t, options{extra: "\ntracing: {otlp: {http: {endpoint: \"" + collector.URL + "/v1/traces\"}}}\n"})
	r.get("acme.tenant.test", "/web?access_token=secret")
	r.end() // sends what is left
	all := ""
	for len(spans) > 0 {
		all += <-spans
	}
	for _, part := range []string{"sluice.tenant", "acme", "sluice.release", "blue", "sluice.requestId", "req-1"} {
		if !strings.Contains(all, part) {
			t.Errorf("%q is missing in the trace", part)
		}
	}
	if strings.Contains(all, "secret") {
		t.Error("the query string is in the trace")
	}
}

func TestAccessLogNamesTheTenantAndNoQuery(t *testing.T) {
	for format, want := range map[string][]string{
		"json":   {`"tenant":"acme"`, `"class":"web"`, `"backend":"b1"`, `"release":"blue"`, `"outcome":"ok"`, `"requestId":"req-1"`, `"ServiceName":"acme"`, `"RequestPath":"/web"`},
		"common": {`GET /web HTTP/1.1" 200`, `"acme@sluice" "b1"`},
	} {
		t.Run(format, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "access.log")
			r := start(t, options{extra: "\naccessLog: {format: " + format + ", filePath: " + file + "}\n"})
			r.get("acme.tenant.test", "/web?access_token=secret")
			var line string
			r.eventually("logged", func() bool {
				text, err := os.ReadFile(file)
				line = string(text)
				return err == nil && strings.Contains(line, "acme")
			})
			for _, part := range want {
				if !strings.Contains(line, part) {
					t.Errorf("%s is missing in %s", part, line)
				}
			}
			if strings.Contains(line, "secret") {
				t.Errorf("the query string is in %s", line)
			}
			if format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("not one line of JSON: %s", line)
			}
		})
	}
}
