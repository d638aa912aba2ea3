package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"sluicegate.dev/sluice/e2e/harness"
)

// TestSignals: one request id everywhere, the facts of a request in log and metrics, and no
// secret in any of them.
func TestSignals(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "acme")
	gateway := harness.StartGateway(t, harness.GatewayConfig{
		Traefik: "    accessLog: {format: json, filePath: ./access.log}\n",
	}, map[string]string{
		"acme.yaml": harness.Both("acme", "acme", backend.Addr, []string{"acme.test"}),
		"dead.yaml": harness.Both("dead", "dead", harness.FreeAddr(t), []string{"dead.test"}),
	})
	client := harness.Client(gateway.Web)
	const secret = "s3cr3t"
	session := strings.Repeat("S", 84-len(secret)) + secret
	backend.Handle(func(conn net.Conn, seen harness.Seen) {
		body := "ok"
		if strings.HasPrefix(seen.Target, "/jsonrpc") {
			body = `{"jsonrpc":"2.0","id":7,"error":{"code":200,"message":"Odoo Server Error","data":{"name":"builtins.ValueError","message":"x","debug":"x"}}}`
		}
		fmt.Fprintf(conn, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: session_id=%s; Path=/\r\nContent-Length: %d\r\n\r\n%s", session, len(body), body)
	})
	page := harness.Get(t, client, "http://acme.test/my/orders/7?access_token="+secret, "Cookie: session_id="+session, "Authorization: Bearer "+secret)
	harness.Raw(t, gateway.Web, get("acme.test", "/\x1b[31mcolour?x=\x1b", "User-Agent: two\x1b[31mcolours", "Referer: a\x1bb"))
	harness.Post(t, client, "http://acme.test/web/login", "application/x-www-form-urlencoded", "login=admin&password="+secret)
	harness.Post(t, client, "http://acme.test/jsonrpc", "application/json", strings.Replace(jsonCall("acme", ""), "secret", secret, 1))
	refused := harness.Get(t, client, "http://dead.test/odoo?token="+secret, "Accept: text/html", "X-Request-Id: chosen-by-the-client")

	t.Run("one id on the answer, at the backend, on the error page and in the log", func(t *testing.T) {
		id := page.Header.Get("X-Request-Id")
		if seen := backend.Matching("/my/orders/7"); len(seen) != 1 || id == "" || strings.Join(seen[0].Get("X-Request-Id"), ",") != id {
			t.Errorf("the answer says %q, the backend saw %v", id, seen)
		}
		failed := refused.Header.Get("X-Request-Id")
		if failed == "" || failed == "chosen-by-the-client" || !strings.Contains(refused.Body, failed) {
			t.Errorf("the error page does not show the id %q", failed)
		}
		harness.Eventually(t, harness.Patience, "both are in the access log", func() error {
			for _, one := range []string{id, failed} {
				if !strings.Contains(accessLog(t, gateway), one) {
					return fmt.Errorf("%q is missing", one)
				}
			}
			return nil
		})
	})
	t.Run("the access log knows tenant, class, backend, release and outcome", func(t *testing.T) {
		lines := map[string]map[string]any{}
		for line := range strings.Lines(accessLog(t, gateway)) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("a line that is no JSON: %q", line)
			}
			lines[fmt.Sprint(fields["RequestPath"])] = fields
		}
		for path, want := range map[string]map[string]string{
			"/my/orders/7": {"tenant": "acme", "class": "portal", "backend": "b1", "release": "blue"},
			"/jsonrpc":     {"tenant": "acme", "class": "rpc"},
			"/odoo":        {"tenant": "dead", "class": "web"},
		} {
			for key, value := range want {
				if got := fmt.Sprint(lines[path][key]); !strings.Contains(got, value) {
					t.Errorf("%s: %s is %q, want %q", path, key, got, value)
				}
			}
		}
		if ok, failed := lines["/my/orders/7"]["outcome"], lines["/jsonrpc"]["outcome"]; ok == failed || failed == nil {
			t.Errorf("an error with status 200 has the outcome %v, a page %v", failed, ok)
		}
	})
	t.Run("no secret and no control character in any log or metric", func(t *testing.T) {
		metrics, err := harness.TryDo(http.DefaultClient, harness.NewRequest(t, http.MethodGet, "http://"+gateway.Admin+"/metrics", ""))
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"the access log": accessLog(t, gateway), "the log": gateway.Log.String(), "the metrics": metrics.Body} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a secret", name)
			}
			if strings.Contains(text, "\x1b") {
				t.Errorf("%s holds a control character", name)
			}
		}
	})
	t.Run("metrics", func(t *testing.T) {
		metrics := gateway.Metrics(t)
		for _, name := range []string{"sluice_requests_total", "sluice_request_duration_seconds_count", "sluice_requests_in_flight", "sluice_backend_up", "sluice_sockets", "sluice_build_info"} {
			if !metrics.Has(name) {
				t.Errorf("no metric %s", name)
			}
		}
		revision, applied := false, false
		for _, s := range metrics {
			revision = revision || strings.Contains(s.Name, "sluice") && strings.Contains(s.Name+s.Labels, "revision")
			applied = applied || strings.Contains(s.Name, "sluice") && (strings.Contains(s.Name, "apply") || strings.Contains(s.Name, "applied") || strings.Contains(s.Name, "reload"))
		}
		if !revision || !applied {
			t.Errorf("metrics tell the snapshot's revision: %v, the last apply: %v", revision, applied)
		}
	})
}

func accessLog(t *testing.T, gateway *harness.Gateway) string {
	t.Helper()
	text, err := os.ReadFile(gateway.Path("access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
