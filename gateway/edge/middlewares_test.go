package edge

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const middlewareFile = `
http:
  middlewares:
    mark: {headers: {customResponseHeaders: {X-Mark: seen}}}
    works: {plugin: {works: {value: interpreted}}}
    broken: {plugin: {broken: {}}}
    native: {plugin: {sluice-stamp: {value: stamped}}}
  routers:
    thief: {rule: "Host(` + "`marked.tenant.test`" + `)", priority: 9223372036854774000, service: thief}
  services: {thief: {loadBalancer: {servers: [{url: "http://127.0.0.1:1"}]}}}
`

const yaegiPlugin = `package %[1]s

import (
	"context"
	"net/http"
)

type Config struct{ Value string }

func CreateConfig() *Config { return &Config{} }

func New(_ context.Context, next http.Handler, c *Config, _ string) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Plugin", c.Value)
		%[2]s
	}), nil
}
`

// plugin writes a local plugin below the working folder, where Traefik looks for it.
func plugin(t *testing.T, name, body string) {
	t.Helper()
	dir := filepath.Join("plugins-local", "src", "example.test", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		name + ".go":   fmt.Sprintf(yaegiPlugin, name, body),
		"go.mod":       "module example.test/" + name + "\n",
		".traefik.yml": "displayName: " + name + "\ntype: middleware\nimport: example.test/" + name + "\nsummary: a test\ntestData: {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func stamp(next http.Handler, config map[string]any, _ string) (http.Handler, error) {
	value, _ := config["value"].(string)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Stamp", value)
		next.ServeHTTP(w, r)
	}), nil
}

func TestMiddlewaresOfTenants(t *testing.T) {
	t.Chdir(t.TempDir())
	plugin(t, "works", "next.ServeHTTP(w, r)")
	plugin(t, "broken", "this does not compile")
	middlewares := map[string][]string{
		"marked": {"mark@file"}, "script": {"works@file"}, "hurt": {"broken@file"},
		"lost": {"missing@file"}, "stamped": {"native@file", "mark@file"},
	}
	r := start(t, options{
		files: map[string]string{"m.yaml": middlewareFile},
		path:  fakePath{middlewares: middlewares},
		extra: `
experimental:
  localPlugins:
    works: {moduleName: example.test/works}
    broken: {moduleName: example.test/broken}
`,
		config: func(c *Config) { c.Natives = map[string]Native{"sluice-stamp": stamp} },
	})
	r.edge.SetMiddlewares(middlewares)
	r.eventually("marked", func() bool { return r.statusOf("http://"+r.web, "marked.tenant.test") == 200 })

	for name, tc := range map[string]struct {
		host   string
		status int
		body   string
		header string
		value  string
	}{
		"a tenant without middlewares goes straight":         {"acme.tenant.test", 200, `tenant=acme entry=web proto=HTTP/1.1 sni= header=""`, "X-Mark", ""},
		"a middleware of the file provider runs":             {"marked.tenant.test", 200, `tenant=marked entry=web proto=HTTP/1.1 sni= header=""`, "X-Mark", "seen"},
		"an interpreted plugin runs":                         {"script.tenant.test", 200, `tenant=script entry=web proto=HTTP/1.1 sni= header=""`, "X-Plugin", "interpreted"},
		"a native plugin runs under its name":                {"stamped.tenant.test", 200, `tenant=stamped entry=web proto=HTTP/1.1 sni= header=""`, "X-Stamp", "stamped"},
		"a plugin that does not compile harms its tenant":    {"hurt.tenant.test", 503, "Not available", "Retry-After", "10"},
		"a middleware that does not exist harms its tenant":  {"lost.tenant.test", 503, "Not available", "Retry-After", "10"},
		"and no request reaches the path around a middlware": {"hurt.tenant.test", 503, "Not available", "X-Mark", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, body, header := r.get(tc.host, "/")
			if status != tc.status || !strings.Contains(body, tc.body) || header.Get(tc.header) != tc.value {
				t.Errorf("got %d %q %s=%q, want %d %q %q", status, body, tc.header, header.Get(tc.header), tc.status, tc.body, tc.value)
			}
		})
	}
}

func TestRequestWaitsForMiddlewaresDeclaredAMomentAgo(t *testing.T) {
	middlewares := map[string][]string{"late": {"mark@file"}}
	r := start(t, options{
		files: map[string]string{"m.yaml": "http: {middlewares: {mark: {headers: {customResponseHeaders: {X-Mark: seen}}}}}"},
		path:  fakePath{middlewares: middlewares},
	})
	answered := make(chan int, 1)
	go func() { answered <- r.statusOf("http://"+r.web, "late.tenant.test") }()
	wait(t, 100*time.Millisecond)
	r.edge.SetMiddlewares(middlewares)
	if got := <-answered; got != 200 {
		t.Errorf("got %d, want 200 once the middlewares are in place", got)
	}
}

func TestReloadKeepsTheFront(t *testing.T) {
	r := start(t, options{files: files(t), config: unknownPage})
	for i := range 5 {
		host := fmt.Sprintf("new%d.test", i)
		r.write("more.yaml", strings.ReplaceAll(`
http:
  routers: {more: {rule: "Host(`+"`"+host+"`"+`)", service: more}}
  services: {more: {loadBalancer: {servers: [{url: "BACKEND"}]}}}
`, "BACKEND", backend(t)))
		r.eventually("reloaded", func() bool {
			if got := r.statusOf("http://"+r.web, "acme.tenant.test"); got != 200 {
				t.Fatalf("during a reload the tenant got %d", got)
			}
			return r.statusOf("http://"+r.web, host) == 200
		})
	}
}
