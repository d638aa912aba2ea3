package e2e

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestHTTPSemantics: what HTTP promises survives the buffers in between.
func TestHTTPSemantics(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Workers: 4})
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: 4}}, `streams: ["/standin/stream"]`),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"})),
	})
	client, direct := harness.Client(gateway.Web), harness.Client(odoo.HTTP)
	url := func(path string) string { return "http://acme.test" + path }

	t.Run("files of many sizes are the same through the gateway", func(t *testing.T) {
		for _, size := range []int{0, 1, 1023, 1024, 4096, 65535, 65536, 1 << 20, 1<<20 + 1, 9 << 20} {
			want, got := harness.Get(t, direct, url(harness.BytesPath(size))), harness.Get(t, client, url(harness.BytesPath(size)))
			if got.Status != want.Status || sha256.Sum256([]byte(got.Body)) != sha256.Sum256([]byte(want.Body)) || len(got.Body) != size {
				t.Errorf("%d bytes: %d, %d bytes", size, got.Status, len(got.Body))
			}
		}
	})
	t.Run("ranges", func(t *testing.T) {
		got := harness.Get(t, client, url(harness.BytesPath(3<<20)), "Range: bytes=1048570-1048580")
		want := harness.Get(t, direct, url(harness.BytesPath(3<<20)), "Range: bytes=1048570-1048580")
		if got.Status != http.StatusPartialContent || got.Body != want.Body || got.Header.Get("Content-Range") != want.Header.Get("Content-Range") {
			t.Errorf("%d %q, %d bytes", got.Status, got.Header.Get("Content-Range"), len(got.Body))
		}
	})
	t.Run("not modified", func(t *testing.T) {
		tag := harness.Get(t, client, url("/web/static/src/x.js")).Header.Get("Etag")
		if got := harness.Get(t, client, url("/web/static/src/x.js"), "If-None-Match: "+tag); tag == "" || got.Status != http.StatusNotModified || got.Body != "" {
			t.Errorf("tag %q: %d, %d bytes", tag, got.Status, len(got.Body))
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		got := harness.Do(t, client, harness.NewRequest(t, http.MethodHead, url(harness.BytesPath(2<<20)), ""))
		if got.Status != http.StatusOK || got.Header.Get("Content-Length") != fmt.Sprint(2<<20) || got.Body != "" {
			t.Errorf("%d, length %q, %d bytes", got.Status, got.Header.Get("Content-Length"), len(got.Body))
		}
		// The connection is still good: a HEAD answer has no body to wait for.
		e := harness.Raw(t, gateway.Web, head("HEAD", harness.BytesPath(2<<20), "Host: acme.test")+head("GET", "/web/static/src/x.js", "Host: acme.test"))
		if got := e.Statuses(); len(got) != 2 || got[1] != http.StatusOK {
			t.Errorf("HEAD then GET on one connection: %v", e)
		}
	})
	t.Run("bodies of every framing arrive whole", func(t *testing.T) {
		for name, request := range map[string]string{
			"length": post("acme.test", harness.EchoPath, "text/plain", strings.Repeat("body", 50_000)), "chunked": chunked("acme.test", harness.EchoPath, "text/plain", strings.Repeat("body", 50_000), 777),
			"100-continue": post("acme.test", harness.EchoPath, "text/plain", strings.Repeat("body", 50_000), "Expect: 100-continue"),
		} {
			e := harness.Raw(t, gateway.Web, request)
			if want := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat("body", 50_000)))); !strings.Contains(e.Body(), want) {
				t.Errorf("%s: %v", name, e)
			}
		}
	})
	t.Run("server-sent events come one by one", func(t *testing.T) {
		events(t, client, url("/standin/events?n=5&every=0.4"))
	})
	t.Run("compression", func(t *testing.T) {
		for _, encoding := range []string{"gzip", "br", "zstd"} {
			got := harness.Get(t, client, url("/web/login"), "Accept-Encoding: "+encoding)
			if used := got.Header.Get("Content-Encoding"); used != "" && used != encoding {
				t.Errorf("asked for %s, got %q", encoding, used)
			}
		}
		if got := harness.Get(t, client, url("/web/login")); got.Header.Get("Content-Encoding") != "" {
			t.Errorf("nobody asked for %q", got.Header.Get("Content-Encoding"))
		}
	})
	t.Run("a client that leaves frees its worker", func(t *testing.T) { leaves(t, gateway, odoo) })
}

// events reads a stream and checks that its pieces do not come all at the end.
func events(t *testing.T, client *http.Client, url string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	scanner := bufio.NewScanner(answer.Body)
	var first, last time.Time
	count := 0
	for scanner.Scan() {
		if strings.HasPrefix(scanner.Text(), "data:") {
			if last = time.Now(); count == 0 {
				first = last
			}
			count++
		}
	}
	if count != 5 || last.Sub(first) < time.Second {
		t.Errorf("%d events within %v: they were held back", count, last.Sub(first))
	}
}

// leaves: a download that the client gives up must not go on for ever.
func leaves(t *testing.T, gateway *harness.Gateway, odoo *harness.StandIn) {
	t.Helper()
	client := harness.Client(gateway.Web)
	for range 8 {
		answer, err := client.Get("http://acme.test" + harness.BytesPath(60<<20))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(io.Discard, answer.Body, 1000)
		answer.Body.Close()
	}
	harness.Eventually(t, harness.Patience, "the workers are free again", func() error {
		if busy := odoo.Counters(t).Workers.Busy; busy > 0 {
			return fmt.Errorf("%d busy", busy)
		}
		return nil
	})
	harness.Eventually(t, harness.Patience, "the room for answers is free again", func() error {
		if left := gateway.Metrics(t).Sum("sluice_requests_in_flight"); left > 0 {
			return fmt.Errorf("%v in flight", left)
		}
		return nil
	})
}
