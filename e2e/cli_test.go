package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// sluice runs the binary once, in the folder.
func sluice(t *testing.T, dir string, args ...string) harness.Output {
	t.Helper()
	return harness.Run(t, harness.Patience, harness.Command{Path: harness.Binary(t, "SLUICE_BIN", "sluice"), Dir: dir, Args: args})
}

// TestFirstFiveMinutes walks the way of somebody new: init, validate, run, look around.
func TestFirstFiveMinutes(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "odoo")
	dir := t.TempDir()
	made := sluice(t, dir, "init", "site", "--tenant", "shop", "--host", "shop.test", "--host", "www.shop.test",
		"--backend", "http://"+backend.Addr, "--database", "shop_live", "--version", "17.0")
	if made.Code != 0 || !strings.Contains(made.Stdout, "sluice run") {
		t.Fatalf("init: %d %s", made.Code, made.All())
	}
	if checked := sluice(t, dir, "validate", "site"); checked.Code != 0 {
		t.Fatalf("validate of what init wrote: %d %s", checked.Code, checked.All())
	}
	if again := sluice(t, dir, "init", "site", "--tenant", "shop"); again.Code != 1 {
		t.Errorf("init over existing files: exit %d, want 1: %s", again.Code, again.All())
	}

	// What init wrote listens on its own ports; the test moves them.
	gateway := harness.NewGateway(t, harness.GatewayConfig{}, nil)
	tenant, err := os.ReadFile(filepath.Join(dir, "site/tenants/shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	gateway.Write(t, "tenants/shop.yaml", string(tenant))
	gateway.Start(t)
	reply := harness.Get(t, harness.Client(gateway.Web), "http://www.shop.test/web")
	if seen := backend.Matching("GET /web "); reply.Status != http.StatusOK || len(seen) != 1 || seen[0].Get("X-Odoo-Dbfilter")[0] != `^shop_live\Z` {
		t.Errorf("%d, the backend saw %v", reply.Status, seen)
	}

	if list := gateway.CLI(t, "tenant", "list"); list.Code != 0 || !strings.Contains(list.Stdout, "shop.test") || !strings.Contains(list.Stdout, "shop_live") {
		t.Errorf("tenant list: %d %s", list.Code, list.All())
	}
	asJSON := gateway.CLI(t, "tenant", "list", "-o", "json")
	var list struct{ Tenants []struct{ Name string } }
	if err := json.Unmarshal([]byte(asJSON.Stdout), &list); err != nil || len(list.Tenants) != 1 || list.Tenants[0].Name != "shop" {
		t.Errorf("tenant list -o json: %v %s", err, asJSON.All())
	}
	if status := gateway.CLI(t, "status"); status.Code != 0 || !strings.Contains(status.Stdout, "1 tenant") {
		t.Errorf("status: %d %s", status.Code, status.All())
	}
	if healthy := gateway.CLI(t, "healthcheck", "--ready"); healthy.Code != 0 {
		t.Errorf("healthcheck --ready: %d %s", healthy.Code, healthy.All())
	}
	gateway.Stop(harness.Patience)
	if status := gateway.CLI(t, "status"); status.Code != 3 {
		t.Errorf("status without a gateway: exit %d, want 3: %s", status.Code, status.All())
	}
}

// TestExitCodes: scripts rely on them.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := harness.Both("acme", "acme", "127.0.0.1:8069", []string{"acme.test"})
	files := map[string]string{
		"good/a.yaml":     good,
		"typo/a.yaml":     strings.Replace(good, "database:", "datbase:", 1),
		"unknown/a.yaml":  strings.Replace(good, "pool: acme", "pool: acmee", 1),
		"broken/a.yaml":   "kind: Tenant\nspec: [",
		"twice/a.yaml":    good,
		"twice/b.yaml":    harness.Both("beta", "beta", "127.0.0.1:8069", []string{"acme.test"}),
		"metadata/a.yaml": strings.Replace(good, "127.0.0.1:8069", "169.254.169.254:80", 1),
		"badhost/a.yaml":  strings.Replace(good, `"acme.test"`, `"acme.test) || HostRegexp(x"`, 1),
	}
	for name, text := range files {
		harness.WriteFile(t, filepath.Join(dir, name), text)
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"version"}, 0, []string{"sluice", "traefik"}},
		{[]string{"--help"}, 0, []string{"Exit codes"}},
		{[]string{"help", "run"}, 0, []string{"--config"}},
		{[]string{"completion", "bash"}, 0, []string{"sluice"}},
		{[]string{"completion", "zsh"}, 0, []string{"sluice"}},
		{[]string{"validate", "good"}, 0, nil},
		{[]string{"validate", "typo"}, 1, []string{"a.yaml:", "datbase", "did you mean", "database"}},
		{[]string{"validate", "unknown"}, 1, []string{"a.yaml:", "acmee"}},
		{[]string{"validate", "broken"}, 1, []string{"a.yaml:"}},
		{[]string{"validate", "twice"}, 1, []string{"acme.test"}},
		{[]string{"validate", "metadata"}, 1, []string{"169.254.169.254"}},
		{[]string{"validate", "badhost"}, 1, []string{"a.yaml:"}},
		{[]string{"validate", "nowhere"}, 1, []string{"nowhere"}},
		{[]string{"statsu"}, 2, []string{"did you mean", "status"}},
		{[]string{"tenant", "lst"}, 2, []string{"list"}},
		{[]string{"status", "--nosuch"}, 2, []string{"nosuch"}},
		{[]string{"tenant", "show"}, 2, nil},
		{[]string{"tenant", "list", "-o", "yaml"}, 2, []string{"json"}},
		{[]string{"confirm", "abc"}, 2, []string{"--reason"}},
		{[]string{"status"}, 3, nil},
		{[]string{"status", "--server", "http://127.0.0.1:9"}, 3, nil},
		{[]string{"run", "--config", "nowhere.yaml"}, 1, []string{"nowhere.yaml"}},
		{[]string{"run", "--config", "typo/a.yaml"}, 1, nil},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			out := sluice(t, dir, c.args...)
			if out.Code != c.code {
				t.Errorf("exit %d, want %d: %s", out.Code, c.code, out.All())
			}
			for _, text := range c.says {
				if !strings.Contains(out.All(), text) {
					t.Errorf("does not say %q: %s", text, out.All())
				}
			}
		})
	}
}

// TestSamplesAreValid: every configuration that we hand out passes validation.
func TestSamplesAreValid(t *testing.T) {
	t.Parallel()
	samples, err := filepath.Glob("../deploy/samples/*")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples under deploy/samples: %v", err)
	}
	for _, sample := range samples {
		info, err := os.Stat(sample)
		if err != nil || !info.IsDir() && filepath.Ext(sample) != ".yaml" {
			continue
		}
		t.Run(filepath.Base(sample), func(t *testing.T) {
			if out := sluice(t, ".", "validate", sample); out.Code != 0 {
				t.Errorf("exit %d: %s", out.Code, out.All())
			}
		})
	}
}

// TestInstallMistakesAreNamed: what is wrong with the install settings is said in one
// sentence, at once, and not by a stack trace.
func TestInstallMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spec, traefik, says string }{
		"unknown field":            {"  trustedProxy: [10.0.0.0/8]\n", "", "trustedProxies"},
		"no network":               {"  trustedProxies: [everywhere]\n", "", "everywhere"},
		"unknown field of Traefik": {"", "    entrypoint: {}\n", "entrypoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := harness.NewGateway(t, harness.GatewayConfig{Spec: c.spec, Traefik: c.traefik}, nil)
			out := gateway.CLI(t, "run", "--config", gateway.Path("sluice.yaml"))
			if out.Code != 1 || !strings.Contains(out.All(), c.says) || strings.Contains(out.All(), "goroutine ") {
				t.Errorf("exit %d: %s", out.Code, out.All())
			}
		})
	}
	t.Run("a port that is taken", func(t *testing.T) {
		t.Parallel()
		gateway := harness.NewGateway(t, harness.GatewayConfig{}, nil)
		taken := harness.NewFast(t)
		text, err := os.ReadFile(gateway.Path("sluice.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		gateway.Write(t, "sluice.yaml", strings.ReplaceAll(string(text), gateway.Web, taken.Addr))
		out := gateway.CLI(t, "run", "--config", gateway.Path("sluice.yaml"))
		if out.Code != 1 || !strings.Contains(out.All(), "address already in use") {
			t.Errorf("exit %d: %s", out.Code, out.All())
		}
	})
}
