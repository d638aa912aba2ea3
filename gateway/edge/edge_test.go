package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sluicegate.dev/sluice/routing"
	"sluicegate.dev/sluice/routing/odoo"
)

// rig is one edge on ports of its own, with a tenant path that answers by itself.
type rig struct {
	t        *testing.T
	edge     *Edge
	dir      string // holds the file provider's files
	web      string // host:port of the entry point "web"; HTTP, HTTPS and HTTP/3
	status   string
	warnings []string
	stop     context.CancelFunc
	stopped  chan error
}

// options change a rig before it starts.
type options struct {
	extra  string // more YAML under spec.traefik
	web    string // more YAML under the entry point "web"
	path   Path
	config func(*Config)
	files  map[string]string // dynamic configuration
	quick  bool              // do not wait until it is ready
}

func start(t *testing.T, o options) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), web: freeAddress(t), status: freeAddress(t), stopped: make(chan error, 1)}
	for name, text := range o.files {
		r.write(name, text)
	}
	cfg := Config{Static: r.static(o.web, o.extra), Path: o.path, Log: testLog(t)}
	if cfg.Path == nil {
		cfg.Path = fakePath{}
	}
	if o.config != nil {
		o.config(&cfg)
	}
	r.run(cfg)
	if !o.quick {
		r.eventually("ready", func() bool { return r.statusOf("http://"+r.status+"/ready", "") == 200 })
	}
	return r
}

// run starts an edge that the end of the test stops.
func (r *rig) run(cfg Config) {
	r.t.Helper()
	edge, err := New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.edge = edge
	ctx, cancel := context.WithCancel(r.t.Context())
	r.stop = cancel
	go func() { r.stopped <- edge.Run(ctx) }()
	r.t.Cleanup(r.end)
}

// end stops the edge and waits for it.
func (r *rig) end() {
	r.stop()
	select {
	case err := <-r.stopped:
		r.stopped <- err
		if err != nil {
			r.t.Errorf("Run: %v", err)
		}
	case <-time.After(20 * time.Second):
		r.t.Error("Run did not return")
	}
}

func (r *rig) static(web, extra string) *Static {
	r.t.Helper()
	if web == "" {
		web = "transport: {lifeCycle: {graceTimeOut: 10s}}"
	}
	text := fmt.Sprintf(`
entryPoints:
  web:
    address: %q
    http3: {}
    %s
  traefik:
    address: %q
    transport: {lifeCycle: {graceTimeOut: 10s}}
providers:
  providersThrottleDuration: 10ms
  file: {directory: %q, watch: true}
`, r.web, web, r.status, r.dir)
	static, warnings, err := LoadStatic(parseYAML(r.t, text+extra), nil, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.warnings = warnings
	return static
}

// write puts a file of the file provider in place in one step.
func (r *rig) write(name, text string) {
	r.t.Helper()
	next := filepath.Join(r.t.TempDir(), name)
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) eventually(what string, is func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			r.t.Fatalf("not %s in time", what)
		}
		wait(r.t, 20*time.Millisecond)
	}
}

// statusOf gets url for host and returns the status, 0 when there was no answer.
func (r *rig) statusOf(url, host string) int {
	resp, err := r.try(http.DefaultTransport, url, host)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (r *rig) try(via http.RoundTripper, url, host string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Host = host
	return via.RoundTrip(req)
}

// get gets path from the entry point web over plain HTTP.
func (r *rig) get(host, path string) (status int, body string, header http.Header) {
	r.t.Helper()
	resp, err := r.try(http.DefaultTransport, "http://"+r.web+path, host)
	if err != nil {
		r.t.Fatal(err)
	}
	return read(r.t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string, http.Header) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// fakePath serves every host below tenant.test; "mw.tenant.test" and the like have
// the middlewares that their tenants map names.
type fakePath struct {
	middlewares map[string][]string // by tenant, which is the first label of the host
	serve       http.HandlerFunc
}

func (p fakePath) Admit(_ http.ResponseWriter, r *http.Request, entryPoint string) (*http.Request, bool) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	name, ok := strings.CutSuffix(host, ".tenant.test")
	if !ok {
		return r, false
	}
	x := &routing.Exchange{EntryPoint: entryPoint, RequestID: "req-1", Backend: "b1", Outcome: odoo.OK}
	x.Tenant = &routing.Tenant{Name: name, Middlewares: p.middlewares[name]}
	x.Host, x.Class = host, odoo.Web
	x.Release = &routing.Release{Name: "blue"}
	return r.WithContext(routing.NewContext(r.Context(), x)), true
}

func (p fakePath) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.serve != nil {
		p.serve(w, r)
		return
	}
	x := routing.FromContext(r.Context())
	sni := ""
	if r.TLS != nil {
		sni = r.TLS.ServerName
	}
	x.Status = 200
	fmt.Fprintf(w, "tenant=%s entry=%s proto=%s sni=%s header=%q", x.Tenant.Name, x.EntryPoint, r.Proto, sni, r.Header.Get(tenantHeader))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		packets, err := net.ListenPacket("udp", address) // HTTP/3 has the same number
		if err == nil {
			_ = packets.Close()
			return address
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}

func parseYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	raw := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	return raw
}

// testLog sends the edge's log to the test's.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// wait passes time in a test of real sockets, without sleeping past its end.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func insecure(sni string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: sni}
}
