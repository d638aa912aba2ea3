package harness

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Gateway is a running sluice with a configuration folder of its own.
type Gateway struct {
	*Process
	Dir   string // holds sluice.yaml, tenants/, data/
	Web   string // address of the plain entry point
	TLS   string // address of the TLS entry point (HTTP/3 too, over UDP), when asked for
	Admin string // address with ping, ready and metrics

	binary string
	env    []string
}

// GatewayConfig says how a gateway is set up. The zero value is the plain one.
type GatewayConfig struct {
	TLS            bool
	TrustedProxies []string
	Spec           string            // more YAML under spec, indented by two
	EntryPoint     string            // more YAML under the web and websecure entry points, indented by eight
	Traefik        string            // more YAML under spec.traefik, indented by four
	Files          map[string]string // more files, by path inside the folder
	Env            []string
	Binary         string // another build
}

// NewGateway writes the configuration and starts nothing. Documents are files of the
// tenants folder, by name.
func NewGateway(t testing.TB, c GatewayConfig, documents map[string]string) *Gateway {
	t.Helper()
	g := &Gateway{Dir: shortDir(t), Web: FreeAddr(t), Admin: FreeAddr(t), binary: c.Binary, env: c.Env}
	if g.binary == "" {
		g.binary = Binary(t, "SLUICE_BIN", "sluice")
	}
	if c.TLS {
		g.TLS = FreeAddr(t)
	}
	g.Write(t, "sluice.yaml", g.install(c))
	for name, text := range documents {
		g.Write(t, filepath.Join("tenants", name), text)
	}
	for name, text := range c.Files {
		g.Write(t, name, text)
	}
	if err := os.MkdirAll(filepath.Join(g.Dir, "tenants"), 0o755); err != nil {
		t.Fatal(err)
	}
	return g
}

// StartGateway is NewGateway and Start.
func StartGateway(t testing.TB, c GatewayConfig, documents map[string]string) *Gateway {
	t.Helper()
	g := NewGateway(t, c, documents)
	g.Start(t)
	return g
}

func (g *Gateway) install(c GatewayConfig) string {
	var b strings.Builder
	b.WriteString("apiVersion: sluicegate.dev/v1alpha1\nkind: Install\nspec:\n")
	b.WriteString("  sources: {directory: ./tenants}\n  dataDir: ./data\n")
	if len(c.TrustedProxies) > 0 {
		fmt.Fprintf(&b, "  trustedProxies: [%s]\n", strings.Join(c.TrustedProxies, ", "))
	}
	b.WriteString(c.Spec)
	b.WriteString("  traefik:\n    entryPoints:\n")
	fmt.Fprintf(&b, "      traefik: {address: %q}\n", g.Admin)
	fmt.Fprintf(&b, "      web:\n        address: %q\n%s", g.Web, c.EntryPoint)
	if g.TLS != "" {
		fmt.Fprintf(&b, "      websecure:\n        address: %q\n        http: {tls: {}}\n        http3: {}\n%s", g.TLS, c.EntryPoint)
	}
	b.WriteString(c.Traefik)
	return b.String()
}

// Start runs the gateway and waits until it is ready.
func (g *Gateway) Start(t testing.TB) {
	t.Helper()
	g.Launch(t)
	g.WaitReady(t)
}

// Launch runs the gateway and does not wait.
func (g *Gateway) Launch(t testing.TB) {
	t.Helper()
	g.Process = Start(t, Command{
		Name: "sluice", Path: g.binary, Dir: g.Dir, Env: g.env,
		Args: []string{"run", "--config", filepath.Join(g.Dir, "sluice.yaml")},
	})
}

// WaitReady polls the ready page.
func (g *Gateway) WaitReady(t testing.TB) {
	t.Helper()
	Eventually(t, 2*Patience, "the gateway is ready", func() error {
		if !g.Running() {
			t.Fatalf("the gateway ended at once:\n%s", g.Log.Tail(40))
		}
		status, err := g.AdminStatus("/ready")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/ready says %d", status)
		}
		return err
	})
}

// AdminStatus asks the entry point with ping, ready and metrics.
func (g *Gateway) AdminStatus(path string) (int, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + g.Admin + path)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

// Metrics scrapes the gateway.
func (g *Gateway) Metrics(t testing.TB) Metrics {
	t.Helper()
	m, err := Scrape("http://" + g.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Usage reads the process's usage.
func (g *Gateway) Usage(t testing.TB) Usage {
	t.Helper()
	u, err := UsageOf(g.Pid())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Path of a file in the configuration folder.
func (g *Gateway) Path(name string) string { return filepath.Join(g.Dir, name) }

// Write puts a file of the configuration folder in place with one rename.
func (g *Gateway) Write(t testing.TB, name, text string) {
	t.Helper()
	WriteFile(t, g.Path(name), text)
}

// WriteFile puts a file in place with one rename.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		t.Fatal(err)
	}
}

// CLI runs another command of the same binary in the configuration folder.
func (g *Gateway) CLI(t testing.TB, args ...string) Output {
	t.Helper()
	return Run(t, 2*Patience, Command{Path: g.binary, Dir: g.Dir, Args: args, Env: g.env})
}

// Client is an HTTP client whose every connection goes to the address, whatever host the
// URL names: the gateway routes by the name. It follows no redirects.
func Client(addr string) *http.Client {
	dial := &net.Dialer{Timeout: Patience}
	transport := &http.Transport{
		DialContext:        dialTo(dial, addr),
		DisableCompression: true, MaxIdleConnsPerHost: 64,
	}
	return &http.Client{Transport: transport, Timeout: 3 * time.Minute, CheckRedirect: noRedirect}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// shortDir is a folder whose path is short: the gateway's unix socket lies in it, and the
// name of a test makes a path too long for one.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
