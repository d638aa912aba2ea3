package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sluicegate.dev/sluice/e2e/harness"
)

// caller is somebody who asks, and the shape in which they understand a refusal.
type caller struct {
	name               string
	method, path, body string
	header             []string
	shape              func(harness.Reply) error
}

func (c caller) ask(t *testing.T, client *http.Client) (harness.Reply, error) {
	t.Helper()
	return harness.TryDo(client, harness.NewRequest(t, c.method, "http://acme.test"+c.path, c.body, c.header...))
}

var callers = []caller{
	{"a person", "GET", "/odoo", "", []string{"Accept: text/html,application/xhtml+xml"}, isHTML},
	{
		"the web client", "POST", "/web/dataset/call_kw/res.partner/read", `{"jsonrpc":"2.0","id":1,"params":{"model":"res.partner","method":"read","args":[],"kwargs":{}}}`,
		[]string{"Content-Type: application/json"},
		webClientUnderstands,
	},
	{"an XML-RPC caller", "POST", "/xmlrpc/2/object", xmlCall("acme", ""), []string{"Content-Type: text/xml"}, isFault},
	{"a JSON-RPC caller", "POST", "/jsonrpc", jsonCall("acme", ""), []string{"Content-Type: application/json"}, isJSONError},
}

func isHTML(r harness.Reply) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !strings.Contains(r.Body, "<html") {
		return fmt.Errorf("no HTML page: %q %.200s", r.Header.Get("Content-Type"), r.Body)
	}
	return nil
}

// webClientUnderstands: 502 or any body that is not JSON makes Odoo's web client poll until
// the server is back; JSON other than an error object resolves as a result.
func webClientUnderstands(r harness.Reply) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		return nil
	}
	return isJSONError(r)
}

func isFault(r harness.Reply) error {
	var fault struct {
		XMLName xml.Name  `xml:"methodResponse"`
		Fault   *struct{} `xml:"fault"`
	}
	if err := xml.Unmarshal([]byte(r.Body), &fault); err != nil || fault.Fault == nil {
		return fmt.Errorf("no XML-RPC fault (%v): %.300s", err, r.Body)
	}
	return nil
}

func isJSONError(r harness.Reply) error {
	var answer struct {
		Error *struct {
			Code    int
			Message string
			Data    struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || answer.Error == nil || answer.Error.Message == "" {
		return fmt.Errorf("no JSON-RPC error (%v): %.300s", err, r.Body)
	}
	return nil
}

// fault is a way in which a backend fails.
type fault struct {
	name   string
	handle func(net.Conn, harness.Seen)
	want   []int // statuses; 0: the answer breaks off, which is right once bytes went out
}

func writes(raw string) func(net.Conn, harness.Seen) {
	return func(conn net.Conn, _ harness.Seen) { _, _ = io.WriteString(conn, raw) }
}

func resets(raw string) func(net.Conn, harness.Seen) {
	return func(conn net.Conn, _ harness.Seen) {
		_, _ = io.WriteString(conn, raw)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

var faults = []fault{
	{"it closes without an answer", writes(""), []int{502, 503}},
	{"it resets without an answer", resets(""), []int{502, 503}},
	{"it hangs", func(net.Conn, harness.Seen) { <-time.After(8 * time.Second) }, []int{502, 503, 504}},
	{"its status line is garbage", writes("SMTP ready\r\n\r\n"), []int{502, 503}},
	{"it resets inside the header", resets("HTTP/1.0 200 OK\r\nContent-Le"), []int{502, 503}},
	{"its header is huge", writes("HTTP/1.0 200 OK\r\nX-Huge: " + strings.Repeat("h", 12<<20) + "\r\n\r\n"), []int{502, 503}},
	{"its chunks are bad", writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"), []int{0, 502, 503}},
	{"it resets inside the body", resets("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nonly this"), []int{0, 502, 503}},
	{"its body is shorter than its length", writes("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nonly this"), []int{0, 502, 503}},
	{"it sends interim answers without end", func(conn net.Conn, _ harness.Seen) {
		for range 100_000 {
			if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
				return
			}
		}
	}, []int{502, 503}},
	{"its lengths differ", writes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"), []int{502, 503}},
}

// TestBackendFaults: whatever a backend does, each caller gets a whole refusal in its own
// protocol or a connection that visibly breaks, and a write is never sent twice.
func TestBackendFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			backend := harness.NewRecorder(t, "acme")
			gateway := faultyGateway(t, backend.Addr)
			client := harness.Client(gateway.Web)
			harness.Get(t, client, "http://acme.test/before")
			backend.Handle(f.handle)
			for _, c := range callers {
				refusedAs(t, f, c, client)
			}
			writesOnce(t, backend, client)
			backend.Handle(nil)
			harness.Eventually(t, harness.Patience, "back in service", func() error {
				if reply := harness.Get(t, client, "http://acme.test/after"); reply.Status != http.StatusOK {
					return fmt.Errorf("status %d", reply.Status)
				}
				return nil
			})
		})
	}
}

// faultyGateway has short times, so that a hanging backend does not hold the test up.
func faultyGateway(t *testing.T, backends ...string) *harness.Gateway {
	t.Helper()
	var all []harness.Backend
	for _, addr := range backends {
		all = append(all, harness.Backend{HTTP: addr})
	}
	return harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Pool("acme", all, "health: {path: /web/health, interval: 500ms, timeout: 2s, fall: 3, rise: 1}", "timeouts: {response: 3s}") +
			"---\n" + harness.Tenant("acme", "acme", "acme", []string{"acme.test"}),
	})
}

func refusedAs(t *testing.T, f fault, c caller, client *http.Client) {
	t.Helper()
	reply, err := c.ask(t, client)
	if err != nil {
		if f.want[0] != 0 {
			t.Errorf("%s: %v, want a status of %v", c.name, err, f.want)
		}
		return
	}
	// A fault or an error object may come with 200, as its protocol has it.
	wrapped := reply.Status == http.StatusOK && (isFault(reply) == nil || isJSONError(reply) == nil)
	if !wrapped && !slices.Contains(f.want, reply.Status) {
		t.Errorf("%s: status %d, want one of %v; %.200s", c.name, reply.Status, f.want, reply.Body)
		return
	}
	if err := c.shape(reply); err != nil {
		t.Errorf("%s: %v", c.name, err)
	}
}

// writesOnce: a POST whose bytes went out is never sent again, whatever came back.
func writesOnce(t *testing.T, backend *harness.Recorder, client *http.Client) {
	t.Helper()
	_, _ = harness.TryDo(client, harness.NewRequest(t, http.MethodPost, "http://acme.test/web/once", "the only one", "Content-Type: text/plain"))
	if seen := len(backend.Matching("/web/once")); seen > 1 {
		t.Errorf("a POST was sent %d times", seen)
	}
	_, _ = harness.TryDo(client, harness.NewRequest(t, http.MethodGet, "http://acme.test/web/twice", ""))
	if seen := len(backend.Matching("/web/twice")); seen > 2 {
		t.Errorf("a GET was sent %d times", seen)
	}
}

// TestOneDeadBackendOfTwo: requests move within one connect error, writes too, because
// nothing was sent; and what the living one failed on is not tried elsewhere.
func TestOneDeadBackendOfTwo(t *testing.T) {
	t.Parallel()
	living := harness.NewRecorder(t, "living")
	dead := harness.FreeAddr(t)
	gateway := faultyGateway(t, dead, living.Addr)
	client := harness.Client(gateway.Web)
	for i := range 40 {
		method := []string{http.MethodGet, http.MethodPost}[i%2]
		reply := harness.Do(t, client, harness.NewRequest(t, method, fmt.Sprintf("http://acme.test/move/%d-end", i), "x"))
		if method == http.MethodGet && reply.Status != http.StatusOK {
			t.Errorf("%s %d: status %d", method, i, reply.Status)
		}
		if seen := len(living.Matching(fmt.Sprintf("/move/%d-end", i))); method == http.MethodPost && seen > 1 {
			t.Errorf("POST %d was sent %d times", i, seen)
		}
	}
}

// TestDatabaseDown: Odoo without its database sends browsers in circles and takes their
// login away. The gateway answers 503 instead and lets no cookie through.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	backend := harness.NewRecorder(t, "acme")
	gateway := faultyGateway(t, backend.Addr)
	client := harness.Client(gateway.Web)
	backend.Handle(func(conn net.Conn, seen harness.Seen) {
		_, _ = io.WriteString(conn, "HTTP/1.0 302 FOUND\r\nLocation: "+seen.Target+"\r\nSet-Cookie: session_id=anonymous; Path=/\r\nContent-Length: 0\r\n\r\n")
	})
	backend.Health("HTTP/1.0 500 INTERNAL SERVER ERROR\r\nContent-Type: application/json\r\n\r\n{\"status\":\"fail\",\"db_server_status\":false}")
	harness.Eventually(t, harness.Patience, "answered by the gateway", func() error {
		reply := harness.Get(t, client, "http://acme.test/odoo", "Accept: text/html")
		if reply.Status != http.StatusServiceUnavailable || reply.Header.Get("Set-Cookie") != "" {
			return fmt.Errorf("status %d, cookies %q", reply.Status, reply.Header["Set-Cookie"])
		}
		return isHTML(reply)
	})
}

// TestSaturatedIsNotDown: an Odoo whose workers are all busy answers no health probe. It
// gets its requests all the same; they wait, none fails, and writes run once.
func TestSaturatedIsNotDown(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Workers: 2})
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: 2}}, "health: {path: /web/health, interval: 300ms, timeout: 500ms, fall: 2, rise: 1}"),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"})),
	})
	client := harness.Client(gateway.Web)
	harness.Get(t, client, "http://acme.test/web/login")
	odoo.Tell(t, `{"saturate": 6}`)
	replies := make(chan error, 12)
	for i := range cap(replies) {
		go func() {
			method := []string{http.MethodGet, http.MethodPost}[i%2]
			reply, err := harness.TryDo(client, harness.NewRequest(t, method, fmt.Sprintf("http://acme.test%s?n=%d", harness.EchoPath, i), ""))
			if err == nil && reply.Status != http.StatusOK {
				err = fmt.Errorf("%s: %d %.200s", method, reply.Status, reply.Body)
			}
			replies <- err
		}()
	}
	down := false
	for range cap(replies) {
		if err := <-replies; err != nil {
			t.Error(err)
		}
		down = down || gateway.Metrics(t).Sum("sluice_backend_up") == 0
	}
	if down {
		t.Error("the backend counted as down")
	}
	if got := odoo.Counters(t).Routes[harness.EchoPath]; got != cap(replies) {
		t.Errorf("%d requests reached Odoo, want %d", got, cap(replies))
	}
}

// TestWritesRunOnce: an Odoo that dies over its answer has done the work already. The
// caller hears of a failure; nobody does the work again.
func TestWritesRunOnce(t *testing.T) {
	t.Parallel()
	odoo := harness.StartStandIn(t, harness.StandInConfig{Name: "acme", Workers: 2})
	gateway := harness.StartGateway(t, harness.GatewayConfig{}, map[string]string{
		"acme.yaml": harness.Documents(
			harness.Pool("acme", []harness.Backend{{HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: 2}, {HTTP: odoo.HTTP, Realtime: odoo.Realtime, Workers: 2}}, "timeouts: {response: 2s}"),
			harness.Tenant("acme", "acme", "acme", []string{"acme.test"})),
	})
	client := harness.Client(gateway.Web)
	for name, rule := range map[string]string{
		"dies after the work": `{"path": "/jsonrpc", "kill": true, "after": true}`, "hangs after the work": `{"path": "/jsonrpc", "hang": true, "after": true}`,
		"breaks off the answer": `{"path": "/jsonrpc", "reset_after": 10}`,
	} {
		t.Run(name, func(t *testing.T) {
			marker := markerOf(name)
			odoo.Tell(t, `{"rules": [`+rule+`]}`)
			call := fmt.Sprintf(`{"jsonrpc":"2.0","method":"call","id":1,"params":{"service":"object","method":"execute_kw","args":["acme",2,"admin","res.partner","create",[{"name":"%s"}]]}}`, marker)
			reply, err := harness.TryDo(client, harness.NewRequest(t, http.MethodPost, "http://acme.test/jsonrpc", call, "Content-Type: application/json"))
			if err == nil && isJSONError(reply) != nil {
				t.Errorf("the caller was told %d %.200s", reply.Status, reply.Body)
			}
			odoo.Tell(t, `{"rules": []}`)
			if n := odoo.Counters(t).Databases["acme"].Methods["res.partner.create"]; n < 1 {
				t.Errorf("the work was not done: %d creates", n)
			}
		})
	}
	if n := odoo.Counters(t).Databases["acme"].Methods["res.partner.create"]; n != 3 {
		t.Errorf("%d creates for 3 calls", n)
	}
}
