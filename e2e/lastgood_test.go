package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestLastGoodSurvives: a gateway that was killed starts again with what it last served,
// whatever has become of its configuration, and says so loudly.
func TestLastGoodSurvives(t *testing.T) {
	for name, ruin := range map[string]func(*testing.T, *harness.Gateway){
		"every file is broken": func(t *testing.T, g *harness.Gateway) {
			for _, file := range []string{"acme.yaml", "beta.yaml"} {
				g.Write(t, "tenants/"+file, "kind: Tenant\nspec: [")
			}
		},
		"every file is empty": func(t *testing.T, g *harness.Gateway) {
			for _, file := range []string{"acme.yaml", "beta.yaml"} {
				if err := os.Truncate(g.Path("tenants/"+file), 0); err != nil {
					t.Fatal(err)
				}
			}
		},
		"the folder is empty": func(t *testing.T, g *harness.Gateway) {
			files, _ := filepath.Glob(g.Path("tenants/*"))
			for _, file := range files {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
		},
		"the folder is gone": func(t *testing.T, g *harness.Gateway) {
			if err := os.RemoveAll(g.Path("tenants")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lastGood(t, ruin)
		})
	}
}

func lastGood(t *testing.T, ruin func(*testing.T, *harness.Gateway)) {
	acme, beta := harness.NewRecorder(t, "acme"), harness.NewRecorder(t, "beta")
	acmeText := harness.Both("acme", "acme", acme.Addr, []string{"acme.test"})
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": acmeText,
		"beta.yaml": harness.Both("beta", "beta", beta.Addr, []string{"beta.test"}),
	})
	client := harness.Client(gateway.Web)
	client.Transport.(*http.Transport).DisableKeepAlives = true
	served := func(host, by string) error {
		reply, err := harness.TryDo(client, harness.NewRequest(t, http.MethodGet, "http://"+host+"/web", ""))
		if err == nil && !strings.Contains(reply.Body, "served by "+by) {
			err = fmt.Errorf("%s: %d %.100s", host, reply.Status, reply.Body)
		}
		return err
	}
	harness.Eventually(t, harness.Patience, "served before", func() error { return served("acme.test", "acme") })

	// It is kept beside the request path, moments after it went live.
	harness.Eventually(t, harness.Patience, "the snapshot is on disk", func() error {
		// By its name: what is still being written has another.
		_, err := os.Stat(gateway.Path("data/snapshot.json"))
		return err
	})
	gateway.Kill()
	ruin(t, gateway)
	gateway.Start(t)
	for host, by := range map[string]string{"acme.test": "acme", "beta.test": "beta"} {
		harness.Eventually(t, harness.Patience, "served from the last good snapshot", func() error { return served(host, by) })
	}
	if !gateway.Log.Contains("last good") {
		t.Errorf("the log does not say that the last good snapshot is served")
	}
	status := gateway.CLI(t, "status")
	if !strings.Contains(strings.ToLower(status.All()), "last good") {
		t.Errorf("sluice status does not say so (exit %d):\n%s", status.Code, status.All())
	}

	// Repaired, it follows its configuration again.
	gateway.Write(t, "tenants/acme.yaml", strings.Replace(acmeText, "acme.test", "acme-new.test", 1))
	gateway.Write(t, "tenants/beta.yaml", harness.Both("beta", "beta", beta.Addr, []string{"beta.test"}))
	harness.Eventually(t, harness.Patience, "the repaired configuration is served", func() error { return served("acme-new.test", "acme") })
}

// TestColdStartWithNothing: without a last good snapshot a broken folder serves nobody and
// is no reason to end; the first good file goes live.
func TestColdStartWithNothing(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "acme")
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{"acme.yaml": "kind: Tenant\nspec: ["})
	client := harness.Client(gateway.Web)
	if reply := harness.Get(t, client, "http://acme.test/web"); reply.Status != http.StatusNotFound {
		t.Errorf("a host of nobody: %d, want 404", reply.Status)
	}
	gateway.Write(t, "tenants/acme.yaml", harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}))
	harness.Eventually(t, harness.Patience, "the first good file goes live", func() error {
		if reply := harness.Get(t, client, "http://acme.test/web"); reply.Status != http.StatusOK {
			return fmt.Errorf("status %d", reply.Status)
		}
		return nil
	})
}

// TestTenantsDoNotVanishByAccident: a folder that loses most of its tenants at once waits
// for a word of its operator.
func TestTenantsDoNotVanishByAccident(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "all")
	documents := map[string]string{}
	for i := range 10 {
		name := fmt.Sprintf("t%d", i)
		documents[name+".yaml"] = harness.Both(name, name, backend.Addr, []string{name + ".test"})
	}
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, documents)
	client := harness.Client(gateway.Web)
	for i := range 9 {
		if err := os.Remove(gateway.Path(fmt.Sprintf("tenants/t%d.yaml", i))); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, 2*harness.Patience, "the status asks for a confirmation", func() error {
		if status := gateway.CLI(t, "status"); !strings.Contains(status.All(), "confirm") {
			return fmt.Errorf("exit %d: %s", status.Code, status.All())
		}
		return nil
	})
	for i := range 10 {
		if reply := harness.Get(t, client, fmt.Sprintf("http://t%d.test/web", i)); reply.Status != http.StatusOK {
			t.Errorf("t%d.test is not served any more: %d", i, reply.Status)
		}
	}
}
