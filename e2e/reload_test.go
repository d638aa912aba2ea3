package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

const (
	warmUp    = 200
	reloads   = 1000
	reloadsAt = 500 // requests a second meanwhile
)

// TestReloadsUnderLoad changes the configuration a thousand times, in every way that
// editors, deployments and accidents do, under a constant load. Nothing may fail and
// nothing may stay behind.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	backend := harness.NewFast(t)
	// Traefik's debug pages collect the garbage on request: what is left is really held.
	gateway := harness.NewGateway(t, harness.GatewayConfig{Traefik: "    api: {insecure: true, debug: true}\n"}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
	})
	c := &changer{t: t, gateway: gateway, backend: backend, client: harness.Client(gateway.Web)}
	for _, file := range []string{"renamed", "inplace", "swapped"} {
		c.write(file, 0)
	}
	gateway.Start(t)

	// The first load and the first reloads make what later ones use again.
	c.underLoad(1, warmUp)
	before := c.idle()
	report := c.underLoad(warmUp+1, warmUp+reloads)
	t.Logf("%v", report)
	if len(report.Bad) > 0 {
		t.Errorf("requests failed during the reloads: %v", report)
	}
	harness.Eventually(t, harness.Patience, "what the process uses is back where it was", func() error {
		after := c.idle()
		t.Logf("before %+v, after %+v", before, after)
		// A few objects are no leak: parts of the host table that are made when first needed,
		// connections that happen to be open.
		switch {
		case after.goroutines > before.goroutines+20, after.FDs > before.FDs+15,
			after.heapObjects > before.heapObjects+8*reloads, after.heapBytes > before.heapBytes+(4<<20),
			after.RSS > before.RSS+before.RSS/4+(16<<20): // what the Go runtime keeps is no leak
			return fmt.Errorf("before %+v, after %+v", before, after)
		}
		return nil
	})
}

// changer rewrites three tenants, each in another way of writing.
type changer struct {
	t       *testing.T
	gateway *harness.Gateway
	backend *harness.Fast
	client  *http.Client
}

// idleUsage is what the process holds while nobody asks anything.
type idleUsage struct {
	harness.Usage
	goroutines, heapObjects, heapBytes int
}

func (c *changer) idle() idleUsage {
	c.t.Helper()
	c.client.CloseIdleConnections()
	for range 2 {
		if status, err := c.gateway.AdminStatus("/debug/pprof/heap?gc=1"); err != nil || status != http.StatusOK {
			c.t.Fatalf("collect garbage: %d, %v", status, err)
		}
	}
	m := c.gateway.Metrics(c.t)
	return idleUsage{
		c.gateway.Usage(c.t), int(m.Sum("go_goroutines")),
		int(m.Sum("go_memstats_heap_objects")), int(m.Sum("go_memstats_heap_alloc_bytes")),
	}
}

// underLoad makes the changes from first to last while requests are sent.
func (c *changer) underLoad(first, last int) harness.Report {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reports := make(chan harness.Report)
	load := &harness.Load{Rate: reloadsAt, Request: func() *http.Request {
		request, _ := http.NewRequest(http.MethodGet, "http://"+c.gateway.Web+"/web", nil)
		request.Host = "acme.test"
		return request
	}}
	go func() { reports <- load.Run(ctx) }()
	defer cancel()
	for i := first; i <= last; i++ {
		name := []string{"renamed", "inplace", "swapped"}[i%3]
		if i%20 == 0 {
			c.accident(name, i)
		}
		c.write(name, i)
		c.effective(name, i)
	}
	cancel()
	return <-reports
}

func (c *changer) document(name string, version int) string {
	return harness.Both(name, name, c.backend.Addr, []string{name + ".test", c.host(name, version)},
		fmt.Sprintf("# version %d %s", version, strings.Repeat("of many ", version%50)))
}

func (c *changer) host(name string, version int) string {
	return fmt.Sprintf("v%d.%s.test", version, name)
}

// write puts a version of a tenant in place.
func (c *changer) write(name string, version int) {
	c.t.Helper()
	text := c.document(name, version)
	switch name {
	case "renamed":
		c.gateway.Write(c.t, "tenants/renamed.yaml", text)
	case "inplace":
		c.must(os.WriteFile(c.gateway.Path("tenants/inplace.yaml"), []byte(text), 0o644))
	case "swapped":
		c.swap(text, version)
	}
}

// swap changes a file as Kubernetes changes a mounted ConfigMap: a new folder, then one
// rename of the link that all files point through.
func (c *changer) swap(text string, version int) {
	c.t.Helper()
	dir := c.gateway.Path("tenants")
	folder := fmt.Sprintf("..%d", version)
	c.must(os.MkdirAll(filepath.Join(dir, folder), 0o755))
	c.must(os.WriteFile(filepath.Join(dir, folder, "swapped.yaml"), []byte(text), 0o644))
	old, _ := os.Readlink(filepath.Join(dir, "..data"))
	c.must(os.Symlink(folder, filepath.Join(dir, "..data_tmp")))
	c.must(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	if _, err := os.Lstat(filepath.Join(dir, "swapped.yaml")); err != nil {
		c.must(os.Symlink("..data/swapped.yaml", filepath.Join(dir, "swapped.yaml")))
	}
	if old != "" && old != folder {
		c.must(os.RemoveAll(filepath.Join(dir, old)))
	}
}

// accident leaves a file empty, torn or broken for a moment; the tenant must not notice.
func (c *changer) accident(name string, version int) {
	c.t.Helper()
	text := c.document(name, version)
	wrong := []string{"", text[:len(text)*2/3], "kind: Tenant\nspec: [", strings.Replace(text, "database:", "datbase:", 1), "\x00\x01\x02"}[(version/20)%5]
	if name == "swapped" {
		c.swap(wrong, version+1_000_000)
	} else {
		c.must(os.WriteFile(c.gateway.Path("tenants/"+name+".yaml"), []byte(wrong), 0o644))
	}
	// For a while, so that the gateway has looked at it.
	for range 5 {
		<-time.After(40 * time.Millisecond)
		if reply := c.ask(name + ".test"); reply.Status != http.StatusOK {
			c.t.Errorf("with the file of %s reading %.40q the tenant answers %d", name, wrong, reply.Status)
		}
	}
}

func (c *changer) ask(host string) harness.Reply {
	c.t.Helper()
	reply, err := harness.TryDo(c.client, harness.NewRequest(c.t, http.MethodGet, "http://"+host+"/web", ""))
	if err != nil {
		c.t.Errorf("ask %s: %v", host, err)
	}
	return reply
}

func (c *changer) effective(name string, version int) {
	c.t.Helper()
	harness.Eventually(c.t, harness.Patience, fmt.Sprintf("version %d of %s is served", version, name), func() error {
		if reply := c.ask(c.host(name, version)); reply.Status != http.StatusOK {
			return fmt.Errorf("status %d", reply.Status)
		}
		return nil
	})
}

func (c *changer) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// TestSecondClaimOfAHostIsRefused: the first tenant keeps the host, whatever the order of
// files, and gets it back for good when the second goes.
func TestSecondClaimOfAHostIsRefused(t *testing.T) {
	t.Parallel()
	first, second := harness.NewRecorder(t, "first"), harness.NewRecorder(t, "second")
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"m.yaml": harness.Both("first", "first", first.Addr, []string{"shared.test"}),
	})
	client := harness.Client(gateway.Web)
	// Its name sorts in front of the first one's.
	gateway.Write(t, "tenants/a.yaml", harness.Both("second", "second", second.Addr, []string{"shared.test", "own.test"}))
	harness.Eventually(t, harness.Patience, "the claim is refused and reported", func() error {
		if !gateway.Log.Contains("shared.test") {
			return fmt.Errorf("the log says nothing of it")
		}
		return nil
	})
	for range 20 {
		if reply := harness.Get(t, client, "http://shared.test/web"); !strings.Contains(reply.Body, "served by first") {
			t.Fatalf("shared.test: %d %.100s", reply.Status, reply.Body)
		}
	}
	gateway.Write(t, "tenants/m.yaml", harness.Both("first", "first", first.Addr, []string{"moved.test"}))
	harness.Eventually(t, harness.Patience, "the host goes to the second once the first gave it up", func() error {
		if reply := harness.Get(t, client, "http://shared.test/web"); !strings.Contains(reply.Body, "served by second") {
			return fmt.Errorf("%d %.100s", reply.Status, reply.Body)
		}
		return nil
	})
}
